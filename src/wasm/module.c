#include "wasm/engine.h"
#include <stdlib.h>

enum { MODULE_EXPORTS_MAX = 1000000 };

static ww_view export_name(const ww_module *module, uint32_t index)
{
    const wasm_name_t *name = wasm_exporttype_name(module->exports.data[index]);
    return ww_view_of(name->data, name->size);
}

static int compare_names(ww_view a, ww_view b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size ? memcmp(a.data, b.data, size) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_exports(const void *a, const void *b, void *module)
{
    return compare_names(export_name(module, *(const uint32_t *)a),
                         export_name(module, *(const uint32_t *)b));
}

/* Takes `compiled` also when it fails. */
static ww_status wrap(ww_engine *engine, wasmtime_module_t *compiled, ww_module **out,
                      ww_diag *diag)
{
    ww_module *module = ww_alloc_zeroed(engine->allocator, sizeof *module);
    if (!module) {
        wasmtime_module_delete(compiled);
        return ww_fail(diag, WW_E_MEMORY, "no memory for a module");
    }
    module->engine = engine;
    module->module = compiled;
    wasm_importtype_vec_t imports;
    wasmtime_module_imports(compiled, &imports);
    module->import_count = (uint32_t)imports.size;
    wasm_importtype_vec_delete(&imports);
    wasmtime_module_exports(compiled, &module->exports);
    WW_ASSERT(module->exports.size <= MODULE_EXPORTS_MAX); /* the engine's validator allows 1e6 */
    module->by_name = ww_alloc_array(engine->allocator, module->exports.size + 1, sizeof(uint32_t));
    if (!module->by_name) {
        ww_module_free(module);
        return ww_fail(diag, WW_E_MEMORY, "no memory for a module's exports");
    }
    for (uint32_t i = 0; i < module->exports.size; i++)
        module->by_name[i] = i;
    qsort_r(module->by_name, module->exports.size, sizeof(uint32_t), compare_exports, module);
    *out = module;
    return WW_OK;
}

ww_status ww_module_compile(ww_engine *engine, ww_view wasm, ww_module **out, ww_diag *diag)
{
    *out = NULL;
    wasmtime_module_t *compiled = NULL;
    wasmtime_error_t *error = wasmtime_module_new(engine->engine, wasm.data, wasm.size, &compiled);
    if (error) return ww_fail_of_error(diag, WW_E_INVALID, error);
    return wrap(engine, compiled, out, diag);
}

ww_status ww_module_serialize(const ww_module *module, ww_buf *out, ww_diag *diag)
{
    wasm_byte_vec_t bytes;
    wasmtime_error_t *error = wasmtime_module_serialize(module->module, &bytes);
    if (error) return ww_fail_of_error(diag, WW_E_UNSUPPORTED, error);
    ww_status status = ww_buf_append(out, bytes.data, bytes.size);
    wasm_byte_vec_delete(&bytes);
    return status ? ww_fail(diag, status, "no room for a module's machine code") : WW_OK;
}

ww_status ww_module_load(ww_engine *engine, ww_view machine_code, ww_module **out, ww_diag *diag)
{
    *out = NULL;
    wasmtime_module_t *loaded = NULL;
    wasmtime_error_t *error =
        wasmtime_module_deserialize(engine->engine, machine_code.data, machine_code.size, &loaded);
    if (error) return ww_fail_of_error(diag, WW_E_INVALID, error);
    return wrap(engine, loaded, out, diag);
}

void ww_module_free(ww_module *module)
{
    if (!module) return;
    const ww_allocator *allocator = module->engine->allocator;
    ww_free(allocator, module->by_name, (module->exports.size + 1) * sizeof(uint32_t));
    wasm_exporttype_vec_delete(&module->exports);
    wasmtime_module_delete(module->module);
    ww_free(allocator, module, sizeof *module);
}

bool ww_module_find_export(const ww_module *module, ww_view name, uint32_t *index)
{
    size_t low = 0, high = module->exports.size;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_names(name, export_name(module, module->by_name[middle]));
        if (order == 0) {
            *index = module->by_name[middle];
            return true;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

uint32_t ww_module_import_count(const ww_module *module)
{
    return module->import_count;
}

/* --- linking ahead --- */

static wasm_valtype_t *new_valtype(uint8_t type)
{
    switch (type) {
    case WW_I32: return wasm_valtype_new(WASM_I32);
    case WW_I64: return wasm_valtype_new(WASM_I64);
    case WW_F32: return wasm_valtype_new(WASM_F32);
    default: WW_ASSERT(type == WW_F64); return wasm_valtype_new(WASM_F64);
    }
}

static wasm_functype_t *new_functype(const ww_core_type *type)
{
    wasm_valtype_t *values[WW_FLAT_PARAMS_MAX + WW_FLAT_RESULTS_MAX];
    WW_ASSERT(type->param_count <= WW_FLAT_PARAMS_MAX && type->result_count <= WW_FLAT_RESULTS_MAX);
    for (size_t i = 0; i < type->param_count; i++)
        values[i] = new_valtype(type->params[i]);
    wasm_valtype_t **results = values + type->param_count;
    for (size_t i = 0; i < type->result_count; i++)
        results[i] = new_valtype(type->results[i]);
    wasm_valtype_vec_t param_vec, result_vec;
    wasm_valtype_vec_new(&param_vec, type->param_count, values);
    wasm_valtype_vec_new(&result_vec, type->result_count, results);
    return wasm_functype_new(&param_vec, &result_vec);
}

static wasmtime_error_t *define(wasmtime_linker_t *linker, const wasm_importtype_t *place,
                                const ww_host_import *import)
{
    const wasm_name_t *space = wasm_importtype_module(place), *name = wasm_importtype_name(place);
    wasm_functype_t *type = new_functype(&import->type);
    /* ww_host_fn has the signature of the engine's callback under our names for its types. */
    wasmtime_error_t *error = wasmtime_linker_define_func_unchecked(
        linker, space->data, space->size, name->data, name->size, type,
        (wasmtime_func_unchecked_callback_t)(void *)import->fn, import->env, NULL);
    wasm_functype_delete(type);
    return error;
}

static wasmtime_error_t *link_imports(ww_engine *engine, const ww_module *module,
                                      const ww_host_import *imports, wasmtime_instance_pre_t **pre)
{
    wasmtime_linker_t *linker = wasmtime_linker_new(engine->engine);
    wasm_importtype_vec_t places;
    wasmtime_module_imports(module->module, &places);
    wasmtime_error_t *error = NULL;
    for (size_t i = 0; i < places.size && !error; i++)
        error = define(linker, places.data[i], &imports[i]);
    if (!error) error = wasmtime_linker_instantiate_pre(linker, module->module, pre);
    wasm_importtype_vec_delete(&places);
    wasmtime_linker_delete(linker);
    return error;
}

ww_status ww_link_new(ww_engine *engine, const ww_module *module, const ww_host_import *imports,
                      size_t count, ww_link **out, ww_diag *diag)
{
    *out = NULL;
    if (count != module->import_count)
        return ww_fail(diag, WW_E_MISMATCH, "%zu host functions for %u imports", count,
                       module->import_count);
    ww_link *link = ww_alloc_zeroed(engine->allocator, sizeof *link);
    if (!link) return ww_fail(diag, WW_E_MEMORY, "no memory for a link");
    link->engine = engine;
    wasmtime_error_t *error = link_imports(engine, module, imports, &link->pre);
    if (error) {
        ww_link_free(link);
        return ww_fail_of_error(diag, WW_E_MISMATCH, error);
    }
    *out = link;
    return WW_OK;
}

void ww_link_free(ww_link *link)
{
    if (!link) return;
    if (link->pre) wasmtime_instance_pre_delete(link->pre);
    ww_free(link->engine->allocator, link, sizeof *link);
}
