/* ww module events: what modules emitted. */
#include "base/utf8.h"
#include "cli/format.h"
#include "cli/json.h"
#include "cli/module.h"
#include "os/clock.h"
#include <inttypes.h>
#include <time.h>

enum { TIME_MAX = 32, SHOWN_BYTES_MAX = 64 };

/* "2026-01-31T23:59:59.999Z" */
static void format_time(uint64_t unix_time_ns, char out[TIME_MAX])
{
    struct tm parts;
    char text[TIME_MAX];
    time_t seconds = (time_t)(unix_time_ns / WW_NS_PER_S);
    if (!gmtime_r(&seconds, &parts) || !strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts))
        text[0] = '\0';
    snprintf(out, TIME_MAX, "%.20s.%03uZ", text,
             (unsigned)(unix_time_ns % WW_NS_PER_S / WW_NS_PER_MS));
}

/* The first characters, SHOWN_BYTES_MAX bytes or a few more; 0 if not all of them are plain. */
static size_t text_size(ww_view bytes)
{
    size_t at = 0;
    while (at < bytes.size && at < SHOWN_BYTES_MAX) {
        size_t size = ww_text_plain_size(bytes.data + at, bytes.size - at);
        if (!size) return 0;
        at += size;
    }
    return at;
}

static void print_bytes(ww_view bytes, uint64_t size)
{
    size_t shown = text_size(bytes);
    if (!bytes.size) return;
    if (shown) {
        fputs("  \"", stdout);
        ww_print_plain(ww_view_of(bytes.data, shown));
        putchar('"');
    } else {
        fputs("  0x", stdout);
        for (; shown < bytes.size && shown < SHOWN_BYTES_MAX; shown++)
            printf("%02x", bytes.data[shown]);
    }
    if (shown < size) fputs("...", stdout);
}

static void print_event(bringup_event_r event)
{
    char time[TIME_MAX], size[WW_FIGURE_MAX];
    format_time(bringup_event_unix_time_ns(event), time);
    ww_format_bytes(bringup_event_size(event), size);
    printf("%s  ", time);
    ww_print_plain(bringup_event_module(event));
    fputs("  ", stdout);
    ww_print_plain(bringup_event_topic(event));
    printf("  %s", size);
    print_bytes(bringup_event_bytes(event), bringup_event_size(event));
    putchar('\n');
}

static void print_json(bringup_event_r event)
{
    char time[TIME_MAX];
    format_time(bringup_event_unix_time_ns(event), time);
    ww_json_print(stdout, json_pack("{s:I, s:s, s:o, s:o, s:I, s:o}", "number",
                                    (json_int_t)bringup_event_number(event), "time", time, "module",
                                    ww_json_text(bringup_event_module(event)), "topic",
                                    ww_json_text(bringup_event_topic(event)), "size",
                                    (json_int_t)bringup_event_size(event), "bytes",
                                    ww_json_hex(bringup_event_bytes(event))));
}

static void print_all(bringup_event_l events, uint64_t after, bool json)
{
    uint64_t next = after + 1;
    for (uint32_t i = 0; i < events.list.count; i++) {
        bringup_event_r event = bringup_event_l_at(events, i);
        uint64_t number = bringup_event_number(event);
        if (after && number > next)
            fprintf(stderr, "ww: %" PRIu64 " events came too fast and are forgotten\n",
                    number - next);
        next = number + 1;
        (json ? print_json : print_event)(event);
    }
    fflush(stdout);
}

ww_status ww_module_show_events(ww_client *client, bringup_bring_up_cap cap, bool follows,
                                bool json, ww_diag *diag)
{
    ww_status status;
    uint64_t last = 0;
    bool waits = false;
    do {
        ww_capnp_call *call;
        bringup_bring_up_events_params_b params = bringup_bring_up_events_begin(cap, &call);
        bringup_bring_up_events_params_set_after(params, last);
        bringup_bring_up_events_params_set_wait(params, waits);
        status = ww_client_call(client, call, diag);
        if (!status) {
            bringup_bring_up_events_results_r results = bringup_bring_up_events_response(call);
            print_all(bringup_bring_up_events_results_events(results), last, json);
            last = bringup_bring_up_events_results_last(results);
        }
        ww_capnp_call_drop(call);
        waits = true;
    } while (follows && !status && !ferror(stdout));
    return status;
}
