#include "bootstrap/state.h"
#include <stdio.h>

typedef struct batch {
    ww_bootstrap *queue;
    const ww_bootstrap_request_item *items;
    size_t count;
    ww_bootstrap_fault *fault;
    ww_diag *diag;
    uint64_t bytes; /* of all items */
    entry *first;   /* made so far, chained by `next`, newest first */
} batch;

static void set_fault(batch *b, ww_bootstrap_fault fault)
{
    if (b->fault) *b->fault = fault;
}

static ww_status unknown_target(batch *b, size_t item)
{
    ww_view name = b->items[item].target;
    set_fault(b, (ww_bootstrap_fault){.kind = WW_BOOTSTRAP_UNKNOWN_TARGET,
                                      .item = item,
                                      .target_id = WW_BOOTSTRAP_NONE,
                                      .target = name});
    char known[256];
    int used = 0;
    for (uint32_t i = 0; i < b->queue->target_count && used < (int)sizeof known; i++)
        used += snprintf(known + used, sizeof known - (size_t)used, "%s\"%.*s\"", used ? ", " : "",
                         WW_VIEW_ARG(b->queue->targets[i]->spec.name));
    return ww_fail(b->diag, WW_E_NOT_FOUND, "unknown bootstrap target \"%.*s\"; known: %s",
                   WW_VIEW_ARG(name), used ? known : "none");
}

/* Which target each item means is looked up again by later steps: the batch keeps no memory of its
 * own. */
static target *target_of(const batch *b, size_t item)
{
    uint32_t id;
    bool known = ww_bootstrap_find(b->queue, b->items[item].kind, b->items[item].target, &id);
    return known ? b->queue->targets[id] : NULL;
}

static ww_status check_targets(batch *b)
{
    uint64_t stamp = ++b->queue->batch_stamp;
    for (size_t i = 0; i < b->count; i++) {
        target *t = target_of(b, i);
        if (!t) return unknown_target(b, i);
        if (t->batch_stamp == stamp) {
            set_fault(b, (ww_bootstrap_fault){.kind = WW_BOOTSTRAP_ALREADY_QUEUED,
                                              .item = i,
                                              .target_id = t->id,
                                              .target = b->items[i].target});
            return ww_fail(b->diag, WW_E_EXISTS,
                           "bootstrap target \"%.*s\" is named twice in one request",
                           WW_VIEW_ARG(t->spec.name));
        }
        t->batch_stamp = stamp;
    }
    return WW_OK;
}

static const ww_bootstrap_input *supplied(const ww_bootstrap_request_item *item, size_t count,
                                          ww_view name)
{
    for (size_t i = 0; i < count; i++)
        if (ww_view_equal(item->inputs[i].name, name)) return &item->inputs[i];
    return NULL;
}

static bool declared(const target *t, ww_view name)
{
    for (uint32_t i = 0; i < t->spec.formal_count; i++)
        if (ww_view_equal(t->spec.formals[i], name)) return true;
    return false;
}

static ww_status input_fault(batch *b, size_t item, const target *t, ww_bootstrap_fault_kind kind,
                             ww_view input, const char *what)
{
    set_fault(b, (ww_bootstrap_fault){.kind = kind,
                                      .item = item,
                                      .target_id = t->id,
                                      .target = b->items[item].target,
                                      .input = input});
    ww_status status = kind == WW_BOOTSTRAP_DUPLICATE_INPUT ? WW_E_EXISTS : WW_E_USAGE;
    char formals[200] = "";
    int used = 0;
    for (uint32_t i = 0; i < t->spec.formal_count && used < (int)sizeof formals; i++)
        used += snprintf(formals + used, sizeof formals - (size_t)used, "%s\"%.*s\"", i ? ", " : "",
                         WW_VIEW_ARG(t->spec.formals[i]));
    return ww_fail(b->diag, status, "bootstrap target \"%.*s\" %s \"%.*s\"; declared: %s",
                   WW_VIEW_ARG(t->spec.name), what, WW_VIEW_ARG(input), used ? formals : "none");
}

/* More inputs than formals must hold an unknown or a repeated one, so this ends after formal_count
 * + 1 of them. */
static ww_status check_inputs(batch *b, size_t i)
{
    const ww_bootstrap_request_item *item = &b->items[i];
    const target *t = target_of(b, i);
    for (size_t n = 0; n < item->input_count; n++) {
        ww_view name = item->inputs[n].name;
        if (item->resumes || !declared(t, name))
            return input_fault(b, i, t, WW_BOOTSTRAP_UNKNOWN_INPUT, name, "has no input");
        if (supplied(item, n, name))
            return input_fault(b, i, t, WW_BOOTSTRAP_DUPLICATE_INPUT, name,
                               "was given twice the input");
    }
    for (uint32_t n = 0; n < t->spec.formal_count && !item->resumes; n++)
        if (!supplied(item, item->input_count, t->spec.formals[n]))
            return input_fault(b, i, t, WW_BOOTSTRAP_MISSING_INPUT, t->spec.formals[n],
                               "is missing the input");
    return WW_OK;
}

static bool item_bytes(const ww_bootstrap_request_item *item, uint64_t *out)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < item->input_count; i++)
        if (__builtin_add_overflow(sum, item->inputs[i].bytes.size, &sum)) return false;
    *out = sum;
    return true;
}

static ww_status size_fault(batch *b, size_t item, ww_bootstrap_fault_kind kind, uint64_t bytes,
                            uint64_t left, ww_status status)
{
    set_fault(b, (ww_bootstrap_fault){.kind = kind,
                                      .item = item,
                                      .target_id = target_of(b, item)->id,
                                      .target = b->items[item].target,
                                      .byte_count = bytes,
                                      .budget_remaining = left});
    return ww_fail(
        b->diag, status,
        "bootstrap target \"%.*s\": %llu bytes of input refused (%s), %llu left in the budget",
        WW_VIEW_ARG(b->items[item].target), (unsigned long long)bytes, ww_status_text(status),
        (unsigned long long)left);
}

/* Those of one request. */
static ww_status bytes_fault(batch *b, size_t item, uint64_t bytes, uint64_t left)
{
    size_fault(b, item, WW_BOOTSTRAP_TOO_LARGE, bytes, left, WW_E_LIMIT);
    return ww_fail(b->diag, WW_E_LIMIT,
                   "bootstrap target \"%.*s\": %llu bytes of input refused, at most %llu at a time",
                   WW_VIEW_ARG(b->items[item].target), (unsigned long long)bytes,
                   (unsigned long long)b->queue->limits.request_bytes_max);
}

static ww_status check_sizes(batch *b)
{
    const ww_bootstrap_limits *limits = &b->queue->limits;
    uint64_t left = ww_budget_left(b->queue->budget);
    if (b->count > limits->requests_max - (b->queue->live - b->queue->live_seeds))
        return size_fault(b, 0, WW_BOOTSTRAP_TOO_LARGE, 0, left, WW_E_LIMIT);
    for (size_t i = 0; i < b->count; i++) {
        uint64_t bytes = UINT64_MAX;
        if (!item_bytes(&b->items[i], &bytes) || bytes > limits->request_bytes_max)
            return bytes_fault(b, i, bytes, left);
        if (bytes > left)
            return size_fault(b, i, WW_BOOTSTRAP_ALLOCATION_FAILED, bytes, left, WW_E_QUOTA);
        left -= bytes;
        b->bytes += bytes;
    }
    return WW_OK;
}

static entry *new_entry(const ww_allocator *allocator, target *t, uint32_t inputs, uint64_t bytes)
{
    size_t claims_at = ww_align_up(sizeof(entry), _Alignof(claim));
    size_t inputs_at = claims_at + ((size_t)t->spec.touch_count + 1) * sizeof(claim);
    size_t size = inputs_at + inputs * sizeof(ww_view);
    uint8_t *memory = ww_alloc_zeroed(allocator, size);
    ww_blob *payload = ww_blob_new(allocator, bytes);
    if (!memory || !payload) {
        ww_free(allocator, memory, size);
        ww_blob_unref(payload);
        return NULL;
    }
    void *claims = memory + claims_at, *views = memory + inputs_at, *e = memory;
    *(entry *)e = (entry){.target = t,
                          .payload = payload,
                          .payload_bytes = bytes,
                          .inputs = views,
                          .input_count = inputs,
                          .size = size,
                          .claims = claims};
    return e;
}

static void copy_inputs(entry *e, const ww_bootstrap_request_item *item)
{
    uint8_t *at = e->payload->bytes;
    for (uint32_t i = 0; i < e->input_count; i++) {
        ww_view bytes = supplied(item, item->input_count, e->target->spec.formals[i])->bytes;
        if (bytes.size) memcpy(at, bytes.data, bytes.size);
        e->inputs[i] = ww_view_of(at, bytes.size);
        at += bytes.size;
    }
}

static void discard(batch *b)
{
    while (b->first) {
        entry *e = b->first;
        b->first = e->next;
        ww_blob_unref(e->payload);
        ww_free(b->queue->allocator, e, e->size);
    }
}

static ww_status stage(batch *b)
{
    for (size_t i = b->count; i-- > 0;) {
        uint64_t bytes = 0;
        bool fits = item_bytes(&b->items[i], &bytes);
        WW_ASSERT(fits); /* check_sizes has seen it */
        target *t = target_of(b, i);
        uint32_t inputs = b->items[i].resumes ? 0 : t->spec.formal_count;
        entry *e = new_entry(b->queue->allocator, t, inputs, bytes);
        if (!e)
            return size_fault(b, i, WW_BOOTSTRAP_ALLOCATION_FAILED, bytes,
                              ww_budget_left(b->queue->budget), WW_E_MEMORY);
        copy_inputs(e, &b->items[i]);
        e->next = b->first;
        b->first = e;
    }
    ww_status status = bootstrap_promise_events(b->queue, (uint32_t)b->count);
    if (status)
        return size_fault(
            b, 0, status == WW_E_LIMIT ? WW_BOOTSTRAP_TOO_LARGE : WW_BOOTSTRAP_ALLOCATION_FAILED, 0,
            ww_budget_left(b->queue->budget), status);
    return WW_OK;
}

static void commit(batch *b)
{
    bool charged = ww_budget_charge(b->queue->budget, b->bytes);
    WW_ASSERT(charged); /* check_sizes has asked */
    while (b->first) {
        entry *e = b->first;
        b->first = e->next;
        bootstrap_arrive(b->queue, e);
    }
}

ww_status ww_bootstrap_request(ww_bootstrap *queue, const ww_bootstrap_request_item *items,
                               size_t count, uint64_t now_ns, ww_bootstrap_fault *fault,
                               ww_diag *diag)
{
    (void)now_ns;
    batch b = {.queue = queue, .items = items, .count = count, .fault = fault, .diag = diag};
    set_fault(&b, (ww_bootstrap_fault){.target_id = WW_BOOTSTRAP_NONE});
    if (!count) return WW_OK;
    ww_status status = check_targets(&b);
    for (size_t i = 0; i < count && !status; i++)
        status = check_inputs(&b, i);
    if (!status) status = check_sizes(&b);
    if (!status) status = stage(&b);
    if (status)
        discard(&b);
    else
        commit(&b);
    return status;
}
