/* capnp/arena.h - the memory of one connection, or of a vat's application. Private to src/capnp.
 *
 * Model      Each connection has an arena of its own, for all that it holds: its tables, the bytes that arrive, the
 *            messages that came and what was made of them (answers, imports, places of answers), the messages that
 *            wait to leave. The vat has one for what the application makes: its calls with their parameters, its
 *            promises. An arena counts each byte that it took from the vat's allocator, and takes none beyond its
 *            bound. A few objects of each kind that were given back wait in it, for itself alone, so that a steady
 *            state asks nobody for memory; it starts with none.
 * Ownership  An object belongs to the arena that it was made in, whoever holds it, until it is freed. Only a message
 *            moves: built by the application, it goes over to the connection that it is to leave by, which hands a
 *            spare one back. capnp_arena_close ends an arena: what waits in it goes back to the allocator at once, and
 *            so does everything else as its last holder lets go (a capability or an answer of a peer that is gone);
 *            then the arena itself.
 * Bounds     size_max bytes. Beyond it NULL is answered, as when memory is short; capnp_arena_why tells which. What
 *            waits is given back before anything is refused.
 * Threads    The vat's.
 */
#pragma once
#include "capnp/cap.h"

enum { CAPNP_KEPT_MAX = 64, CAPNP_CHUNKS_KEPT_MAX = 4 }; /* of each kind */

enum capnp_kind {
    CAPNP_PARCELS,
    CAPNP_LETTERS,
    CAPNP_CHUNKS,
    CAPNP_CALLS,
    CAPNP_PROMISES,
    CAPNP_KINDS
};

typedef struct capnp_arena {
    ww_allocator base; /* for all that is of no kind */
    ww_capnp_vat *vat;
    size_t size, size_max; /* bytes taken, spare objects included */
    bool is_full;          /* the last refusal was the bound's */
    bool is_closed;
    struct capnp_shelf {
        struct capnp_spare *first;
        uint32_t count;
    } shelves[CAPNP_KINDS];
} capnp_arena;

capnp_arena *capnp_arena_new(ww_capnp_vat *vat, uint64_t size_max); /* NULL when memory is short */
/* Nothing more is asked of the arena but to take back. */
void capnp_arena_close(capnp_arena *arena);
/* Gives back what waits to be used again. */
void capnp_arena_trim(capnp_arena *arena);
/* Ends the bound: what is still made says how it ended. */
void capnp_arena_lift(capnp_arena *arena);

/* The connection should take on nothing new: the last quarter is for what it has begun. */
static inline bool capnp_arena_is_short(const capnp_arena *arena)
{
    return arena->size > arena->size_max / 4 * 3;
}

/* Why something was NULL. */
static inline const char *capnp_arena_why(const capnp_arena *arena)
{
    return arena->is_full ? "the connection holds as much memory as it may" : "out of memory";
}
