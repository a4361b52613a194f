/* Arenas, and the objects of each kind that wait in them.
 *
 * A1  `size` is the sum of all that was taken and not given back; the arena itself is not counted.
 * A2  is_closed => nothing waits; closed and of size 0 => freed.
 * A3  A spare parcel is empty and its scratch space zero; a spare chunk has CHUNK_SIZE.
 */
#include "capnp/pool.h"
#include "capnp/vat.h"

/* What an object starts with while it waits. */
struct capnp_spare {
    struct capnp_spare *next;
};

static const struct {
    size_t size;
    uint32_t kept_max;
} KINDS[CAPNP_KINDS] = {
    [CAPNP_PARCELS] = {sizeof(capnp_parcel), CAPNP_KEPT_MAX},
    [CAPNP_LETTERS] = {sizeof(capnp_letter), CAPNP_KEPT_MAX},
    [CAPNP_CHUNKS] = {sizeof(capnp_chunk) + CHUNK_SIZE, CAPNP_CHUNKS_KEPT_MAX},
    [CAPNP_CALLS] = {sizeof(ww_capnp_call), CAPNP_KEPT_MAX},
    [CAPNP_PROMISES] = {sizeof(capnp_promise), CAPNP_KEPT_MAX},
};

static void *take_spare(capnp_arena *arena, enum capnp_kind kind)
{
    struct capnp_shelf *shelf = &arena->shelves[kind];
    struct capnp_spare *spare = shelf->first;
    if (!spare) return NULL;
    shelf->first = spare->next;
    shelf->count--;
    capnp_pool_open(spare, KINDS[kind].size);
    return spare;
}

/* False: there are enough of them. */
static bool keep(capnp_arena *arena, enum capnp_kind kind, void *object)
{
    struct capnp_shelf *shelf = &arena->shelves[kind];
    struct capnp_spare *spare = object;
    if (shelf->count == KINDS[kind].kept_max || arena->is_closed) return false;
    spare->next = shelf->first;
    shelf->first = spare;
    shelf->count++;
    capnp_pool_close(spare + 1, KINDS[kind].size - sizeof *spare);
    return true;
}

/* ---- bytes ---- */

static bool has_room(capnp_arena *arena, size_t size)
{
    if (size <= arena->size_max - arena->size) return true;
    capnp_arena_trim(arena);
    arena->is_full = size > arena->size_max - arena->size;
    return !arena->is_full;
}

static void *resize(const ww_allocator *base, void *ptr, size_t old_size, size_t size)
{
    capnp_arena *arena = WW_CONTAINER_OF(base, capnp_arena, base);
    const ww_allocator *source = arena->vat->allocator;
    if (size > old_size && !has_room(arena, size - old_size)) return NULL;
    void *moved = ww_realloc(source, ptr, old_size, size);
    if (size && !moved) {
        arena->is_full = false;
        return NULL;
    }
    arena->size += size - old_size;
    if (!arena->size && arena->is_closed) ww_free(source, arena, sizeof *arena);
    return moved;
}

/* ---- objects ---- */

static void *make(capnp_arena *arena, enum capnp_kind kind)
{
    void *spare = take_spare(arena, kind);
    return spare ? spare : ww_alloc(&arena->base, KINDS[kind].size);
}

static void free_object(capnp_arena *arena, enum capnp_kind kind, void *object)
{
    if (kind == CAPNP_PARCELS) ww_capnp_builder_deinit(&((capnp_parcel *)object)->builder);
    ww_free(&arena->base, object, KINDS[kind].size);
}

static void give_back(capnp_arena *arena, enum capnp_kind kind, void *object)
{
    if (!keep(arena, kind, object)) free_object(arena, kind, object);
}

void capnp_arena_trim(capnp_arena *arena)
{
    for (enum capnp_kind kind = 0; kind < CAPNP_KINDS; kind++)
        for (void *object; (object = take_spare(arena, kind));)
            free_object(arena, kind, object);
}

/* ---- parcels ---- */

capnp_parcel *capnp_parcel_new(capnp_arena *arena)
{
    capnp_parcel *p = take_spare(arena, CAPNP_PARCELS);
    if (!p) {
        p = ww_alloc(&arena->base, sizeof *p);
        if (!p) return NULL;
        memset(p->scratch, 0, sizeof p->scratch);
        const ww_capnp_builder_options options = {.words_max = arena->vat->limits.message_words_max,
                                                  .scratch = p->scratch + 1,
                                                  .scratch_words = PARCEL_SCRATCH_WORDS};
        ww_capnp_builder_init(&p->builder, &arena->base, &options);
        p->arena = arena;
    }
    p->next = NULL;
    p->refs = 1;
    p->table_size = 0;
    p->fd_count = 0;
    return p;
}

void capnp_parcel_unref(capnp_parcel *parcel)
{
    if (!parcel || --parcel->refs) return;
    ww_capnp_builder_reset(&parcel->builder);
    give_back(parcel->arena, CAPNP_PARCELS, parcel);
}

static size_t size_of(const capnp_parcel *parcel)
{
    return sizeof *parcel + ww_capnp_builder_taken(&parcel->builder);
}

/* Its bytes are counted there from now on. */
static void hand_over(capnp_parcel *parcel, capnp_arena *to)
{
    size_t size = size_of(parcel);
    parcel->arena->size -= size;
    to->size += size;
    parcel->arena = to;
    parcel->builder.allocator = &to->base;
}

bool capnp_parcel_move(capnp_parcel *parcel, capnp_arena *to)
{
    capnp_arena *from = parcel->arena;
    if (from == to) return true;
    WW_ASSERT(!from->is_closed);
    if (!has_room(to, size_of(parcel))) return false;
    capnp_parcel *spare = take_spare(to, CAPNP_PARCELS);
    hand_over(parcel, to);
    if (!spare) return true;
    hand_over(spare, from);
    give_back(from, CAPNP_PARCELS, spare);
    return true;
}

/* ---- chunks and letters ---- */

capnp_chunk *capnp_chunk_new(capnp_arena *arena, size_t size)
{
    bool is_large = size > CHUNK_SIZE;
    capnp_chunk *c =
        is_large ? ww_alloc(&arena->base, sizeof *c + size) : make(arena, CAPNP_CHUNKS);
    if (!c) return NULL;
    c->arena = arena;
    c->capacity = is_large ? size : CHUNK_SIZE;
    c->refs = 1;
    c->used = 0;
    return c;
}

capnp_chunk *capnp_chunk_grow(capnp_chunk *chunk, size_t size)
{
    WW_ASSERT(chunk->refs == 1 && chunk->capacity > CHUNK_SIZE && size > CHUNK_SIZE);
    chunk = ww_realloc(&chunk->arena->base, chunk, sizeof *chunk + chunk->capacity,
                       sizeof *chunk + size);
    if (chunk) chunk->capacity = size;
    return chunk;
}

void capnp_chunk_unref(capnp_chunk *chunk)
{
    if (!chunk || --chunk->refs) return;
    capnp_pool_open(chunk->bytes, chunk->capacity);
    if (chunk->capacity > CHUNK_SIZE)
        ww_free(&chunk->arena->base, chunk, sizeof *chunk + chunk->capacity);
    else
        give_back(chunk->arena, CAPNP_CHUNKS, chunk);
}

capnp_letter *capnp_letter_new(capnp_arena *arena)
{
    capnp_letter *l = make(arena, CAPNP_LETTERS);
    if (!l) return NULL;
    l->arena = arena;
    l->chunk = NULL;
    l->segments = l->few_segments;
    l->caps = l->few_caps;
    l->message.cap_count = 0;
    l->message.segment_count = 0;
    return l;
}

void capnp_letter_free(capnp_letter *letter)
{
    if (!letter) return;
    const ww_allocator *allocator = &letter->arena->base;
    for (uint32_t i = 0; i < letter->message.cap_count; i++)
        ww_capnp_cap_unref(letter->caps[i].cap);
    for (uint32_t i = 0; i < letter->message.segment_count; i++)
        capnp_pool_close(letter->segments[i].data, (size_t)letter->segments[i].words * 8);
    if (letter->caps != letter->few_caps)
        ww_free(allocator, letter->caps, letter->message.cap_count * sizeof *letter->caps);
    if (letter->segments != letter->few_segments)
        ww_free(allocator, letter->segments,
                letter->message.segment_count * sizeof *letter->segments);
    capnp_chunk_unref(letter->chunk);
    give_back(letter->arena, CAPNP_LETTERS, letter);
}

/* ---- calls and promises ---- */

capnp_promise *capnp_promise_alloc(capnp_arena *arena, enum capnp_promise_kind kind)
{
    capnp_promise *p = make(arena, CAPNP_PROMISES);
    if (!p) return NULL;
    ww_zero(p, sizeof *p);
    p->base = (ww_capnp_cap){.class = &CAPNP_PROMISE, .refs = 1, .vat = arena->vat};
    p->arena = arena;
    p->kind = (uint8_t)kind;
    return p;
}

void capnp_promise_recycle(capnp_promise *promise)
{
    give_back(promise->arena, CAPNP_PROMISES, promise);
}

ww_capnp_call *capnp_call_alloc(capnp_arena *arena)
{
    ww_capnp_call *call = make(arena, CAPNP_CALLS);
    if (!call) return NULL;
    ww_zero(call, sizeof *call);
    call->vat = arena->vat;
    call->arena = arena;
    call->refs = 1;
    call->crossing.call = call;
    return call;
}

void capnp_call_recycle(ww_capnp_call *call)
{
    give_back(call->arena, CAPNP_CALLS, call);
}

/* ---- life ---- */

capnp_arena *capnp_arena_new(ww_capnp_vat *vat, uint64_t size_max)
{
    capnp_arena *arena = ww_alloc_zeroed(vat->allocator, sizeof *arena);
    if (!arena) return NULL;
    arena->base.resize = resize;
    arena->vat = vat;
    arena->size_max = size_max > SIZE_MAX ? SIZE_MAX : (size_t)size_max;
    return arena;
}

void capnp_arena_lift(capnp_arena *arena)
{
    arena->size_max = SIZE_MAX;
}

void capnp_arena_close(capnp_arena *arena)
{
    capnp_arena_lift(arena);
    capnp_arena_trim(arena);
    arena->is_closed = true;
    if (!arena->size) ww_free(arena->vat->allocator, arena, sizeof *arena);
}
