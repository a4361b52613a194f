/* wasm/engine.h - what the files of this folder share: the engine's own types behind ours.
 *
 * Ownership  Private to src/wasm.
 */
#pragma once
#include "wasm/wasm.h"
#include <wasmtime.h>

struct ww_engine {
    const ww_allocator *allocator;
    wasm_engine_t *engine;
    ww_engine_options options;
    size_t fingerprint_size;
    char fingerprint[256];
};

struct ww_module {
    ww_engine *engine;
    wasmtime_module_t *module;
    wasm_exporttype_vec_t exports;
    uint32_t *by_name; /* indices into exports, sorted by name */
    uint32_t import_count;
};

struct ww_link {
    ww_engine *engine;
    wasmtime_instance_pre_t *pre;
};

/* --- failures (failure.c) --- */

/* The engine's account of an error, split: the cause in one line, the guest frames one per line.
 * Both point into `message`, which is changed. */
typedef struct ww_message_parts {
    ww_view cause, frames;
} ww_message_parts;

ww_message_parts ww_message_split(char *message, size_t size);

/* Takes `error`; its cause becomes the text of `diag`. Returns `status`. */
ww_status ww_fail_of_error(ww_diag *diag, ww_status status, wasmtime_error_t *error);

/* The same for what an instantiation answered; finds the status. WW_OK when both are NULL. */
ww_status ww_fail_of_instantiation(ww_diag *diag, wasmtime_error_t *error, wasm_trap_t *trap);
