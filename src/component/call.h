/* component/call.h - one call that crosses the boundary, and the primitives that lift and lower it.
 *
 * Model      A ww_call is the record of one crossing: guest to host, guest to guest, or host to
 *            guest. Direct host functions (they neither wait nor allocate in the guest) have it on
 *            the C stack. All others go through a thunk, whose `begin` pushes a call on the
 *            instance's stack of calls and whose `resume` goes on with the top one; so calls nest
 *            strictly.
 *
 *              direct entry  slots in -> ww_call_open -> decode -> function -> encode
 *                            -> ww_call_close -> slots out
 *              thunk begin   slots in -> ww_call_push -> decode -> function -> ww_call_settle
 *                            -> (op, v, w) out
 *              thunk resume  (value) in -> the call's next state -> (op, v, w) out
 *
 *            See component/thunk.h for the opcodes.
 * Memory     call->memory is the memory of the side at hand, the caller's while a host function
 *            runs. Views of guest memory are valid until the call ends, also while it waits (the
 *            guest stands still). call->memory.size may be smaller than the memory has grown to:
 *            compare through ww_call_in_memory only.
 * Ownership  A handle lifted as own belongs to the call until the host function is entered: a
 *            primitive that fails before gives it back to the resource type's drop. From then on it
 *            is the function's. What a result holds is the call's from the function's WW_OK on.
 * Errors     A failed primitive sets the call's trap and answers false or WW_E_TRAP; entries then
 *            return ww_call_trap(call). After any trap the whole store is dead. Broken rules of the
 *            Canonical ABI trap with the engine's code where it has one:
 *
 *              17 cannot enter                   a component instance is on the stack already
 *              23 cannot leave                   an import called from realloc or post-return
 *              25 invalid char
 *              30, 31 string, list out of bounds also: longer than WW_MAX_VALUE_BYTES
 *              32 invalid discriminant
 *              33 unaligned pointer
 *
 *            and otherwise with one of these texts, which stay as they are:
 *
 *              realloc return: result not aligned      (between components 33 and 30 or 31,
 *              realloc return: beyond end of memory     as the engine does)
 *              invalid utf-8 / invalid utf-16
 *              unknown handle index N
 *              handle index N used with the wrong type
 *              cannot lift own resource from a borrow
 *              cannot remove owned resource while borrowed
 *              borrow handles still remain at the end of the call
 *              handle table full
 *              pointer out of bounds of memory
 *              copy budget exceeded
 *              call depth exceeded
 * Threads    The store's thread.
 */
#pragma once
#include "component/host.h"
#include "component/limits.h"

typedef struct ww_instance ww_instance;

/* A handle table entry, see component/handle.h. */
typedef struct ww_handles ww_handles;

enum {
    WW_CALL_RESULT_BYTES = 256,
    WW_CALL_STATE_WORDS = 8,
    WW_CALL_LENDS_INLINE = 4,
    WW_CALL_OWNS_INLINE = 2
};

/* A resource that is on its way. */
typedef struct ww_owned {
    const ww_resource_type *type;
    uint64_t rep;
} ww_owned;

struct ww_call {
    const ww_site *site; /* NULL for calls of exports */
    ww_instance *instance;
    void *host;                     /* the cell, as given to ww_instance_new */
    ww_handles *handles;            /* of the component instance on whose behalf it runs */
    const ww_plan_options *options; /* of the same side: encoding, memory, realloc */
    ww_memory_view memory;          /* base NULL if the side has none */
    ww_trap *trap;
    struct ww_call_rest *rest; /* pushed calls: interpreter, scratch; direct calls: on demand */
    bool failed;
    uint8_t own_count, lend_count; /* lifted by this call */
    uint32_t lends[WW_CALL_LENDS_INLINE];
    ww_owned owns[WW_CALL_OWNS_INLINE];  /* the first ones; the others are in rest */
    uint32_t result_pointer;             /* where the guest wants a spilled result */
    ww_resume_fn *resume;                /* set by a function before it answers WW_AGAIN */
    uint64_t state[WW_CALL_STATE_WORDS]; /* the waiting function's own */
    /* Pushed calls: the function's result in host layout. */
    _Alignas(16) uint8_t result[WW_CALL_RESULT_BYTES];
};

/* --- entries --- */

/* Direct: fills `call` in place (only the fields down to lend_count). False: may_leave is off or the
 * cell is dying; return ww_call_trap(call). */
bool ww_call_open(ww_call *call, const ww_site *site, ww_caller *caller);
/* Direct: gives borrows back. */
void ww_call_close(ww_call *call);

/* Thunk: the next call of the instance's stack; NULL with *trap set if that is not allowed. */
ww_call *ww_call_push(const ww_site *site, ww_caller *caller, ww_trap **trap);
/* Thunk: `status` is what the function answered with its result in call->result (host layout of the
 * site's WIT type). Lowers it, or arranges the wait, and writes the thunk's next opcode into
 * slots[0..2]. */
ww_trap *ww_call_settle(ww_call *call, ww_status status, ww_slot *slots);

/* The trap to return after a failure; pops a pushed call. */
ww_trap *ww_call_trap(ww_call *call);

/* --- failing --- */

/* All remember the first failure only. */
ww_status ww_call_fail(ww_call *call, const char *format, ...) WW_PRINTF(2, 3); /* WW_E_TRAP */
bool ww_call_fail_code(ww_call *call, int trap_code);                           /* false */
/* The same for primitives that lift: gives back the own handles that the call has lifted. */
bool ww_call_fail_lift(ww_call *call, const char *format, ...) WW_PRINTF(2, 3);
bool ww_call_fail_lift_code(ww_call *call, int trap_code);

/* --- lifting from the guest --- */

/* The same when the memory may have grown since it was looked at. */
bool ww_call_in_grown_memory(ww_call *call, uint64_t ptr, uint64_t size);

/* [ptr, ptr + size) lies in the memory; overflow-safe. */
static inline bool ww_call_in_memory(ww_call *call, uint64_t ptr, uint64_t size)
{
    if (WW_LIKELY(size <= call->memory.size && ptr <= call->memory.size - size)) return true;
    return ww_call_in_grown_memory(call, ptr, size);
}

/* list<u8> in place. */
static inline bool ww_lift_bytes(ww_call *call, uint32_t ptr, uint32_t count, ww_view *out)
{
    if (WW_UNLIKELY(count > WW_MAX_VALUE_BYTES || !ww_call_in_memory(call, ptr, count)))
        return ww_call_fail_lift_code(call, WW_TRAP_LIST_OUT_OF_BOUNDS);
    *out = ww_view_of(call->memory.base + ptr, count);
    return true;
}

/* A list of `size`-byte scalars in place: length, alignment and range are checked. */
bool ww_lift_scalars(ww_call *call, uint32_t ptr, uint32_t count, uint32_t size, ww_list *out);

/* A string: in place if the site's encoding is UTF-8 (validated), else transcoded into scratch. */
bool ww_lift_string(ww_call *call, uint32_t ptr, uint32_t count, ww_view *out);

/* Any type: `in` is its ABI layout in guest memory, checked here; `out` gets the host layout; lists
 * of anything but scalars are rebuilt in scratch. `resources` is the map for own and borrow. */
bool ww_lift_value(ww_call *call, const ww_type *type, const ww_resource_type *const *resources,
                   uint32_t ptr, void *out);
/* The same from flat slots. */
bool ww_lift_flat(ww_call *call, const ww_type *type, const ww_resource_type *const *resources,
                  const ww_slot *slots, void *out);

/* A pointer to spilled parameters or a spilled result: aligned and in range. */
bool ww_lift_pointer(ww_call *call, uint32_t ptr, uint32_t size, uint32_t align);

static inline bool ww_lift_char(ww_call *call, uint32_t value, uint32_t *out)
{
    if (WW_UNLIKELY(value >= 0x110000 || (value >= 0xD800 && value < 0xE000)))
        return ww_call_fail_lift_code(call, WW_TRAP_INVALID_CHAR);
    *out = value;
    return true;
}

static inline bool ww_lift_case(ww_call *call, uint32_t value, uint32_t case_count, uint32_t *out)
{
    if (WW_UNLIKELY(value >= case_count))
        return ww_call_fail_lift_code(call, WW_TRAP_INVALID_DISCRIMINANT);
    *out = value;
    return true;
}

/* A handle given for the duration of the call. */
bool ww_lift_borrow(ww_call *call, const ww_resource_type *type, uint32_t handle, uint64_t *rep);
/* A handle given away: it leaves the guest's table. */
bool ww_lift_own(ww_call *call, const ww_resource_type *type, uint32_t handle, uint64_t *rep);

/* --- lowering to the guest, without allocation --- */

/* A new handle in the guest's table; 0 with a trap set when the table is full (the host still owns
 * rep). */
uint32_t ww_lower_own(ww_call *call, const ww_resource_type *type, uint64_t rep);

/* Checks result_pointer for a result of that size; then the entry writes through ww_call_at. */
bool ww_lower_pointer(ww_call *call, uint32_t ptr, uint32_t size, uint32_t align);

static inline uint8_t *ww_call_at(ww_call *call, uint32_t ptr)
{
    return call->memory.base + ptr;
}

/* --- for host functions --- */

/* Zeroed memory that lives until the call ends; NULL above WW_MAX_COPY_BYTES. Pushed calls only. */
void *ww_call_scratch(ww_call *call, size_t size);
