/* What the suites import: an instance "host" with functions, a resource and a core module. */
#include "conformance.h"
#include <stdio.h>
#include <stdlib.h>

static conformance_fixture *fixture_of(const ww_call *call)
{
    return call->host;
}

/* --- types, laid out when they are first needed --- */

enum { OWN, BORROW, TYPE_COUNT };

typedef struct signature {
    ww_field params[2];
    ww_func_type type;
} signature;

enum { GET, ECHO, MAKE, ASSERT, SIMPLE, TAKE_BORROW, TAKE_OWN, SIGNATURE_COUNT };

struct shapes {
    ww_type handles[TYPE_COUNT];
    signature signatures[SIGNATURE_COUNT];
};

static void lay_out(signature *s, const char *const names[2], const ww_type *first,
                    const ww_type *second, const ww_type *result)
{
    s->params[0] = (ww_field){.name = ww_view_str(names[0]), .type = first};
    s->params[1] = (ww_field){.name = ww_view_str(names[1]), .type = second};
    s->type = (ww_func_type){.param_count = (uint32_t)((first != NULL) + (second != NULL)),
                             .params = s->params,
                             .result = result};
    if (ww_func_type_layout(&s->type, s->params)) abort();
}

static void lay_out_all(struct shapes *shapes)
{
    const ww_type *u32 = ww_type_primitive(WW_TYPE_U32);
    shapes->handles[OWN] = (ww_type){.kind = WW_TYPE_OWN};
    shapes->handles[BORROW] = (ww_type){.kind = WW_TYPE_BORROW};
    for (size_t i = 0; i < TYPE_COUNT; i++)
        if (ww_type_layout(&shapes->handles[i], NULL)) abort();
    const ww_type *own = &shapes->handles[OWN], *borrow = &shapes->handles[BORROW];
    signature *s = shapes->signatures;
    lay_out(&s[GET], (const char *[]){"", ""}, NULL, NULL, u32);
    lay_out(&s[ECHO], (const char *[]){"v", ""}, u32, NULL, u32);
    lay_out(&s[MAKE], (const char *[]){"r", ""}, u32, NULL, own);
    lay_out(&s[ASSERT], (const char *[]){"r", "rep"}, own, u32, NULL);
    lay_out(&s[SIMPLE], (const char *[]){"self", "rep"}, borrow, u32, NULL);
    lay_out(&s[TAKE_BORROW], (const char *[]){"self", "b"}, borrow, borrow, NULL);
    lay_out(&s[TAKE_OWN], (const char *[]){"self", "b"}, borrow, own, NULL);
}

/* --- functions --- */

static ww_status return_two(ww_call *call, const void *params, void *result)
{
    (void)call, (void)params;
    *(uint32_t *)result = 2;
    return WW_OK;
}

static ww_status return_three(ww_call *call, const void *params, void *result)
{
    (void)call, (void)params;
    *(uint32_t *)result = 3;
    return WW_OK;
}

static ww_status return_four(ww_call *call, const void *params, void *result)
{
    (void)call, (void)params;
    *(uint32_t *)result = 4;
    return WW_OK;
}

static ww_status echo(ww_call *call, const void *params, void *result)
{
    (void)call;
    memcpy(result, params, sizeof(uint32_t));
    return WW_OK;
}

static ww_status make(ww_call *call, const void *params, void *result)
{
    (void)call;
    *(uint64_t *)result = *(const uint32_t *)params;
    return WW_OK;
}

typedef struct resource_and_u32 {
    uint64_t resource;
    uint32_t value;
} resource_and_u32;

static ww_status assert_rep(ww_call *call, const void *params, void *result)
{
    (void)result;
    const resource_and_u32 *p = params;
    return p->resource == p->value ? WW_OK : ww_call_fail(call, "resource1 is another one");
}

static ww_status take(ww_call *call, const void *params, void *result)
{
    (void)call, (void)params, (void)result;
    return WW_OK;
}

static ww_status last_drop(ww_call *call, const void *params, void *result)
{
    (void)params;
    *(uint32_t *)result = fixture_of(call)->last_drop;
    return WW_OK;
}

static ww_status drops(ww_call *call, const void *params, void *result)
{
    (void)params;
    *(uint32_t *)result = fixture_of(call)->drops;
    return WW_OK;
}

static ww_status drop_resource1(ww_call *call, uint64_t rep)
{
    conformance_fixture *fixture = fixture_of(call);
    fixture->last_drop = (uint32_t)rep;
    fixture->drops++;
    return WW_OK;
}

/* --- the linker --- */

static const ww_resource_type resource1 = {
    .name = "resource1", .drop = drop_resource1, .owner = WW_NONE, .dtor = WW_NONE};
static const char *const resource_names[] = {"resource1", "resource2", "resource1-again"};
static const ww_resource_type resource2 = {.name = "resource2", .owner = WW_NONE, .dtor = WW_NONE};

/* (module (func (export "f") (result i32) (i32.const 101))
 *         (global (export "g") i32 (i32.const 100))) */
static const uint8_t simple_module[] = {0,    'a',  's',  'm',  1, 0, 0, 0, 1,    5,    1,    0x60,
                                        0,    1,    0x7f, 3,    2, 1, 0, 6, 7,    1,    0x7f, 0,
                                        0x41, 0xe4, 0,    0x0b, 7, 9, 2, 1, 'f',  0,    0,    1,
                                        'g',  3,    0,    10,   7, 1, 5, 0, 0x41, 0xe5, 0,    0x0b};

struct conformance_tables {
    struct shapes shapes;
    ww_host_func root_funcs[2], host_funcs[8], nested_funcs[1];
    const ww_resource_type *resources[3];
    ww_host_interface interfaces[3];
};

static void fill_tables(struct conformance_tables *t)
{
    const signature *s = t->shapes.signatures;
    lay_out_all(&t->shapes);
    const ww_host_func root[] = {
        {.name = "host-return-two", .type = &s[GET].type, .call = return_two},
        {.name = "host-echo-u32", .type = &s[ECHO].type, .call = echo},
    };
    const ww_host_func host[] = {
        {.name = "return-three", .type = &s[GET].type, .call = return_three},
        {.name = "[constructor]resource1", .type = &s[MAKE].type, .call = make},
        {.name = "[static]resource1.assert", .type = &s[ASSERT].type, .call = assert_rep},
        {.name = "[static]resource1.last-drop", .type = &s[GET].type, .call = last_drop},
        {.name = "[static]resource1.drops", .type = &s[GET].type, .call = drops},
        {.name = "[method]resource1.simple", .type = &s[SIMPLE].type, .call = assert_rep},
        {.name = "[method]resource1.take-borrow", .type = &s[TAKE_BORROW].type, .call = take},
        {.name = "[method]resource1.take-own", .type = &s[TAKE_OWN].type, .call = take},
    };
    const ww_host_func nested[] = {
        {.name = "return-four", .type = &s[GET].type, .call = return_four}};
    memcpy(t->root_funcs, root, sizeof root);
    memcpy(t->host_funcs, host, sizeof host);
    memcpy(t->nested_funcs, nested, sizeof nested);
    t->resources[0] = &resource1;
    t->resources[1] = &resource2;
    t->resources[2] = &resource1;
    t->interfaces[0] =
        (ww_host_interface){.name = "", .funcs = t->root_funcs, .func_count = WW_COUNT_OF(root)};
    t->interfaces[1] = (ww_host_interface){.name = "host",
                                           .funcs = t->host_funcs,
                                           .func_count = WW_COUNT_OF(host),
                                           .resources = t->resources,
                                           .resource_count = 3,
                                           .exported_count = 3,
                                           .exported_names = resource_names};
    t->interfaces[2] = (ww_host_interface){
        .name = "host/nested", .funcs = t->nested_funcs, .func_count = WW_COUNT_OF(nested)};
}

static void make_linker(conformance_fixture *f)
{
    ww_linker_free(f->linker);
    if (ww_linker_new(ww_allocator_libc(), &f->linker)) abort();
    for (size_t i = 0; i < WW_COUNT_OF(f->tables->interfaces); i++)
        if (ww_linker_add(f->linker, &f->tables->interfaces[i], NULL)) abort();
    for (uint32_t i = 0; i < f->module_count; i++)
        if (ww_linker_add_module(f->linker, f->modules[i].name, f->modules[i].wasm)) abort();
}

bool conformance_fixture_offer(conformance_fixture *f, const char *name, ww_view wasm)
{
    uint32_t i = 0;
    while (i < f->module_count && strcmp(f->modules[i].name, name))
        i++;
    if (i == CONFORMANCE_MODULES_MAX || strlen(name) >= sizeof f->modules[i].name) return false;
    if (i == f->module_count) f->module_count++;
    memcpy(f->modules[i].name, name, strlen(name) + 1);
    f->modules[i].wasm = wasm;
    make_linker(f);
    return true;
}

void conformance_fixture_init(conformance_fixture *fixture)
{
    *fixture = (conformance_fixture){.tables = calloc(1, sizeof(struct conformance_tables)),
                                     .last_drop = UINT32_MAX};
    if (!fixture->tables) abort();
    fill_tables(fixture->tables);
    ww_view simple = ww_view_of(simple_module, sizeof simple_module);
    if (!conformance_fixture_offer(fixture, "host/simple-module", simple)) abort();
}

void conformance_fixture_deinit(conformance_fixture *fixture)
{
    ww_linker_free(fixture->linker);
    free(fixture->tables);
}
