/* Programs that are loaded once, and what their cells are given by name. */
#include "support/session_world.h"
#include <stdio.h>

#define DENIED "denied: this method was not granted"

static ww_capnp_cap *load(session_world *w, ww_capnp_cap *executor, const char *wasm,
                          const char *reason)
{
    outcome o;
    ww_capnp_call *call;
    runtime_runtime_load_params_set_wasm(
        runtime_runtime_load_begin((runtime_runtime_cap){executor}, &call), ww_view_str(wasm));
    outcome_send(&o, call);
    ww_capnp_cap *program = result_cap(call);
    scene_pump(w);
    assert_string_equal(o.w.reason, reason);
    outcome_drop(&o);
    return program;
}

typedef struct methods {
    uint64_t interface;
    uint16_t ordinals[4];
    uint32_t count; /* of the ordinals */
} methods;

typedef struct named {
    const char *name;
    ww_capnp_cap *cap;
    const methods *methods;
    uint32_t methods_count;
} named;

static void set_methods(runtime_methods_b to, const methods *from)
{
    runtime_methods_set_interface(to, from->interface);
    ww_capnp_u16_lb ordinals = runtime_methods_init_ordinals(to, from->count);
    for (uint32_t i = 0; i < from->count; i++)
        ww_capnp_u16_lb_set(ordinals, i, from->ordinals[i % WW_COUNT_OF(from->ordinals)]);
}

static ww_capnp_call *begin_spawn(ww_capnp_cap *program, const named *grants, uint32_t count)
{
    ww_capnp_call *call;
    runtime_program_spawn_params_b p =
        runtime_program_spawn_begin((runtime_program_cap){program}, &call);
    runtime_grant_lb list = runtime_program_spawn_params_init_grants(p, count);
    for (uint32_t i = 0; i < count; i++) {
        runtime_grant_b grant = runtime_grant_lb_at(list, i);
        runtime_grant_set_name(grant, ww_view_str(grants[i].name));
        ww_capnp_any_b_set_cap(runtime_grant_pointer_cap(grant), grants[i].cap);
        if (!grants[i].methods) continue;
        runtime_methods_lb all = runtime_grant_init_methods(grant, grants[i].methods_count);
        for (uint32_t k = 0; k < grants[i].methods_count; k++)
            set_methods(runtime_methods_lb_at(all, k), &grants[i].methods[k]);
    }
    return call;
}

static ww_capnp_cap *get_grant(session_world *w, fake_cell *cell, const char *name,
                               const char *reason)
{
    outcome o;
    ww_capnp_call *call;
    runtime_grants_get_params_set_name(
        runtime_grants_get_begin((runtime_grants_cap){cell->bootstrap}, &call), ww_view_str(name));
    outcome_send(&o, call);
    ww_capnp_cap *cap = result_cap(call);
    scene_pump(w);
    assert_string_equal(o.w.reason, reason);
    outcome_drop(&o);
    return cap;
}

static void program__loaded_once__spawns_many(void **state)
{
    (void)state;
    session_world w;
    grafted g;
    outcome o;
    scene_init(&w);
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    ww_capnp_cap *program = load(&w, g.executor, "component", "");
    for (int i = 0; i < 10; i++)
        assert_string_equal(outcome_of(&w, &o, begin_spawn(program, NULL, 0)), "");
    assert_int_equal(w.cells.loads, 1);
    assert_int_equal(w.cells.count, 10);
    ww_capnp_cap *bad = load(&w, g.executor, "bad: no component", "no component");
    scene_advance(&w);
    assert_string_equal(outcome_of(&w, &o, begin_spawn(program, NULL, 0)), STALE);
    ww_capnp_cap_unref(program);
    ww_capnp_cap_unref(bad);
    grafted_drop(&g);
    scene_deinit(&w);
}

static void grants__named__are_all_that_the_child_has(void **state)
{
    (void)state;
    session_world w;
    grafted g;
    outcome o;
    ww_capnp_call *call;
    waiter ping;
    scene_init(&w);
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    ww_capnp_cap *program = load(&w, g.executor, "component", "");
    ww_capnp_cap *own; /* an object of the client's */
    uint32_t live = 0;
    factory_new(w.l.a.vat, &live, &own);
    const named grants[] = {{.name = "service", .cap = own},
                            {.name = "again", .cap = own},
                            {.name = "host", .cap = g.host}};
    assert_string_equal(outcome_of(&w, &o, begin_spawn(program, grants, 3)), "");
    fake_cell *cell = w.cells.cells[0];
    runtime_grants_list_begin((runtime_grants_cap){cell->bootstrap}, &call);
    outcome_send(&o, call);
    scene_pump(&w);
    ww_capnp_text_l names = runtime_grants_list_results_names(runtime_grants_list_response(call));
    assert_int_equal(names.list.count, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_view_is(ww_capnp_text_l_at(names, i), grants[i].name);
    outcome_drop(&o);
    ww_capnp_cap *service = get_grant(&w, cell, "service", ""),
                 *host = get_grant(&w, cell, "host", ""),
                 *none =
                     get_grant(&w, cell, "executor", "denied: nothing was granted by that name");
    call = call_ping(service, 3, &ping);
    scene_pump(&w);
    assert_result(ping, 3);
    ww_capnp_call_drop(call);
    peer_host_id_begin((peer_host_cap){host}, &call);
    assert_string_equal(outcome_of(&w, &o, call), "");
    peer_host_id_begin((peer_host_cap){cell->bootstrap}, &call); /* no host by itself */
    outcome_of(&w, &o, call);
    assert_int_equal(o.w.type, WW_CAPNP_UNIMPLEMENTED);
    scene_advance(&w);
    call = call_ping(service, 3, &ping);
    scene_pump(&w);
    assert_string_equal(ping.reason, STALE);
    ww_capnp_call_drop(call);
    ww_capnp_cap *caps[] = {service, host, none, own, program};
    for (size_t i = 0; i < WW_COUNT_OF(caps); i++)
        ww_capnp_cap_unref(caps[i]);
    grafted_drop(&g);
    scene_deinit(&w);
    assert_int_equal(live, 0);
}

static void grants__names_that_will_not_do__are_refused(void **state)
{
    (void)state;
    char long_name[300];
    memset(long_name, 'n', sizeof long_name);
    long_name[299] = '\0';
    const struct {
        named grants[2];
        const char *reason;
    } rows[] = {
        {{{.name = "a"}, {.name = ""}}, "a grant without a name"},
        {{{.name = "a"}, {.name = "a"}}, "two grants of one name"},
        {{{.name = "\xff"}, {.name = "a"}}, "the name of a grant is no text"},
        {{{.name = long_name}, {.name = "a"}}, "the name of a grant is too long"},
    };
    session_world w;
    grafted g;
    outcome o;
    scene_init(&w);
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    ww_capnp_cap *program = load(&w, g.executor, "component", "");
    for (size_t i = 0; i < WW_COUNT_OF(rows); i++)
        assert_string_equal(outcome_of(&w, &o, begin_spawn(program, rows[i].grants, 2)),
                            rows[i].reason);
    static named many[257];
    static char each[257][8];
    for (int i = 0; i < 257; i++) {
        snprintf(each[i], sizeof each[i], "n%d", i);
        many[i].name = each[i];
    }
    assert_string_equal(outcome_of(&w, &o, begin_spawn(program, many, 257)), "too many grants");
    assert_int_equal(w.cells.count, 0);
    assert_string_equal(outcome_of(&w, &o, begin_spawn(program, many, 256)), "");
    ww_capnp_cap_unref(program);
    grafted_drop(&g);
    scene_deinit(&w);
}

/* ---- grants of some methods ---- */

enum { PING = 0, ORDER = 6, MAKE = 7 };

static const char *ping(session_world *w, ww_capnp_cap *cap)
{
    static waiter p;
    ww_capnp_call_drop(call_ping(cap, 3, &p));
    scene_pump(w);
    return p.reason;
}

static const char *order(session_world *w, ww_capnp_cap *cap)
{
    static waiter o;
    ww_capnp_call_drop(call_order(cap, 0, &o));
    scene_pump(w);
    return o.reason;
}

static ww_capnp_cap *make(session_world *w, ww_capnp_cap *cap, const char *reason)
{
    waiter m;
    ww_capnp_call *call = call_make(cap, &m);
    ww_capnp_cap *made = result_cap(call);
    scene_pump(w);
    assert_string_equal(m.reason, reason);
    ww_capnp_call_drop(call);
    return made;
}

static void grant_of_some_methods__others__are_denied_all_the_way(void **state)
{
    (void)state;
    const methods some[] = {{INTEROP_ECHO_ID, {PING, MAKE}, 2}},
                  all_of_one[] = {{.interface = PEER_HOST_ID}};
    session_world w;
    grafted g;
    outcome o;
    ww_capnp_call *call;
    scene_init(&w);
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    ww_capnp_cap *program = load(&w, g.executor, "component", ""), *own;
    factory_new(w.l.a.vat, NULL, &own);
    const named grants[] = {{"service", own, some, 1},
                            {"everything", own, some, 0},
                            {"host", g.host, all_of_one, 1},
                            {"nothing", NULL, some, 1}};
    assert_string_equal(outcome_of(&w, &o, begin_spawn(program, grants, 4)), "");
    fake_cell *cell = w.cells.cells[0];
    ww_capnp_cap *service = get_grant(&w, cell, "service", ""),
                 *everything = get_grant(&w, cell, "everything", ""),
                 *host = get_grant(&w, cell, "host", "");
    assert_string_equal(ping(&w, service), "");
    assert_string_equal(order(&w, service), DENIED);
    ww_capnp_cap *made = make(&w, service, "");
    assert_string_equal(ping(&w, made), "");
    assert_string_equal(order(&w, made), DENIED);
    assert_string_equal(order(&w, everything), "");
    peer_host_id_begin((peer_host_cap){host}, &call);
    assert_string_equal(outcome_of(&w, &o, call), "");
    scene_advance(&w);
    assert_string_equal(ping(&w, service), STALE);
    ww_capnp_cap *caps[] = {service, everything, host, made, own, program};
    for (size_t i = 0; i < WW_COUNT_OF(caps); i++)
        ww_capnp_cap_unref(caps[i]);
    grafted_drop(&g);
    scene_deinit(&w);
}

static void grant_handed_on_with_less__both_limits_hold__and_outlive_the_giver(void **state)
{
    (void)state;
    const methods first[] = {{INTEROP_ECHO_ID, {PING, MAKE}, 2}},
                  second[] = {{INTEROP_ECHO_ID, {ORDER, MAKE}, 2}};
    session_world w;
    grafted g;
    outcome o;
    scene_init(&w);
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    ww_capnp_cap *program = load(&w, g.executor, "component", ""), *own;
    factory_new(w.l.a.vat, NULL, &own);
    const named grants[] = {{"service", own, first, 1}, {.name = "program", .cap = program}};
    assert_string_equal(outcome_of(&w, &o, begin_spawn(program, grants, 2)), "");
    fake_cell *cell = w.cells.cells[0];
    ww_capnp_cap *service = get_grant(&w, cell, "service", ""),
                 *childs_program = get_grant(&w, cell, "program", "");
    const named less[] = {{"less", service, second, 1}, {.name = "same", .cap = service}};
    assert_string_equal(outcome_of(&w, &o, begin_spawn(childs_program, less, 2)), "");
    fake_cell *grandchild = w.cells.cells[1];
    ww_capnp_cap *narrow = get_grant(&w, grandchild, "less", ""),
                 *same = get_grant(&w, grandchild, "same", "");
    for (int child_lives = 1; child_lives >= 0; child_lives--) {
        assert_string_equal(ping(&w, narrow), DENIED);
        assert_string_equal(order(&w, narrow), DENIED);
        ww_capnp_cap *made = make(&w, narrow, "");
        assert_string_equal(ping(&w, made), DENIED);
        ww_capnp_cap_unref(made);
        assert_string_equal(ping(&w, same), "");
        assert_string_equal(order(&w, same), DENIED);
        if (child_lives) fake_cell_exit(cell, 0);
        scene_pump(&w);
    }
    assert_string_equal(ping(&w, service), REVOKED); /* that was the child's own */
    ww_capnp_cap *caps[] = {service, childs_program, narrow, same, own, program};
    for (size_t i = 0; i < WW_COUNT_OF(caps); i++)
        ww_capnp_cap_unref(caps[i]);
    grafted_drop(&g);
    scene_deinit(&w);
}

static void grant_of_some_methods__bad_lists__are_refused(void **state)
{
    (void)state;
    methods many[WW_METHODS_INTERFACES_MAX + 1];
    for (size_t i = 0; i < WW_COUNT_OF(many); i++)
        many[i] = (methods){i, {0}, 1};
    const methods beyond[] = {{7, {63, 64}, 2}}, long_list[] = {{7, {0}, 65}},
                  unknown[] = {{0x1234, {PING}, 1}};
    session_world w;
    grafted g;
    outcome o;
    scene_init(&w);
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    ww_capnp_cap *program = load(&w, g.executor, "component", ""), *own;
    factory_new(w.l.a.vat, NULL, &own);
    const struct {
        named grant;
        const char *reason;
    } rows[] = {
        {{"a", own, many, WW_COUNT_OF(many)}, "a grant of too many interfaces"},
        {{"a", own, long_list, 1}, "a grant of too many methods"},
        {{"a", own, beyond, 1}, "a grant of a method beyond ordinal 63"},
    };
    for (size_t i = 0; i < WW_COUNT_OF(rows); i++) {
        assert_string_equal(outcome_of(&w, &o, begin_spawn(program, &rows[i].grant, 1)),
                            rows[i].reason);
        assert_int_equal(o.w.type, WW_CAPNP_FAILED);
    }
    assert_int_equal(w.cells.count, 0);
    const named odd[] = {{"a", own, many, WW_METHODS_INTERFACES_MAX}, {"b", own, unknown, 1}};
    assert_string_equal(outcome_of(&w, &o, begin_spawn(program, odd, 2)), "");
    ww_capnp_cap *cap = get_grant(&w, w.cells.cells[0], "b", "");
    assert_string_equal(ping(&w, cap), DENIED); /* of what nobody has, nothing */
    ww_capnp_cap_unref(cap);
    ww_capnp_cap_unref(own);
    ww_capnp_cap_unref(program);
    grafted_drop(&g);
    scene_deinit(&w);
}

/* A list of methods that cannot be read must not become a grant of all methods. */
static void grant__methods_that_cannot_be_read__is_refused(void **state)
{
    (void)state;
    session_world w;
    grafted g;
    outcome o;
    scene_init(&w);
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    ww_capnp_cap *program = load(&w, g.executor, "component", "");
    const named grant = {.name = "a", .cap = g.host};
    ww_capnp_call *call = begin_spawn(program, &grant, 1);
    runtime_grant_b broken =
        runtime_grant_lb_at(runtime_program_spawn_params_edit_grants((
                                runtime_program_spawn_params_b){ww_capnp_any_b_get_struct(
                                ww_capnp_call_params_b(call), RUNTIME_PROGRAM_SPAWN_PARAMS_SIZE)}),
                            0);
    uint64_t out_of_bounds = 1 | UINT64_C(0x7000) << 2 | UINT64_C(7) << 32 | UINT64_C(8) << 35;
    memcpy(ww_capnp_struct_b_pointer(broken.s, 2).at, &out_of_bounds, sizeof out_of_bounds);
    assert_string_equal(outcome_of(&w, &o, call), "grants that cannot be read");
    assert_int_equal(w.cells.count, 0);
    ww_capnp_cap_unref(program);
    grafted_drop(&g);
    scene_deinit(&w);
}

static void grants_of_some_methods__out_of_handles__leave_nothing(void **state)
{
    (void)state;
    const methods some[] = {{INTEROP_ECHO_ID, {PING}, 1}};
    session_world w;
    grafted g;
    outcome o;
    scene_init(&w);
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    ww_capnp_cap *program = load(&w, g.executor, "component", "");
    const named grants[] = {{"a", g.host, some, 1}, {"b", g.host, some, 1}};
    ww_budget *handles = &w.account->allowance.budgets[WW_ALLOWANCE_HANDLES];
    uint64_t used = handles->used, grants_used = w.table.in_use;
    handles->max = used + 1;
    assert_string_equal(outcome_of(&w, &o, begin_spawn(program, grants, 2)),
                        "quota: too many open handles");
    assert_int_equal(o.w.type, WW_CAPNP_OVERLOADED);
    scene_pump(&w);
    assert_int_equal(handles->used, used);
    assert_int_equal(w.table.in_use, grants_used);
    assert_int_equal(w.cells.count, 0);
    ww_capnp_cap_unref(program);
    grafted_drop(&g);
    scene_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(program__loaded_once__spawns_many),
        cmocka_unit_test(grants__named__are_all_that_the_child_has),
        cmocka_unit_test(grants__names_that_will_not_do__are_refused),
        cmocka_unit_test(grant_of_some_methods__others__are_denied_all_the_way),
        cmocka_unit_test(grant_handed_on_with_less__both_limits_hold__and_outlive_the_giver),
        cmocka_unit_test(grant_of_some_methods__bad_lists__are_refused),
        cmocka_unit_test(grant__methods_that_cannot_be_read__is_refused),
        cmocka_unit_test(grants_of_some_methods__out_of_handles__leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
