#include "support/rig.h"
#include "component/limits.h"
#include "support/binary.h"
#include "support/check.h"

static const ww_store_limits roomy = {.memory_bytes_max = 1 << 20,
                                      .table_elements_max = 1000,
                                      .instances_max = 300,
                                      .tables_max = 100,
                                      .memories_max = 100};

enum { MADE_UP_REP = 7, COMPONENT_BYTES_MAX = 1 << 20 };

ww_engine *test_rig_engine(void)
{
    ww_engine *engine;
    ww_engine_options options;
    ww_engine_options_default(&options, false);
    options.signals = false; /* cmocka catches the signals that the engine's traps are made of */
    assert_ok(ww_engine_new(&options, ww_allocator_libc(), &engine, NULL));
    return engine;
}

test_rig *test_rig_of(const ww_call *call)
{
    return call->host;
}

/* --- made-up values -------------------------------------------------------------------------- */

static ww_status drop(ww_call *call, uint64_t rep)
{
    assert_int_equal(rep, MADE_UP_REP);
    test_rig_of(call)->live--;
    return WW_OK;
}

static const ww_resource_type thing = {
    .name = "thing", .drop = drop, .owner = WW_NONE, .dtor = WW_NONE};
static const ww_resource_type other = {
    .name = "other", .drop = drop, .owner = WW_NONE, .dtor = WW_NONE};
static const ww_resource_type *const resources[] = {&thing, &other};

static void make_up(test_rig *rig, const ww_type *type, void *out)
{
    static const uint64_t zeros[8];
    memset(out, 0, type->host_size);
    uint64_t rep = MADE_UP_REP;
    switch ((ww_type_kind)type->kind) {
    case WW_TYPE_STRING: *(ww_list *)out = (ww_list){"x", 1}; break;
    case WW_TYPE_LIST:
        assert_true(type->element->host_size <= sizeof zeros && !type->element->has_handles);
        *(ww_list *)out = (ww_list){zeros, 1};
        break;
    case WW_TYPE_OWN:
    case WW_TYPE_BORROW:
        rig->live += type->kind == WW_TYPE_OWN;
        memcpy(out, &rep, sizeof rep);
        break;
    case WW_TYPE_RECORD:
    case WW_TYPE_TUPLE:
        for (uint32_t i = 0; i < type->count; i++)
            make_up(rig, type->fields[i].type, (uint8_t *)out + type->fields[i].host_offset);
        break;
    default: break;
    }
}

ww_status test_rig_make_up(ww_call *call, const void *params, void *result)
{
    (void)params;
    const ww_func_type *type = call->site->func->type;
    test_rig *rig = test_rig_of(call);
    for (uint32_t i = 0; i < type->param_count; i++)
        if (type->params[i].type->kind == WW_TYPE_OWN) rig->live--;
    if (type->result) make_up(rig, type->result, result);
    return WW_OK;
}

/* --- loading --------------------------------------------------------------------------------- */

static void offer(test_rig *rig, const ww_plan *plan)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->import_count; i++) {
        const ww_plan_import *import = &plan->imports[i];
        if (import->kind != WW_IMPORT_FUNC || import->path_length) continue;
        assert_true(count < TEST_RIG_FUNCS_MAX);
        rig->funcs[count++] = (ww_host_func){
            .name = ww_arena_text(&rig->arena, import->name.data, import->name.size),
            .type = import->type.func,
            .call = rig->options.call ? rig->options.call : test_rig_make_up,
            .may_wait = rig->options.may_wait,
        };
    }
    rig->interface = (ww_host_interface){.name = "",
                                         .funcs = rig->funcs,
                                         .func_count = count,
                                         .resources = resources,
                                         .resource_count = WW_COUNT_OF(resources),
                                         .exported_count = WW_COUNT_OF(resources)};
    assert_ok(ww_linker_add(rig->linker, &rig->interface, NULL));
}

ww_status test_rig_load(test_rig *rig, ww_engine *engine, const test_rig_options *options,
                        const char *text)
{
    *rig = (test_rig){.engine = engine, .options = *options, .status = WW_AGAIN};
    ww_arena_init(&rig->arena, ww_allocator_libc(), WW_MAX_PLAN_BYTES);
    ww_buf bytes;
    ww_buf_init(&bytes, ww_allocator_libc(), COMPONENT_BYTES_MAX);
    test_binary(&bytes, text);
    const ww_model *model;
    const ww_plan *plan;
    const uint8_t *kept = ww_arena_copy(&rig->arena, bytes.data, bytes.size);
    ww_view view = ww_view_of(kept, bytes.size);
    ww_buf_deinit(&bytes);
    assert_ok(ww_linker_new(ww_allocator_libc(), &rig->linker));
    ww_status status = ww_model_parse(view, &rig->arena, &model, &rig->diag);
    if (!status) status = ww_plan_make(model, &rig->arena, &plan, &rig->diag);
    if (status) return status;
    offer(rig, plan);
    return ww_program_new(engine, view, rig->linker, ww_compiler_plain(), ww_allocator_libc(),
                          &rig->program, &rig->diag);
}

static ww_verdict yield(void *host)
{
    (void)host;
    return WW_YIELD;
}

ww_status test_rig_instantiate(test_rig *rig)
{
    const ww_instance_options options = {
        .host = rig,
        .tick = yield,
        .limits = rig->options.limits ? *rig->options.limits : roomy,
        .copy_bytes_max = rig->options.copy_bytes_max,
    };
    return ww_instance_new(rig->program, &options, ww_allocator_libc(), &rig->instance, &rig->diag);
}

void test_rig_free(test_rig *rig)
{
    ww_instance_free(rig->instance);
    ww_program_unref(rig->program);
    ww_linker_free(rig->linker);
    ww_arena_deinit(&rig->arena);
}

/* --- running --------------------------------------------------------------------------------- */

static void on_done(void *self, ww_status status, const void *result)
{
    test_rig *rig = self;
    rig->done++;
    rig->status = status;
    if (result) rig->value = *(const uint32_t *)result;
}

void test_rig_call(test_rig *rig, const char *name, const void *params)
{
    const ww_export *export =
        ww_program_export(rig->program, WW_VIEW_LITERAL(""), ww_view_str(name));
    assert_non_null(export);
    assert_ok(ww_instance_call(rig->instance, export, params, (ww_call_done){rig, on_done}));
}

ww_poll test_rig_run(test_rig *rig, const char *name)
{
    const ww_export *export =
        ww_program_export(rig->program, WW_VIEW_LITERAL(""), ww_view_str(name));
    assert_non_null(export);
    const ww_func_type *type = ww_export_type(export);
    uint8_t *params = ww_arena_alloc(&rig->arena, type->params_host_size);
    for (uint32_t i = 0; i < type->param_count; i++)
        make_up(rig, type->params[i].type, params + type->params[i].host_offset);
    test_rig_call(rig, name, params);
    ww_poll poll;
    while ((poll = ww_instance_poll(rig->instance)) == WW_POLL_SLICE)
        continue;
    return poll;
}
