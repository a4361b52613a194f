/* cli/module.h - the verbs of `ww module` that speak to a node. */
#pragma once
#include "capnp/bringup.capnp.h"
#include "cli/client.h"

extern const ww_option ww_module_options[];

/* install, bootstrap, cancel, invoke, status, events; bad usage for every other verb. */
int ww_module_on_node(const ww_invocation *invocation);

/* Prints what modules emitted lately; `follows`: until the node ends. */
WW_MUST_USE ww_status ww_module_show_events(ww_client *client, bringup_bring_up_cap cap,
                                            bool follows, bool json, ww_diag *diag);
