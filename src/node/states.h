/* node/states.h - what components of modules must not forget, on the disk.
 *
 * Model      A component that remembers (`state` of wit/ww-contract) is asked for its state when a bootstrap that
 *            touched it has completed, and when the node ends. The state is one file per slot in the state
 *            folder, a record like those of the journal, replaced as a whole; only when all states are on the
 *            disk does the journal say that the target is up. The next node gives the file to the new instance.
 *
 *              checkpoint -save of each touched component-> file ... -> the journal's "done"
 *
 * Ownership  Owned by the bring-up, whose parts it points to.
 * Bounds     WW_STATE_BYTES_MAX for a state; a component has WW_STATE_SAVE_NS to hand it out. One at a time.
 * Errors     A state that cannot be had or written is a warning; the target is brought up anew next time.
 * Threads    The loop's; a worker writes.
 * Trust      Files are checked for damage; what is in a state, the component checks.
 */
#pragma once
#include "node/flow_guest.h"
#include "node/keeper.h"

#define WW_STATE_BYTES_MAX ((size_t)64 << 20)
#define WW_STATE_SAVE_NS   (5 * WW_NS_PER_S)

typedef struct ww_checkpoint ww_checkpoint;

/* The worker's while it runs. */
typedef struct ww_state_job {
    ww_job job;
    const char *folder;
    char name[64]; /* of the file */
    ww_buf bytes;
    ww_status status;
    ww_diag diag;
} ww_state_job;

typedef struct ww_states {
    const ww_bootstrap *queue;
    const ww_flow_guests *guests;
    ww_keeper *keeper;
    ww_checkpoint *first, **last;
    bool is_busy;         /* with the first of them */
    ww_flow_guest *asked; /* NULL: nobody is */
    ww_flow_save save;
    ww_timer timer;
    ww_state_job job;
} ww_states;

void ww_states_open(ww_states *states, const ww_bootstrap *queue, const ww_flow_guests *guests,
                    ww_keeper *keeper);
/* A bootstrap of the target has completed: keeps what it changed, then that it is up. */
void ww_states_checkpoint(ww_states *states, uint32_t target);
/* Keeps the states of all components that are up, and turns the loop until everything is on the disk. */
void ww_states_drain(ww_states *states); /* also fit for a zeroed one, as the next one */
void ww_states_close(ww_states *states); /* after that, and before the guests are freed */

/* What was kept of the slot's component; NULL if there is nothing sound. The caller's reference. */
ww_blob *ww_states_read(const ww_states *states, ww_view slot);
