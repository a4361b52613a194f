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

ww_capnp_cap *ww_session_grants(ww_session *session, ww_capnp_any any, const char **refusal)
{
    static const runtime_grants_vt table = {.get = get, .list = list};
    const ww_rpc_node *node = session->node;
    runtime_grant_l all = runtime_grant_l_from(any);
    size_t names_size;
    *refusal = check_names(all, &names_size);
    if (*refusal) return NULL;
    size_t size = sizeof(grants) + all.list.count * sizeof(grant) + names_size;
    grants *g = ww_alloc_zeroed(node->allocator, size);
    if (!g) return NULL;
    g->count = all.list.count;
    g->size = size;
    uint32_t at = 0;
    for (uint32_t i = 0; i < g->count; i++) {
        runtime_grant_r each = runtime_grant_l_at(all, i);
        ww_view name = runtime_grant_name(each);
        if (name.size > names_size - at) break; /* read again, it is another: a broken message */
        memcpy(names_of(g) + at, name.data, name.size);
        g->of[i] = (grant){at, (uint32_t)name.size,
                           ww_capnp_cap_ref(ww_capnp_any_cap(runtime_grant_cap(each)))};
        at += (uint32_t)name.size;
    }
    ww_capnp_cap *cap = runtime_grants_serve(node->vat, &g->facet.server, &table, destroy).cap;
    if (cap)
        ww_facet_join(&g->facet, session);
    else
        free_grants(g, node->allocator);
    return cap;
}
