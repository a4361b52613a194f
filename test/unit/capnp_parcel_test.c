/* The fixed part of calls and returns is what the generated functions would build. */
#include "capnp/conn_state.h"
#include "support/check.h"

typedef struct pair {
    ww_capnp_vat *vat;
    capnp_parcel *copied, *built;
} pair;

static void setup(pair *p)
{
    p->vat = ww_capnp_vat_new(ww_allocator_libc(), NULL);
    p->copied = capnp_parcel_new(p->vat->arena);
    p->built = capnp_parcel_new(p->vat->arena);
}

static void assert_same(pair *p)
{
    const ww_capnp_segment *a = &p->copied->builder.segments[0],
                           *b = &p->built->builder.segments[0];
    assert_int_equal(a->words, b->words);
    assert_memory_equal(a->data, b->data, a->words * sizeof(uint64_t));
    capnp_parcel_unref(p->copied);
    capnp_parcel_unref(p->built);
    ww_capnp_vat_free(p->vat);
}

static void begin_call__its_places__are_those_that_building_gives(void **state)
{
    (void)state;
    pair p;
    setup(&p);
    rpc_call_b call = rpc_message_init_call(rpc_message_init_root(&p.built->builder));
    rpc_message_target_b target = rpc_call_init_target(call);
    rpc_payload_b params = rpc_call_init_params(call);
    ww_capnp_any_b_set_text(rpc_payload_pointer_content(params), ww_view_str("content"));
    rpc_call_set_question_id(call, 7);
    rpc_message_target_set_imported_cap(target, 9);
    rpc_payload_init_cap_table(params, 1);

    ww_capnp_any_b_set_text(capnp_parcel_begin_call(p.copied), ww_view_str("content"));
    rpc_call_set_question_id(capnp_parcel_call(p.copied), 7);
    rpc_message_target_set_imported_cap(capnp_parcel_call_target(p.copied), 9);
    rpc_payload_init_cap_table(capnp_parcel_call_params(p.copied), 1);
    assert_same(&p);
}

static void begin_return__its_places__are_those_that_building_gives(void **state)
{
    (void)state;
    pair p;
    setup(&p);
    rpc_return_b answer = rpc_message_init_return(rpc_message_init_root(&p.built->builder));
    rpc_payload_b results = rpc_return_init_results(answer);
    ww_capnp_any_b_set_text(rpc_payload_pointer_content(results), ww_view_str("content"));
    rpc_return_set_answer_id(answer, 7);
    rpc_payload_init_cap_table(results, 1);

    ww_capnp_any_b_set_text(capnp_parcel_begin_return(p.copied), ww_view_str("content"));
    rpc_return_set_answer_id(capnp_parcel_return(p.copied), 7);
    rpc_payload_init_cap_table(capnp_parcel_return_results(p.copied), 1);
    assert_same(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begin_call__its_places__are_those_that_building_gives),
        cmocka_unit_test(begin_return__its_places__are_those_that_building_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
