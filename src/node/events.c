#include "node/events.h"

typedef struct ww_kept_event {
    ww_event event;
    size_t size; /* of all this */
    uint8_t texts[];
} kept_event;

void ww_events_init(ww_events *events, const ww_allocator *allocator)
{
    *events = (ww_events){.allocator = allocator};
}

static void forget(ww_events *events, size_t place)
{
    kept_event *kept = events->kept[place];
    if (kept) ww_free(events->allocator, kept, kept->size);
    events->kept[place] = NULL;
}

void ww_events_deinit(ww_events *events)
{
    for (size_t i = 0; i < WW_EVENTS_KEPT; i++)
        forget(events, i);
}

static ww_view first_bytes(ww_view view, size_t most)
{
    return ww_view_of(view.data, view.size < most ? view.size : most);
}

static ww_view copy(uint8_t **room, ww_view view)
{
    uint8_t *to = *room;
    if (view.size) memcpy(to, view.data, view.size);
    *room += view.size;
    return ww_view_of(to, view.size);
}

void ww_events_add(ww_events *events, ww_event event)
{
    size_t place = ++events->last % WW_EVENTS_KEPT;
    event.number = events->last;
    event.size = event.bytes.size;
    event.module = first_bytes(event.module, WW_EVENT_NAME_KEPT);
    event.topic = first_bytes(event.topic, WW_EVENT_NAME_KEPT);
    event.bytes = first_bytes(event.bytes, WW_EVENT_BYTES_KEPT);
    forget(events, place);
    size_t size = sizeof(kept_event) + event.module.size + event.topic.size + event.bytes.size;
    kept_event *kept = ww_alloc(events->allocator, size);
    if (!kept) return;
    uint8_t *room = kept->texts;
    *kept = (kept_event){.event = event, .size = size};
    kept->event.module = copy(&room, event.module);
    kept->event.topic = copy(&room, event.topic);
    kept->event.bytes = copy(&room, event.bytes);
    events->kept[place] = kept;
}

const ww_event *ww_events_at(const ww_events *events, uint64_t number)
{
    const kept_event *kept = events->kept[number % WW_EVENTS_KEPT];
    return kept && kept->event.number == number ? &kept->event : NULL;
}

uint64_t ww_events_first(const ww_events *events, uint64_t after)
{
    uint64_t oldest = events->last < WW_EVENTS_KEPT ? 1 : events->last - WW_EVENTS_KEPT + 1;
    return after < oldest ? oldest : after + 1;
}
