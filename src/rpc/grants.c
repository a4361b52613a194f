/* What a cell was given by name. */
#include "capnp/runtime.capnp.h"
#include "rpc/session_state.h"

enum { GRANTS_MAX = 256, NAME_SIZE_MAX = 256 };

typedef struct grant {
    uint32_t name_at, name_size; /* in the names */
    ww_capnp_cap *cap;
} grant;

typedef struct grants {
    ww_facet facet;
    uint32_t count;
    size_t size; /* of this and the names behind the entries */
    grant of[];
} grants;

static uint8_t *names_of(grants *g)
{
    return (uint8_t *)(g->of + g->count);
}

static ww_view name_at(grants *g, uint32_t index)
{
    return ww_view_of(names_of(g) + g->of[index].name_at, g->of[index].name_size);
}

static void get(ww_capnp_server *self, ww_capnp_call *call)
{
    grants *g = WW_CONTAINER_OF(self, grants, facet.server);
    ww_view name = runtime_grants_get_params_name(runtime_grants_get_params(call));
    for (uint32_t i = 0; i < g->count; i++) {
        if (!ww_view_equal(name_at(g, i), name)) continue;
        ww_capnp_any_b_set_cap(
            runtime_grants_get_results_pointer_cap(runtime_grants_get_results(call)), g->of[i].cap);
        ww_capnp_call_return(call);
        return;
    }
    ww_capnp_call_fail(call, WW_CAPNP_FAILED, "denied: nothing was granted by that name");
}

static void list(ww_capnp_server *self, ww_capnp_call *call)
{
    grants *g = WW_CONTAINER_OF(self, grants, facet.server);
    ww_capnp_text_lb names =
        runtime_grants_list_results_init_names(runtime_grants_list_results(call), g->count);
    for (uint32_t i = 0; i < g->count; i++)
        ww_capnp_text_lb_set(names, i, name_at(g, i));
    ww_capnp_call_return(call);
}

static void free_grants(grants *g, const ww_allocator *allocator)
{
    for (uint32_t i = 0; i < g->count; i++)
        ww_capnp_cap_unref(g->of[i].cap);
    ww_free(allocator, g, g->size);
}

static void destroy(ww_capnp_server *server)
{
    grants *g = WW_CONTAINER_OF(server, grants, facet.server);
    const ww_allocator *allocator = g->facet.session->node->allocator;
    ww_facet_leave(&g->facet);
    free_grants(g, allocator);
}

/* Why the names will not do; NULL when they will. Sizes are those that are read again below. */
static const char *check_names(runtime_grant_l all, size_t *names_size)
{
    *names_size = 0;
    if (all.list.count > GRANTS_MAX) return "too many grants";
    for (uint32_t i = 0; i < all.list.count; i++) {
        ww_view name = runtime_grant_name(runtime_grant_l_at(all, i));
        if (!name.size) return "a grant without a name";
        if (name.size > NAME_SIZE_MAX) return "the name of a grant is too long";
        if (!ww_capnp_text_valid(name)) return "the name of a grant is no text";
        *names_size += name.size;
        for (uint32_t before = 0; before < i; before++)
            if (ww_view_equal(runtime_grant_name(runtime_grant_l_at(all, before)), name))
                return "two grants of one name";
    }
    return NULL;
}

/* Why the methods will not do; NULL when they will. */
static const char *read_methods(runtime_methods_l list, ww_methods *out)
{
    *out = (ww_methods){0};
    if (list.list.count > WW_METHODS_INTERFACES_MAX) return "a grant of too many interfaces";
    for (uint32_t i = 0; i < list.list.count; i++) {
        runtime_methods_r each = runtime_methods_l_at(list, i);
        uint64_t interface = runtime_methods_interface(each);
        ww_capnp_u16_l ordinals = runtime_methods_ordinals(each);
        if (ordinals.list.count > WW_METHODS_ORDINALS_MAX) return "a grant of too many methods";
        ww_status status = ordinals.list.count ? WW_OK : ww_methods_allow_all(out, interface);
        for (uint32_t k = 0; !status && k < ordinals.list.count; k++)
            status = ww_methods_allow(out, interface, ww_capnp_u16_l_at(ordinals, k));
        if (status) return "a grant of a method beyond ordinal 63";
    }
    return NULL;
}

/* The capability of a grant, as far as it was granted. */
static ww_status take(ww_session *session, runtime_grant_r from, ww_capnp_cap **out,
                      const char **reason)
{
    ww_capnp_cap *cap = ww_capnp_any_cap(runtime_grant_cap(from));
    runtime_methods_l list = runtime_grant_methods(from);
    if (!list.list.count) {
        *out = ww_capnp_cap_ref(cap);
        return WW_OK;
    }
    ww_methods methods;
    const char *refusal = read_methods(list, &methods);
    if (!refusal) return ww_session_narrow(session, cap, &methods, out, reason);
    *reason = refusal;
    return WW_E_INVALID;
}

static ww_status fill(grants *g, ww_session *session, runtime_grant_l all, const char **reason)
{
    const ww_capnp_message *message = all.list.message;
    uint32_t at = 0;
    size_t names_size = g->size - sizeof *g - g->count * sizeof *g->of;
    for (uint32_t i = 0; i < g->count; i++) {
        runtime_grant_r each = runtime_grant_l_at(all, i);
        ww_view name = runtime_grant_name(each);
        if (name.size > names_size - at) break; /* read again, it is another: a broken message */
        memcpy(names_of(g) + at, name.data, name.size);
        g->of[i] = (grant){.name_at = at, .name_size = (uint32_t)name.size};
        at += (uint32_t)name.size;
        ww_status status = take(session, each, &g->of[i].cap, reason);
        if (status) return status;
    }
    /* What cannot be read is nothing, and no methods would be all of them. */
    bool is_sound = !message || ww_capnp_message_check(message, NULL) == WW_OK;
    if (!is_sound) *reason = "grants that cannot be read";
    return is_sound ? WW_OK : WW_E_INVALID;
}

ww_status ww_session_grants(ww_session *session, ww_capnp_any any, ww_capnp_cap **out,
                            const char **reason)
{
    static const runtime_grants_vt table = {.get = get, .list = list};
    const ww_rpc_node *node = session->node;
    runtime_grant_l all = runtime_grant_l_from(any);
    size_t names_size;
    *out = NULL;
    *reason = check_names(all, &names_size);
    if (*reason) return WW_E_INVALID;
    *reason = "out of memory";
    size_t size = sizeof(grants) + all.list.count * sizeof(grant) + names_size;
    grants *g = ww_alloc_zeroed(node->allocator, size);
    if (!g) return WW_E_MEMORY;
    g->count = all.list.count;
    g->size = size;
    ww_status status = fill(g, session, all, reason);
    if (!status) *out = runtime_grants_serve(node->vat, &g->facet.server, &table, destroy).cap;
    if (*out)
        ww_facet_join(&g->facet, session);
    else
        free_grants(g, node->allocator);
    return !status && !*out ? WW_E_MEMORY : status;
}
