/* node/flow_ask.h - what a component says about itself before it takes a slot.
 *
 * Model      A program that is to take a slot exports the contract. What its bootstrap needs from the
 *            operator, and as a backend which operations it has, it is asked once, in an instance of
 *            its own that is gone afterwards, so that an install is checked as a whole before anything
 *            of it is made.
 *
 *              ww_flow_ask_start -> exports -> inputs -> operations -> done
 *
 * Ownership  An offer is counted, and holds its program. An ask is its owner's, who ends it with
 *            ww_flow_ask_deinit, under way or not.
 * Bounds     WW_FLOW_NAMES_MAX names of WW_FLOW_NAME_BYTES_MAX bytes; WW_FLOW_ASK_NS for all answers.
 * Threads    The loop's.
 * Trust      Guests are hostile: what they answer is checked, and copied.
 */
#pragma once
#include "node/contract.h"
#include "node/flow_cell.h"

enum { WW_FLOW_NAMES_MAX = 256, WW_FLOW_NAME_BYTES_MAX = 256 };
#define WW_FLOW_ASK_NS (10 * WW_NS_PER_S)

typedef struct ww_flow_names {
    ww_view *at;
    uint32_t count;
} ww_flow_names;

typedef struct ww_flow_offer {
    const ww_allocator *allocator;
    uint32_t refs;
    ww_program *program;
    ww_contract_exports exports;
    ww_flow_names inputs;     /* of its bootstrap */
    ww_flow_names operations; /* of a backend */
    ww_arena memory;
} ww_flow_offer;

ww_flow_offer *ww_flow_offer_ref(ww_flow_offer *offer);
void ww_flow_offer_unref(ww_flow_offer *offer); /* also NULL */

typedef struct ww_flow_ask ww_flow_ask;
struct ww_flow_ask {
    void (*done)(ww_flow_ask *self, ww_status status); /* once, from the loop; may end the ask */
    ww_flow_offer *offer;                              /* then, with WW_OK; the ask's */
    ww_diag diag;                                      /* otherwise */
    ww_flow_cell cell;
    ww_status status;
    bool is_over;
    ww_task task;
};

/* The caller has set `done`; the slot's name and what `around` points to stay until the ask is over. */
void ww_flow_ask_start(ww_flow_ask *ask, const ww_flow_surroundings *around, ww_view slot,
                       ww_program *program, const ww_allocator *allocator);
void ww_flow_ask_deinit(ww_flow_ask *ask); /* also fit for a zeroed one */
