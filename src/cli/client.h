/* cli/client.h - a command's connection to a running node.
 *
 * Model      A client has a loop of its own. A command makes calls on the operator and waits for
 *            each, or runs the loop by itself for several at once. The node is the one behind
 *            --socket, or the only one that runs for this user.
 * Ownership  References that a command got from calls are given back before ww_client_close.
 * Bounds     A call has at most WW_CLIENT_CALL_BYTES_MAX; a larger one is not sent, E_LIMIT.
 * Errors     One line that says what to do: how to start a node, which ones there are, what the
 *            node answered.
 * Threads    One.
 * Trust      Only a node of the same user is spoken to; what it answers is read with bounds.
 */
#pragma once
#include "capnp/operator.capnp.h"
#include "cli/command.h"
#include "rpc/link.h"

enum { WW_NODES_MAX = 64, WW_CLIENT_PATIENCE_MS = 10000 };
#define WW_CLIENT_CALL_BYTES_MAX (WW_CAPNP_MESSAGE_WORDS_MAX * 8)

typedef struct ww_client {
    ww_loop *loop;
    ww_rpc_vat vat;
    ww_rpc_link *link;
    ww_rpc_owner owner;
    operator_operator_cap operator;
    bool is_over;
} ww_client;

/* What every command that speaks to a node takes. */
#define WW_CLIENT_SETTINGS (WW_SETTING(SOCKET) | WW_SETTING(ENV_CONFIG))

WW_MUST_USE ww_status ww_client_open(ww_client *client, const ww_config *config, ww_diag *diag);
void ww_client_close(ww_client *client); /* also after a failed open */

/* Sends the call and turns the loop until it is answered. The call stays the caller's. */
WW_MUST_USE ww_status ww_client_call(ww_client *client, ww_capnp_call *call, ww_diag *diag);
/* The same for a call that a node answers at once: one that does not within WW_CLIENT_PATIENCE_MS
 * is told of, E_TIMEOUT. */
WW_MUST_USE ww_status ww_client_ask(ww_client *client, ww_capnp_call *call, ww_diag *diag);
/* What a failed call says, as a status and a line. */
ww_status ww_client_failure(const ww_capnp_call *call, ww_diag *diag);
