/* resource/wasi.h - what a cell has of WASI beside its objects: surroundings, standard streams, and
 * the way it is woken.
 *
 * Model      The cell embeds a ww_wasi as its first member, so that call->host is both the
 *            envelope's context and this. A function that has to wait registers `waiter` (or, for
 *            pollables, their own) with `waker` at what it waits for, and answers WW_AGAIN; the
 *            waker's owner polls the instance again. A fiber waits for one call at a time, so one
 *            waiter is enough. A cancelled or dead call leaves the waiter behind: a later wake is
 *            spurious, and ww_wasi_deinit removes it.
 * Ownership  The options are borrowed for the life of the ww_wasi, except that sources and sinks
 *            are referenced, but for the link's: whether anybody holds those is news for the other
 *            side. Objects made by calls live in the instance's handle tables and go
 *            before ww_wasi_deinit.
 * Output     What the guest wrote may still be under way when it has ended, for whatever reason:
 *            call ww_wasi_flush until it no longer answers AGAIN, or abandon the sinks.
 * Threads    The loop's.
 */
#pragma once
#include "os/paths.h"
#include "os/random.h"
#include "resource/envelope.h"
#include "resource/sink.h"
#include "resource/source.h"

typedef struct ww_env {
    ww_view name, value;
} ww_env;

/* A directory that the guest finds open when it starts, under the name it knows it by. */
typedef struct ww_preopen {
    ww_view name;
    ww_fd *fd;
    bool is_writable;
} ww_preopen;

typedef struct ww_wasi_options {
    ww_loop *loop;
    const ww_allocator *allocator;
    const ww_clock *clock; /* NULL: the loop's */
    ww_random *random;
    ww_waker *waker;
    const ww_view *args; /* args[0] is the program's name */
    size_t arg_count;
    const ww_env *env;
    size_t env_count;
    ww_view cwd; /* empty: none */
    /* NULL: the end at once, and nowhere. */
    ww_source *input;
    ww_sink *output, *error;
    const ww_preopen *preopens; /* the descriptors are borrowed too */
    size_t preopen_count;
    ww_lookup lookup;
    bool input_is_terminal, output_is_terminal, error_is_terminal;
    ww_source *link_input; /* the cell's link; NULL: it has none */
    ww_sink *link_output;
} ww_wasi_options;

typedef struct ww_wasi {
    ww_context context; /* the envelope's; filled by the cell */
    ww_wasi_options options;
    ww_random_seeded insecure;
    uint64_t hash_keys[2][2]; /* of metadata hashes: they tell nothing about the host */
    ww_waiter waiter;
    struct ww_file_work *work; /* the last one, see resource/file_work.h */
    uint8_t *chunk;
    size_t chunk_size;
    bool link_is_open; /* and cannot be opened again */
} ww_wasi;

/* `wasi->context` is left alone. */
void ww_wasi_init(ww_wasi *wasi, const ww_wasi_options *options);
void ww_wasi_deinit(ww_wasi *wasi);

static inline ww_wasi *ww_wasi_of(const ww_call *call)
{
    return call->host;
}

/* Zeroed memory for an object of `size` bytes, which begins with a ww_object and is charged to the
 * cell's principal. E_MEMORY, E_QUOTA with *out NULL. */
WW_MUST_USE ww_status ww_wasi_make(ww_wasi *wasi, const ww_object_class *class, size_t size,
                                   ww_object *parent, void **out);

/* Starts writing what is left. WW_OK: all output is out, or has failed. AGAIN: the waker is called
 * when there is news. */
WW_MUST_USE ww_status ww_wasi_flush(ww_wasi *wasi);

/* Memory for the bytes of one call, valid until the next one asks; NULL when there is none. `size`
 * at most WW_STREAM_READ_MAX. */
uint8_t *ww_wasi_chunk(ww_wasi *wasi, size_t size);
