#include "cli/report.h"
#include "cli/json.h"

void ww_report_print_trap(const ww_run_report *report)
{
    if (report->reason == WW_RUN_TIMED_OUT)
        fputs("ww: the time limit was reached; the guest was ended\n", stderr);
    if (report->reason == WW_RUN_USED_UP)
        fprintf(stderr, "ww: the quota of %s is used up; the guest was ended\n", report->text);
    if (report->reason == WW_RUN_KILLED) fputs("ww: the guest was killed\n", stderr);
    if (report->reason != WW_RUN_TRAPPED) return;
    fprintf(stderr, "ww: the guest trapped: %s\n", report->text);
    if (report->trace && *report->trace) fprintf(stderr, "%s\n", report->trace);
}

const char *ww_report_reason(ww_run_reason reason)
{
    static const char *const names[] = {"exit", "trap", "timeout", "quota", "signal", "killed"};
    return names[reason];
}

void ww_report_print_json(const ww_run_report *report, ww_status status, const ww_diag *diag,
                          int exit_code)
{
    json_t *object = json_object();
    json_object_set_new(object, "reason",
                        json_string(status ? "error" : ww_report_reason(report->reason)));
    json_object_set_new(object, "exit_code", json_integer(exit_code));
    json_object_set_new(object, "file", ww_json_string(report->file));
    json_object_set_new(object, "message", ww_json_string(status ? diag->text : report->text));
    json_object_set_new(object, "backtrace", ww_json_string(report->trace));
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {
        {"wall_us", report->wall_ns / 1000},
        {"cpu_us", report->cpu_ns / 1000},
        {"memory_bytes", report->memory_bytes},
        {"calls", report->calls},
        {"refused_calls", report->refused},
        {"bytes", report->bytes},
        {"slices", report->slices},
    };
    for (size_t i = 0; i < WW_COUNT_OF(numbers); i++)
        json_object_set_new(object, numbers[i].key, json_integer((json_int_t)numbers[i].value));
    ww_json_print(stderr, object);
}
