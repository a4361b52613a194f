/* rpc/membrane.h - a boundary that one grant holds open.
 *
 * Model      Inside are the servers of this host, outside is whoever was given the grant. Each
 *            capability that crosses in a call through the membrane is wrapped, in parameters,
 *            results and pipelines, also those handed over later; one that comes back through the
 *            same membrane is itself again. A call through a wrapper passes one check of the grant
 *            and goes on to where it was meant for.
 * Revoking   From the store that ends the grant on, no call enters and no result leaves. Calls under
 *            way have failed by the time the revocation returns, with the text of cap/table.h and
 *            the type `failed`; their late results and the capabilities in them are released. What
 *            the outside got as bytes it keeps, and what the inside kept of the outside's
 *            capabilities is dead in the same way.
 * Ownership  Counted: wrappers hold their membrane, and what they wrap until the grant ended and
 *            ww_membrane_sweep passed. The grant leaves the table with the membrane.
 * Bounds     Wrappers are handles of the allowance, calls are questions and bytes; the grant is one of
 *            its principal's.
 * Threads    The vat's.
 */
#pragma once
#include "account/allowance.h"
#include "account/principal.h"
#include "cap/table.h"
#include "capnp/boundary.h"

enum { WW_MEMBRANE_SWEEP = 1024 };

#define WW_MEMBRANE_TEXT_GRANTS "quota: too many grants"

typedef struct ww_membrane ww_membrane;

/* Embedded by the owner; both only take a note and call nothing here. */
typedef struct ww_membrane_end ww_membrane_end;
struct ww_membrane_end {
    void (*revoked)(ww_membrane_end *self); /* the grant ended; what was under way has failed */
    void (*unused)(ww_membrane_end *self);  /* nothing refers to the membrane: it is being freed */
};

typedef struct ww_membrane_options {
    const ww_allocator *allocator;
    ww_capnp_vat *vat;
    ww_cap_table *table;
    ww_authority *authorities[WW_LINEAGE_PLACES]; /* of the grant; NULL: does not end */
    const ww_methods *methods;                    /* of calls from the outside; NULL: all */
    ww_cap_ref parent;       /* a grant that has these methods; {0}: need not be asked */
    ww_allowance *allowance; /* of the outside; outlives the membrane; WW_CAPNP_TOLLS_MAX deep */
    ww_principal *payer;     /* of the grant; outlives the membrane; NULL: nobody */
    bool counts_caps_only;   /* calls come through another membrane, which counts them */
    ww_membrane_end *end;    /* may be NULL */
} ww_membrane_options;

/* With one reference. E_QUOTA, E_LIMIT, E_MEMORY, and the refusal of a parent that ended. */
WW_MUST_USE ww_status ww_membrane_new(const ww_membrane_options *options, ww_membrane **out);
ww_membrane *ww_membrane_ref(ww_membrane *membrane);
void ww_membrane_unref(ww_membrane *membrane);

/* `cap` of the inside as the outside sees it, and the other way round; a reference of the caller's.
 * Null and broken capabilities pass as they are. What may not cross is NULL with *refusal set, which
 * stays valid. */
ww_capnp_cap *ww_membrane_out(ww_membrane *membrane, ww_capnp_cap *cap,
                              const ww_capnp_refusal **refusal);
ww_capnp_cap *ww_membrane_in(ww_membrane *membrane, ww_capnp_cap *cap,
                             const ww_capnp_refusal **refusal);

/* WW_OK while the grant holds. */
ww_status ww_membrane_check(const ww_membrane *membrane);
ww_cap_ref ww_membrane_grant(const ww_membrane *membrane);

/* After a revocation: lets go of some of what wrappers hold, about WW_MEMBRANE_SWEEP. True: there is
 * more. */
bool ww_membrane_sweep(ww_membrane *membrane);
