/* cli/bringup.h - how commands show what a node brings up. */
#pragma once
#include "capnp/bringup.capnp.h"
#include "cli/client.h"
#include "cli/json.h"

/* The node's BringUp, a reference that the caller gives back. */
WW_MUST_USE ww_status ww_bringup_find(ww_client *client, bringup_bring_up_cap *out, ww_diag *diag);

/* Its status; *call keeps the answer until it is dropped, also after a failure. */
WW_MUST_USE ww_status ww_bringup_ask(ww_client *client, bringup_bring_up_cap cap,
                                     ww_capnp_call **call, bringup_status_r *out, ww_diag *diag);

void ww_bringup_print(bringup_status_r status);
json_t *ww_bringup_json(bringup_status_r status);
