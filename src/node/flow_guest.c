/* Invariants
 *  1. A call that the engine waits for is in its guest's instance and on its `calls`, or on
 *     `unanswered`.
 *  2. `is_over`: the cell ended, or is gone because its bootstrap was stopped; the next bootstrap
 *     replaces it. Otherwise there is one from construct to destroy.
 *  3. While `is_silent` no call reaches the engine, which may be half gone or in the middle of one.
 */
#include "node/flow_guest.h"
#include <stdio.h>

struct ww_flow_binding {
    ww_flow_binding *next;
    ww_flow_offer *offer;
    ww_blob *state;
    size_t slot_size;
    uint8_t slot[];
};

struct ww_flow_guest {
    ww_flow_guest *next, **link; /* of all */
    ww_flow_guests *guests;
    ww_flow_offer *offer;
    ww_flow_cell cell;
    bool is_over, is_silent;
    ww_diag why;            /* it is over */
    ww_flow_pending *calls; /* that have not returned */
    ww_view slot, config;
    size_t size;        /* of all this */
    ww_blob *state;     /* to be loaded by the first bootstrap */
    ww_flow_save *save; /* who waits for what the guest hands out */
    bool is_saving;     /* it is asked for that */
    uint8_t texts[];    /* slot, config */
};

/* In host layout, as the functions of the contract take them. */
typedef struct parameters {
    union {
        ww_contract_value values[WW_CONTRACT_PARAMS_MAX];
        struct {
            ww_list slot, config, given;
        } bootstrap;
        struct {
            ww_list operation, attributes, inputs;
        } dispatch;
        ww_list state;    /* to load */
        uint32_t integer; /* of a function without values */
        struct {
            ww_contract_value value;
            uint32_t integer;
        } both;
    };
} parameters;

enum { ANY_RESULTS = UINT8_MAX };

struct ww_flow_pending {
    ww_flow_pending *next, **link; /* of its guest; without link, on `unanswered` */
    ww_flow_guest *guest;
    uint64_t command;
    uint8_t results; /* ANY_RESULTS: a list of them */
    parameters params;
    size_t size; /* of all this */
    uint32_t held_count;
    ww_flow_value held[]; /* what the parameters are views of; behind them, the lists' elements */
};

/* --- the cell --- */

static void ended(void *self)
{
    ww_flow_guest *guest = self;
    ww_status status = ww_cell_facts_of(guest->cell.cell).status;
    ww_flow_cell_why(&guest->cell, status ? status : WW_E_EXIT, &guest->why);
    guest->is_over = true;
}

static ww_status start(ww_flow_guest *guest, ww_diag *diag)
{
    const ww_flow_cell_options options = {
        .program = guest->offer->program, .slot = guest->slot, .on_end = {guest, ended}};
    return ww_flow_cell_open(&guest->cell, &guest->guests->around, &options,
                             guest->guests->allocator, diag);
}

/* --- answers --- */

static void join_calls(ww_flow_pending *pending)
{
    ww_flow_guest *guest = pending->guest;
    pending->next = guest->calls;
    pending->link = &guest->calls;
    if (pending->next) pending->next->link = &pending->next;
    guest->calls = pending;
}

static void leave_calls(ww_flow_pending *pending)
{
    *pending->link = pending->next;
    if (pending->next) pending->next->link = pending->link;
    pending->link = NULL;
}

static void free_pending(ww_flow_guests *guests, ww_flow_pending *pending)
{
    for (uint32_t i = 0; i < pending->held_count; i++)
        ww_flow_value_unref(pending->held[i]);
    ww_free(guests->allocator, pending, pending->size);
}

/* False: the engine has no room, or no memory. */
static bool fail_command(ww_flow_guests *guests, uint64_t command, ww_view why)
{
    ww_status status = ww_dataflow_fail(guests->flow, command, why);
    return status == WW_OK || status == WW_E_NOT_FOUND;
}

static void refuse(ww_flow_pending *pending, ww_view why)
{
    ww_flow_guests *guests = pending->guest->guests;
    if (fail_command(guests, pending->command, why)) {
        free_pending(guests, pending);
        return;
    }
    pending->next = guests->unanswered;
    guests->unanswered = pending;
}

static ww_status complete(ww_flow_guests *guests, uint64_t command, const ww_contract_value *from,
                          size_t count)
{
    ww_flow_value values[WW_CONTRACT_OUTPUTS_MAX];
    ww_status status = count > WW_COUNT_OF(values) ? WW_E_LIMIT : WW_OK;
    size_t lifted = 0;
    for (; !status && lifted < count; lifted++)
        status = ww_contract_lift(guests->allocator, &from[lifted], &values[lifted]);
    if (!status) return ww_dataflow_complete(guests->flow, command, values, count);
    for (size_t i = 0; i < lifted; i++)
        ww_flow_value_unref(values[i]);
    return status;
}

static void deliver(ww_flow_pending *pending, const ww_contract_result *result)
{
    ww_flow_guests *guests = pending->guest->guests;
    bool any = pending->results == ANY_RESULTS;
    ww_status status = complete(guests, pending->command, any ? result->list.data : result->values,
                                any ? result->list.count : pending->results);
    if (!status || status == WW_E_NOT_FOUND) {
        free_pending(guests, pending);
        return;
    }
    char text[128];
    snprintf(text, sizeof text, "what the component answered cannot be taken: %s",
             ww_status_text(status));
    refuse(pending, ww_view_str(text));
}

static void returned(void *self, ww_status status, const void *data)
{
    ww_flow_pending *pending = self;
    ww_flow_guest *guest = pending->guest;
    const ww_contract_result *result = data;
    leave_calls(pending);
    if (guest->is_silent) {
        free_pending(guest->guests, pending);
        return;
    }
    if (status) {
        ww_flow_cell_why(&guest->cell, status, &guest->why);
        refuse(pending, ww_view_str(guest->why.text));
    } else if (result->is_error) {
        refuse(pending, ww_view_of(result->error.data, result->error.count));
    } else {
        deliver(pending, result);
    }
    guest->guests->answered(guest->guests->self);
}

void ww_flow_guests_settle(ww_flow_guests *guests)
{
    while (guests->unanswered) {
        ww_flow_pending *pending = guests->unanswered;
        if (!fail_command(guests, pending->command,
                          WW_VIEW_LITERAL("the engine had no room for the answer")))
            return;
        guests->unanswered = pending->next;
        free_pending(guests, pending);
    }
}

/* --- calls --- */

static ww_status send(ww_flow_pending *pending, const ww_export *func, ww_flow_call *call)
{
    pending->command = ww_flow_call_command(call);
    ww_status status = ww_cell_call(pending->guest->cell.cell, func, &pending->params,
                                    (ww_call_done){pending, returned});
    if (!status) {
        join_calls(pending);
        return WW_AGAIN;
    }
    free_pending(pending->guest->guests, pending);
    return ww_flow_call_fail(call, status, "%s", ww_status_text(status));
}

/* With room for so many bytes behind the values. */
static ww_flow_pending *new_pending(ww_flow_guest *guest, uint32_t held_count, size_t room)
{
    size_t size = sizeof(ww_flow_pending) + held_count * sizeof(ww_flow_value) + room;
    ww_flow_pending *pending = ww_alloc_zeroed(guest->guests->allocator, size);
    if (!pending) return NULL;
    pending->guest = guest;
    pending->size = size;
    pending->held_count = held_count;
    return pending;
}

static ww_list list_of(ww_view view)
{
    return (ww_list){view.data, view.size};
}

static void *room_of(ww_flow_pending *pending)
{
    return pending->held + pending->held_count;
}

static ww_status take_values(ww_flow_pending *pending, const ww_contract_func *func,
                             ww_flow_call *call)
{
    for (uint32_t i = 0; i < func->params; i++) {
        const ww_flow_value *value = ww_flow_call_input(call, i);
        if (!value || value->type == WW_FLOW_NONE)
            return ww_flow_call_fail(call, WW_E_MISSING, "%s needs %u inputs", func->name,
                                     func->params);
        pending->held[i] = ww_flow_value_ref(*value);
        pending->params.values[i] = ww_contract_lower(&pending->held[i]);
    }
    return WW_OK;
}

static ww_status take_integer(ww_flow_pending *pending, const ww_contract_func *func,
                              ww_flow_call *call)
{
    int64_t given = ww_flow_call_integer(call, func->integer, func->params, func->otherwise);
    if (given < 0 || given > UINT32_MAX)
        return ww_flow_call_fail(call, WW_E_INVALID, "%s is out of range", func->integer);
    uint32_t *place = func->params ? &pending->params.both.integer : &pending->params.integer;
    *place = (uint32_t)given;
    return WW_OK;
}

static ww_status call_func(void *self, ww_flow_call *call, size_t index)
{
    ww_flow_guest *guest = self;
    const ww_contract_func *func = ww_contract_func_at(guest->offer->exports.role, index);
    if (guest->is_over) return ww_flow_call_fail(call, WW_E_STALE, "%s", guest->why.text);
    ww_flow_pending *pending = new_pending(guest, func->params, 0);
    if (!pending) return WW_E_MEMORY;
    pending->results = func->results;
    ww_status status = take_values(pending, func, call);
    if (!status && func->integer) status = take_integer(pending, func, call);
    if (!status) return send(pending, guest->offer->exports.funcs[index], call);
    free_pending(guest->guests, pending);
    return status;
}

static ww_status call_0(void *self, ww_flow_call *call)
{
    return call_func(self, call, 0);
}

static ww_status call_1(void *self, ww_flow_call *call)
{
    return call_func(self, call, 1);
}

static ww_status call_2(void *self, ww_flow_call *call)
{
    return call_func(self, call, 2);
}

static ww_status call_3(void *self, ww_flow_call *call)
{
    return call_func(self, call, 3);
}

static ww_status call_4(void *self, ww_flow_call *call)
{
    return call_func(self, call, 4);
}

static ww_status call_5(void *self, ww_flow_call *call)
{
    return call_func(self, call, 5);
}

static ww_flow_component_fn *const calls[] = {call_0, call_1, call_2, call_3, call_4, call_5};

/* Of a backend. The attributes are the engine's, and stay. */
static ww_status dispatch(void *self, ww_flow_call *call)
{
    ww_flow_guest *guest = self;
    const ww_flow_attribute *from;
    uint32_t attribute_count = ww_flow_call_attributes(call, &from);
    uint32_t count = ww_flow_call_input_count(call);
    if (guest->is_over) return ww_flow_call_fail(call, WW_E_STALE, "%s", guest->why.text);
    ww_flow_pending *pending = new_pending(guest, count,
                                           count * sizeof(ww_contract_option) +
                                               attribute_count * sizeof(ww_contract_attribute));
    if (!pending) return WW_E_MEMORY;
    ww_contract_option *inputs = room_of(pending);
    void *behind = inputs + count;
    ww_contract_attribute *attributes = behind;
    for (uint32_t i = 0; i < count; i++) {
        const ww_flow_value *value = ww_flow_call_input(call, i);
        if (!value) continue;
        pending->held[i] = ww_flow_value_ref(*value);
        inputs[i] = (ww_contract_option){true, ww_contract_lower(&pending->held[i])};
    }
    for (uint32_t i = 0; i < attribute_count; i++)
        attributes[i] = ww_contract_lower_attribute(&from[i]);
    pending->results = ANY_RESULTS;
    pending->params.dispatch.operation = list_of(ww_flow_call_operation(call));
    pending->params.dispatch.attributes = (ww_list){attributes, attribute_count};
    pending->params.dispatch.inputs = (ww_list){inputs, count};
    return send(pending, guest->offer->exports.dispatch, call);
}

static bool offers(void *self, ww_view operation)
{
    const ww_flow_names *names = &((const ww_flow_guest *)self)->offer->operations;
    uint32_t at = 0;
    while (at < names->count && !ww_view_equal(names->at[at], operation))
        at++;
    return at < names->count;
}

static ww_status begin_anew(ww_flow_guest *guest, ww_flow_call *call)
{
    ww_diag diag;
    ww_flow_cell_close(&guest->cell);
    ww_status status = start(guest, &diag);
    if (status) return ww_flow_call_fail(call, status, "%s", diag.text);
    guest->is_over = false;
    return WW_OK;
}

/* What the operator gave, which the engine holds for this call only. */
static ww_list take_given(ww_flow_pending *pending, const ww_flow_call *call)
{
    const ww_flow_names *names = &pending->guest->offer->inputs;
    ww_contract_input *given = room_of(pending);
    for (uint32_t i = 0; i < pending->held_count; i++) {
        pending->held[i] = ww_flow_value_ref(*ww_flow_call_input(call, i));
        given[i] = (ww_contract_input){list_of(names->at[i]),
                                       list_of(ww_flow_value_view(&pending->held[i]))};
    }
    return (ww_list){given, pending->held_count};
}

/* What it was given before is in the state. */
static ww_status load(ww_flow_guest *guest, ww_flow_call *call)
{
    ww_flow_pending *pending = new_pending(guest, 1, 0);
    if (!pending) return WW_E_MEMORY;
    ww_blob *state = guest->state;
    guest->state = NULL;
    pending->held[0] = (ww_flow_value){.type = WW_FLOW_BYTES, .data = state->bytes, .blob = state};
    pending->params.state = (ww_list){state->bytes, state->size};
    return send(pending, guest->offer->exports.load, call);
}

static ww_status bootstrap(void *self, ww_flow_call *call)
{
    ww_flow_guest *guest = self;
    ww_status status = guest->is_over ? begin_anew(guest, call) : WW_OK;
    if (status) return status;
    uint32_t count = ww_flow_call_input_count(call);
    if (guest->state && !count) return load(guest, call);
    if (count != guest->offer->inputs.count)
        return ww_flow_call_fail(call, WW_E_MISSING, "its inputs were not given");
    ww_flow_pending *pending = new_pending(guest, count, count * sizeof(ww_contract_input));
    if (!pending) return WW_E_MEMORY;
    pending->params.bootstrap.slot = list_of(guest->slot);
    pending->params.bootstrap.config = list_of(guest->config);
    pending->params.bootstrap.given = take_given(pending, call);
    return send(pending, guest->offer->exports.bootstrap, call);
}

static uint32_t inputs(void *self, const ww_view **names)
{
    const ww_flow_guest *guest = self;
    *names = guest->offer->inputs.at;
    return guest->offer->inputs.count;
}

/* --- states --- */

ww_flow_guest *ww_flow_guests_find(const ww_flow_guests *guests, ww_view slot)
{
    ww_flow_guest *at = guests->first;
    while (at && !(at->offer->exports.save && ww_view_equal(at->slot, slot)))
        at = at->next;
    return at;
}

bool ww_flow_guest_has_state(const ww_flow_guest *guest)
{
    return guest->state != NULL;
}

static void saved(void *self, ww_status status, const void *data)
{
    ww_flow_guest *guest = self;
    ww_flow_save *save = guest->save;
    const ww_contract_result *result = data;
    guest->save = NULL;
    guest->is_saving = false;
    if (!save) return;
    if (!status && result->is_error) status = WW_E_IO;
    ww_view state = {NULL, 0};
    if (!status) state = ww_view_of(result->list.data, result->list.count);
    save->done(save, status, state);
}

ww_status ww_flow_guest_save(ww_flow_guest *guest, ww_flow_save *save)
{
    if (guest->is_over) return WW_E_STALE;
    if (guest->is_saving) return WW_E_BUSY;
    ww_status status = ww_cell_call(guest->cell.cell, guest->offer->exports.save, NULL,
                                    (ww_call_done){guest, saved});
    if (status) return status;
    guest->save = save;
    guest->is_saving = true;
    return WW_OK;
}

void ww_flow_guest_forget_save(ww_flow_guest *guest)
{
    guest->save = NULL;
}

/* --- stopping --- */

static bool has_call(const ww_flow_guest *guest, uint64_t command)
{
    const ww_flow_pending *at = guest->calls;
    while (at && at->command != command)
        at = at->next;
    return at;
}

/* A guest cannot be stopped within a call, only as a whole. */
static void abandon(void *self, uint64_t command)
{
    ww_flow_guest *guest = self;
    if (!has_call(guest, command)) return;
    ww_fail(&guest->why, WW_E_CANCELED,
            "the component is over: a bootstrap that called it was stopped");
    guest->is_silent = true;
    ww_flow_cell_close(&guest->cell);
    guest->is_silent = false;
    guest->is_over = true;
}

/* --- making them --- */

static ww_flow_binding *find_binding(const ww_flow_guests *guests, ww_view slot)
{
    ww_flow_binding *at = guests->bindings;
    while (at && !ww_view_equal(ww_view_of(at->slot, at->slot_size), slot))
        at = at->next;
    return at;
}

static ww_flow_guest *new_guest(ww_flow_guests *guests, const ww_flow_binding *binding,
                                ww_view config)
{
    size_t size;
    if (!ww_size_add(sizeof(ww_flow_guest) + binding->slot_size, config.size, &size)) return NULL;
    ww_flow_guest *guest = ww_alloc_zeroed(guests->allocator, size);
    if (!guest) return NULL;
    guest->size = size;
    guest->guests = guests;
    guest->offer = ww_flow_offer_ref(binding->offer);
    if (binding->offer->exports.load) guest->state = ww_blob_ref(binding->state);
    guest->next = guests->first;
    guest->link = &guests->first;
    if (guest->next) guest->next->link = &guest->next;
    guests->first = guest;
    memcpy(guest->texts, binding->slot, binding->slot_size);
    if (config.size) memcpy(guest->texts + binding->slot_size, config.data, config.size);
    guest->slot = ww_view_of(guest->texts, binding->slot_size);
    guest->config = ww_view_of(guest->texts + binding->slot_size, config.size);
    return guest;
}

static void destroy(void *self)
{
    ww_flow_guest *guest = self;
    guest->is_silent = true;
    ww_flow_cell_close(&guest->cell);
    ww_flow_offer_unref(guest->offer);
    ww_blob_unref(guest->state);
    *guest->link = guest->next;
    if (guest->next) guest->next->link = guest->link;
    ww_free(guest->guests->allocator, guest, guest->size);
}

static ww_status construct(const ww_flow_component_type *type, ww_view slot, ww_view config,
                           void **self, ww_diag *diag)
{
    ww_flow_role role = type->role;
    ww_flow_guests *guests = WW_CONTAINER_OF(type - role, ww_flow_guests, types[0]);
    const ww_flow_binding *binding = find_binding(guests, slot);
    if (!binding) return ww_fail(diag, WW_E_NOT_FOUND, "no component was bound to it");
    ww_flow_guest *guest = new_guest(guests, binding, config);
    if (!guest) return ww_fail(diag, WW_E_MEMORY, "out of memory");
    ww_status status = start(guest, diag);
    if (status)
        destroy(guest);
    else
        *self = guest;
    return status;
}

void ww_flow_guests_init(ww_flow_guests *guests, const ww_flow_surroundings *around,
                         const ww_allocator *allocator)
{
    *guests = (ww_flow_guests){.allocator = allocator, .around = *around};
    for (ww_flow_role role = 0; role < WW_FLOW_ROLES; role++) {
        const char *name = ww_contract_interface(role);
        if (!name) continue;
        ww_flow_component_type *type = &guests->types[role];
        *type = (ww_flow_component_type){
            .name = name,
            .role = role,
            .construct = construct,
            .destroy = destroy,
            .bootstrap = bootstrap,
            .inputs = inputs,
            .abandon = abandon,
        };
        for (size_t i = 0; ww_contract_func_at(role, i); i++)
            type->calls.functions[i] = calls[i];
        if (role == WW_FLOW_ROLE_BACKEND) {
            type->calls.backend.dispatch = dispatch;
            type->offers = offers;
        }
        guests->list[guests->count++] = type;
    }
}

void ww_flow_guests_unbind_all(ww_flow_guests *guests)
{
    while (guests->bindings) {
        ww_flow_binding *binding = guests->bindings;
        guests->bindings = binding->next;
        ww_flow_offer_unref(binding->offer);
        ww_blob_unref(binding->state);
        ww_free(guests->allocator, binding, sizeof *binding + binding->slot_size);
    }
}

void ww_flow_guests_deinit(ww_flow_guests *guests)
{
    ww_flow_guests_unbind_all(guests);
    while (guests->unanswered) {
        ww_flow_pending *pending = guests->unanswered;
        guests->unanswered = pending->next;
        free_pending(guests, pending);
    }
}

ww_status ww_flow_guests_bind(ww_flow_guests *guests, ww_view slot, ww_flow_offer *offer,
                              ww_blob *state, ww_view *type)
{
    ww_flow_binding *binding = find_binding(guests, slot);
    if (!binding) {
        binding = ww_alloc_zeroed(guests->allocator, sizeof *binding + slot.size);
        if (!binding) return WW_E_MEMORY;
        memcpy(binding->slot, slot.data, slot.size);
        binding->slot_size = slot.size;
        binding->next = guests->bindings;
        guests->bindings = binding;
    }
    ww_flow_offer_unref(binding->offer);
    ww_blob_unref(binding->state);
    binding->offer = ww_flow_offer_ref(offer);
    binding->state = ww_blob_ref(state);
    *type = ww_view_str(ww_contract_interface(offer->exports.role));
    return WW_OK;
}
