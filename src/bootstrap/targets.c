#include "bootstrap/state.h"

enum {
    CAPACITY_FIRST = 8,
    TARGET_MEMORY_MAX = 64 << 20,
};

ww_bootstrap_limits ww_bootstrap_limits_default(void)
{
    return (ww_bootstrap_limits){
        .components_max = 65536,
        .targets_max = 4096,
        .requests_max = 4096,
        .inputs_max = 100,
        .request_bytes_max = 10 << 20,
    };
}

ww_status ww_bootstrap_new(const ww_allocator *allocator, ww_bootstrap_limits limits,
                           ww_budget *budget, const uint64_t hash_key[2], ww_bootstrap **out)
{
    *out = NULL;
    ww_bootstrap *queue = ww_alloc_zeroed(allocator, sizeof *queue);
    if (!queue) return WW_E_MEMORY;
    queue->allocator = allocator;
    queue->limits = limits;
    queue->budget = budget;
    ww_arena_init(&queue->text, allocator, SIZE_MAX);
    for (int kind = 0; kind < WW_BOOTSTRAP_KINDS; kind++)
        ww_names_init(&queue->names[kind], allocator, hash_key, limits.targets_max);
    *out = queue;
    return WW_OK;
}

/* One block holds the four arrays that are as long as the target table, so that growing them is all
 * or nothing. */
static size_t tables_size(uint32_t capacity)
{
    return capacity * (sizeof(target *) + 3 * sizeof(uint32_t));
}

static void free_target(ww_bootstrap *queue, target *t)
{
    ww_arena memory = t->memory;
    ww_arena_deinit(&memory);
    ww_free(queue->allocator, t, sizeof *t);
}

void ww_bootstrap_free(ww_bootstrap *queue)
{
    if (!queue) return;
    for (int place = 0; place < WW_BOOTSTRAP_PLACES; place++)
        while (queue->places[place].first)
            bootstrap_drop(queue, queue->places[place].first);
    for (uint32_t i = 0; i < queue->target_count; i++)
        free_target(queue, queue->targets[i]);
    const ww_allocator *a = queue->allocator;
    ww_free(a, queue->targets, tables_size(queue->target_capacity));
    for (int kind = 0; kind < WW_BOOTSTRAP_KINDS; kind++)
        ww_names_deinit(&queue->names[kind]);
    ww_free(a, queue->components, queue->component_capacity * sizeof *queue->components);
    ww_free(a, queue->events, queue->event_capacity * sizeof *queue->events);
    ww_arena_deinit(&queue->text);
    ww_free(a, queue, sizeof *queue);
}

ww_status ww_bootstrap_component(ww_bootstrap *queue, ww_view name, uint32_t *number)
{
    uint32_t count = queue->component_count;
    if (count >= queue->limits.components_max || name.size > WW_BOOTSTRAP_NAME_SIZE_MAX)
        return WW_E_LIMIT;
    if (count == queue->component_capacity) {
        uint32_t capacity = count ? 2 * count : CAPACITY_FIRST;
        part *grown = ww_realloc(queue->allocator, queue->components, count * sizeof *grown,
                                 capacity * sizeof *grown);
        if (!grown) return WW_E_MEMORY;
        queue->components = grown;
        queue->component_capacity = capacity;
    }
    char *text = ww_arena_text(&queue->text, name.data, name.size);
    if (!text) return WW_E_MEMORY;
    queue->components[count] = (part){.name = ww_view_of(text, name.size)};
    *number = queue->component_count++;
    return WW_OK;
}

static ww_status check_spec(const ww_bootstrap *queue, const ww_bootstrap_target *spec,
                            ww_diag *diag)
{
    if (!spec->name.size || spec->name.size > WW_BOOTSTRAP_NAME_SIZE_MAX)
        return ww_fail(diag, WW_E_INVALID,
                       "a bootstrap target's name has %zu bytes, 1 to %d are allowed",
                       spec->name.size, WW_BOOTSTRAP_NAME_SIZE_MAX);
    if (spec->formal_count > queue->limits.inputs_max)
        return ww_fail(diag, WW_E_LIMIT,
                       "bootstrap target \"%.*s\" declares %u inputs, %u are allowed",
                       WW_VIEW_ARG(spec->name), spec->formal_count, queue->limits.inputs_max);
    for (uint32_t i = 0; i < spec->formal_count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (ww_view_equal(spec->formals[i], spec->formals[j]))
                return ww_fail(diag, WW_E_INVALID,
                               "bootstrap target \"%.*s\" declares the input \"%.*s\" twice",
                               WW_VIEW_ARG(spec->name), WW_VIEW_ARG(spec->formals[i]));
    for (uint32_t i = 0; i < spec->touch_count; i++) {
        WW_ASSERT(spec->touches[i] < queue->component_count);
        WW_ASSERT(!i || spec->touches[i - 1] < spec->touches[i]);
    }
    return WW_OK;
}

/* Everything a target refers to, in its own arena. */
static ww_status copy_spec(target *t, const ww_bootstrap_target *spec)
{
    t->spec = *spec;
    ww_view *formals = ww_arena_array(&t->memory, spec->formal_count, sizeof *formals);
    uint32_t *touches = ww_arena_array(&t->memory, spec->touch_count, sizeof *touches);
    char *name = ww_arena_text(&t->memory, spec->name.data, spec->name.size);
    claim *claims = ww_arena_array(&t->memory, (size_t)spec->touch_count + 1, sizeof *claims);
    if (!formals || !touches || !name || !claims) return WW_E_MEMORY;
    for (uint32_t i = 0; i < spec->formal_count; i++) {
        char *formal = ww_arena_text(&t->memory, spec->formals[i].data, spec->formals[i].size);
        if (!formal) return WW_E_MEMORY;
        formals[i] = ww_view_of(formal, spec->formals[i].size);
    }
    if (spec->touch_count) memcpy(touches, spec->touches, spec->touch_count * sizeof *touches);
    t->spec.name = ww_view_of(name, spec->name.size);
    t->spec.formals = formals;
    t->spec.touches = touches;
    t->seed = (entry){.target = t, .seed = true, .claims = claims};
    return WW_OK;
}

static ww_status new_target(ww_bootstrap *queue, const ww_bootstrap_target *spec, target **out)
{
    target *t = ww_alloc_zeroed(queue->allocator, sizeof *t);
    if (!t) return WW_E_MEMORY;
    ww_arena_init(&t->memory, queue->allocator, TARGET_MEMORY_MAX);
    ww_status status = copy_spec(t, spec);
    if (status) {
        free_target(queue, t);
        return status;
    }
    t->seed.target = t;
    *out = t;
    return WW_OK;
}

static void lay_tables(ww_bootstrap *queue, uint8_t *block, uint32_t capacity)
{
    void *parts[] = {queue->targets, queue->install_order, queue->by_name[0], queue->by_name[1]};
    const size_t sizes[] = {sizeof(target *), sizeof(uint32_t), sizeof(uint32_t), sizeof(uint32_t)};
    for (size_t i = 0; i < WW_COUNT_OF(parts); i++) {
        if (queue->target_capacity) memcpy(block, parts[i], queue->target_capacity * sizes[i]);
        parts[i] = block;
        block += capacity * sizes[i];
    }
    queue->targets = parts[0];
    queue->install_order = parts[1];
    queue->by_name[0] = parts[2];
    queue->by_name[1] = parts[3];
}

static ww_status reserve_target(ww_bootstrap *queue)
{
    if (queue->target_count >= queue->limits.targets_max) return WW_E_LIMIT;
    uint32_t used = queue->target_count; /* a name may be left over from what was taken back */
    for (int kind = 0; kind < WW_BOOTSTRAP_KINDS; kind++)
        if (queue->names[kind].count > used) used = queue->names[kind].count;
    if (used < queue->target_capacity) return WW_OK;
    uint32_t capacity = queue->target_capacity ? 2 * queue->target_capacity : CAPACITY_FIRST;
    uint8_t *block = ww_alloc(queue->allocator, tables_size(capacity));
    if (!block) return WW_E_MEMORY;
    void *old = queue->targets;
    lay_tables(queue, block, capacity);
    ww_free(queue->allocator, old, tables_size(queue->target_capacity));
    queue->target_capacity = capacity;
    return WW_OK;
}

static ww_status check_replaced(const target *old, const target *t, ww_diag *diag)
{
    if (old->spec.driver != t->spec.driver)
        return ww_fail(diag, WW_E_EXISTS, "\"%.*s\" is the name of another bootstrap target",
                       WW_VIEW_ARG(old->spec.name));
    if (old->live)
        return ww_fail(diag, WW_E_BUSY, "bootstrap target \"%.*s\" has work under way",
                       WW_VIEW_ARG(old->spec.name));
    return WW_OK;
}

static ww_status replace_target(ww_bootstrap *queue, target *old, target *t, ww_diag *diag)
{
    ww_status status = check_replaced(old, t, diag);
    if (!status && old->asked_input) { /* it is asked again, or has its turn */
        status = bootstrap_promise_events(queue, 1);
        if (status) ww_fail(diag, status, "no room for the events of a bootstrap target");
    }
    if (status) {
        free_target(queue, t);
        return status;
    }
    t->id = old->id;
    t->done = old->done;
    t->failed = old->failed;
    t->spec.in_install_order = old->spec.in_install_order;
    queue->targets[old->id] = t;
    free_target(queue, old);
    bootstrap_settle(queue);
    return WW_OK;
}

static ww_status append_target(ww_bootstrap *queue, target *t)
{
    ww_bootstrap_kind kind = t->spec.kind;
    bool ordered = kind == WW_BOOTSTRAP_MODULE || t->spec.in_install_order;
    ww_status status = reserve_target(queue);
    if (!status && ordered) status = bootstrap_promise_events(queue, 1);
    uint32_t name;
    if (!status) status = ww_names_intern(&queue->names[kind], t->spec.name, &name);
    if (status) return status;
    t->id = queue->target_count;
    t->spec.in_install_order = ordered;
    queue->targets[queue->target_count++] = t;
    queue->by_name[kind][name] = t->id;
    if (ordered) queue->install_order[queue->install_count++] = t->id;
    return WW_OK;
}

static bool find_exact(const ww_bootstrap *queue, ww_bootstrap_kind kind, ww_view name,
                       uint32_t *out)
{
    uint32_t id;
    if (!ww_names_find(&queue->names[kind], name, &id)) return false;
    *out = queue->by_name[kind][id];
    return *out != WW_BOOTSTRAP_NONE;
}

ww_status ww_bootstrap_install(ww_bootstrap *queue, const ww_bootstrap_target *spec, uint32_t *out,
                               ww_diag *diag)
{
    ww_status status = check_spec(queue, spec, diag);
    if (status) return status;
    target *t;
    status = new_target(queue, spec, &t);
    if (status) return ww_fail(diag, status, "no memory for a bootstrap target");
    if (find_exact(queue, spec->kind, spec->name, out))
        return replace_target(queue, queue->targets[*out], t, diag);
    status = append_target(queue, t);
    if (status) {
        free_target(queue, t);
        return ww_fail(diag, status, "bootstrap target \"%.*s\": %s", WW_VIEW_ARG(spec->name),
                       ww_status_text(status));
    }
    *out = t->id;
    bootstrap_settle(queue);
    return WW_OK;
}

ww_bootstrap_mark ww_bootstrap_mark_now(const ww_bootstrap *queue)
{
    return (ww_bootstrap_mark){queue->component_count, queue->target_count, queue->install_count};
}

/* Names stay interned, but mean no target any more. */
void ww_bootstrap_rollback(ww_bootstrap *queue, ww_bootstrap_mark mark)
{
    while (queue->target_count > mark.targets) {
        target *t = queue->targets[--queue->target_count];
        WW_ASSERT(!t->live);
        uint32_t name = 0;
        bool known = ww_names_find(&queue->names[t->spec.kind], t->spec.name, &name);
        WW_ASSERT(known);
        queue->by_name[t->spec.kind][name] = WW_BOOTSTRAP_NONE;
        free_target(queue, t);
    }
    queue->install_count = mark.install_count;
    WW_ASSERT(queue->next_idx <= queue->install_count);
    queue->component_count = mark.components;
}

bool ww_bootstrap_find(const ww_bootstrap *queue, ww_bootstrap_kind kind, ww_view name,
                       uint32_t *out)
{
    static const char suffix[] = "__bootstrap";
    if (find_exact(queue, kind, name, out)) return true;
    if (kind != WW_BOOTSTRAP_MODULE || name.size > WW_BOOTSTRAP_NAME_SIZE_MAX) return false;
    const uint8_t *hash = name.size ? memchr(name.data, '#', name.size) : NULL;
    size_t size = hash ? (size_t)(hash - name.data) : name.size;
    char text[WW_BOOTSTRAP_NAME_SIZE_MAX + sizeof suffix];
    if (size) memcpy(text, name.data, size);
    memcpy(text + size, suffix, sizeof suffix);
    return find_exact(queue, kind, ww_view_of(text, size + sizeof suffix - 1), out);
}

uint32_t ww_bootstrap_target_count(const ww_bootstrap *queue)
{
    return queue->target_count;
}

ww_bootstrap_target_info ww_bootstrap_target_at(const ww_bootstrap *queue, uint32_t id)
{
    WW_ASSERT(id < queue->target_count);
    const target *t = queue->targets[id];
    return (ww_bootstrap_target_info){
        .kind = t->spec.kind,
        .name = t->spec.name,
        .formals = t->spec.formals,
        .formal_count = t->spec.formal_count,
        .touches = t->spec.touches,
        .touch_count = t->spec.touch_count,
        .done = t->done,
        .failed = t->failed,
        .live = t->live,
    };
}

uint32_t ww_bootstrap_install_order(const ww_bootstrap *queue, const uint32_t **targets)
{
    *targets = queue->install_order;
    return queue->install_count;
}

ww_view ww_bootstrap_component_name(const ww_bootstrap *queue, uint32_t number)
{
    WW_ASSERT(number < queue->component_count);
    return queue->components[number].name;
}
