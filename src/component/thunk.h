/* component/thunk.h - the one generated core module of a program: where guests and host meet.
 *
 * Model      For every site and lift it exports one function. A direct site is the imported host
 *            function itself, exported again. Every other one is a loop in WebAssembly around two
 *            host functions:
 *
 *              (op, v, w) = begin(params...)          exactly once
 *              until op == DONE: perform op; (op, v, w) = resume(value)
 *              return v as the result type
 *
 *            so that the host never calls the guest: reallocs, callees, destructors and
 *            post-returns are called by the thunk, traps pass through by themselves, and a wait is
 *            a call of an empty function (wasm/wasm.h).
 * Table      The module owns a table of functions, one entry per plan slot, filled by the host
 *            before guest code runs; the thunk reaches them with call_indirect.
 * Groups     The host gets the thunks and sets the slots by WW_FUNC_GROUP functions a call: a
 *            look-up by name for each of them took a fifth of a small program's spawn.
 * Bounds     WW_MAX_PLAN_FUNCS thunks, WW_MAX_PLAN_BYTES in all.
 */
#pragma once
#include "component/plan.h"

/* op is an i32: opcode in the low 8 bits, slot above. v and w are i64. */
typedef enum ww_opcode {
    WW_OP_DONE,    /* v: the flat result's bits, if there is one */
    WW_OP_WAIT,    /* value: 0 */
    WW_OP_REALLOC, /* v: old pointer | old size << 32; w: align | new size << 32; value: the pointer
                    */
    WW_OP_CALL,    /* the site's or lift's callee; parameters come from args(); value: the flat
                      result's bits */
    WW_OP_POST_RETURN, /* v: the flat result's bits of the call; value: 0 */
    WW_OP_DROP,        /* a destructor; v: rep; value: 0 */
} ww_opcode;

typedef enum ww_thunk_kind {
    WW_THUNK_DIRECT,  /* export of a host function of type `core` */
    WW_THUNK_SITE,    /* begin takes the parameters of `core`; may REALLOC, WAIT, DROP, and CALL if
                         callee is set */
    WW_THUNK_LIFT,    /* () -> (): begin takes nothing; REALLOC, CALL, POST_RETURN, DROP */
    WW_THUNK_FORWARD, /* call_indirect through slot `callee` with the parameters of `core` */
} ww_thunk_kind;

typedef struct ww_thunk {
    uint8_t kind;
    ww_core_type core; /* of the exported function (LIFT: of the callee) */
    uint32_t callee;   /* slot of CALL; WW_NONE if it never calls */
    const ww_core_type *callee_type;
    uint32_t post_return; /* slot or WW_NONE */
} ww_thunk;

/* Imports of the module, in this order: resume; then for each thunk in order: DIRECT: the function;
 * SITE and LIFT: begin, and, if it has a callee with parameters, args() -> (callee's parameters).
 * FORWARD: nothing. Exports, in this order: for each group of thunks a getter, then for each
 * group of slots a setter (ww_store_get_funcs, ww_store_set_funcs). */
typedef struct ww_thunk_module {
    ww_view wasm; /* in the arena, as are the types */
    uint32_t import_count;
    const ww_core_type *imports;
} ww_thunk_module;

/* Groups of `count` functions, and the size of one. */
static inline uint32_t ww_thunk_groups(uint32_t count)
{
    return (count + WW_FUNC_GROUP - 1) / WW_FUNC_GROUP;
}

static inline uint32_t ww_thunk_group_size(uint32_t count, uint32_t group)
{
    uint32_t left = count - group * WW_FUNC_GROUP;
    return left < WW_FUNC_GROUP ? left : WW_FUNC_GROUP;
}

WW_MUST_USE ww_status ww_thunk_emit(const ww_thunk *thunks, uint32_t count,
                                    const ww_core_type *slots, uint32_t slot_count, ww_arena *arena,
                                    ww_thunk_module *out, ww_diag *diag);
