/* Layouts of component types, by "Alignment", "Element Size" and "Flattening" of the component
 * model's CanonicalABI.md. The WASI 0.2 signatures here were laid out by hand. */
#include "component/limits.h"
#include "component/type.h"
#include "support/check.h"
#include <stdio.h>
#include <stdlib.h>

/* --- making types -------------------------------------------------------------------------- */

static int set_up(void **state)
{
    ww_arena *arena = malloc(sizeof *arena);
    ww_arena_init(arena, ww_allocator_libc(), 16 << 20);
    *state = arena;
    return 0;
}

static int tear_down(void **state)
{
    ww_arena_deinit(*state);
    free(*state);
    return 0;
}

static const ww_type *prim(ww_type_kind kind)
{
    return ww_type_primitive(kind);
}

static ww_type *make(void **state, ww_type_kind kind, uint32_t count, const ww_field *given)
{
    ww_type *type = ww_arena_alloc(*state, sizeof *type);
    ww_field *fields = ww_arena_copy(*state, given, count * sizeof *given);
    *type = (ww_type){.kind = (uint8_t)kind, .count = count};
    assert_ok(ww_type_layout(type, fields));
    return type;
}

#define FIELDS(...)                                                                                \
    WW_COUNT_OF(((ww_field[]){__VA_ARGS__})), (ww_field[])                                         \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static ww_field field(const char *name, const ww_type *type)
{
    return (ww_field){.name = ww_view_str(name), .type = type};
}

static ww_field item(const ww_type *type)
{
    return field("", type);
}

static ww_type *option(void **state, const ww_type *some)
{
    return make(state, WW_TYPE_OPTION, FIELDS(field("none", NULL), field("some", some)));
}

static ww_type *result(void **state, const ww_type *ok, const ww_type *error)
{
    return make(state, WW_TYPE_RESULT, FIELDS(field("ok", ok), field("error", error)));
}

static ww_type *list(void **state, const ww_type *element)
{
    ww_type *type = ww_arena_alloc(*state, sizeof *type);
    *type = (ww_type){.kind = WW_TYPE_LIST, .element = element};
    assert_ok(ww_type_layout(type, NULL));
    return type;
}

static ww_type *own(void **state, uint32_t resource)
{
    ww_type *type = ww_arena_alloc(*state, sizeof *type);
    *type = (ww_type){.kind = WW_TYPE_OWN, .resource = resource};
    assert_ok(ww_type_layout(type, NULL));
    return type;
}

/* An enum or flags of `count` labels a0, a1, ... */
static ww_type *labels(void **state, ww_type_kind kind, uint32_t count)
{
    ww_type *type = ww_arena_alloc(*state, sizeof *type);
    ww_field *fields = ww_arena_array(*state, count, sizeof *fields);
    for (uint32_t i = 0; i < count; i++) {
        char text[16];
        int size = snprintf(text, sizeof text, "a%u", i);
        fields[i].name = ww_view_of(ww_arena_text(*state, text, (size_t)size), (size_t)size);
    }
    *type = (ww_type){.kind = (uint8_t)kind, .count = count};
    assert_ok(ww_type_layout(type, fields));
    return type;
}

static ww_type *tuple_of(void **state, uint32_t count, const ww_type *each)
{
    ww_field fields[64] = {0};
    for (uint32_t i = 0; i < count; i++)
        fields[i].type = each;
    return make(state, WW_TYPE_TUPLE, count, fields);
}

/* --- the shapes of WASI -------------------------------------------------------------------- */

static ww_type *stream_error(void **state)
{
    return make(state, WW_TYPE_VARIANT,
                FIELDS(field("last-operation-failed", own(state, 0)), field("closed", NULL)));
}

static ww_type *datetime(void **state)
{
    return make(
        state, WW_TYPE_RECORD,
        FIELDS(field("seconds", prim(WW_TYPE_U64)), field("nanoseconds", prim(WW_TYPE_U32))));
}

static ww_type *descriptor_stat(void **state)
{
    const ww_type *time = option(state, datetime(state));
    return make(state, WW_TYPE_RECORD,
                FIELDS(field("type", labels(state, WW_TYPE_ENUM, 8)),
                       field("link-count", prim(WW_TYPE_U64)), field("size", prim(WW_TYPE_U64)),
                       field("data-access-timestamp", time),
                       field("data-modification-timestamp", time),
                       field("status-change-timestamp", time)));
}

static ww_type *ipv4_socket_address(void **state)
{
    return make(state, WW_TYPE_RECORD,
                FIELDS(field("port", prim(WW_TYPE_U16)),
                       field("address", tuple_of(state, 4, prim(WW_TYPE_U8)))));
}

static ww_type *ipv6_socket_address(void **state)
{
    return make(state, WW_TYPE_RECORD,
                FIELDS(field("port", prim(WW_TYPE_U16)), field("flow-info", prim(WW_TYPE_U32)),
                       field("address", tuple_of(state, 8, prim(WW_TYPE_U16))),
                       field("scope-id", prim(WW_TYPE_U32))));
}

static ww_type *ip_socket_address(void **state)
{
    return make(state, WW_TYPE_VARIANT,
                FIELDS(field("ipv4", ipv4_socket_address(state)),
                       field("ipv6", ipv6_socket_address(state))));
}

/* --- cases --------------------------------------------------------------------------------- */

static void assert_layout(const ww_type *type, uint32_t size, uint32_t align, const char *flat)
{
    assert_int_equal(type->abi_size, size);
    assert_int_equal(type->abi_align, align);
    char text[128] = "";
    for (uint32_t i = 0; i < type->flat_count; i++) {
        uint8_t code = type->flat[i];
        strcat(text, i ? " " : "");
        strcat(text, code == WW_I32   ? "i32"
                     : code == WW_I64 ? "i64"
                     : code == WW_F32 ? "f32"
                                      : "f64");
    }
    assert_string_equal(text, flat);
}

static void layout__wasi_values__are_as_the_abi_says(void **state)
{
    const ww_type *bytes = list(state, prim(WW_TYPE_U8));
    assert_layout(option(state, prim(WW_TYPE_U64)), 16, 8, "i32 i64");
    assert_layout(stream_error(state), 8, 4, "i32 i32");
    assert_layout(result(state, bytes, stream_error(state)), 12, 4, "i32 i32 i32");
    assert_layout(result(state, prim(WW_TYPE_U64), stream_error(state)), 16, 8, "i32 i64 i32");
    assert_layout(datetime(state), 16, 8, "i64 i32");
    assert_layout(make(state, WW_TYPE_VARIANT,
                       FIELDS(field("no-change", NULL), field("now", NULL),
                              field("timestamp", datetime(state)))),
                  24, 8, "i32 i64 i32");
    assert_layout(
        make(state, WW_TYPE_TUPLE, FIELDS(item(own(state, 0)), item(prim(WW_TYPE_STRING)))), 12, 4,
        "i32 i32 i32");
    assert_layout(ipv6_socket_address(state), 28, 4, "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32");
    assert_layout(ip_socket_address(state), 32, 4,
                  "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32");
    assert_layout(result(state, descriptor_stat(state), labels(state, WW_TYPE_ENUM, 37)), 104, 8,
                  "i32 i32 i64 i64 i32 i64 i32 i32 i64 i32 i32 i64 i32");
}

static void layout__record__tells_where_its_fields_are(void **state)
{
    const ww_type *stat = descriptor_stat(state);
    assert_layout(stat, 96, 8, "i32 i64 i64 i32 i64 i32 i32 i64 i32 i32 i64 i32");
    const uint32_t abi[] = {0, 8, 16, 24, 48, 72};
    for (uint32_t i = 0; i < stat->count; i++)
        assert_int_equal(stat->fields[i].abi_offset, abi[i]);
    const ww_type *address = ipv6_socket_address(state);
    const uint32_t offsets[] = {0, 4, 8, 24};
    for (uint32_t i = 0; i < address->count; i++)
        assert_int_equal(address->fields[i].abi_offset, offsets[i]);
    assert_int_equal(ip_socket_address(state)->payload_abi_offset, 4);
    const ww_type *datagram =
        make(state, WW_TYPE_RECORD,
             FIELDS(field("data", list(state, prim(WW_TYPE_U8))),
                    field("remote-address", option(state, ip_socket_address(state)))));
    assert_int_equal(datagram->abi_size, 44);
    assert_int_equal(datagram->abi_align, 4);
}

static void layout__payloads_of_different_core_types__are_joined(void **state)
{
    const ww_type *f32 = prim(WW_TYPE_F32), *u32 = prim(WW_TYPE_U32), *f64 = prim(WW_TYPE_F64);
    assert_layout(result(state, f32, f32), 8, 4, "i32 f32");
    assert_layout(result(state, f32, u32), 8, 4, "i32 i32");
    assert_layout(result(state, f32, f64), 16, 8, "i32 i64");
    assert_layout(result(state, f64, u32), 16, 8, "i32 i64");
    assert_layout(result(state, NULL, NULL), 1, 1, "i32");
}

static void layout__flags_and_enums__grow_with_their_labels(void **state)
{
    assert_layout(labels(state, WW_TYPE_FLAGS, 8), 1, 1, "i32");
    assert_layout(labels(state, WW_TYPE_FLAGS, 9), 2, 2, "i32");
    assert_layout(labels(state, WW_TYPE_FLAGS, 17), 4, 4, "i32");
    assert_layout(labels(state, WW_TYPE_FLAGS, 32), 4, 4, "i32");
    assert_layout(labels(state, WW_TYPE_ENUM, 256), 1, 1, "i32");
    assert_layout(labels(state, WW_TYPE_ENUM, 257), 2, 2, "i32");
}

static void layout__host_side__is_the_c_struct(void **state)
{
    struct stat_of_host {
        uint32_t type;
        uint64_t link_count, size;
        struct {
            uint32_t tag;
            struct {
                uint64_t seconds;
                uint32_t nanoseconds;
            } some;
        } accessed, modified, changed;
    };
    const ww_type *stat = descriptor_stat(state);
    assert_int_equal(stat->host_size, sizeof(struct stat_of_host));
    assert_int_equal(stat->host_align, _Alignof(struct stat_of_host));
    assert_int_equal(stat->fields[3].host_offset, offsetof(struct stat_of_host, accessed));
    assert_int_equal(stat->fields[4].host_offset, offsetof(struct stat_of_host, modified));
    assert_int_equal(stat->fields[3].type->payload_host_offset, 8);

    struct result_of_host {
        uint32_t tag;
        union {
            ww_list ok;
            struct {
                uint32_t tag;
                uint64_t last_operation_failed;
            } error;
        } of;
    };
    const ww_type *read = result(state, list(state, prim(WW_TYPE_U8)), stream_error(state));
    assert_int_equal(read->host_size, sizeof(struct result_of_host));
    assert_int_equal(read->payload_host_offset, offsetof(struct result_of_host, of));
}

static void layout__value_beyond_its_largest_size__is_a_limit(void **state)
{
    const ww_type *type = prim(WW_TYPE_U64);
    for (int i = 0; i < 4; i++)
        type = tuple_of(state, 64, type); /* 2^3 * 2^24 bytes */
    assert_int_equal(type->abi_size, 1 << 27);
    ww_field two[2] = {item(type), item(type)};
    ww_type twice = {.kind = WW_TYPE_TUPLE, .count = 2};
    assert_int_equal(ww_type_layout(&twice, two), WW_E_LIMIT);
    ww_func_type func = {.param_count = 2};
    assert_int_equal(ww_func_type_layout(&func, two), WW_E_LIMIT);
}

static ww_func_type func_of(void **state, uint32_t count, const ww_field *given, const ww_type *out)
{
    ww_func_type func = {.param_count = count, .result = out};
    ww_field *params = ww_arena_copy(*state, given, count * sizeof *given);
    assert_ok(ww_func_type_layout(&func, params));
    return func;
}

static void func__sixteen_flat_parameters__are_passed_directly(void **state)
{
    const ww_type *six = tuple_of(state, 16, prim(WW_TYPE_U32));
    ww_func_type func = func_of(state, FIELDS(field("a", six)), NULL);
    assert_false(func.params_spilled);
    assert_int_equal(func.lifted.param_count, 16);
    assert_int_equal(func.lowered.param_count, 16);
    assert_int_equal(func.lifted.result_count, 0);
}

static void func__seventeen_flat_parameters__go_through_memory(void **state)
{
    const ww_type *many = tuple_of(state, 16, prim(WW_TYPE_U32));
    ww_func_type func =
        func_of(state, FIELDS(field("a", many), field("b", prim(WW_TYPE_U64))), NULL);
    assert_true(func.params_spilled);
    assert_int_equal(func.params_abi_size, 72);
    assert_int_equal(func.params_abi_align, 8);
    assert_int_equal(func.params[1].abi_offset, 64);
    assert_int_equal(func.lifted.param_count, 1);
    assert_int_equal(func.lifted.params[0], WW_I32);
}

static void func__result_of_two_flats__goes_through_memory(void **state)
{
    ww_func_type func =
        func_of(state, FIELDS(field("len", prim(WW_TYPE_U64))), list(state, prim(WW_TYPE_U8)));
    assert_true(func.result_spilled);
    assert_true(func.result_has_pointers);
    assert_int_equal(func.lifted.result_count, 1);
    assert_int_equal(func.lifted.results[0], WW_I32);
    assert_int_equal(func.lowered.result_count, 0);
    assert_int_equal(func.lowered.param_count, 2);
    assert_int_equal(func.lowered.params[0], WW_I64);
    assert_int_equal(func.lowered.params[1], WW_I32);
}

static void func__start_connect__needs_fourteen_parameters(void **state)
{
    ww_func_type func =
        func_of(state,
                FIELDS(field("self", own(state, 0)), field("network", own(state, 1)),
                       field("remote-address", ip_socket_address(state))),
                NULL);
    assert_false(func.params_spilled);
    assert_int_equal(func.lifted.param_count, 14);
}

static bool same_number(void *arg, uint32_t a, uint32_t b)
{
    (void)arg;
    return a == b;
}

static void equality__structure_labels_and_resources__all_count(void **state)
{
    assert_true(ww_type_equal(datetime(state), datetime(state), same_number, NULL));
    const ww_type *other =
        make(state, WW_TYPE_RECORD,
             FIELDS(field("seconds", prim(WW_TYPE_U64)), field("nanos", prim(WW_TYPE_U32))));
    assert_false(ww_type_equal(datetime(state), other, same_number, NULL));
    assert_true(ww_type_equal(own(state, 7), own(state, 7), same_number, NULL));
    assert_false(ww_type_equal(own(state, 7), own(state, 8), same_number, NULL));
    assert_false(ww_type_equal(result(state, prim(WW_TYPE_U8), NULL),
                               result(state, NULL, prim(WW_TYPE_U8)), same_number, NULL));
    ww_func_type a = func_of(state, FIELDS(field("a", prim(WW_TYPE_U8))), NULL);
    ww_func_type b = func_of(state, FIELDS(field("b", prim(WW_TYPE_U8))), NULL);
    assert_true(ww_func_type_equal(&a, &a, same_number, NULL));
    assert_false(ww_func_type_equal(&a, &b, same_number, NULL));
}

static void print__types__reads_like_wit(void **state)
{
    ww_buf out;
    ww_buf_init(&out, ww_allocator_libc(), 400);
    ww_func_type func = func_of(
        state, FIELDS(field("at", datetime(state)), field("mode", labels(state, WW_TYPE_FLAGS, 2))),
        result(state, list(state, prim(WW_TYPE_U8)), stream_error(state)));
    ww_func_type_print(&func, &out);
    assert_view_is(ww_buf_view(&out),
                   "func(at: record { seconds: u64, nanoseconds: u32 }, mode: flags { a0, a1 }) -> "
                   "result<list<u8>, variant { last-operation-failed(own<resource 0>), closed }>");
    ww_buf_deinit(&out);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(layout__wasi_values__are_as_the_abi_says),
        CASE(layout__record__tells_where_its_fields_are),
        CASE(layout__payloads_of_different_core_types__are_joined),
        CASE(layout__flags_and_enums__grow_with_their_labels),
        CASE(layout__host_side__is_the_c_struct),
        CASE(layout__value_beyond_its_largest_size__is_a_limit),
        CASE(func__sixteen_flat_parameters__are_passed_directly),
        CASE(func__seventeen_flat_parameters__go_through_memory),
        CASE(func__result_of_two_flats__goes_through_memory),
        CASE(func__start_connect__needs_fourteen_parameters),
        CASE(equality__structure_labels_and_resources__all_count),
        CASE(print__types__reads_like_wit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
