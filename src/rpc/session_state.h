/* rpc/session_state.h - what the parts of a session share. Private to src/rpc.
 *
 * Invariants
 *  1. A session lives while anything refers to it: its servers, its children, its membrane, whoever
 *     is starting something for it. It is reachable while one of its servers exists; the processes
 *     of its children and their streams are servers of it, too.
 *  2. A session that became unreachable or whose grant ended is over, from a task of the loop: its
 *     children get the end of their input, and the grace timer runs while any is left.
 *  3. A child is in its session's list until its process ended, and counted in the allowance of its
 *     tenant's account as long.
 *  4. The authorities of a grant belong to things that the session refers to: its epoch source, its
 *     tenant, and the session at the root of its family.
 */
#pragma once
#include "capnp/typed.h"
#include "rpc/byte_stream.h"
#include "rpc/membrane.h"
#include "rpc/session.h"

typedef struct ww_session ww_session;
typedef struct ww_child ww_child;

struct ww_tenant {
    const ww_rpc_node *node;
    uint32_t refs;
    ww_authority authority;
    ww_authority *principal; /* NULL: nobody's */
    uint64_t principal_seen;
    ww_account *account;
    bool is_limited, is_trusted, is_lasting;
    uint32_t cell;       /* its number; 0: none */
    ww_methods methods;  /* when it is limited */
    uint64_t used_count; /* signatures that were taken; the newest are kept */
    uint8_t used[16][WW_ED25519_SIG_BYTES];
};

ww_tenant *ww_tenant_ref(ww_tenant *tenant);
/* Neither ended nor its principal revoked since it was made: it may have (another) session. */
bool ww_tenant_holds(const ww_tenant *tenant);

struct ww_session {
    const ww_rpc_node *node;
    uint32_t refs, reach;
    bool is_over;
    ww_tenant *tenant;
    ww_session *parent; /* NULL: made by a graft */
    ww_session *root;   /* its family's first; not counted beyond `parent` */
    ww_authority authority;
    ww_membrane *membrane; /* NULL once it was swept */
    ww_membrane_end end;
    ww_child *children;
    ww_task task;
    ww_timer grace;
};

/* With one reference, and reachable through its maker, who gives back both with ww_session_leave. A
 * session for a child has its parent's grant. Fails as ww_membrane_new. */
WW_MUST_USE ww_status ww_session_new(const ww_rpc_node *node, ww_tenant *tenant, ww_session *parent,
                                     ww_session **out);
/* Why there is none, for whoever asked. */
const char *ww_session_refusal(ww_status status);
ww_session *ww_session_ref(ww_session *session);
void ww_session_unref(ww_session *session); /* accepts NULL */
/* A server of it was made, or is gone. */
ww_session *ww_session_join(ww_session *session);
void ww_session_leave(ww_session *session);
/* The grace period of a session that is over ends with its last child. */
void ww_session_child_left(ww_session *session);

/* ---- servers of a session ---- */

typedef struct ww_facet {
    ww_capnp_server server;
    ww_session *session;
} ww_facet;

/* After the server was made: it is one of the session's now. */
void ww_facet_join(ww_facet *facet, ww_session *session);
void ww_facet_leave(ww_facet *facet);

static inline ww_session *ww_facet_session(ww_capnp_server *server)
{
    return WW_CONTAINER_OF(server, ww_facet, server)->session;
}

/* Each a reference to a new server of the inside; NULL when memory is short. */
ww_capnp_cap *ww_session_host(ww_session *session);
ww_capnp_cap *ww_session_executor(ww_session *session);
ww_capnp_cap *ww_session_program(ww_session *session, ww_loaded *program); /* takes a reference */
/* Of a child's session. Fails with *reason set, E_INVALID for a list that will not do. */
WW_MUST_USE ww_status ww_session_grants(ww_session *session, ww_capnp_any list, ww_capnp_cap **out,
                                        const char **reason);
/* `cap` as it is for who may call nothing else but `methods` on it, through the session's membrane.
 * It ends with the session's family, not with its cell, which may hand it on. NULL for NULL. */
WW_MUST_USE ww_status ww_session_narrow(ww_session *session, ww_capnp_cap *cap,
                                        const ww_methods *methods, ww_capnp_cap **out,
                                        const char **reason);

/* ---- children ---- */

/* Answers `call` of runBytes, or of spawn for a program that is loaded, now or later. */
void ww_start_bytes(ww_session *session, ww_capnp_call *call);
void ww_start_program(ww_session *session, ww_capnp_call *call, ww_loaded *program);
void ww_start_load(ww_session *session, ww_capnp_call *call);

/* What the operator asks for. The texts are of `call`, which is answered like runBytes. */
typedef struct ww_exec {
    ww_view wasm, name;
    ww_capnp_text_l args, env;
    ww_capnp_cap *bootstrap; /* borrowed; NULL: a membrane of its own, that needs no signer */
} ww_exec;
void ww_start_exec(ww_session *session, ww_capnp_call *call, const ww_exec *exec);

/* The process and its pipes become a child of `parent`, `own` the session that it was given; takes
 * `process`, and what was counted for it. A reference to its Process capability, of the inside; NULL
 * when memory is short: the process was killed. */
ww_capnp_cap *ww_child_new(ww_session *parent, ww_session *own, ww_process *process);
/* The end of its input. */
void ww_child_close(ww_child *child);
void ww_child_kill(ww_child *child);
ww_child *ww_child_next(const ww_child *child);
