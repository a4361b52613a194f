/* account/account.h - what a cell, or a client's connection, uses and holds together with all that it
 * starts.
 *
 * Model      The node has an account, and below it one for each thing that its operator starts: an
 *            image, a component that he executes, a connection to his socket. What such a one starts
 *            is below its account, and so on; all accounts above pay for whatever one pays for.
 *
 *              node -> what the operator started -> its child -> grandchild ...
 *                      WW_ALLOWANCE_LIST: a principal's   a cell's bounds
 *
 *            A family may be deeper than accounts are: from WW_ALLOWANCE_LEVELS_MAX on, who is
 *            started is on the account of who starts it. So a call costs no more, however deep a
 *            cell stands.
 * Ownership  Counted; an account holds those above it.
 * Bounds     account/principal.h and account/allowance.h. The node's account holds nothing over RPC.
 * Threads    One loop's thread.
 */
#pragma once
#include "account/allowance.h"
#include "account/principal.h"

enum {
    WW_ACCOUNT_OBJECTS_MAX = 1 << 18, /* of what the operator started */
    WW_ACCOUNT_COMPILATIONS_MAX = 16,
};

typedef struct ww_account ww_account;
struct ww_account {
    ww_principal principal;
    ww_allowance allowance;
    ww_account *parent; /* NULL: the node's */
    const ww_allocator *allocator;
    uint32_t refs, level; /* 0: the node's */
};

typedef struct ww_account_limits {
    uint64_t cpu_ns_max, memory_bytes_max; /* 0: none */
} ww_account_limits;

/* The node's: it bounds nothing by itself. NULL when memory is short, as the others. */
ww_account *ww_account_new(const ww_allocator *allocator);
/* For what the operator starts. */
ww_account *ww_account_open(ww_account *node, const ww_account_limits *limits);
/* For what is started by who is on `parent`: a reference to a new one, or to `parent` itself. */
ww_account *ww_account_below(ww_account *parent);

ww_account *ww_account_ref(ww_account *account);
void ww_account_unref(ww_account *account); /* accepts NULL */
