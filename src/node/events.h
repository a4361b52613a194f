/* node/events.h - what modules emitted lately, for whoever asks.
 *
 * Model      Events get the numbers 1, 2, 3, ... The last ones are kept; older ones are forgotten.
 * Ownership  Copies what it is given. Views of an event live until the next one is added.
 * Bounds     WW_EVENTS_KEPT events, of each WW_EVENT_BYTES_KEPT bytes and as much of a name as
 *            WW_EVENT_NAME_KEPT.
 * Errors     An event for which there is no memory is forgotten at once: its number is missing.
 * Threads    One.
 * Trust      Names and bytes are the modules', and foreign.
 */
#pragma once
#include "base/alloc.h"
#include "base/bytes.h"

enum { WW_EVENTS_KEPT = 256, WW_EVENT_BYTES_KEPT = 4096, WW_EVENT_NAME_KEPT = 256 };

typedef struct ww_event {
    uint64_t number, unix_time_ns;
    ww_view module, topic, bytes; /* the beginnings */
    size_t size;                  /* of all bytes */
} ww_event;

typedef struct ww_events {
    const ww_allocator *allocator;
    struct ww_kept_event *kept[WW_EVENTS_KEPT]; /* by number; or NULL */
    uint64_t last;                              /* number, 0 before the first */
} ww_events;

void ww_events_init(ww_events *events, const ww_allocator *allocator);
void ww_events_deinit(ww_events *events); /* also fit for a zeroed one */

/* The number is set here. */
void ww_events_add(ww_events *events, ww_event event);
/* NULL: forgotten, or not there yet. */
const ww_event *ww_events_at(const ww_events *events, uint64_t number);
/* The first number that may still be there and is above that one. */
uint64_t ww_events_first(const ww_events *events, uint64_t after);
