/* cli/module.h - the verbs of `ww module` that speak to a node. */
#pragma once
#include "cli/command.h"

extern const ww_option ww_module_options[];

/* install, bootstrap, invoke, status; bad usage for every other verb. */
int ww_module_on_node(const ww_invocation *invocation);
