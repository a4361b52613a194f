/* node/flow_guest.h - WebAssembly components in the slots of dataflow modules.
 *
 * Model      One type per role, for the engine's configuration. A component that is to take a slot is
 *            asked what it offers (node/flow_ask.h), and bound; the install that needs the slot makes a
 *            cell of it, which calls nothing by itself. Each call of the engine becomes a call of an
 *            export; the engine is told that the answer comes later, and gets it when the call has
 *            returned, at once or after whatever it waited for. A guest that trapped or was killed fails
 *            its calls, and those that follow, until its bootstrap makes it anew. A bootstrap that is
 *            stopped, by its deadline or because it was cancelled, ends the guests that it waits for,
 *            whatever they do. One that was bound with a state loads that in place of its first
 *            bootstrap.
 *
 *              engine --vtable--> ww_flow_guest --ww_cell_call--> export ... --ww_dataflow_complete--> engine
 *
 * Ownership  Guests are the engine's, which frees them; then ww_flow_guests_deinit. What `around` points to
 *            outlives them.
 * Bounds     One call runs at a time, others queue; as many as the engine lets wait.
 * Errors     A call's failure names the slot's trap, or is what the guest said.
 * Threads    The loop's. No call of the engine is made from inside one.
 * Trust      Guests are hostile; what they answer is checked (node/contract.h).
 */
#pragma once
#include "node/flow_ask.h"

typedef struct ww_flow_guests ww_flow_guests;
typedef struct ww_flow_guest ww_flow_guest;
typedef struct ww_flow_binding ww_flow_binding;
typedef struct ww_flow_pending ww_flow_pending;

struct ww_flow_guests {
    const ww_allocator *allocator;
    ww_flow_surroundings around;
    ww_dataflow *flow; /* set by the owner once it is there */
    void *self;
    void (*answered)(void *self); /* the engine has something to poll for */
    ww_flow_component_type types[WW_FLOW_ROLES];
    const ww_flow_component_type *list[WW_FLOW_ROLES];
    size_t count;
    ww_flow_binding *bindings;
    ww_flow_guest *first;        /* of all that were made */
    ww_flow_pending *unanswered; /* answers for which the engine had no room */
};

/* list and count are then fit for ww_dataflow_config. */
void ww_flow_guests_init(ww_flow_guests *guests, const ww_flow_surroundings *around,
                         const ww_allocator *allocator);
void ww_flow_guests_deinit(ww_flow_guests *guests);

/* Lets the next install give the slot to the component that made this offer; *type is what its
 * ww_dataflow_slot then says. Takes a reference. A slot that was bound before is bound anew. With a
 * state, which may be NULL, its first bootstrap loads that instead. E_MEMORY. */
WW_MUST_USE ww_status ww_flow_guests_bind(ww_flow_guests *guests, ww_view slot,
                                          ww_flow_offer *offer, ww_blob *state, ww_view *type);
void ww_flow_guests_unbind_all(
    ww_flow_guests *guests); /* guests that were made keep their program */

/* Hands over answers for which there was no room. Before each poll of the engine. */
void ww_flow_guests_settle(ww_flow_guests *guests);

/* The guest in the slot, if it remembers; or NULL. */
ww_flow_guest *ww_flow_guests_find(const ww_flow_guests *guests, ww_view slot);
bool ww_flow_guest_has_state(const ww_flow_guest *guest); /* still to be loaded */

/* Asking a guest for its state. */
typedef struct ww_flow_save ww_flow_save;
struct ww_flow_save {
    /* Once, in the guest's turn or when it is freed. `state`, valid until it returns, is what to keep;
     * with a status, why there is none. */
    void (*done)(ww_flow_save *self, ww_status status, ww_view state);
};

/* E_BUSY while it is asked already, E_STALE when it is over, E_MEMORY. */
WW_MUST_USE ww_status ww_flow_guest_save(ww_flow_guest *guest, ww_flow_save *save);
/* Nobody waits for it any more: `done` is not called. */
void ww_flow_guest_forget_save(ww_flow_guest *guest);
