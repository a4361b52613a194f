#include "component/binder.h"
#include "component/limits.h"

void *ww_binder_take(ww_binder *b, ww_arena *arena, size_t count, size_t size)
{
    void *memory = ww_arena_array(arena, count, size);
    if (memory) return memory;
    b->status = ww_fail(b->diag, ww_arena_failure(arena), "no room for a program in %zu bytes",
                        arena->size_max);
    return NULL;
}

/* --- exports -------------------------------------------------------------------------------- */

static bool is_leaf(const ww_plan_export *item)
{
    return item->lift != WW_NONE || item->module;
}

static uint32_t count_exports(const ww_plan_export *items, uint32_t count)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += is_leaf(&items[i]) ? 1 : count_exports(items[i].children, items[i].child_count);
    return sum;
}

/* Where in the tree: the interface's name so far. */
typedef struct export_list {
    ww_export *items;
    uint32_t count;
} export_list;

/* Recursion: as deep as the plan's tree, which planning has bounded. */
static bool add_exports(ww_binder *b, export_list *list, ww_view interface,
                        const ww_plan_export *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const ww_plan_export *item = &items[i];
        if (is_leaf(item)) {
            list->items[list->count++] = (ww_export){
                .interface = interface,
                .name = item->name,
                .lift = item->module ? NULL : &b->program->lifts[item->lift],
                .module = item->module ? item->module->bytes : ww_view_str(""),
            };
        } else if (item->child_count) {
            const ww_view path[] = {interface, item->name};
            bool nested = interface.size > 0;
            ww_view name = nested ? ww_binder_path(b, &b->program->arena, 2, path) : item->name;
            if (!name.data || !add_exports(b, list, name, item->children, item->child_count))
                return false;
        }
    }
    return true;
}

static ww_status bind_exports(ww_binder *b)
{
    ww_program *program = b->program;
    uint32_t count = count_exports(b->plan->exports, b->plan->export_count);
    export_list list = {ww_binder_take(b, &program->arena, count, sizeof(ww_export)), 0};
    if (!list.items ||
        !add_exports(b, &list, ww_view_str(""), b->plan->exports, b->plan->export_count))
        return b->status;
    program->exports = list.items;
    program->export_count = list.count;
    return WW_OK;
}

/* --- programs ------------------------------------------------------------------------------- */

static ww_status bind(ww_binder *b)
{
    ww_status status = ww_binder_imports(b);
    if (!status) status = ww_binder_modules(b);
    if (!status) status = ww_binder_thunks(b);
    if (!status) status = ww_binder_steps(b);
    return status ? status : bind_exports(b);
}

static ww_status make_plan(ww_program *program, ww_view bytes, ww_diag *diag)
{
    const uint8_t *copy = ww_arena_copy(&program->arena, bytes.data, bytes.size);
    if (!copy) return ww_fail(diag, WW_E_MEMORY, "no memory for %zu bytes", bytes.size);
    const ww_model *model;
    ww_status status = ww_model_parse(ww_view_of(copy, bytes.size), &program->arena, &model, diag);
    return status ? status : ww_plan_make(model, &program->arena, &program->plan, diag);
}

static ww_status build(ww_program *program, ww_view bytes, const ww_linker *linker,
                       ww_compiler compiler, ww_diag *diag)
{
    if (bytes.size > WW_MAX_COMPONENT_BYTES)
        return ww_fail(diag, WW_E_LIMIT, "a component of %zu bytes; at most %d are taken",
                       bytes.size, WW_MAX_COMPONENT_BYTES);
    ww_arena_init(&program->arena, program->allocator, WW_MAX_PLAN_BYTES + bytes.size);
    ww_status status = make_plan(program, bytes, diag);
    if (status) return status;
    ww_binder binder = {.program = program,
                        .plan = program->plan,
                        .linker = linker,
                        .compiler = compiler,
                        .diag = diag};
    ww_arena_init(&binder.scratch, program->allocator, WW_MAX_PLAN_BYTES);
    status = bind(&binder);
    ww_arena_deinit(&binder.scratch);
    return status;
}

ww_status ww_program_new(ww_engine *engine, ww_view bytes, const ww_linker *linker,
                         ww_compiler compiler, const ww_allocator *allocator, ww_program **out,
                         ww_diag *diag)
{
    *out = NULL;
    ww_program *program = ww_alloc_zeroed(allocator, sizeof *program);
    if (!program) return ww_fail(diag, WW_E_MEMORY, "no memory for a program");
    program->allocator = allocator;
    program->engine = engine;
    program->refs = 1;
    ww_status status = build(program, bytes, linker, compiler, diag);
    if (status)
        ww_program_unref(program);
    else
        *out = program;
    return status;
}

ww_program *ww_program_ref(ww_program *program)
{
    __atomic_add_fetch(&program->refs, 1, __ATOMIC_RELAXED);
    return program;
}

void ww_program_unref(ww_program *program)
{
    if (!program || __atomic_sub_fetch(&program->refs, 1, __ATOMIC_ACQ_REL)) return;
    ww_link_free(program->thunks);
    ww_module_free(program->thunk_module);
    for (uint32_t i = 0; program->modules && i < program->plan->module_count; i++)
        ww_module_free(program->modules[i]);
    ww_arena_deinit(&program->arena);
    ww_free(program->allocator, program, sizeof *program);
}

static bool is_of(ww_view name, ww_view interface)
{
    if (name.size < interface.size || memcmp(name.data, interface.data, interface.size) != 0)
        return false;
    return name.size == interface.size || name.data[interface.size] == '@';
}

bool ww_program_imports(const ww_program *program, ww_view interface)
{
    const ww_plan *plan = program->plan;
    for (uint32_t i = 0; i < plan->import_count; i++)
        if (plan->imports[i].path_length && is_of(plan->imports[i].path[0], interface)) return true;
    return false;
}

ww_program_stats ww_program_stats_of(const ww_program *program)
{
    return program->stats;
}

/* Exact name first, then the highest version of its track. */
static const ww_export *find_export(const ww_program *program, ww_view interface, ww_view name,
                                    bool module)
{
    ww_view wanted, track;
    uint64_t rank, best_rank = 0;
    bool has_track = ww_name_track(interface, &wanted, &rank);
    const ww_export *best = NULL;
    for (uint32_t i = 0; i < program->export_count; i++) {
        const ww_export *item = &program->exports[i];
        if (!ww_view_equal(item->name, name) || !item->lift != module) continue;
        if (ww_view_equal(item->interface, interface)) return item;
        if (!has_track || !ww_name_track(item->interface, &track, &rank)) continue;
        if (!ww_view_equal(track, wanted) || (best && rank < best_rank)) continue;
        best = item;
        best_rank = rank;
    }
    return best;
}

const ww_export *ww_program_export(const ww_program *program, ww_view interface, ww_view func)
{
    return find_export(program, interface, func, false);
}

ww_view ww_program_export_module(const ww_program *program, ww_view interface, ww_view name)
{
    const ww_export *export = find_export(program, interface, name, true);
    return export ? export->module : ww_view_str("");
}

const ww_func_type *ww_export_type(const ww_export *func)
{
    return func->lift->plan->type.func;
}

static ww_status compile_plain(void *self, ww_engine *engine, ww_view wasm, ww_module **out,
                               ww_diag *diag)
{
    (void)self;
    return ww_module_compile(engine, wasm, out, diag);
}

ww_compiler ww_compiler_plain(void)
{
    return (ww_compiler){NULL, compile_plain};
}
