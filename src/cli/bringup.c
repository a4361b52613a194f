#include "cli/bringup.h"
#include "capnp/operator.capnp.h"
#include "cli/format.h"
#include <stdio.h>

ww_status ww_bringup_find(ww_client *client, bringup_bring_up_cap *out, ww_diag *diag)
{
    ww_capnp_call *call;
    out->cap = NULL;
    operator_operator_bring_up_begin(client->operator, & call);
    ww_status status = ww_client_ask(client, call, diag);
    if (!status)
        out->cap = ww_capnp_cap_ref(
            operator_operator_bring_up_results_bring_up(operator_operator_bring_up_response(call))
                .cap);
    ww_capnp_call_drop(call);
    return status;
}

ww_status ww_bringup_ask(ww_client *client, bringup_bring_up_cap cap, ww_capnp_call **call,
                         bringup_status_r *out, ww_diag *diag)
{
    bringup_bring_up_status_begin(cap, call);
    ww_status status = ww_client_ask(client, *call, diag);
    if (!status)
        *out = bringup_bring_up_status_results_status(bringup_bring_up_status_response(*call));
    return status;
}

static const char *state_name(bringup_status_r status)
{
    switch (bringup_status_state(status)) {
    case BRINGUP_STATUS_STATE_IDLE: return "idle";
    case BRINGUP_STATUS_STATE_RUNNING: return "running";
    case BRINGUP_STATUS_STATE_WAITING_FOR_INPUT: return "waiting for input";
    }
    return "unknown";
}

static const char *target_state_name(bringup_target_r target)
{
    switch (bringup_target_state(target)) {
    case BRINGUP_TARGET_STATE_IDLE: return "idle";
    case BRINGUP_TARGET_STATE_QUEUED: return "queued";
    case BRINGUP_TARGET_STATE_WAITING: return "waiting";
    case BRINGUP_TARGET_STATE_RUNNING: return "running";
    case BRINGUP_TARGET_STATE_DELAYED: return "delayed";
    case BRINGUP_TARGET_STATE_NEEDS_INPUT: return "needs input";
    case BRINGUP_TARGET_STATE_DONE: return "done";
    case BRINGUP_TARGET_STATE_FAILED: return "failed";
    }
    return "unknown";
}

/* --- text --- */

static void print_list(const char *before, ww_capnp_text_l list)
{
    for (uint32_t i = 0; i < list.list.count; i++) {
        printf("%s", i ? ", " : before);
        ww_print_plain(ww_capnp_text_l_at(list, i));
    }
}

static void print_blocker(bringup_target_r target)
{
    ww_view by = bringup_target_blocked_by(target), on = bringup_target_blocked_on(target);
    printf("; waits for ");
    if (by.size)
        ww_print_plain(by);
    else
        printf("calls under way");
    if (on.size) printf(" on ");
    ww_print_plain(on);
}

static void print_target(bringup_target_r target)
{
    printf("  %-11s  ", target_state_name(target));
    ww_print_plain(bringup_target_name(target));
    if (bringup_target_kind(target) == BRINGUP_TARGET_KIND_MODULE)
        print_list("; touches ", bringup_target_touches(target));
    if (bringup_target_state(target) == BRINGUP_TARGET_STATE_WAITING) print_blocker(target);
    print_list("; takes ", bringup_target_inputs(target));
    putchar('\n');
}

void ww_bringup_print(bringup_status_r status)
{
    bringup_target_l targets = bringup_status_targets(status);
    printf("bring-up   %s%s\n", state_name(status),
           bringup_status_halted(status) ? ", halted" : "");
    for (uint32_t i = 0; i < targets.list.count; i++)
        print_target(bringup_target_l_at(targets, i));
    if (!bringup_status_journal(status).size) return;
    printf("journal    ");
    ww_print_plain(bringup_status_journal(status));
    putchar('\n');
}

/* --- JSON --- */

static json_t *json_optional(ww_view text)
{
    return text.size ? ww_json_text(text) : json_null();
}

static json_t *json_list(ww_capnp_text_l list)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < list.list.count; i++)
        json_array_append_new(array, ww_json_text(ww_capnp_text_l_at(list, i)));
    return array;
}

static json_t *json_target(bringup_target_r target)
{
    bool is_module = bringup_target_kind(target) == BRINGUP_TARGET_KIND_MODULE;
    return json_pack("{s:o, s:s, s:s, s:o, s:o, s:o, s:o}",                          //
                     "target", ww_json_text(bringup_target_name(target)),            //
                     "kind", is_module ? "module" : "component",                     //
                     "state", target_state_name(target),                             //
                     "touches", json_list(bringup_target_touches(target)),           //
                     "waits_for", json_optional(bringup_target_blocked_by(target)),  //
                     "because_of", json_optional(bringup_target_blocked_on(target)), //
                     "inputs", json_list(bringup_target_inputs(target)));
}

json_t *ww_bringup_json(bringup_status_r status)
{
    bringup_target_l targets = bringup_status_targets(status);
    json_t *array = json_array();
    for (uint32_t i = 0; i < targets.list.count; i++)
        json_array_append_new(array, json_target(bringup_target_l_at(targets, i)));
    return json_pack("{s:s, s:b, s:o, s:o}", "state", state_name(status), "halted",
                     bringup_status_halted(status), "journal",
                     json_optional(bringup_status_journal(status)), "targets", array);
}
