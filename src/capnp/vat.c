/* The vat: lists, pools, work lists, turns. */
#include "capnp/vat.h"
#include "capnp/pool.h"

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

/* ---- pools ---- */

capnp_parcel *capnp_parcel_new(ww_capnp_vat *vat)
{
    capnp_parcel *p = vat->parcels;
    if (p) {
        vat->parcels = p->next;
        vat->parcel_count--;
        capnp_pool_open(p->scratch, sizeof p->scratch);
    } else {
        p = ww_alloc(vat->allocator, sizeof *p);
        if (!p) return NULL;
        memset(p->scratch, 0, sizeof p->scratch);
        const ww_capnp_builder_options options = {.words_max = vat->limits.message_words_max,
                                                  .scratch = p->scratch + 1,
                                                  .scratch_words = PARCEL_SCRATCH_WORDS};
        ww_capnp_builder_init(&p->builder, vat->allocator, &options);
    }
    p->next = NULL;
    p->refs = 1;
    p->table_size = 0;
    p->fd_count = 0;
    return p;
}

void capnp_parcel_unref(ww_capnp_vat *vat, capnp_parcel *parcel)
{
    if (!parcel || --parcel->refs) return;
    if (vat->parcel_count == POOL_KEEP) {
        ww_capnp_builder_deinit(&parcel->builder);
        ww_free(vat->allocator, parcel, sizeof *parcel);
        return;
    }
    ww_capnp_builder_reset(&parcel->builder);
    capnp_pool_close(parcel->scratch, sizeof parcel->scratch);
    parcel->next = vat->parcels;
    vat->parcels = parcel;
    vat->parcel_count++;
}

capnp_chunk *capnp_chunk_new(ww_capnp_vat *vat, size_t size)
{
    capnp_chunk *c = size <= CHUNK_SIZE ? vat->chunks : NULL;
    if (c) {
        vat->chunks = c->next;
        vat->chunk_count--;
    } else {
        size_t capacity = size <= CHUNK_SIZE ? CHUNK_SIZE : size;
        c = capacity > SIZE_MAX - sizeof *c ? NULL : ww_alloc(vat->allocator, sizeof *c + capacity);
        if (!c) return NULL;
        c->capacity = capacity;
    }
    capnp_pool_open(c->bytes, c->capacity);
    c->next = NULL;
    c->refs = 1;
    c->used = 0;
    return c;
}

void capnp_chunk_unref(ww_capnp_vat *vat, capnp_chunk *chunk)
{
    if (!chunk || --chunk->refs) return;
    if (chunk->capacity != CHUNK_SIZE || vat->chunk_count == POOL_KEEP) {
        capnp_pool_open(chunk->bytes, chunk->capacity);
        ww_free(vat->allocator, chunk, sizeof *chunk + chunk->capacity);
        return;
    }
    chunk->next = vat->chunks;
    vat->chunks = chunk;
    vat->chunk_count++;
}

capnp_letter *capnp_letter_new(ww_capnp_vat *vat)
{
    capnp_letter *l = vat->letters;
    if (l) {
        vat->letters = l->next;
        vat->letter_count--;
    } else {
        l = ww_alloc(vat->allocator, sizeof *l);
        if (!l) return NULL;
    }
    l->next = NULL;
    l->chunk = NULL;
    l->segments = l->few_segments;
    l->caps = l->few_caps;
    l->message.cap_count = 0;
    l->message.segment_count = 0;
    return l;
}

void capnp_letter_free(ww_capnp_vat *vat, capnp_letter *letter)
{
    if (!letter) return;
    for (uint32_t i = 0; i < letter->message.cap_count; i++)
        ww_capnp_cap_unref(letter->caps[i].cap);
    for (uint32_t i = 0; i < letter->message.segment_count; i++)
        capnp_pool_close(letter->segments[i].data, (size_t)letter->segments[i].words * 8);
    if (letter->caps != letter->few_caps)
        ww_free(vat->allocator, letter->caps, letter->message.cap_count * sizeof *letter->caps);
    if (letter->segments != letter->few_segments)
        ww_free(vat->allocator, letter->segments,
                letter->message.segment_count * sizeof *letter->segments);
    capnp_chunk_unref(vat, letter->chunk);
    if (vat->letter_count == POOL_KEEP) {
        ww_free(vat->allocator, letter, sizeof *letter);
        return;
    }
    letter->next = vat->letters;
    vat->letters = letter;
    vat->letter_count++;
}

capnp_promise *capnp_promise_alloc(ww_capnp_vat *vat, enum capnp_promise_kind kind)
{
    capnp_promise *p = vat->promises;
    if (p) {
        vat->promises = p->flush_next;
        vat->promise_count--;
    } else {
        p = ww_alloc(vat->allocator, sizeof *p);
        if (!p) return NULL;
    }
    ww_zero(p, sizeof *p);
    p->base = (ww_capnp_cap){.class = &CAPNP_PROMISE, .refs = 1, .vat = vat};
    p->kind = (uint8_t)kind;
    return p;
}

void capnp_promise_recycle(ww_capnp_vat *vat, capnp_promise *promise)
{
    if (vat->promise_count == POOL_KEEP) {
        ww_free(vat->allocator, promise, sizeof *promise);
        return;
    }
    promise->flush_next = vat->promises;
    vat->promises = promise;
    vat->promise_count++;
}

ww_capnp_call *capnp_call_alloc(ww_capnp_vat *vat)
{
    ww_capnp_call *call = vat->calls;
    if (call) {
        vat->calls = call->settle_next;
        vat->call_count--;
    } else {
        call = ww_alloc(vat->allocator, sizeof *call);
        if (!call) return NULL;
    }
    ww_zero(call, sizeof *call);
    call->vat = vat;
    call->refs = 1;
    return call;
}

void capnp_call_recycle(ww_capnp_call *call)
{
    ww_capnp_vat *vat = call->vat;
    if (vat->call_count == POOL_KEEP) {
        ww_free(vat->allocator, call, sizeof *call);
        return;
    }
    call->settle_next = vat->calls;
    vat->calls = call;
    vat->call_count++;
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
    vat->null_cap = (capnp_broken_cap){.base = {.class = &CAPNP_BROKEN, .refs = 1, .vat = vat}};
    return vat;
}

static void free_pools(ww_capnp_vat *vat)
{
    const ww_allocator *a = vat->allocator;
    for (capnp_parcel *p; (p = vat->parcels); ww_free(a, p, sizeof *p)) {
        vat->parcels = p->next;
        capnp_pool_open(p->scratch, sizeof p->scratch);
        ww_capnp_builder_deinit(&p->builder);
    }
    for (capnp_letter *l; (l = vat->letters); ww_free(a, l, sizeof *l))
        vat->letters = l->next;
    for (capnp_chunk *c; (c = vat->chunks); ww_free(a, c, sizeof *c + CHUNK_SIZE))
        vat->chunks = c->next;
    for (ww_capnp_call *c; (c = vat->calls); ww_free(a, c, sizeof *c))
        vat->calls = c->settle_next;
    for (capnp_promise *p; (p = vat->promises); ww_free(a, p, sizeof *p))
        vat->promises = p->flush_next;
}

void ww_capnp_vat_free(ww_capnp_vat *vat)
{
    if (!vat) return;
    while (ww_capnp_vat_run(vat, 1024))
        continue;
    free_pools(vat);
    ww_free(vat->allocator, vat, sizeof *vat);
}
