/* The vat: lists, work lists, turns. */
#include "capnp/vat.h"

const ww_capnp_limits WW_CAPNP_LIMITS_DEFAULT = {
    .questions_max = 65536,
    .answers_max = 4096,
    .exports_max = 65536,
    .imports_max = 65536,
    .embargoes_max = 256,
    .path_max = WW_CAPNP_PATH_MAX,
    .message_words_max = WW_CAPNP_MESSAGE_WORDS_MAX,
    .queued_words_max = (uint64_t)4 << 20,
    .held_words_max = (uint64_t)16 << 20,
    .output_words_max = (uint64_t)16 << 20,
    .stream_window_size = 64 * 1024,
    .memory_max = (uint64_t)512 << 20,
};

/* ---- lists ---- */

void capnp_list_push(capnp_list *list, capnp_item *item)
{
    item->list = list;
    item->prev = list->last;
    item->next = NULL;
    *(list->last ? &list->last->next : &list->first) = item;
    list->last = item;
}

void capnp_list_push_front(capnp_list *list, capnp_item *item)
{
    item->list = list;
    item->prev = NULL;
    item->next = list->first;
    *(list->first ? &list->first->prev : &list->last) = item;
    list->first = item;
}

void capnp_list_remove(capnp_item *item)
{
    if (!item->list) return;
    *(item->prev ? &item->prev->next : &item->list->first) = item->next;
    *(item->next ? &item->next->prev : &item->list->last) = item->prev;
    item->list = NULL;
}

capnp_item *capnp_list_pop(capnp_list *list)
{
    capnp_item *item = list->first;
    if (item) capnp_list_remove(item);
    return item;
}

/* ---- work ---- */

void capnp_vat_wake(ww_capnp_vat *vat)
{
    if (vat->wake && vat->ready.first) vat->wake->fn(vat->wake);
}

void capnp_vat_ready(ww_capnp_vat *vat, capnp_item *item)
{
    capnp_list_push(&vat->ready, item);
    capnp_vat_wake(vat);
}

void ww_capnp_vat_on_work(ww_capnp_vat *vat, ww_capnp_wake *wake)
{
    vat->wake = wake;
}

void capnp_vat_flush_later(capnp_promise *promise)
{
    ww_capnp_vat *vat = promise->base.vat;
    if (promise->is_listed) return;
    promise->is_listed = true;
    ww_capnp_cap_ref(&promise->base);
    promise->flush_next = vat->to_flush;
    vat->to_flush = promise;
}

/* The call stays in memory: it is in progress. */
void capnp_vat_settle_later(ww_capnp_call *call)
{
    ww_capnp_vat *vat = call->vat;
    if (call->is_settling) return;
    call->is_settling = true;
    call->settle_next = NULL;
    if (vat->to_settle_last)
        vat->to_settle_last->settle_next = call;
    else
        vat->to_settle_first = call;
    vat->to_settle_last = call;
}

void capnp_vat_work(ww_capnp_vat *vat)
{
    if (vat->is_working) return;
    vat->is_working = true;
    while (vat->to_flush || vat->to_settle_first) {
        capnp_promise *promise = vat->to_flush;
        if (promise) {
            vat->to_flush = promise->flush_next;
            promise->is_listed = false;
            capnp_promise_flush(promise);
            ww_capnp_cap_unref(&promise->base);
            continue;
        }
        ww_capnp_call *call = vat->to_settle_first;
        vat->to_settle_first = call->settle_next;
        if (!vat->to_settle_first) vat->to_settle_last = NULL;
        capnp_call_settle(call);
    }
    vat->is_working = false;
}

bool ww_capnp_vat_run(ww_capnp_vat *vat, uint32_t turns_max)
{
    for (uint32_t i = 0; i < turns_max; i++) {
        capnp_item *item = capnp_list_pop(&vat->ready);
        if (!item) return false;
        capnp_call_run(WW_CONTAINER_OF(item, ww_capnp_call, item));
        capnp_vat_work(vat);
    }
    return vat->ready.first != NULL;
}

/* ---- life ---- */

ww_capnp_vat *ww_capnp_vat_new(const ww_allocator *allocator, const ww_capnp_limits *limits)
{
    ww_capnp_vat *vat = ww_alloc_zeroed(allocator, sizeof *vat);
    if (!vat) return NULL;
    vat->allocator = allocator;
    vat->limits = limits ? *limits : WW_CAPNP_LIMITS_DEFAULT;
    if (vat->limits.path_max > WW_CAPNP_PATH_MAX) vat->limits.path_max = WW_CAPNP_PATH_MAX;
    const uint64_t words_max = WW_TOLL_MAX / 2; /* with its table, a message is a price in a toll */
    if (vat->limits.message_words_max > words_max) vat->limits.message_words_max = words_max;
    if (!vat->limits.memory_max) vat->limits.memory_max = WW_CAPNP_LIMITS_DEFAULT.memory_max;
    vat->arena = capnp_arena_new(vat, UINT64_MAX);
    if (!vat->arena) {
        ww_free(allocator, vat, sizeof *vat);
        return NULL;
    }
    vat->null_cap = (capnp_broken_cap){.base = {.class = &CAPNP_BROKEN, .refs = 1, .vat = vat}};
    return vat;
}

void ww_capnp_vat_free(ww_capnp_vat *vat)
{
    if (!vat) return;
    while (ww_capnp_vat_run(vat, 1024))
        continue;
    capnp_arena_close(vat->arena);
    ww_free(vat->allocator, vat, sizeof *vat);
}
