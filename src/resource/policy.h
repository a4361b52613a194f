/* resource/policy.h - what is decided by hand about each host function.
 *
 * Model      One row per function of every package, indexed by its number; there is no default row,
 *            and ww_policy_check refuses an interface with a function or a resource that has none. The row says
 *            which capability a grant must have been made from, what is charged, how the call is
 *            recorded, whether it may wait, and how a refusal shows to the guest.
 * Drops      A guest giving up a resource has a row like any function. It is charged as a call and
 *            recorded, but never refused, not even with revoked authority or without budget: what it
 *            holds could not be given back otherwise. Both refusals of its row are WW_REFUSE_NEVER.
 * Refusal    A function whose result has an error case answers that case, `denied` for missing or
 *            revoked authority and `over_quota` for a used-up budget: the guest's own error handling
 *            sees it. A function without one traps with "denied: NAME", "stale: NAME" or
 *            "quota: NAME". A fired cancellation token always traps, with "canceled: NAME".
 */
#pragma once
#include "cap/grant.h"
#include "component/host.h"

/* What an operator grants, in the words of the command line and of `ww inspect`. */
#define WW_CAPABILITY_LIST(X)                                                                      \
    X(IO, "io")                   /* use of streams and pollables that the cell holds already */   \
    X(STDIO, "stdio")             /* the cell's own standard streams, and whether they are ttys */ \
    X(ENVIRONMENT, "environment") /* arguments and variables that were given to the cell */        \
    X(EXIT, "exit")               /* ending itself */                                              \
    X(CLOCK, "clock")                                                                              \
    X(RANDOM, "random")                                                                            \
    X(FILESYSTEM, "filesystem") /* what is reachable from the preopened directories */             \
    X(NETWORK, "network")                                                                          \
    X(HTTP, "http")                                                                                \
    X(MEMBRANE, "membrane") /* the cell's link: a session with the host */

typedef enum ww_capability {
    WW_CAPABILITY_NONE, /* no row */
#define WW_CAPABILITY_ENUM(name, text) WW_CAPABILITY_##name,
    WW_CAPABILITY_LIST(WW_CAPABILITY_ENUM)
#undef WW_CAPABILITY_ENUM
        WW_CAPABILITY_COUNT
} ww_capability;

const char *ww_capability_name(ww_capability capability);

/* Every call is charged as one, with the contents of its strings and lists. The class says what else
 * must be left for the call to begin: what its result brings is only known afterwards. */
typedef enum ww_charge_class {
    WW_CHARGE_CALL = 1,
    WW_CHARGE_BYTES,  /* a byte, for what moves data */
    WW_CHARGE_OBJECT, /* an object, for what makes one */
} ww_charge_class;

typedef enum ww_audit_class {
    WW_AUDIT_COUNT = 1, /* a record in the ring */
    WW_AUDIT_EFFECT,    /* changes something outside the cell: also for a durable log */
} ww_audit_class;

enum {
    WW_REFUSE_TRAP = 0xff, /* instead of an error case */
    WW_REFUSE_NEVER = 0xfe /* of a drop */
};

typedef struct ww_policy {
    uint16_t function;  /* its own number */
    uint8_t capability; /* ww_capability */
    uint8_t charge;     /* ww_charge_class */
    uint8_t audit;      /* ww_audit_class */
    bool may_wait;
    uint8_t denied;     /* error case, or WW_REFUSE_TRAP */
    uint8_t over_quota; /* error case, or WW_REFUSE_TRAP */
} ww_policy;

/* Every function and resource of `interface` has a row that fits it: E_MISMATCH names the first that
 * does not. A refusal must be a case without payload of the result's error type. */
WW_MUST_USE ww_status ww_policy_check(const ww_host_interface *interface, ww_diag *diag);

/* Allows every function whose row asks for one of `capabilities`, a set of 1 << ww_capability. */
void ww_policy_allow(ww_grant *grant, const ww_policy *rows, uint32_t count, uint64_t capabilities);
