/* Capabilities that end in this vat: servers of the application, and errors. */
#include "capnp/vat.h"

/* NULL until a first streaming call. */
static capnp_busy *busy_of(const ww_capnp_cap *cap)
{
    return cap->class == &CAPNP_STREAM_SERVER ? ((const capnp_server_cap *)cap)->busy : NULL;
}

ww_capnp_server *capnp_server_of(const ww_capnp_cap *cap)
{
    if (cap->class == &CAPNP_SERVER) return ((const capnp_server_cap *)cap)->server;
    const capnp_busy *busy = busy_of(cap);
    return busy ? busy->server : NULL;
}

static void server_destroy(ww_capnp_cap *cap)
{
    ww_capnp_vat *vat = cap->vat;
    ww_capnp_server *server = capnp_server_of(cap);
    if (vat->attached) capnp_detach_fd(cap);
    if (server->destroy) server->destroy(server);
    ww_free(vat->allocator, busy_of(cap), sizeof(capnp_busy));
    ww_free(vat->allocator, cap, sizeof(capnp_server_cap));
}

static void broken_destroy(capnp_broken_cap *cap)
{
    const ww_allocator *allocator = &cap->arena->base;
    if (cap->reason) ww_free(allocator, cap->reason, strlen(cap->reason) + 1);
    ww_free(allocator, cap, sizeof *cap);
}

static void destroy(ww_capnp_cap *cap)
{
    if (cap->class == &CAPNP_SERVER || cap->class == &CAPNP_STREAM_SERVER)
        server_destroy(cap);
    else if (cap->class == &CAPNP_BROKEN)
        broken_destroy((capnp_broken_cap *)cap);
    else if (cap->class == &CAPNP_GUARD)
        cap->vat->guards->destroy(cap);
    else
        capnp_promise_destroy((capnp_promise *)cap);
}

void capnp_reap(ww_capnp_cap *cap)
{
    ww_capnp_vat *vat = cap->vat;
    cap->export_conn = (const void *)vat->dead; /* free to use: what is exported is referred to */
    vat->dead = cap;
    if (vat->is_reaping) return;
    vat->is_reaping = true;
    while ((cap = vat->dead)) {
        vat->dead = (ww_capnp_cap *)(uintptr_t)cap->export_conn;
        destroy(cap);
    }
    vat->is_reaping = false;
}

const ww_capnp_cap_class CAPNP_SERVER = {capnp_reap}, CAPNP_STREAM_SERVER = {capnp_reap},
                         CAPNP_BROKEN = {capnp_reap}, CAPNP_PROMISE = {capnp_reap},
                         CAPNP_GUARD = {capnp_reap};

ww_capnp_cap *ww_capnp_server_cap(ww_capnp_vat *vat, ww_capnp_server *server)
{
    capnp_server_cap *cap = ww_alloc(vat->allocator, sizeof *cap);
    if (!cap) return NULL;
    *cap = (capnp_server_cap){.base = {.class = &CAPNP_SERVER, .refs = 1, .vat = vat},
                              .server = server};
    return &cap->base;
}

ww_capnp_server *ww_capnp_cap_server(ww_capnp_cap *cap)
{
    if (cap) cap = capnp_follow(cap, NULL);
    return cap ? capnp_server_of(cap) : NULL;
}

ww_capnp_cap *capnp_broken(capnp_arena *arena, ww_capnp_exception type, const char *reason)
{
    ww_capnp_vat *vat = arena->vat;
    size_t size = strnlen(reason, WW_CAPNP_REASON_MAX - 1);
    capnp_broken_cap *cap = ww_alloc(&arena->base, sizeof *cap);
    char *copy = cap ? ww_alloc(&arena->base, size + 1) : NULL;
    if (!copy) {
        ww_free(&arena->base, cap, sizeof *cap);
        return ww_capnp_cap_ref(&vat->null_cap.base);
    }
    memcpy(copy, reason, size);
    copy[size] = '\0';
    *cap = (capnp_broken_cap){{.class = &CAPNP_BROKEN, .refs = 1, .vat = vat}, type, copy, arena};
    return &cap->base;
}

ww_capnp_cap *ww_capnp_broken_new(ww_capnp_vat *vat, ww_capnp_exception type, const char *reason)
{
    ww_capnp_cap *cap = capnp_broken(vat->arena, type, reason);
    if (cap != &vat->null_cap.base) return cap;
    ww_capnp_cap_unref(cap);
    return NULL;
}

/* ---- dispatch ---- */

static const ww_capnp_interface *find_interface(const ww_capnp_server_type *type, uint64_t id)
{
    size_t low = 0, high = type->interface_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (type->interfaces[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < type->interface_count && type->interfaces[low].id == id;
    return found ? &type->interfaces[low] : NULL;
}

static ww_capnp_handler *handler_of(const ww_capnp_server *server,
                                    const ww_capnp_interface *interface, uint16_t method)
{
    const uint8_t *slots = (const uint8_t *)server->table + interface->offset;
    ww_capnp_handler *handler;
    memcpy(&handler, slots + method * sizeof handler, sizeof handler);
    return handler;
}

/* True when the call was put off until the streaming call before it is done. */
static bool waits(ww_capnp_call *call)
{
    capnp_busy *busy = busy_of(call->target);
    if (!busy || !(busy->is_busy || busy->waiting.first)) return false;
    capnp_list_push(&busy->waiting, &call->item);
    return true;
}

static bool make_busy(capnp_server_cap *cap)
{
    if (cap->base.class == &CAPNP_SERVER) {
        capnp_busy *busy = ww_alloc(cap->base.vat->allocator, sizeof *busy);
        if (!busy) return false;
        *busy = (capnp_busy){.server = cap->server};
        cap->busy = busy;
        cap->base.class = &CAPNP_STREAM_SERVER;
    }
    cap->busy->is_busy = true;
    return true;
}

void capnp_dispatch(ww_capnp_call *call)
{
    capnp_server_cap *cap = (capnp_server_cap *)call->target;
    ww_capnp_server *server = capnp_server_of(call->target);
    if (waits(call)) return;
    const ww_capnp_interface *interface = find_interface(server->type, call->interface_id);
    bool known = interface && call->method < interface->method_count;
    ww_capnp_handler *handler = known ? handler_of(server, interface, call->method) : NULL;
    if (!handler) {
        capnp_call_fail_now(call, WW_CAPNP_UNIMPLEMENTED, "method not implemented");
        return;
    }
    call->is_exclusive = interface->methods[call->method].is_streaming;
    if (call->is_exclusive && !make_busy(cap)) {
        call->is_exclusive = false;
        capnp_call_fail_now(call, WW_CAPNP_OVERLOADED, "out of memory");
        return;
    }
    call->state = CALL_RUNNING;
    capnp_call_remind(call);
    ww_capnp_cap_ref(
        &cap->base); /* a handler that returns must not pull the rug from under itself */
    handler(server, call);
    ww_capnp_cap_unref(&cap->base);
}

void capnp_server_idle(ww_capnp_call *call)
{
    capnp_busy *busy = busy_of(call->target);
    busy->is_busy = false;
    while (busy->waiting.last) { /* ahead of what came later */
        capnp_item *item = busy->waiting.last;
        capnp_list_remove(item);
        capnp_list_push_front(&call->vat->ready, item);
    }
    capnp_vat_wake(call->vat);
}
