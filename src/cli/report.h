/* cli/report.h - how `ww run` and `ww exec` tell what became of a guest. */
#pragma once
#include "node/node.h"

/* The message and the guest's backtrace on stderr, if it trapped or its time was over. */
void ww_report_print_trap(const ww_run_report *report);

/* In reports for machines. */
const char *ww_report_reason(ww_run_reason reason);

/* One JSON object on one line of stderr. `status` and `diag` tell of a guest that never ran. */
void ww_report_print_json(const ww_run_report *report, ww_status status, const ww_diag *diag,
                          int exit_code);
