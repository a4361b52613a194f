/* rpc/session.h - Membrane, Host, Executor, Process, ByteStream and StatusPoller as others call
 * them.
 *
 * Model      A tenant's membrane server is where the link of a cell, or of a client on a socket,
 *            asks for authority. Each graft makes a session: a grant in the capability table under the
 *            current epoch, and servers behind a membrane of that grant. A cell that a session
 *            starts gets a Host behind a membrane of its own: the same lineage and its own cell, so
 *            no more than its parent, and nothing once its parent's session is over.
 *            A cell is on an account below that of its session's tenant (account/account.h): what it
 *            uses and holds, all above it pay for.
 *            A session ends when its epoch, its principal or its link does, or when its holder has
 *            let go of all of it. Its cells then see the end of their standard input and are killed
 *            WW_SESSION_GRACE_MS later with WW_EXIT_KILLED; they are ordinary cells until then.
 * Ownership  ww_rpc_node is the node's and outlives everything made from it; the servers are held by
 *            their capabilities.
 * Bounds     Those of the account, and the constants here.
 * Errors     Texts that clients may rely on: doc/membrane.md.
 * Trust      Every caller is hostile. What a child writes is passed on unread.
 * Threads    The loop's, which is the vat's.
 */
#pragma once
#include "account/account.h"
#include "cap/table.h"
#include "capnp/cap.h"
#include "os/ed25519.h"
#include "os/loop.h"
#include "os/random.h"
#include "rpc/epoch.h"
#include "rpc/spawner.h"

enum {
    WW_SESSION_GRACE_MS = 5000,
    WW_SIGNERS_MAX = 64,
    WW_NONCE_MS = 30000,
    WW_READ_MAX = 64 * 1024, /* bytes that one read gives */
    WW_STDERR_KEPT = 64 * 1024,
    WW_SPAWN_STRINGS_MAX = 4096, /* arguments, and variables */
};

typedef struct ww_rpc_node {
    const ww_allocator *allocator;
    ww_capnp_vat *vat;
    ww_loop *loop;
    ww_random *random;
    ww_epoch_source *epochs;
    ww_cap_table *table;
    ww_spawner *spawner;
    ww_account *account;      /* the node's */
    ww_account_limits limits; /* of each that is opened below it */
    uint8_t id[WW_ED25519_PUBLIC_BYTES];
    ww_view peer_id; /* the multihash bytes that Host.id tells */
    /* Whose signature a graft takes; at most WW_SIGNERS_MAX. */
    const uint8_t (*signers)[WW_ED25519_PUBLIC_BYTES];
    uint32_t signer_count;
} ww_rpc_node;

/* Who stands behind one link: pid0, a cell, a client on a socket. What it holds is counted here, and
 * what it was given ends with it. */
typedef struct ww_tenant ww_tenant;

typedef struct ww_tenant_rights {
    ww_authority *principal;   /* whose revocation ends it too; NULL: nobody's */
    ww_account *account;       /* who pays; kept while it is used; NULL: one is opened for it */
    const ww_methods *methods; /* NULL: all; copied */
    bool is_trusted; /* a graft needs no signer: the node's own pid0, a socket of the same user */
    bool is_lasting; /* what it starts itself does not end with the epoch: the operator's */
} ww_tenant_rights;

/* With one reference; NULL when memory is short. */
ww_tenant *ww_tenant_new(const ww_rpc_node *node, const ww_tenant_rights *rights);
void ww_tenant_unref(ww_tenant *tenant); /* accepts NULL; does not end it */

/* The bootstrap Stem.Membrane(WetwareSession) of its link: a reference of the caller's, NULL when
 * memory is short. */
ww_capnp_cap *ww_tenant_membrane(ww_tenant *tenant);

/* Answers a call of Membrane's method `graft`, now or later: for servers whose interface extends it.
 * They hold a reference to the tenant. */
void ww_tenant_graft(ww_tenant *tenant, ww_capnp_call *call);

/* The link or the cell is gone: all its sessions are over, those of others that it passed
 * capabilities to notice. Any number of times. */
void ww_tenant_end(ww_tenant *tenant);

/* It is this cell: the parent of what it starts. */
void ww_tenant_set_cell(ww_tenant *tenant, uint32_t number);

/* What it uses and holds, with all that it starts; its bounds may be changed. Lives as long. */
ww_account *ww_tenant_account(ww_tenant *tenant);
