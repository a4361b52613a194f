/* Code that capnpc-c17 made from test/interop/interop.capnp. */
#include "capnp/membrane.capnp.h"
#include "support/capnp_words.h"
#include "support/check.h"
#include "support/generics.capnp.h"
#include <math.h>

static interop_all_types_r empty(void)
{
    static const uint64_t words[1];
    static const ww_capnp_segment nothing = {(const uint8_t *)words, 1, 0};
    return interop_all_types_from(ww_capnp_constant(&nothing));
}

static void defaults__unset_fields__are_those_of_the_schema(void **state)
{
    (void)state;
    interop_all_types_r r = empty();
    assert_true(interop_all_types_b_(r));
    assert_int_equal(interop_all_types_i8(r), INT8_MIN);
    assert_int_equal(interop_all_types_i16(r), INT16_MIN);
    assert_int_equal(interop_all_types_i32(r), INT32_MIN);
    assert_true(interop_all_types_i64(r) == INT64_MIN);
    assert_int_equal(interop_all_types_u8(r), UINT8_MAX);
    assert_int_equal(interop_all_types_u16(r), UINT16_MAX);
    assert_int_equal(interop_all_types_u32(r), UINT32_MAX);
    assert_true(interop_all_types_u64(r) == UINT64_MAX);
    assert_true(interop_all_types_f32(r) == 0 && signbit(interop_all_types_f32(r)));
    assert_true(isnan(interop_all_types_f64(r)));
    assert_view_is(interop_all_types_text(r), "default");
    assert_view_is(interop_all_types_data(r), "\1\2\3");
    assert_int_equal(interop_all_types_color(r), INTEROP_COLOR_BLUE_GREEN);
    assert_int_equal(interop_point_y(interop_all_types_point(r)), 4);
    assert_int_equal(interop_all_types_points(r).list.count, 2);
    assert_int_equal(interop_point_x(interop_point_l_at(interop_all_types_points(r), 1)), 2);
    assert_int_equal(ww_capnp_i16_l_at(interop_all_types_shorts(r), 0), -1);
    assert_false(interop_all_types_has_text(r));
    assert_int_equal(interop_all_types_which(r), INTEROP_ALL_TYPES_IS_NONE);
    assert_int_equal(interop_all_types_number(r), 7);
}

static void fields__set__read_back(void **state)
{
    (void)state;
    ww_capnp_builder b;
    ww_capnp_builder_init(&b, ww_allocator_libc(), NULL);
    interop_all_types_b t = interop_all_types_init_root(&b);
    interop_all_types_set_b_(t, false);
    interop_all_types_set_i64(t, -5);
    interop_all_types_set_u8(t, 200);
    interop_all_types_set_f32(t, 1.5f);
    interop_all_types_set_f64(t, -2.5);
    interop_all_types_set_text(t, ww_view_str("set"));
    interop_all_types_set_color(t, (enum interop_color)77); /* of a newer schema */
    interop_point_set_x(interop_all_types_init_point(t), -9);
    ww_capnp_bool_lb bools = interop_all_types_init_bools(t, 9);
    for (uint32_t i = 0; i < 9; i += 2)
        ww_capnp_bool_lb_set(bools, i, true);
    ww_capnp_any_lb nested = interop_all_types_init_nested(t, 1);
    ww_capnp_any_b_set_data(ww_capnp_any_lb_at(nested, 0), ww_view_str("ab"));
    interop_box_of_text_set_value(interop_all_types_init_box(t), ww_view_str("boxed"));
    interop_all_types_r r = interop_all_types_read(t);
    assert_false(interop_all_types_b_(r));
    assert_true(interop_all_types_i64(r) == -5);
    assert_int_equal(interop_all_types_u8(r), 200);
    assert_true(interop_all_types_f32(r) == 1.5f);
    assert_true(interop_all_types_f64(r) == -2.5);
    assert_view_is(interop_all_types_text(r), "set");
    assert_int_equal((unsigned)interop_all_types_color(r), 77);
    assert_int_equal(interop_point_x(interop_all_types_point(r)), -9);
    assert_int_equal(interop_point_y(interop_all_types_point(r)),
                     0); /* the struct was set as a whole */
    assert_true(ww_capnp_bool_l_at(interop_all_types_bools(r), 8));
    assert_false(ww_capnp_bool_l_at(interop_all_types_bools(r), 7));
    ww_capnp_u8_l bytes = ww_capnp_u8_l_from(ww_capnp_any_l_at(interop_all_types_nested(r), 0));
    assert_int_equal(ww_capnp_u8_l_at(bytes, 1), 'b');
    assert_view_is(interop_box_of_text_value(interop_all_types_box(r)), "boxed");
    /* without knowing its parameter it is any pointer */
    assert_view_is(ww_capnp_any_text(interop_box_value(interop_all_types_box(r).of)), "boxed");
    assert_fault(b.message, WW_OK);
    ww_capnp_builder_deinit(&b);
}

static void check_13__unions__set_members_and_unknown_ones(void **state)
{
    (void)state;
    ww_capnp_builder b;
    ww_capnp_builder_init(&b, ww_allocator_libc(), NULL);
    interop_all_types_b t = interop_all_types_init_root(&b);
    interop_all_types_set_word(t, ww_view_str("w"));
    interop_all_types_r r = interop_all_types_read(t);
    assert_int_equal(interop_all_types_which(r), INTEROP_ALL_TYPES_IS_WORD);
    assert_view_is(interop_all_types_word(r), "w");
    assert_int_equal(interop_all_types_number(r), 7); /* not the active one */
    interop_all_types_pair_b pair = interop_all_types_init_pair(t);
    interop_all_types_pair_set_left(pair, 3);
    assert_int_equal(interop_all_types_which(r), INTEROP_ALL_TYPES_IS_PAIR);
    assert_int_equal(interop_all_types_pair_left(interop_all_types_pair(r)), 3);
    assert_view_is(interop_all_types_word(r), "");
    assert_false(interop_all_types_has_word(r));
    interop_all_types_shape_set_square(interop_all_types_edit_shape(t), 2.0f);
    assert_int_equal(interop_all_types_shape_which(interop_all_types_shape(r)),
                     INTEROP_ALL_TYPES_SHAPE_IS_SQUARE);
    assert_true(interop_all_types_shape_circle(interop_all_types_shape(r)) == 0.0f);
    ww_capnp_set_u16(t.s, 19, 999); /* a member of a newer schema */
    assert_int_equal((unsigned)interop_all_types_which(r), 999);
    ww_capnp_builder_deinit(&b);
}

static void constants__of_every_sort__are_there(void **state)
{
    (void)state;
    assert_int_equal(INTEROP_ANSWER, -42);
    assert_true(INTEROP_RATIO == 0.5);
    assert_view_is(interop_greeting(), "hello");
    assert_int_equal(ww_capnp_u16_l_at(interop_primes(), 3), 7);
    assert_int_equal(interop_point_y(interop_point_origin()), -1);
}

static void evolution__old_and_new_schema__read_each_other(void **state)
{
    (void)state;
    ww_capnp_builder b;
    ww_capnp_builder_init(&b, ww_allocator_libc(), NULL);
    interop_v1_b old = interop_v1_init_root(&b);
    interop_v1_set_a(old, 6);
    ww_capnp_u16_lb_set(interop_v1_init_list(old, 2), 1, 8);
    interop_v2_r as_new = interop_v2_root(&b.message);
    assert_int_equal(interop_v2_a(as_new), 6);
    assert_int_equal(interop_v2_item_x(interop_v2_item_l_at(interop_v2_list(as_new), 1)), 8);
    assert_int_equal(interop_v2_b_(as_new), 5);
    assert_view_is(interop_v2_t(as_new), "new");
    ww_capnp_builder_reset(&b);
    interop_v2_b fresh = interop_v2_init_root(&b);
    interop_v2_item_set_x(interop_v2_item_lb_at(interop_v2_init_list(fresh, 1), 0), 9);
    assert_int_equal(ww_capnp_u16_l_at(interop_v1_list(interop_v1_root(&b.message)), 0), 9);
    ww_capnp_builder_deinit(&b);
}

static void brands__parameters_of_every_sort__have_typed_accessors(void **state)
{
    (void)state;
    ww_capnp_builder b;
    ww_capnp_builder_init(&b, ww_allocator_libc(), NULL);
    generics_user_b u = generics_user_init_root(&b);
    generics_pair_of_text_and_data_b words = generics_user_init_words(u);
    generics_pair_of_text_and_data_set_first(words, ww_view_str("one"));
    generics_pair_of_text_and_data_set_second(words, ww_view_str("two"));
    generics_pair_set_note(words.of, ww_view_str("same in all pairs"));
    generics_pair_of_data_and_text_set_second(generics_pair_of_text_and_data_init_swapped(words),
                                              ww_view_str("swapped"));
    generics_pair_way_of_text_and_data_set_in(generics_pair_of_text_and_data_edit_way(words),
                                              ww_view_str("inside"));
    interop_box_of_interop_point_lb points = generics_user_init_points(u, 2);
    interop_point_set_x(
        interop_box_of_interop_point_init_value(interop_box_of_interop_point_lb_at(points, 1)), 7);
    ww_capnp_u16_lb_set(interop_box_of_list_of_u16_init_value(generics_user_init_numbers(u), 3), 2,
                        9);
    generics_pair_of_text_and_any_set_first(
        interop_box_of_generics_pair_of_text_and_any_init_value(generics_user_init_half(u)),
        ww_view_str("half"));
    ww_capnp_any_b_set_text(interop_box_pointer_value(generics_user_init_open(u)),
                            ww_view_str("open"));

    generics_user_r r = generics_user_read(u);
    generics_pair_of_text_and_data_r pair = generics_user_words(r);
    assert_view_is(generics_pair_of_text_and_data_first(pair), "one");
    assert_view_is(generics_pair_of_text_and_data_second(pair), "two");
    assert_view_is(generics_pair_note(pair.of), "same in all pairs");
    assert_view_is(
        generics_pair_of_data_and_text_second(generics_pair_of_text_and_data_swapped(pair)),
        "swapped");
    assert_view_is(generics_pair_way_of_text_and_data_in(generics_pair_of_text_and_data_way(pair)),
                   "inside");
    assert_int_equal(interop_point_x(interop_box_of_interop_point_value(
                         interop_box_of_interop_point_l_at(generics_user_points(r), 1))),
                     7);
    assert_int_equal(
        ww_capnp_u16_l_at(interop_box_of_list_of_u16_value(generics_user_numbers(r)), 2), 9);
    assert_view_is(generics_pair_of_text_and_any_first(
                       interop_box_of_generics_pair_of_text_and_any_value(generics_user_half(r))),
                   "half");
    assert_view_is(interop_box_of_text_value(generics_boxed()), "constant");
    assert_fault(b.message, WW_OK);
    ww_capnp_builder_deinit(&b);
}

static void no_destroy(ww_capnp_cap *cap)
{
    (void)cap;
}

static void lists__of_capabilities_of_any_interface__are_typed(void **state)
{
    (void)state;
    static const ww_capnp_cap_class plain = {no_destroy};
    ww_capnp_cap cap = {.class = &plain, .refs = 1};
    ww_capnp_builder b;
    ww_capnp_builder_init(&b, ww_allocator_libc(), NULL);
    generics_user_b u = generics_user_init_root(&b);
    ww_capnp_untyped_lb_set(generics_user_init_caps(u, 2), 1, (ww_capnp_untyped_cap){&cap});
    generics_user_set_cap(u, (ww_capnp_untyped_cap){&cap});
    interop_gen_of_interop_point_lb_set(generics_user_init_gens(u, 1), 0,
                                        (interop_gen_of_interop_point_cap){&cap});
    generics_user_r r = generics_user_read(u);
    assert_null(ww_capnp_untyped_l_at(generics_user_caps(r), 0).cap);
    assert_ptr_equal(ww_capnp_untyped_l_at(generics_user_caps(r), 1).cap, &cap);
    assert_ptr_equal(generics_user_cap(r).cap, &cap);
    assert_ptr_equal(interop_gen_of_interop_point_l_at(generics_user_gens(r), 0).cap, &cap);
    ww_capnp_builder_deinit(&b);
    assert_int_equal(cap.refs, 1);
}

static void graft(ww_capnp_server *self, ww_capnp_call *call)
{
    (void)self;
    stem_membrane_graft_results_of_wetware_b results = stem_membrane_of_wetware_graft_results(call);
    stem_session_of_wetware_b session =
        stem_membrane_graft_results_of_wetware_init_session(results);
    stem_epoch_set_seq(stem_session_init_issued_epoch(session.of), 5);
    membrane_wetware_session_b extension = stem_session_of_wetware_init_extension(session);
    membrane_wetware_session_set_host(extension, (peer_host_cap){0});
    ww_capnp_call_return(call);
}

static void brands__membrane_of_a_session__is_typed_from_graft_to_extension(void **state)
{
    (void)state;
    static const stem_membrane_vt methods = {.graft = graft};
    ww_capnp_vat *vat = ww_capnp_vat_new(ww_allocator_libc(), NULL);
    ww_capnp_server server;
    stem_membrane_of_wetware_cap membrane = {.of =
                                                 stem_membrane_serve(vat, &server, &methods, NULL)};
    ww_capnp_call *call;
    stem_membrane_of_wetware_graft_begin(membrane, &call);
    assert_ok(ww_capnp_call_send(call, NULL));
    peer_executor_cap early = membrane_wetware_session_p_executor(
        stem_session_of_wetware_p_extension(stem_membrane_graft_results_of_wetware_p_session(
            stem_membrane_of_wetware_graft_pipeline(call))));
    while (ww_capnp_vat_run(vat, 10))
        continue;
    stem_session_of_wetware_r session = stem_membrane_graft_results_of_wetware_session(
        stem_membrane_of_wetware_graft_response(call));
    assert_int_equal(stem_epoch_seq(stem_session_issued_epoch(session.of)), 5);
    assert_true(stem_session_of_wetware_has_extension(session));
    membrane_wetware_session_r extension = stem_session_of_wetware_extension(session);
    assert_null(membrane_wetware_session_host(extension).cap);
    ww_capnp_cap_unref(early.cap);
    ww_capnp_call_drop(call);
    ww_capnp_cap_unref(membrane.cap);
    ww_capnp_vat_free(vat);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults__unset_fields__are_those_of_the_schema),
        cmocka_unit_test(fields__set__read_back),
        cmocka_unit_test(check_13__unions__set_members_and_unknown_ones),
        cmocka_unit_test(constants__of_every_sort__are_there),
        cmocka_unit_test(brands__parameters_of_every_sort__have_typed_accessors),
        cmocka_unit_test(brands__membrane_of_a_session__is_typed_from_graft_to_extension),
        cmocka_unit_test(lists__of_capabilities_of_any_interface__are_typed),
        cmocka_unit_test(evolution__old_and_new_schema__read_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
