/* component/runtime.h - the inside of an instance and of its calls.
 *
 * Model      An instance walks its program's steps, then makes one export call at a time; what runs
 *            is a stack of calls (ww_frame). Each pushed call has `next`: what resume goes on with.
 *            Values cross in host layout: lift.c reads them from the side at hand (call->memory,
 *            handles, options), lower.c writes them to it. A call between components switches
 *            sides in between (crossing.c).
 * Ownership  The instance owns all of it. Frames stay allocated when their call has ended.
 * Threads    The store's thread.
 */
#pragma once
#include "component/handle.h"
#include "component/program.h"
#include "component/thunk.h"

/* What own<i> and borrow<i> of a type mean: types[i], or types[map[i]]. */
typedef struct ww_resolver {
    const ww_resource_type *const *types;
    const uint32_t *map;
} ww_resolver;

static inline const ww_resource_type *ww_resolve(const ww_resolver *resolver, uint32_t index)
{
    return resolver->types[resolver->map ? resolver->map[index] : index];
}

/* --- strings (string.c) --- */

/* How the bytes of a string in flight are to be read. A host's string is UTF-8. In a call between
 * components a lifted string stays where it is, in its own form, which stands in the upper bits of
 * its ww_list.count; the lower ones count code units. */
typedef enum ww_form { WW_FORM_UTF8, WW_FORM_UTF16, WW_FORM_LATIN1, WW_FORM_TAGGED_UTF16 } ww_form;

enum { WW_FORM_SHIFT = 60 };

/* Of a length in latin1+utf16: what is counted are UTF-16 code units. */
static const uint32_t ww_utf16_tag = UINT32_C(1) << 31;

typedef struct ww_string {
    const uint8_t *data;
    uint32_t units;
    ww_form form;
} ww_string;

static inline ww_string ww_string_of(const ww_list *list)
{
    uint64_t count = list->count;
    return (ww_string){list->data, (uint32_t)count, (ww_form)(count >> WW_FORM_SHIFT)};
}

static inline uint32_t ww_form_unit_bytes(ww_form form)
{
    return form == WW_FORM_UTF16 || form == WW_FORM_TAGGED_UTF16 ? 2 : 1;
}

bool ww_string_is_valid(const ww_string *string);
/* Of a valid string: the code point at unit *at, which moves behind it. */
uint32_t ww_string_next(const ww_string *string, uint32_t *at);
/* Writes a code point; the number of bytes. `out` has room for four, or NULL to count only. */
uint32_t ww_put_utf8(uint8_t *out, uint32_t point);
uint32_t ww_put_utf16(uint8_t *out, uint32_t point);
/* Bytes that the rest of a valid string from unit `at` takes in UTF-8 or UTF-16. */
uint64_t ww_string_utf8_bytes(const ww_string *string, uint32_t at);
uint64_t ww_string_utf16_bytes(const ww_string *string, uint32_t at);
/* Writes that rest. */
void ww_string_write_utf8(const ww_string *string, uint32_t at, uint8_t *out);
void ww_string_write_utf16(const ww_string *string, uint32_t at, uint8_t *out);

/* --- lowering (lower.c) --- */

typedef enum ww_progress { WW_LOWERED, WW_LOWER_NEEDS_REALLOC, WW_LOWER_FAILED } ww_progress;

typedef struct ww_realloc_request {
    uint32_t old_ptr, old_size, align, new_size;
} ww_realloc_request;

/* A value that is being lowered: fields of a record or of the parameters, elements of a list, or a
 * string. `at` is where it goes: an address, or the number of a flat slot. */
typedef struct ww_lower_frame {
    enum { WW_LOWER_FIELDS, WW_LOWER_ELEMENTS, WW_LOWER_STRING } kind;
    bool flat;
    uint32_t at;
    uint32_t index, count; /* the next field or element; all of them */
    uint32_t ptr;          /* ELEMENTS and STRING: what realloc answered */
    const ww_field *fields;
    const ww_type *element;
    const uint8_t *host; /* FIELDS: the struct; ELEMENTS: the array */
} ww_lower_frame;

typedef struct ww_lower_string {
    ww_string source;
    uint32_t read, written; /* units and bytes so far */
    uint32_t room;          /* bytes that realloc has given */
    ww_progress (*resume)(ww_call *call, uint32_t ptr);
} ww_lower_string;

typedef struct ww_lowering {
    ww_resolver resolver;
    ww_slot *flats;
    uint32_t depth;
    ww_realloc_request request; /* with NEEDS_REALLOC */
    ww_lower_string string;
    ww_lower_frame frames[WW_MAX_TYPE_DEPTH + 2];
} ww_lowering;

/* Lowers `count` fields of the struct `host` to memory at `at`, whose range was checked, or into
 * `flats`. Handles are made, memory is asked for in the order of the Canonical ABI. */
ww_progress ww_lower_fields(ww_call *call, ww_resolver resolver, const ww_field *fields,
                            uint32_t count, const void *host, uint32_t at, ww_slot *flats);
/* One value, the same way. */
ww_progress ww_lower_result(ww_call *call, ww_resolver resolver, const ww_type *type,
                            const void *host, uint32_t at, ww_slot *flats);
/* Goes on after NEEDS_REALLOC with what realloc answered. */
ww_progress ww_lower_go_on(ww_call *call, uint32_t ptr);
/* The resources in what has not been lowered yet go back to their types' drop. */
void ww_lower_abandon(ww_call *call);
/* The same for whole values. */
void ww_release_fields(ww_call *call, const ww_resolver *resolver, const ww_field *fields,
                       uint32_t count, const void *host);
void ww_release_value(ww_call *call, const ww_resolver *resolver, const ww_type *type,
                      const void *host);

/* Whether realloc's answer to the request is aligned and in the memory; else fails the call. */
bool ww_lower_check_realloc(ww_call *call, uint32_t ptr);
/* Begins to lower a string into `frame`, whose count is its length in the end. */
ww_progress ww_lower_string_begin(ww_call *call, ww_lower_frame *frame, const ww_list *value);

/* --- lifting (lift.c) --- */

typedef struct ww_lifter {
    ww_resolver resolver;
    bool keep_form; /* between components: strings stay in their form */
    bool copy;      /* nothing may point into guest memory */
} ww_lifter;

bool ww_lift_at(ww_call *call, const ww_lifter *lifter, const ww_type *type, uint32_t ptr,
                void *out);
bool ww_lift_slots(ww_call *call, const ww_lifter *lifter, const ww_type *type,
                   const ww_slot *slots, void *out);
/* Parameters: from slots, or, if spilled, from memory at slots[0]. `out` is the struct of all. */
bool ww_lift_params(ww_call *call, const ww_lifter *lifter, const ww_func_type *type,
                    const ww_slot *slots, void *out);

/* --- calls --- */

/* What resume does with the value; answers as ww_call_settle. */
typedef ww_trap *ww_call_next(ww_call *call, uint64_t value, ww_slot *slots);

struct ww_call_rest {
    ww_arena scratch;
    uint32_t depth;        /* of a pushed call, from 1; 0: the instance's, for direct calls */
    uint32_t borrow_count; /* handles that end with this call and are still there */
    uint32_t own_capacity, lend_capacity;
    ww_owned *owns;  /* beyond the inline ones, in scratch */
    uint32_t *lends; /* likewise */
    uint32_t owns_more, lends_more;
    ww_call_next *next;
    ww_call_next *lowered;       /* where a lowering that needed realloc goes on */
    uint64_t outer_context[2];   /* of the task that this call interrupts */
    uint64_t realloc_context[2]; /* put aside while realloc runs */
    /* Calls of lifts: */
    const ww_lift *lift;
    uint32_t caller; /* component instance, or WW_NONE: the host */
    bool entered;
    uint64_t flat_result; /* what the core function returned, for post-return */
    void *value; /* host layout, in scratch: parameters, then the result; NULL: call->result */
    /* A value that is lifted and that nobody has taken yet: its fields; NULL for none. */
    const ww_field *held;
    uint32_t held_count;
    ww_field held_result;
    ww_resolver held_resolver;
    ww_list bytes; /* a result that is just a list of bytes, and where its pointer goes */
    uint32_t bytes_at;
    ww_slot flats[WW_FLAT_PARAMS_MAX];
    ww_lowering lowering;
};

typedef struct ww_frame {
    ww_call call;
    struct ww_call_rest rest;
} ww_frame;

/* A component instance at run time. */
typedef struct ww_owner {
    ww_handles handles;
    uint32_t parent; /* or WW_NONE */
    bool entered;    /* may_enter is false */
    bool barred;     /* may_leave is false */
} ww_owner;

typedef struct ww_live_memory {
    ww_memory_view view; /* base NULL before its step; size as last looked at */
    ww_core_memory memory;
} ww_live_memory;

typedef struct ww_job {
    struct ww_job *next;
    const ww_lift *lift; /* NULL: drop `rep` of `type` */
    const ww_resource_type *type;
    uint64_t rep;
    const void *params;
    ww_call_done done;
    bool started; /* its parameters are the call's */
} ww_job;

struct ww_instance {
    const ww_allocator *allocator;
    ww_program *program;
    ww_store *store;
    ww_instance_options options;
    void *block; /* the arrays that follow */
    size_t block_size;
    ww_owner *owners;
    ww_live_memory *memories;
    const ww_resource_type **resources; /* by number in the plan */
    ww_resource_type *guest_resources;
    ww_core_instance *cores;
    const ww_module **core_modules;
    ww_core_extern *imports; /* room for those of one module */
    ww_core_instance thunk_instance;
    ww_core_func *thunks, *slots; /* slots: what the thunk module's table holds, or is about to */
    bool slots_changed;
    uint32_t step;                    /* the next one */
    ww_job *job, *queue, **queue_end; /* the one that runs; those that wait */
    ww_frame *frames[WW_MAX_CALL_DEPTH];
    uint32_t depth;             /* calls on the stack */
    struct ww_call_rest direct; /* scratch of direct calls */
    uint64_t context[2];
    uint64_t births;
    bool in_call; /* the store has a call */
    bool exiting;
    ww_status kill_reason; /* WW_OK: none */
    ww_instance_end end;
    ww_diag failed_step; /* what end.text points to */
};

/* The call's rest, for a direct call the instance's. */
struct ww_call_rest *ww_call_rest_of(ww_call *call);
void ww_call_release_owns(ww_call *call);
/* Makes `owner` with `options` the side at hand. False with the trap set if its memory is not there
 * yet. */
bool ww_call_take_side(ww_call *call, uint32_t owner, const ww_plan_options *options);
/* A call without a site; NULL with *trap. */
ww_call *ww_call_push_bare(ww_instance *instance, ww_trap **trap);
/* A direct call without the checks of ww_call_open. */
void ww_call_init(ww_call *call, const ww_site *site, ww_instance *instance);
void ww_call_give_back_lends(ww_call *call); /* the caller's side is at hand */
void ww_call_pop(ww_call *call);
/* Turns progress into an opcode; `lowered` goes on when all is lowered. */
ww_trap *ww_call_progress(ww_call *call, ww_progress progress, ww_call_next *lowered,
                          ww_slot *slots);
/* Asks for the lowering's request; `next` begins with ww_call_after_realloc. */
ww_trap *ww_call_ask_realloc(ww_call *call, ww_call_next *next, ww_slot *slots);
void ww_call_after_realloc(ww_call *call);
/* Puts another task's context words aside, and back. */
void ww_call_enter_task(ww_call *call);
void ww_call_leave_task(ww_call *call);
/* Gives up a call whose store is dead. */
void ww_call_abandon(ww_call *call);

static inline ww_trap *ww_answer(ww_slot *slots, uint32_t op, uint64_t v, uint64_t w)
{
    slots[0].words[0] = op;
    slots[1].words[0] = v;
    slots[2].words[0] = w;
    return NULL;
}

static inline ww_owner *ww_call_owner(const ww_call *call)
{
    return WW_CONTAINER_OF(call->handles, ww_owner, handles);
}

/* --- component instances (crossing.c) --- */

/* Marks what a call from `caller` (or WW_NONE) into `callee` enters; false with nothing marked if
 * some of it is on the stack. */
bool ww_owner_enter(ww_instance *instance, uint32_t caller, uint32_t callee);
void ww_owner_leave(ww_instance *instance, uint32_t caller, uint32_t callee);
