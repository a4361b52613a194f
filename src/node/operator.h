/* node/operator.h - the operator socket of a node: who connects, and what he finds there.
 *
 * Model      A Unix socket for this user alone. Each connection has an operator of its own
 *            (rpc/operator.h) over what the node is; it ends with the connection, and what it
 *            started with it. Whoever is not this user is told so and goes. The image may be lent
 *            one of its own, if it asks and this user agrees.
 * Ownership  Owned by the node, closed before the loop and after the cells.
 * Bounds     WW_OPERATORS_MAX connections, and WW_TURNED_AWAY_MAX more that are being told why they
 *            are closed. At most WW_OPERATORS_HOLDING_MAX of them hold something, which is to say that
 *            they asked for a session, a process or the bring-up. So there are always some that do
 *            not: of these the one that was silent the longest makes room for whoever comes next.
 * Threads    The loop's.
 * Trust      What a connection sends is hostile; it can end itself and nothing else by it.
 */
#pragma once
#include "node/node.h"
#include "os/socket.h"
#include "rpc/link.h"
#include "rpc/operator.h"

enum { WW_OPERATORS_MAX = 64, WW_OPERATORS_HOLDING_MAX = 56, WW_TURNED_AWAY_MAX = 16 };

typedef struct ww_operator_link ww_operator_link;

typedef struct ww_operators {
    ww_node *node;
    ww_listener *listener; /* NULL: no socket */
    ww_listener_user user;
    ww_operator_link *first; /* that was the last to ask for something, and so on */
    uint32_t count;          /* of connections, */
    uint32_t holding;        /* of those that hold something, */
    uint32_t leaving;        /* and of those that are being told why they are closed */
    uint64_t started_ns;
} ww_operators;

void ww_operators_init(ww_operators *operators, ww_node *node);
/* At `path`; what stands in its way is named. */
WW_MUST_USE ww_status ww_operators_open(ww_operators *operators, const char *path, ww_diag *diag);
/* What was lent has been taken back. Also fit for a zeroed one. */
void ww_operators_close(ww_operators *operators);

/* An operator without a socket, on that account; *cap is a reference of the caller's. NULL when
 * memory is short. */
ww_operator_link *ww_operators_lend(ww_operators *operators, ww_account *account,
                                    ww_capnp_cap **cap);
void ww_operators_take_back(ww_operator_link *lent);              /* also NULL */
ww_tenant *ww_operator_link_tenant(const ww_operator_link *self); /* that grafts there */
