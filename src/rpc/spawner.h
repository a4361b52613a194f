/* rpc/spawner.h - how this layer has cells made and ended; the node implements it.
 *
 * Model      Loading turns bytes into a program, spawning turns a program into a process; each
 *            answers later, once, by `done`, also when nobody wants the outcome any more (whoever
 *            asked then gives it back or kills it). A process has three byte pipes, an exit code
 *            once it ended, and perhaps a capability that it exports.
 * Ownership  Programs and processes are counted. What `done` is given is a reference of the
 *            asker's. A process comes with one reference to each of its pipes, which the asker
 *            takes: dropping the last one to `input` is the end of its standard input, dropping
 *            `output` or `errors` makes its writes fail.
 * Bounds     The node's: size of a component, memory, time to compile and to start; and the account's.
 * Errors     A failure is one line in the diag, which the remote caller gets to read: no path and no
 *            address of the host in it.
 * Threads    The loop's. `done` never runs inside the call that it answers; `on_exit` wakes from
 *            anywhere on the loop.
 */
#pragma once
#include "account/account.h"
#include "capnp/cap.h"
#include "os/content_hash.h"
#include "resource/sink.h"
#include "resource/source.h"

enum { WW_EXIT_KILLED = 137, WW_PROCESS_MESSAGE_MAX = 256 };

/* ---- programs: code that is ready to run, any number of times ---- */

typedef struct ww_loaded ww_loaded;
struct ww_loaded {
    uint32_t refs;
    void (*free)(ww_loaded *self);
};

static inline ww_loaded *ww_loaded_ref(ww_loaded *program)
{
    program->refs++;
    return program;
}

static inline void ww_loaded_unref(ww_loaded *program)
{
    if (program && --program->refs == 0) program->free(program);
}

/* ---- processes ---- */

typedef struct ww_process ww_process;

typedef struct ww_process_class {
    /* Ends it with that exit code, now or soon; no effect if it ended or is ending. */
    void (*kill)(ww_process *self, int32_t exit_code);
    /* The main object that it exports, a reference (or a promise) of the caller's. E_MISSING: it
     * exports nothing, or ended. E_MEMORY. */
    ww_status (*bootstrap)(ww_process *self, ww_capnp_cap **out);
    /* Its session is over: it will be killed if it does not end by itself. For those who look. */
    void (*tell_end)(ww_process *self);
    void (*free)(ww_process *self);
} ww_process_class;

typedef enum ww_process_cause { /* as Ending.Cause of capnp/runtime.capnp */
                                WW_PROCESS_EXITED,
                                WW_PROCESS_TRAPPED,
                                WW_PROCESS_TIMED_OUT,
                                WW_PROCESS_USED_UP,
                                WW_PROCESS_KILLED,
} ww_process_cause;

struct ww_process {
    const ww_process_class *class;
    uint32_t refs;
    uint32_t cell; /* its number on this node */
    bool has_ended;
    int32_t exit_code; /* once it ended, as are the next two */
    ww_process_cause cause;
    ww_view message;    /* why it trapped, what it used up: one plain line, the process's own */
    ww_waiters on_exit; /* woken when it ended, with code and pipes final */
    ww_sink *input;     /* its standard input */
    ww_source *output;  /* what it writes to standard output */
    ww_source *errors;  /* and to standard error */
};

static inline ww_process *ww_process_ref(ww_process *process)
{
    process->refs++;
    return process;
}

/* Dropping the last reference does not end it: who wants that kills it. */
static inline void ww_process_unref(ww_process *process)
{
    if (process && --process->refs == 0) process->class->free(process);
}

/* ---- asking ---- */

typedef struct ww_load ww_load;
struct ww_load {
    /* `program` is the asker's; NULL: *diag says why. */
    void (*done)(ww_load *self, ww_loaded *program, const ww_diag *diag);
    ww_principal *payer; /* of a compilation; NULL: nobody */
    /* The spawner's, from the asking until `done`: */
    ww_load *next;
    ww_view component;
    size_t position; /* in it */
    ww_content_hash hash;
    ww_task task;
    ww_loaded *program;
    ww_diag diag;
};

typedef struct ww_spawn ww_spawn;
struct ww_spawn {
    void (*done)(ww_spawn *self, ww_process *process, const ww_diag *diag);
    /* The spawner's, from the asking until `done`: */
    ww_task task;
    ww_process *process;
    ww_diag diag;
};

typedef struct ww_spawn_request {
    ww_loaded *program;
    const ww_view *args, *env; /* verbatim; env: KEY=VALUE */
    uint32_t arg_count, env_count;
    ww_capnp_cap *bootstrap; /* what the cell's link offers it; may be NULL */
    ww_account *account;     /* who pays */
    ww_view name;            /* for people; empty: the first argument */
    uint32_t parent;         /* the cell that asks; 0: none */
} ww_spawn_request;

typedef struct ww_spawner ww_spawner;
struct ww_spawner {
    /* `component` stays the asker's, unchanged, until `done`. */
    void (*load)(ww_spawner *self, ww_view component, ww_load *load);
    /* Takes references and copies: nothing of the request is needed afterwards. */
    void (*spawn)(ww_spawner *self, const ww_spawn_request *request, ww_spawn *spawn);
};
