/* A connection's life, its bytes, and its end. */
#include "capnp/conn_state.h"
#include "capnp/pool.h"
#include <stdio.h>

enum { TABLE_ROOM = 256, READ_MIN = 4096, GROWTH = 256 * 1024 };

void capnp_conn_ref(ww_capnp_conn *conn)
{
    conn->refs++;
}

void capnp_conn_unref(ww_capnp_conn *conn)
{
    if (--conn->refs == 0) ww_free(&conn->arena->base, conn, sizeof *conn);
}

ww_capnp_conn *ww_capnp_conn_new(ww_capnp_vat *vat, ww_capnp_cap *bootstrap)
{
    capnp_arena *arena = capnp_arena_new(vat, vat->limits.memory_max);
    ww_capnp_conn *conn = arena ? ww_alloc_zeroed(&arena->base, sizeof *conn) : NULL;
    if (!conn) {
        if (arena) capnp_arena_close(arena);
        return NULL;
    }
    conn->vat = vat;
    conn->arena = arena;
    conn->refs = 1;
    conn->bootstrap = ww_capnp_cap_ref(bootstrap);
    conn->question_free = conn->export_free = CAPNP_NONE;
    capnp_idmap_init(&conn->answers, &arena->base, vat->limits.answers_max);
    capnp_idmap_init(&conn->imports, &arena->base, vat->limits.imports_max);
    capnp_idmap_init(&conn->other_exports, &arena->base, vat->limits.exports_max);
    return conn;
}

ww_capnp_cap *ww_capnp_conn_bootstrap(ww_capnp_conn *conn)
{
    ww_capnp_vat *vat = conn->vat;
    if (conn->is_over)
        return capnp_broken(vat->arena, WW_CAPNP_DISCONNECTED, "the connection is closed");
    uint32_t id;
    ww_capnp_call *call = capnp_call_alloc(vat->arena);
    ww_capnp_cap *cap = call ? capnp_pipe(call, NULL, 0) : NULL;
    capnp_question *q = cap ? capnp_question_new(conn, &id) : NULL;
    capnp_parcel *parcel = q ? capnp_parcel_new(conn->arena) : NULL;
    if (!parcel) {
        if (q) capnp_question_free(conn, id);
        ww_capnp_cap_unref(cap);
        if (call) capnp_call_unref(call);
        return NULL;
    }
    rpc_message_b message = capnp_parcel_message(parcel);
    rpc_bootstrap_set_question_id(rpc_message_init_bootstrap(message), id);
    call->state = CALL_REMOTE;
    call->in_progress = true;
    call->conn = conn;
    call->question = id;
    q->call = call;
    capnp_conn_write(conn, parcel);
    capnp_call_unref(call); /* the pipe holds it */
    capnp_vat_work(vat);
    return cap;
}

ww_capnp_call *ww_capnp_bootstrap_await(ww_capnp_cap *cap, ww_capnp_done *done)
{
    capnp_promise *p = capnp_as_promise(cap);
    if (!p || p->kind != PROMISE_PIPE || p->depth || p->call->done) return NULL;
    ww_capnp_call *call = ww_capnp_call_hold(p->call);
    call->done = done;
    call->refs++;
    if (capnp_call_is_over(call)) capnp_call_done_later(call);
    return call;
}

/* ---- bytes in ---- */

/* How many bytes of the arriving message are there, and how many it has; 0 while that is not known. */
static ww_status arriving(const ww_capnp_conn *conn, size_t *have, uint64_t *need, ww_diag *diag)
{
    const capnp_chunk *c = conn->input;
    *have = c ? c->used - conn->input_start : 0;
    *need = 0;
    if (!*have) return WW_OK;
    return ww_capnp_frame_size(ww_view_of(c->bytes + conn->input_start, *have),
                               conn->vat->limits.message_words_max, need, diag);
}

/* A chunk for `size` bytes of the message that is arriving, the first `have` of which move along. */
static bool move_input(ww_capnp_conn *conn, size_t have, uint64_t size)
{
    capnp_chunk *old = conn->input, *chunk = NULL;
    if (size > SIZE_MAX / 2) return false;
    bool is_large = old && old->capacity > CHUNK_SIZE && size > CHUNK_SIZE;
    if (is_large && old->refs == 1) { /* nobody reads it: it need not be there twice */
        capnp_pool_open(old->bytes, old->capacity);
        if (conn->input_start) memmove(old->bytes, old->bytes + conn->input_start, have);
        conn->input_start = 0;
        old->used = have;
        chunk = capnp_chunk_grow(old, (size_t)size);
    } else {
        chunk = capnp_chunk_new(conn->arena, (size_t)size);
        if (chunk && have) memcpy(chunk->bytes, old->bytes + conn->input_start, have);
        if (chunk) capnp_chunk_unref(old);
    }
    if (!chunk) return false;
    chunk->used = have;
    conn->input = chunk;
    conn->input_start = 0;
    return true;
}

/* Large messages get room as they arrive, doubling, not as they promise. */
static uint64_t earned_room(uint64_t promised, uint64_t have)
{
    uint64_t most = have * 2 + GROWTH;
    return promised > CHUNK_SIZE && promised > most ? most : promised;
}

/* For the rest of the message. */
static bool make_room(ww_capnp_conn *conn, size_t have, uint64_t need)
{
    uint64_t size = need > have ? need : (uint64_t)have + TABLE_ROOM;
    return move_input(conn, have, earned_room(size, have));
}

/* What descriptors come with tells whose they are: so a message's start is read apart, and then what is known of it. */
static void limit_to_message(size_t *size, size_t have, uint64_t need)
{
    uint64_t left = need ? need - have : 8 - have % 8;
    if (left < *size) *size = (size_t)left;
}

uint8_t *ww_capnp_conn_room(ww_capnp_conn *conn, size_t *size)
{
    *size = 0;
    if (conn->is_over) return NULL;
    size_t have;
    uint64_t need;
    capnp_chunk *c = conn->input;
    if (arriving(conn, &have, &need, NULL)) return NULL; /* told when it arrived */
    if (c && !have && c->capacity > CHUNK_SIZE) {        /* what is large is for one message */
        capnp_chunk_unref(c);
        conn->input = c = NULL;
    }
    if (c && !have && c->refs == 1) {
        c->used = conn->input_start = 0;
        capnp_pool_open(c->bytes, c->capacity);
    }
    size_t left = c ? c->capacity - c->used : 0;
    bool fits =
        need ? need - have <= left || (need > CHUNK_SIZE && left >= READ_MIN) : left >= TABLE_ROOM;
    if (!fits) {
        if (!make_room(conn, have, need)) {
            ww_capnp_conn_no_memory(conn);
            return NULL;
        }
        c = conn->input;
    }
    *size = c->capacity - c->used;
    if (conn->fds_max) limit_to_message(size, have, need);
    return c->bytes + c->used;
}

/* Of the messages that stand there one after the other: where the last one will end, 0 while that is not known. */
static uint64_t end_of_messages(ww_view bytes, uint64_t words_max)
{
    uint64_t end = 0, size;
    while (end < bytes.size) {
        ww_view rest = ww_view_of(bytes.data + end, bytes.size - (size_t)end);
        if (ww_capnp_frame_size(rest, words_max, &size, NULL) || !size) return 0;
        end += size;
    }
    return end;
}

uint8_t *ww_capnp_conn_more_room(ww_capnp_conn *conn, size_t filled, size_t size, size_t *room_size)
{
    capnp_chunk *c = conn->input;
    WW_ASSERT(filled <= (c ? c->capacity - c->used : 0));
    size_t have = filled + (c ? c->used - conn->input_start : 0);
    uint64_t all = (uint64_t)have + size, end = 0;
    if (have)
        end = end_of_messages(ww_view_of(c->bytes + conn->input_start, have),
                              conn->vat->limits.message_words_max);
    if (end > all) all = earned_room(end, all);
    if (!move_input(conn, have, all)) return NULL;
    c = conn->input;
    c->used -= filled;
    *room_size = c->capacity - c->used;
    return c->bytes + c->used;
}

/* The whole message at input_start, as a letter that shares the chunk. */
static capnp_letter *open_letter(ww_capnp_conn *conn, size_t size)
{
    capnp_letter *letter = capnp_letter_new(conn->arena);
    if (!letter) return NULL;
    const uint8_t *table = conn->input->bytes + conn->input_start;
    uint32_t count = ww_le32(table) + 1;
    if (count > LETTER_SEGMENTS) {
        letter->segments = ww_alloc_array(&conn->arena->base, count, sizeof *letter->segments);
        if (!letter->segments) {
            letter->segments = letter->few_segments;
            capnp_letter_free(letter);
            return NULL;
        }
    }
    const uint8_t *at = table + ((size_t)count / 2 + 1) * 8;
    for (uint32_t i = 0; i < count; i++) {
        letter->segments[i] = (ww_capnp_segment){at, ww_le32(table + 4 + 4 * (size_t)i), 0};
        at += (size_t)letter->segments[i].words * 8;
    }
    ww_capnp_message_init(&letter->message, letter->segments, count);
    letter->message.words_left = conn->vat->limits.message_words_max;
    letter->words = size / 8;
    letter->chunk = conn->input;
    conn->input->refs++;
    return letter;
}

static ww_status outcome(ww_capnp_conn *conn, ww_diag *diag)
{
    return conn->is_over ? ww_fail(diag, WW_E_CLOSED, "%s", conn->reason) : WW_AGAIN;
}

ww_status ww_capnp_conn_received(ww_capnp_conn *conn, size_t size, ww_diag *diag)
{
    if (conn->is_over) return outcome(conn, diag);
    conn->input->used += size;
    capnp_conn_ref(conn);
    ww_diag why;
    while (!conn->is_over) {
        size_t have;
        uint64_t need;
        ww_status status = arriving(conn, &have, &need, &why);
        if (status) capnp_conn_abort(conn, why.text);
        if (status || !need || need > have) break;
        capnp_letter *letter = open_letter(conn, (size_t)need);
        conn->input_start += (size_t)need;
        if (letter)
            capnp_conn_message(conn, letter);
        else
            ww_capnp_conn_no_memory(conn);
        capnp_conn_drop_fds(conn);
    }
    ww_status status = outcome(conn, diag);
    capnp_conn_unref(conn);
    return status;
}

ww_status ww_capnp_conn_feed(ww_capnp_conn *conn, ww_view bytes, ww_diag *diag)
{
    while (bytes.size) {
        size_t room;
        uint8_t *to = ww_capnp_conn_room(conn, &room);
        if (!to) return outcome(conn, diag);
        size_t size = bytes.size < room ? bytes.size : room;
        memcpy(to, bytes.data, size);
        ww_status status = ww_capnp_conn_received(conn, size, diag);
        if (status != WW_AGAIN) return status;
        bytes = ww_view_of(bytes.data + size, bytes.size - size);
    }
    return WW_AGAIN;
}

/* ---- bytes out ---- */

/* The pieces of one parcel from `skip` on. */
static size_t pieces(capnp_parcel *p, size_t skip, ww_capnp_iov *iov, size_t max)
{
    const ww_capnp_builder *b = &p->builder;
    bool is_one = b->message.segment_count == 1;
    size_t count = 0;
    for (uint32_t i = 0; i <= b->message.segment_count && count < max; i++) {
        ww_capnp_iov piece = {is_one ? (const uint8_t *)p->scratch : p->table, p->table_size};
        if (i)
            piece = (ww_capnp_iov){b->segments[i - 1].data, (size_t)b->segments[i - 1].words * 8};
        if (is_one && i == 0) { /* the table stands right before the segment */
            piece.size += (size_t)b->segments[0].words * 8;
            i++;
        }
        if (skip >= piece.size) {
            skip -= piece.size;
            continue;
        }
        iov[count++] = (ww_capnp_iov){piece.data + skip, piece.size - skip};
        skip = 0;
    }
    return count;
}

size_t ww_capnp_conn_output(ww_capnp_conn *conn, ww_capnp_iov *iov, size_t max)
{
    size_t count = 0, skip = conn->output_sent;
    for (capnp_parcel *p = conn->output_first; p && count < max; p = p->next) {
        if (p->fd_count && p != conn->output_first) break;
        count += pieces(p, skip, iov + count, max - count);
        if (p->fd_count) break; /* alone with its descriptors */
        skip = 0;
    }
    return count;
}

static void drop_first(ww_capnp_conn *conn)
{
    capnp_parcel *p = conn->output_first;
    conn->output_words -= capnp_parcel_words(p);
    conn->output_cost -= capnp_parcel_cost(p);
    conn->output_first = p->next;
    if (!conn->output_first) conn->output_last = NULL;
    conn->output_sent = 0;
    capnp_parcel_unref(p);
}

void ww_capnp_conn_sent(ww_capnp_conn *conn, size_t size)
{
    size += conn->output_sent;
    for (capnp_parcel *p; (p = conn->output_first);) {
        size_t whole = p->table_size + (size_t)capnp_parcel_words(p) * 8;
        if (size < whole) break;
        size -= whole;
        drop_first(conn);
    }
    conn->output_sent = size;
}

void ww_capnp_conn_on_output(ww_capnp_conn *conn, ww_capnp_wake *wake)
{
    conn->wake = wake;
}

/* ---- the end ---- */

static void end_questions(ww_capnp_conn *conn, ww_capnp_exception type, const char *reason)
{
    for (uint32_t i = 0; i < conn->question_count; i++) {
        capnp_question *q = &conn->questions[i];
        if (!q->in_use) continue;
        ww_capnp_call *call = q->call;
        q->call = NULL;
        capnp_question_free(conn, i);
        if (!call) continue;
        call->conn = NULL;
        if (call->state != CALL_REMOTE) continue;
        capnp_call_set_failure(call, type, reason);
        capnp_vat_settle_later(call);
    }
}

static void end_imports(ww_capnp_conn *conn, ww_capnp_exception type, const char *reason)
{
    uint32_t id;
    for (capnp_promise *p; (p = capnp_idmap_any(&conn->imports, &id));) {
        capnp_idmap_remove(&conn->imports, id);
        p->conn = NULL;
        capnp_promise_settle_broken(p, type, reason);
    }
}

static void end_embargoes(ww_capnp_conn *conn, ww_capnp_exception type, const char *reason)
{
    for (uint32_t i = 0; i < conn->embargo_capacity; i++) {
        capnp_promise *p = conn->embargoes[i].promise;
        if (!p) continue;
        conn->embargoes[i].promise = NULL;
        capnp_promise_settle_broken(p, type, reason);
        ww_capnp_cap_unref(&p->base);
    }
    conn->embargoes_used = 0;
}

static void end_answers(ww_capnp_conn *conn)
{
    uint32_t id;
    for (ww_capnp_call *call; (call = capnp_idmap_any(&conn->answers, &id));) {
        capnp_idmap_remove(&conn->answers, id);
        call->answer_conn = NULL;
        call->deliver_anyway = false;
        call->refs++;
        if (!call->is_finished) capnp_call_unref(call);
        /* Who asked is gone, and what else holds it may be held by its own parameters. */
        if (call->in_progress) capnp_call_cancel(call);
        capnp_call_unref(call);
    }
}

static void end_exports(ww_capnp_conn *conn)
{
    for (uint32_t i = 0; i < conn->export_count; i++)
        if (conn->exports[i].refs) {
            bool ok = capnp_export_release(conn, i, conn->exports[i].refs);
            WW_ASSERT(ok);
        }
}

void capnp_conn_end(ww_capnp_conn *conn, ww_capnp_exception type, const char *reason)
{
    if (conn->is_over) return;
    /* A copy: `reason` may belong to what is freed here. */
    snprintf(conn->reason, sizeof conn->reason, "%s", reason);
    const char *text = conn->reason;
    conn->is_over = true;
    capnp_arena_lift(conn->arena);
    capnp_conn_drop_fds(conn);
    capnp_conn_ref(conn);
    end_questions(conn, type, text);
    end_embargoes(conn, type, text);
    end_imports(conn, type, text);
    end_answers(conn);
    end_exports(conn);
    ww_capnp_cap_unref(conn->bootstrap);
    conn->bootstrap = NULL;
    if (conn->wake) conn->wake->fn(conn->wake);
    capnp_vat_work(conn->vat);
    capnp_conn_unref(conn);
}

void ww_capnp_conn_lost(ww_capnp_conn *conn, const char *reason)
{
    while (conn->output_first)
        drop_first(conn);
    capnp_conn_end(conn, WW_CAPNP_DISCONNECTED, reason);
}

void ww_capnp_conn_ended(ww_capnp_conn *conn)
{
    bool is_cut = conn->input && conn->input->used > conn->input_start;
    ww_capnp_conn_lost(conn, is_cut ? "the peer closed the connection in the middle of a message"
                                    : "the peer closed the connection");
}

void ww_capnp_conn_close(ww_capnp_conn *conn, const char *reason)
{
    capnp_conn_end(conn, WW_CAPNP_DISCONNECTED, reason);
}

const char *ww_capnp_conn_reason(const ww_capnp_conn *conn)
{
    return conn->reason;
}

uint64_t ww_capnp_conn_output_size(const ww_capnp_conn *conn)
{
    return conn->output_words * 8;
}

void ww_capnp_conn_abort(ww_capnp_conn *conn, ww_capnp_exception type, const char *reason)
{
    if (conn->is_over) return;
    capnp_arena_lift(conn->arena); /* the peer is to be told why */
    capnp_parcel *parcel = capnp_parcel_new(conn->arena);
    if (parcel) {
        rpc_message_b message = capnp_parcel_message(parcel);
        capnp_write_exception(rpc_message_init_abort(message), type, reason);
        capnp_conn_write(conn, parcel);
    }
    capnp_conn_end(conn, WW_CAPNP_DISCONNECTED, reason);
}

void capnp_conn_abort(ww_capnp_conn *conn, const char *reason)
{
    ww_capnp_conn_abort(conn, WW_CAPNP_FAILED, reason);
}

void ww_capnp_conn_no_memory(ww_capnp_conn *conn)
{
    ww_capnp_conn_abort(conn, WW_CAPNP_OVERLOADED, capnp_arena_why(conn->arena));
}

bool ww_capnp_conn_is_over(const ww_capnp_conn *conn)
{
    return conn->is_over;
}

void ww_capnp_conn_free(ww_capnp_conn *conn)
{
    if (!conn) return;
    capnp_arena *arena = conn->arena;
    const ww_allocator *allocator = &arena->base;
    conn->wake = NULL;
    ww_capnp_conn_lost(conn, "the connection was closed");
    capnp_chunk_unref(conn->input);
    conn->input = NULL;
    ww_free(allocator, conn->questions, conn->question_capacity * sizeof *conn->questions);
    ww_free(allocator, conn->exports, conn->export_capacity * sizeof *conn->exports);
    ww_free(allocator, conn->embargoes, conn->embargo_capacity * sizeof *conn->embargoes);
    conn->questions = NULL;
    conn->exports = NULL;
    conn->embargoes = NULL;
    conn->question_count = conn->export_count = conn->embargo_capacity = 0;
    capnp_idmap_deinit(&conn->answers);
    capnp_idmap_deinit(&conn->imports);
    capnp_idmap_deinit(&conn->other_exports);
    capnp_conn_unref(conn);
    capnp_arena_close(arena);
}

size_t ww_capnp_conn_memory(const ww_capnp_conn *conn)
{
    return conn->arena->size;
}

void ww_capnp_conn_limit_memory(ww_capnp_conn *conn, uint64_t size_max)
{
    capnp_arena *arena = conn->arena;
    if (conn->is_over) return;
    arena->size_max = size_max > SIZE_MAX ? SIZE_MAX : (size_t)size_max;
    if (arena->size_max < arena->size) arena->size_max = arena->size;
}

ww_capnp_conn_counts ww_capnp_conn_count(const ww_capnp_conn *conn)
{
    return (ww_capnp_conn_counts){conn->questions_used, conn->answers.count, conn->exports_used,
                                  conn->imports.count, conn->embargoes_used};
}
