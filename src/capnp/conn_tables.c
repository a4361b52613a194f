/* Questions and exports: numbers of our own choice, dense, the last freed first. */
#include "capnp/conn_state.h"

enum { CAPACITY_FIRST = 8 };

const ww_allocator *capnp_conn_allocator(const ww_capnp_conn *conn)
{
    return &conn->arena->base;
}

/* Doubles *array when it is full. */
static bool grow(const ww_allocator *a, void **array, uint32_t count, uint32_t *capacity,
                 uint32_t max, size_t size)
{
    if (count < *capacity) return true;
    if (count >= max) return false;
    uint32_t wanted = *capacity ? *capacity * 2 : CAPACITY_FIRST;
    if (wanted > max) wanted = max;
    void *larger = ww_realloc(a, *array, *capacity * size, wanted * size);
    if (!larger) return false;
    *array = larger;
    *capacity = wanted;
    return true;
}

/* ---- questions ---- */

capnp_question *capnp_question_new(ww_capnp_conn *conn, uint32_t *id)
{
    if (conn->is_over || conn->questions_used >= conn->vat->limits.questions_max) return NULL;
    *id = conn->question_free;
    if (*id != CAPNP_NONE) {
        conn->question_free = conn->questions[*id].next_free;
    } else {
        void *array = conn->questions;
        if (!grow(&conn->arena->base, &array, conn->question_count, &conn->question_capacity,
                  conn->vat->limits.questions_max, sizeof *conn->questions))
            return NULL;
        conn->questions = array;
        *id = conn->question_count++;
    }
    conn->questions_used++;
    conn->questions[*id] = (capnp_question){.in_use = true};
    return &conn->questions[*id];
}

capnp_question *capnp_question_at(ww_capnp_conn *conn, uint32_t id)
{
    return id < conn->question_count && conn->questions[id].in_use ? &conn->questions[id] : NULL;
}

void capnp_question_free(ww_capnp_conn *conn, uint32_t id)
{
    capnp_question *q = &conn->questions[id];
    capnp_ids_forget(conn, &q->exports);
    *q = (capnp_question){.next_free = conn->question_free};
    conn->question_free = id;
    conn->questions_used--;
}

bool capnp_conn_question_lives(const ww_capnp_conn *conn, const ww_capnp_call *call)
{
    if (call->question >= conn->question_count) return false;
    const capnp_question *q = &conn->questions[call->question];
    return q->in_use && q->call == call && !q->finish_is_sent;
}

/* ---- exports ---- */

/* 32 bits of a capability's address; equal ones are told apart by comparing the entry. */
static uint32_t address_key(const ww_capnp_cap *cap)
{
    uint64_t address = (uint64_t)(uintptr_t)cap >> 4;
    return (uint32_t)(address ^ address >> 32);
}

static uint32_t find_export(const ww_capnp_conn *conn, const ww_capnp_cap *cap)
{
    uint32_t id =
        cap->export_conn == conn
            ? cap->export_id
            : (uint32_t)(uintptr_t)capnp_idmap_find(&conn->other_exports, address_key(cap)) - 1;
    bool is_it = id < conn->export_count && conn->exports[id].refs && conn->exports[id].cap == cap;
    return is_it ? id : CAPNP_NONE;
}

static void remember_export(ww_capnp_conn *conn, ww_capnp_cap *cap, uint32_t id)
{
    if (!cap->export_conn) {
        cap->export_conn = conn;
        cap->export_id = id;
        return;
    }
    uint32_t key = address_key(cap);
    /* Without memory, or when two share a key, it is only exported under one more number. */
    if (capnp_idmap_find(&conn->other_exports, key)) return;
    ww_status status = capnp_idmap_add(&conn->other_exports, key, (void *)(uintptr_t)(id + 1));
    (void)status;
}

static void forget_export(ww_capnp_conn *conn, ww_capnp_cap *cap, uint32_t id)
{
    uint32_t key = address_key(cap);
    if (cap->export_conn == conn && cap->export_id == id)
        cap->export_conn = NULL;
    else if ((uint32_t)(uintptr_t)capnp_idmap_find(&conn->other_exports, key) == id + 1)
        capnp_idmap_remove(&conn->other_exports, key);
}

uint32_t capnp_export_add(ww_capnp_conn *conn, ww_capnp_cap *cap, bool *is_new)
{
    uint32_t id = find_export(conn, cap);
    *is_new = id == CAPNP_NONE;
    if (!*is_new) {
        if (conn->exports[id].refs == UINT32_MAX) return CAPNP_NONE;
        conn->exports[id].refs++;
        return id;
    }
    id = conn->export_free;
    if (id != CAPNP_NONE) {
        conn->export_free = conn->exports[id].next_free;
    } else {
        void *array = conn->exports;
        if (!grow(&conn->arena->base, &array, conn->export_count, &conn->export_capacity,
                  conn->vat->limits.exports_max, sizeof *conn->exports))
            return CAPNP_NONE;
        conn->exports = array;
        id = conn->export_count++;
    }
    conn->exports[id] = (capnp_export){ww_capnp_cap_ref(cap), 1, 0};
    conn->exports_used++;
    remember_export(conn, cap, id);
    return id;
}

capnp_export *capnp_export_at(ww_capnp_conn *conn, uint32_t id)
{
    return id < conn->export_count && conn->exports[id].refs ? &conn->exports[id] : NULL;
}

static void unwatch(ww_capnp_conn *conn, ww_capnp_cap *cap, uint32_t id)
{
    capnp_promise *p = capnp_as_promise(cap);
    if (!p) return;
    for (capnp_watch **link = &p->watches; *link; link = &(*link)->next) {
        capnp_watch *watch = *link;
        if (watch->conn != conn || watch->export_id != id) continue;
        *link = watch->next;
        ww_free(&conn->arena->base, watch, sizeof *watch);
        capnp_conn_unref(conn);
        return;
    }
}

bool capnp_export_release(ww_capnp_conn *conn, uint32_t id, uint32_t count)
{
    capnp_export *e = capnp_export_at(conn, id);
    if (!e || count > e->refs) return false;
    e->refs -= count;
    if (e->refs) return true;
    ww_capnp_cap *cap = e->cap;
    forget_export(conn, cap, id);
    *e = (capnp_export){NULL, 0, conn->export_free};
    conn->export_free = id;
    conn->exports_used--;
    unwatch(conn, cap, id);
    ww_capnp_cap_unref(cap);
    return true;
}

void capnp_export_repoint(ww_capnp_conn *conn, uint32_t id, ww_capnp_cap *cap)
{
    capnp_export *e = &conn->exports[id];
    ww_capnp_cap *old = e->cap;
    forget_export(conn, old, id);
    e->cap = ww_capnp_cap_ref(cap);
    capnp_promise *p = capnp_as_promise(cap);
    if (p) p->is_pinned = true;
    ww_capnp_cap_unref(old);
}

void capnp_conn_unpin(ww_capnp_conn *conn, capnp_promise *import)
{
    ww_capnp_cap_ref(&import->base);
    for (uint32_t id = 0; id < conn->export_count; id++)
        if (conn->exports[id].cap == &import->base) capnp_export_repoint(conn, id, import->target);
    ww_capnp_cap_unref(&import->base);
}

/* ---- what a peer keeps here ---- */

bool capnp_conn_hold(ww_capnp_call *call, uint64_t words)
{
    ww_capnp_conn *conn = call->answer_conn;
    uint64_t max = conn->vat->limits.held_words_max;
    capnp_conn_unhold(call);
    if (words > max || conn->held_words > max - words || capnp_arena_is_short(conn->arena))
        return false;
    conn->held_words += words;
    call->held_words = words;
    return true;
}

void capnp_conn_unhold(ww_capnp_call *call)
{
    if (call->answer_conn) call->answer_conn->held_words -= call->held_words;
    call->held_words = 0;
}

void capnp_conn_token_done(capnp_token *token)
{
    ww_capnp_conn *conn = token->conn;
    ww_free(&conn->arena->base, token, sizeof *token);
    conn->tokens--;
    capnp_conn_unref(conn);
}

/* ---- lists of numbers ---- */

static uint32_t *numbers(capnp_ids *ids)
{
    return ids->more ? ids->more : ids->few;
}

bool capnp_ids_add(const ww_allocator *allocator, capnp_ids *ids, uint32_t id)
{
    uint32_t capacity = ids->more ? ids->capacity : (uint32_t)WW_COUNT_OF(ids->few);
    if (ids->count == capacity) {
        uint32_t wanted = capacity * 4;
        uint32_t *more = ww_alloc_array(allocator, wanted, sizeof *more);
        if (!more) return false;
        memcpy(more, numbers(ids), ids->count * sizeof *more);
        ww_free(allocator, ids->more, ids->capacity * sizeof *more);
        ids->more = more;
        ids->capacity = wanted;
    }
    numbers(ids)[ids->count++] = id;
    return true;
}

void capnp_ids_forget(ww_capnp_conn *conn, capnp_ids *ids)
{
    ww_free(&conn->arena->base, ids->more, ids->capacity * sizeof *ids->more);
    *ids = (capnp_ids){0};
}

void capnp_ids_release(ww_capnp_conn *conn, capnp_ids *ids)
{
    capnp_ids taken = *ids;
    *ids = (capnp_ids){0};
    for (uint32_t i = 0; i < taken.count; i++) {
        bool ok = capnp_export_release(conn, numbers(&taken)[i], 1);
        (void)ok; /* the peer gave it back twice: that was told when it came */
    }
    capnp_ids_forget(conn, &taken);
}
