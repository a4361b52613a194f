/* Process and ByteStream: pipes in every state, exit codes, and how cells end with their session. */
#include "support/session_world.h"
#include <stdio.h>
#include <stdlib.h>

/* A world with one session and one cell that it started. */
typedef struct family {
    session_world w;
    grafted g;
    client_process p;
    fake_cell *cell;
} family;

static family *family_new(void)
{
    family *f = calloc(1, sizeof *f);
    scene_init(&f->w);
    assert_string_equal(scene_graft(&f->w, NULL, &f->g), "");
    client_run(&f->w, f->g.executor, &f->p);
    f->cell = f->w.cells.cells[0];
    return f;
}

static void family_free(family *f)
{
    client_process_drop(&f->p);
    grafted_drop(&f->g);
    scene_deinit(&f->w);
    free(f);
}

static void assert_reads(family *f, ww_capnp_cap *stream, uint32_t max, const char *expected)
{
    char text[256];
    assert_string_equal(client_read(&f->w, stream, max, text, sizeof text), expected);
}

static void cell_writes(family *f, ww_sink *sink, const char *text)
{
    assert_int_equal(fake_cell_write(f->cell, sink, text, strlen(text)), strlen(text));
}

static void assert_cell_reads(family *f, const char *expected)
{
    char text[256];
    scene_pump(&f->w);
    assert_string_equal(fake_cell_read(f->cell, text, sizeof text), expected);
}

/* ---- how it ended ---- */

static ww_capnp_call *begin_ending(ww_capnp_cap *process)
{
    ww_capnp_call *call;
    runtime_job_ending_begin((runtime_job_cap){process}, &call);
    return call;
}

static void assert_trapped(const outcome *o)
{
    runtime_ending_r ending =
        runtime_job_ending_results_ending(runtime_job_ending_response(o->call));
    assert_int_equal(o->w.count, 1);
    assert_int_equal(runtime_ending_cause(ending), RUNTIME_ENDING_CAUSE_TRAPPED);
    assert_int_equal(runtime_ending_exit_code(ending), 134);
    assert_view_is(runtime_ending_message(ending), "unreachable");
}

static void ending__asked_before_and_after__tells_code_cause_and_message(void **state)
{
    (void)state;
    family *f = family_new();
    outcome before, after;
    outcome_send(&before, begin_ending(f->p.process));
    scene_pump(&f->w);
    assert_int_equal(before.w.count, 0);
    f->cell->base.cause = WW_PROCESS_TRAPPED;
    f->cell->base.message = WW_VIEW_LITERAL("unreachable");
    fake_cell_exit(f->cell, 134);
    scene_pump(&f->w);
    assert_trapped(&before);
    outcome_send(&after, begin_ending(f->p.process));
    scene_pump(&f->w);
    assert_trapped(&after);
    outcome_drop(&before);
    outcome_drop(&after);
    family_free(f);
}

/* ---- pipes ---- */

static void stream__of_the_wrong_direction__says_so(void **state)
{
    (void)state;
    family *f = family_new();
    assert_reads(f, f->p.in, 10, "stream is write-only");
    assert_reads(f, f->p.in, 0, "stream is write-only");
    assert_string_equal(client_write(&f->w, f->p.out, "x"), "stream is read-only");
    assert_string_equal(client_write(&f->w, f->p.err, ""), "stream is read-only");
    family_free(f);
}

static void stream__asked_for_twice__is_the_same(void **state)
{
    (void)state;
    family *f = family_new();
    client_process again;
    client_process_of(&f->w, ww_capnp_cap_ref(f->p.process), &again);
    cell_writes(f, f->cell->output, "abcd");
    assert_reads(f, f->p.out, 2, "ab");
    assert_reads(f, again.out, 2, "cd");
    assert_string_equal(client_write(&f->w, again.in, "in"), "");
    assert_cell_reads(f, "in");
    client_process_drop(&again);
    family_free(f);
}

static void read__gives_what_is_there_and_waits_for_the_first_byte(void **state)
{
    (void)state;
    family *f = family_new();
    outcome first, second;
    assert_reads(f, f->p.out, 0, ""); /* not the end */
    outcome_send(&first, begin_read(f->p.out, 3));
    outcome_send(&second, begin_read(f->p.out, 100));
    scene_pump(&f->w);
    assert_int_equal(first.w.count + second.w.count, 0);
    cell_writes(f, f->cell->output, "abcdef");
    scene_pump(&f->w);
    assert_view_is(peer_byte_stream_read_results_data(peer_byte_stream_read_response(first.call)),
                   "abc");
    assert_view_is(peer_byte_stream_read_results_data(peer_byte_stream_read_response(second.call)),
                   "def");
    outcome_drop(&first);
    outcome_drop(&second);
    fake_cell_exit(f->cell, 0);
    assert_reads(f, f->p.out, 10, "");
    assert_reads(f, f->p.out, 10, "");
    family_free(f);
}

static void read__of_any_size__gives_at_most_64_kib(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {65535, 65536, 65537, UINT32_MAX};
    static const uint8_t data[FAKE_PIPE_SIZE];
    for (size_t i = 0; i < WW_COUNT_OF(sizes); i++) {
        family *f = family_new();
        outcome o;
        assert_int_equal(fake_cell_write(f->cell, f->cell->output, data, sizeof data), 65536);
        outcome_send(&o, begin_read(f->p.out, sizes[i]));
        scene_pump(&f->w);
        assert_int_equal(
            peer_byte_stream_read_results_data(peer_byte_stream_read_response(o.call)).size,
            sizes[i] < 65536 ? sizes[i] : 65536);
        outcome_drop(&o);
        family_free(f);
    }
}

static void output__of_an_ended_cell__is_given_to_the_last_byte(void **state)
{
    (void)state;
    family *f = family_new();
    cell_writes(f, f->cell->output, "last words");
    cell_writes(f, f->cell->errors, "of both");
    fake_cell_exit(f->cell, 0);
    scene_pump(&f->w);
    assert_reads(f, f->p.out, 5, "last ");
    assert_reads(f, f->p.out, 50, "words");
    assert_reads(f, f->p.out, 50, "");
    assert_reads(f, f->p.err, 50, "of both");
    assert_reads(f, f->p.err, 50, "");
    family_free(f);
}

static void write__larger_than_the_pipe__is_done_when_all_is_in(void **state)
{
    (void)state;
    enum { SIZE = 3 * FAKE_PIPE_SIZE };
    static uint8_t data[SIZE], got[SIZE + 1];
    for (int i = 0; i < SIZE; i++)
        data[i] = (uint8_t)(i * 7 >> 3);
    family *f = family_new();
    outcome o, behind;
    outcome_send(&o, begin_write(f->p.in, ww_view_of(data, SIZE)));
    outcome_send(&behind, begin_write(f->p.in, WW_VIEW_LITERAL("!")));
    size_t total = 0;
    for (int turn = 0; turn < 100 && total <= SIZE; turn++) {
        scene_pump(&f->w);
        assert_int_equal(o.w.count, SIZE - total <= FAKE_PIPE_SIZE);
        size_t size;
        if (ww_source_read(f->cell->input, got + total, 10000, &size) == WW_OK) total += size;
    }
    assert_int_equal(total, SIZE + 1);
    assert_memory_equal(got, data, SIZE);
    assert_int_equal(got[SIZE], '!');
    scene_pump(&f->w);
    assert_int_equal(behind.w.count, 1);
    outcome_drop(&o);
    outcome_drop(&behind);
    family_free(f);
}

static void write__empty__succeeds_without_effect(void **state)
{
    (void)state;
    family *f = family_new();
    assert_string_equal(client_write(&f->w, f->p.in, ""), "");
    assert_cell_reads(f, "");
    family_free(f);
}

static void close_of_input__after_writes_that_wait__is_seen_behind_them(void **state)
{
    (void)state;
    static const uint8_t data[FAKE_PIPE_SIZE];
    family *f = family_new();
    outcome full, waits, close, late;
    outcome_send(&full, begin_write(f->p.in, ww_view_of(data, sizeof data)));
    outcome_send(&waits, begin_write(f->p.in, WW_VIEW_LITERAL("behind")));
    outcome_send(&close, begin_close(f->p.in));
    outcome_send(&late, begin_write(f->p.in, WW_VIEW_LITERAL("late")));
    scene_pump(&f->w);
    assert_int_equal(full.w.count, 1);
    assert_int_equal(waits.w.count, 0);
    assert_int_equal(close.w.count, 1); /* it waits for nobody */
    assert_string_equal(late.w.reason, "broken pipe");
    static uint8_t got[FAKE_PIPE_SIZE];
    size_t size;
    assert_ok(ww_source_read(f->cell->input, got, sizeof got, &size));
    assert_cell_reads(f, "behind");
    assert_cell_reads(f, "EOF");
    assert_int_equal(waits.w.count, 1);
    assert_string_equal(waits.w.reason, "");
    outcome again;
    assert_string_equal(outcome_of(&f->w, &again, begin_close(f->p.in)), "");
    assert_string_equal(client_write(&f->w, f->p.in, "x"), "broken pipe");
    outcome_drop(&full);
    outcome_drop(&waits);
    outcome_drop(&close);
    outcome_drop(&late);
    family_free(f);
}

static void close_of_output__ends_reads_that_wait_and_breaks_the_cells_pipe(void **state)
{
    (void)state;
    family *f = family_new();
    outcome waits, o;
    outcome_send(&waits, begin_read(f->p.out, 10));
    scene_pump(&f->w);
    assert_string_equal(outcome_of(&f->w, &o, begin_close(f->p.out)), "");
    assert_int_equal(waits.w.count, 1);
    assert_int_equal(
        peer_byte_stream_read_results_data(peer_byte_stream_read_response(waits.call)).size, 0);
    assert_true(f->cell->output->error != 0);
    assert_reads(f, f->p.out, 10, "");
    assert_string_equal(outcome_of(&f->w, &o, begin_close(f->p.out)), "");
    outcome_drop(&waits);
    family_free(f);
}

static void write__cell_gone__is_a_broken_pipe(void **state)
{
    (void)state;
    static const uint8_t data[FAKE_PIPE_SIZE + 1];
    family *f = family_new();
    outcome waits;
    outcome_send(&waits, begin_write(f->p.in, ww_view_of(data, sizeof data)));
    scene_pump(&f->w);
    assert_int_equal(waits.w.count, 0);
    fake_cell_exit(f->cell, 0);
    scene_pump(&f->w);
    assert_string_equal(waits.w.reason, "broken pipe");
    assert_string_equal(client_write(&f->w, f->p.in, "x"), "broken pipe");
    outcome_drop(&waits);
    family_free(f);
}

static void canceled_calls__leave_the_line_to_the_others(void **state)
{
    (void)state;
    static const uint8_t data[FAKE_PIPE_SIZE];
    family *f = family_new();
    outcome reads[3], full, writes[3];
    for (int i = 0; i < 3; i++)
        outcome_send(&reads[i], begin_read(f->p.out, 3));
    outcome_send(&full, begin_write(f->p.in, ww_view_of(data, sizeof data)));
    for (int i = 0; i < 3; i++)
        outcome_send(&writes[i], begin_write(f->p.in, WW_VIEW_LITERAL("xyz")));
    scene_pump(&f->w);
    ww_capnp_call_cancel(reads[1].call);
    ww_capnp_call_cancel(writes[0].call);
    scene_pump(&f->w);
    cell_writes(f, f->cell->output, "abcdef");
    static uint8_t got[2 * FAKE_PIPE_SIZE];
    size_t size;
    assert_ok(ww_source_read(f->cell->input, got, FAKE_PIPE_SIZE, &size));
    assert_cell_reads(f, "xyzxyz");
    assert_view_is(
        peer_byte_stream_read_results_data(peer_byte_stream_read_response(reads[2].call)), "def");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(reads[i].w.count, 1);
        assert_int_equal(writes[i].w.count, 1);
        assert_int_equal(reads[i].w.failed, i == 1);
        assert_int_equal(writes[i].w.failed, i == 0);
        outcome_drop(&reads[i]);
        outcome_drop(&writes[i]);
    }
    outcome_drop(&full);
    family_free(f);
}

static void error_output__nobody_reads__never_stops_the_cell(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    family *f = family_new();
    char line[32];
    for (int i = 0; i < SIZE / 16; i++) {
        snprintf(line, sizeof line, "line %010d\n", i);
        assert_int_equal(fake_cell_write(f->cell, f->cell->errors, line, 16), 16);
        if (i % 1000 == 0) ww_loop_turn(f->w.loop, false);
    }
    scene_pump(&f->w);
    outcome o;
    outcome_send(&o, begin_read(f->p.err, UINT32_MAX)); /* the newest 64 KiB */
    scene_pump(&f->w);
    ww_view data = peer_byte_stream_read_results_data(peer_byte_stream_read_response(o.call));
    assert_int_equal(data.size, WW_STDERR_KEPT);
    snprintf(line, sizeof line, "line %010d\n", SIZE / 16 - 1);
    assert_memory_equal(data.data + data.size - 16, line, 16);
    outcome_drop(&o);
    /* Somebody reads now: nothing is dropped any more, and a full pipe holds the cell up. */
    static const uint8_t fill[FAKE_PIPE_SIZE];
    assert_int_equal(fake_cell_write(f->cell, f->cell->errors, fill, sizeof fill), sizeof fill);
    scene_pump(&f->w);
    assert_int_equal(fake_cell_write(f->cell, f->cell->errors, "x", 1), 0);
    family_free(f);
}

static void output__nobody_can_read_any_more__does_not_stop_the_cell(void **state)
{
    (void)state;
    static const uint8_t fill[FAKE_PIPE_SIZE];
    family *f = family_new();
    fake_cell_write(f->cell, f->cell->output, fill, sizeof fill);
    scene_pump(&f->w);
    assert_int_equal(fake_cell_write(f->cell, f->cell->output, "x", 1), 0); /* it may be read */
    client_process_drop(&f->p);
    scene_pump(&f->w);
    assert_false(f->cell->base.has_ended);
    for (int i = 0; i < 100; i++) {
        fake_cell_write(f->cell, f->cell->output, fill, sizeof fill);
        fake_cell_write(f->cell, f->cell->errors, fill, sizeof fill);
        scene_pump(&f->w);
        assert_int_equal(fake_cell_write(f->cell, f->cell->output, "x", 1), 1);
        assert_int_equal(fake_cell_write(f->cell, f->cell->errors, "x", 1), 1);
    }
    assert_cell_reads(f, "EOF"); /* nobody can write to it either */
    family_free(f);
}

/* Every order of: closing each stream, dropping each capability, the cell's end. */
static void streams__closed_in_every_order__leave_nothing(void **state)
{
    (void)state;
    ww_random_seeded random;
    ww_random_seeded_init(&random, 7);
    for (int round = 0; round < 300; round++) {
        family *f = family_new();
        outcome read, write, wait;
        static const uint8_t fill[FAKE_PIPE_SIZE + 5];
        outcome_send(&read, begin_read(f->p.out, 5));
        outcome_send(&write, begin_write(f->p.in, ww_view_of(fill, sizeof fill)));
        outcome_send(&wait, begin_wait(f->p.process));
        ww_capnp_cap **caps[] = {&f->p.in, &f->p.out, &f->p.err, &f->p.process};
        bool ended = false;
        for (int step = 0; step < 12; step++) {
            uint64_t what = ww_random_u64(&random.base) % 10;
            if (what < 3 && *caps[what]) {
                outcome o;
                assert_string_equal(outcome_of(&f->w, &o, begin_close(*caps[what])), "");
            } else if (what >= 3 && what < 7) {
                ww_capnp_cap_unref(*caps[what - 3]);
                *caps[what - 3] = NULL;
            } else if (what == 7 && !ended) {
                fake_cell_exit(f->cell, 5);
                ended = true;
            } else if (what == 8 && !ended) {
                fake_cell_write(f->cell, f->cell->output, "abc", 3);
            }
            if (ww_random_u64(&random.base) % 2) scene_pump(&f->w);
        }
        if (!ended) fake_cell_exit(f->cell, 5);
        scene_pump(&f->w);
        assert_int_equal(wait.w.count, 1);
        assert_int_equal(peer_process_wait_results_exit_code(peer_process_wait_response(wait.call)),
                         5);
        assert_int_equal(read.w.count + write.w.count, 2);
        outcome_drop(&read);
        outcome_drop(&write);
        outcome_drop(&wait);
        family_free(f);
    }
}

/* ---- the end of a cell ---- */

static void wait__any_number_of_times__gives_the_real_code(void **state)
{
    (void)state;
    static const int32_t codes[] = {0, 1, 2, 42, 137, 255, -1};
    for (size_t i = 0; i < WW_COUNT_OF(codes); i++) {
        family *f = family_new();
        outcome before[2];
        outcome_send(&before[0], begin_wait(f->p.process));
        outcome_send(&before[1], begin_wait(f->p.process));
        scene_pump(&f->w);
        assert_int_equal(before[0].w.count, 0);
        fake_cell_exit(f->cell, codes[i]);
        scene_pump(&f->w);
        for (int j = 0; j < 2; j++) {
            assert_int_equal(
                peer_process_wait_results_exit_code(peer_process_wait_response(before[j].call)),
                codes[i]);
            outcome_drop(&before[j]);
        }
        assert_int_equal(client_wait(&f->w, f->p.process), codes[i]);
        assert_int_equal(client_wait(&f->w, f->p.process), codes[i]);
        family_free(f);
    }
}

static void wait__given_up__is_asked_again(void **state)
{
    (void)state;
    family *f = family_new();
    outcome o;
    outcome_send(&o, begin_wait(f->p.process));
    scene_pump(&f->w);
    ww_capnp_call_cancel(o.call);
    scene_pump(&f->w);
    outcome_drop(&o);
    fake_cell_exit(f->cell, 9);
    assert_int_equal(client_wait(&f->w, f->p.process), 9);
    family_free(f);
}

static void kill__ends_with_137_and_an_ended_cell_keeps_its_code(void **state)
{
    (void)state;
    family *f = family_new();
    outcome o;
    assert_string_equal(outcome_of(&f->w, &o, begin_kill(f->p.process)), "");
    assert_int_equal(client_wait(&f->w, f->p.process), 137);
    client_process other;
    client_run(&f->w, f->g.executor, &other);
    fake_cell_exit(f->w.cells.cells[1], 4);
    scene_pump(&f->w);
    assert_string_equal(outcome_of(&f->w, &o, begin_kill(other.process)), "");
    assert_int_equal(client_wait(&f->w, other.process), 4);
    client_process_drop(&other);
    family_free(f);
}

static void bootstrap__gives_what_the_cell_exports(void **state)
{
    (void)state;
    family *f = family_new();
    outcome o;
    ww_capnp_call *call;
    peer_process_bootstrap_begin((peer_process_cap){f->p.process}, &call);
    assert_string_equal(outcome_of(&f->w, &o, call), "the cell exports nothing");
    uint32_t live = 0;
    factory_new(f->w.l.b.vat, &live, &f->cell->exports);
    peer_process_bootstrap_begin((peer_process_cap){f->p.process}, &call);
    outcome_send(&o, call);
    ww_capnp_cap *exported = result_cap(call);
    waiter ping;
    ww_capnp_call *pinged = call_ping(exported, 5, &ping);
    scene_pump(&f->w);
    assert_result(ping, 5);
    ww_capnp_call_drop(pinged);
    outcome_drop(&o);
    scene_advance(&f->w); /* it went through the membrane too */
    pinged = call_ping(exported, 6, &ping);
    scene_pump(&f->w);
    assert_string_equal(ping.reason, STALE);
    ww_capnp_call_drop(pinged);
    ww_capnp_cap_unref(exported);
    fake_cell_exit(f->cell, 0);
    scene_pump(&f->w);
    assert_int_equal(live, 0);
    family_free(f);
}

/* ---- the end of a session ---- */

typedef enum ending { EPOCH, PRINCIPAL, LINK, LET_GO } ending;

static void end_session(family *f, ending how)
{
    switch (how) {
    case EPOCH: scene_advance(&f->w); break;
    case PRINCIPAL: ww_authority_revoke(&f->w.principal); break;
    case LINK: ww_tenant_end(f->w.tenant); break;
    case LET_GO:
        client_process_drop(&f->p);
        grafted_drop(&f->g);
        break;
    }
    scene_pump(&f->w);
}

static void session_ends__cells_see_the_end_of_input_and_die_after_five_seconds(void **state)
{
    (void)state;
    for (int how = EPOCH; how <= LET_GO; how++) {
        family *f = family_new();
        end_session(f, (ending)how);
        assert_cell_reads(f, "EOF");
        assert_false(f->cell->base.has_ended);
        assert_int_equal(
            ww_tenant_account(f->w.tenant)->allowance.budgets[WW_ALLOWANCE_CHILDREN].used, 1);
        scene_wait_ms(&f->w, 4999);
        assert_int_equal(f->cell->kills, 0);
        f->cell->is_stubborn = true; /* so that it can be looked at */
        scene_wait_ms(&f->w, 1);
        assert_int_equal(f->cell->kills, 1);
        fake_cell_exit(f->cell, WW_EXIT_KILLED);
        scene_pump(&f->w);
        assert_int_equal(
            ww_tenant_account(f->w.tenant)->allowance.budgets[WW_ALLOWANCE_CHILDREN].used, 0);
        family_free(f);
    }
}

static void session__held_by_a_process_or_a_pipe_alone__goes_on(void **state)
{
    (void)state;
    family *f = family_new();
    grafted_drop(&f->g);
    scene_wait_ms(&f->w, 10000);
    assert_string_equal(client_write(&f->w, f->p.in, "in"), "");
    assert_cell_reads(f, "in");
    ww_capnp_cap *out = ww_capnp_cap_ref(f->p.out);
    client_process_drop(&f->p);
    scene_wait_ms(&f->w, 10000);
    cell_writes(f, f->cell->output, "out");
    assert_reads(f, out, 10, "out");
    ww_capnp_cap_unref(out);
    assert_cell_reads(f, "EOF");
    family_free(f);
}

static void session_ends__cell_ends_in_time__is_not_killed(void **state)
{
    (void)state;
    family *f = family_new();
    scene_advance(&f->w);
    assert_cell_reads(f, "EOF");
    fake_cell_exit(f->cell, 0);
    scene_pump(&f->w);
    scene_wait_ms(&f->w, 10000);
    assert_int_equal(f->w.cells.count, 1);
    family_free(f);
}

static void session_ends__calls_of_its_pipes_and_processes__are_stale(void **state)
{
    (void)state;
    family *f = family_new();
    outcome read, write, wait, o;
    static const uint8_t fill[FAKE_PIPE_SIZE + 1];
    outcome_send(&read, begin_read(f->p.out, 5));
    outcome_send(&write, begin_write(f->p.in, ww_view_of(fill, sizeof fill)));
    outcome_send(&wait, begin_wait(f->p.process));
    scene_pump(&f->w);
    cell_writes(f, f->cell->errors, "late");
    scene_advance(&f->w);
    scene_pump(&f->w);
    assert_string_equal(read.w.reason, STALE);
    assert_string_equal(write.w.reason, STALE);
    assert_string_equal(wait.w.reason, STALE);
    assert_reads(f, f->p.err, 10, STALE);
    assert_string_equal(client_write(&f->w, f->p.in, "x"), STALE);
    assert_string_equal(outcome_of(&f->w, &o, begin_kill(f->p.process)), STALE);
    assert_string_equal(outcome_of(&f->w, &o, begin_close(f->p.out)), STALE);
    outcome_drop(&read);
    outcome_drop(&write);
    outcome_drop(&wait);
    family_free(f);
}

static void session_ends__grandchildren__end_too_and_later_sessions_do_not(void **state)
{
    (void)state;
    family *f = family_new();
    ww_capnp_call *call;
    outcome o;
    peer_host_executor_begin((peer_host_cap){f->cell->bootstrap}, &call);
    outcome_send(&o, call);
    ww_capnp_cap *executor = result_cap(call);
    scene_pump(&f->w);
    outcome_drop(&o);
    client_process grandchild, other;
    client_run(&f->w, executor, &grandchild);
    scene_advance(&f->w);
    grafted later;
    assert_string_equal(scene_graft(&f->w, NULL, &later), "");
    client_run(&f->w, later.executor, &other);
    scene_wait_ms(&f->w, 5000);
    assert_null(f->w.cells.cells[1]); /* killed, and all of it let go of */
    assert_non_null(f->w.cells.cells[2]);
    assert_false(f->w.cells.cells[2]->base.has_ended);
    ww_capnp_cap_unref(executor);
    client_process_drop(&grandchild);
    client_process_drop(&other);
    grafted_drop(&later);
    family_free(f);
}

static void child_ends__its_own_children__end_within_the_grace(void **state)
{
    (void)state;
    family *f = family_new();
    ww_capnp_call *call;
    outcome o;
    peer_host_executor_begin((peer_host_cap){f->cell->bootstrap}, &call);
    outcome_send(&o, call);
    ww_capnp_cap *executor = result_cap(call);
    scene_pump(&f->w);
    outcome_drop(&o);
    client_process grandchild;
    client_run(&f->w, executor, &grandchild);
    ww_capnp_cap_unref(executor);
    fake_cell_exit(f->cell, 0);
    scene_pump(&f->w);
    assert_false(f->w.cells.cells[1]->base.has_ended);
    scene_wait_ms(&f->w, 5000);
    assert_int_equal(f->w.cells.cells[1] == NULL || f->w.cells.cells[1]->base.has_ended, true);
    client_process_drop(&grandchild);
    family_free(f);
}

static void connection_lost__cells_end_like_with_any_session(void **state)
{
    (void)state;
    family *f = family_new();
    ww_capnp_conn_lost(f->w.l.b.conn, "the client is gone");
    ww_loop_turn(f->w.loop, false);
    ww_loop_turn(f->w.loop, false);
    char text[64];
    assert_string_equal(fake_cell_read(f->cell, text, sizeof text), "EOF");
    f->w.clock.now_ns += (uint64_t)WW_SESSION_GRACE_MS * WW_NS_PER_MS;
    for (int i = 0; i < 4; i++)
        ww_loop_turn(f->w.loop, false);
    assert_null(f->w.cells.cells[0]);
    f->w.l.b.over[0] = f->w.l.a.over[0] = '\0';
    ww_capnp_conn_lost(f->w.l.a.conn, "so are we");
    family_free(f);
}

/* ---- without memory ---- */

typedef struct life {
    ww_loop *loop;
    ww_capnp_vat *vat;
    fake_cells cells;
} life;

static void life_turn(life *l)
{
    for (int i = 0; i < 6; i++) {
        while (ww_capnp_vat_run(l->vat, 100))
            continue;
        ww_loop_turn(l->loop, false);
    }
}

/* Sends, waits; what the call was answered stays readable until it is dropped. False: it failed. */
static bool carry_out(life *l, outcome *o, ww_capnp_call *call)
{
    waiter_init(&o->w);
    o->call = call;
    if (!call || ww_capnp_call_send(call, &o->w.done)) return false;
    life_turn(l);
    return o->w.count == 1 && !o->w.failed;
}

static ww_capnp_cap *cap_of(outcome *o)
{
    ww_capnp_pipeline first = ww_capnp_pipeline_field(ww_capnp_pipeline_of(o->call), 0);
    return ww_capnp_pipeline_cap(first);
}

/* A process from bytes to its exit code, in `executor`'s session. */
static bool live(life *l, ww_capnp_cap *executor)
{
    outcome run = {0}, in = {0}, write = {0}, out = {0}, read = {0}, wait = {0};
    ww_capnp_cap *process = NULL, *input = NULL, *output = NULL;
    ww_capnp_call *call = NULL;
    bool ok = carry_out(l, &run, executor ? begin_run(executor, "component") : NULL);
    if (ok) process = cap_of(&run);
    if (process) peer_process_stdin_begin((peer_process_cap){process}, &call);
    ok = ok && process && carry_out(l, &in, call);
    if (ok) input = cap_of(&in);
    ok = ok && input && carry_out(l, &write, begin_write(input, WW_VIEW_LITERAL("in")));
    call = NULL;
    if (ok) peer_process_stdout_begin((peer_process_cap){process}, &call);
    ok = ok && carry_out(l, &out, call);
    if (ok) output = cap_of(&out);
    fake_cell *cell = l->cells.count ? l->cells.cells[l->cells.count - 1] : NULL;
    if (cell && !cell->base.has_ended) fake_cell_write(cell, cell->output, "out", 3);
    ok = ok && output && carry_out(l, &read, begin_read(output, 10));
    if (cell && !cell->base.has_ended) fake_cell_exit(cell, 42);
    life_turn(l);
    ok = ok && carry_out(l, &wait, begin_wait(process));
    outcome *all[] = {&run, &in, &write, &out, &read, &wait};
    for (size_t i = 0; i < WW_COUNT_OF(all); i++)
        ww_capnp_call_drop(all[i]->call);
    ww_capnp_cap *caps[] = {process, input, output};
    for (size_t i = 0; i < WW_COUNT_OF(caps); i++)
        ww_capnp_cap_unref(caps[i]);
    return ok;
}

static bool graft_and_live(life *l, ww_tenant *tenant)
{
    outcome graft = {0};
    ww_capnp_call *call = NULL;
    ww_capnp_cap *membrane = ww_tenant_membrane(tenant), *executor = NULL;
    if (membrane) stem_membrane_graft_begin((stem_membrane_cap){membrane}, &call);
    bool ok = carry_out(l, &graft, call);
    if (ok) {
        ww_capnp_pipeline session = ww_capnp_pipeline_field(ww_capnp_pipeline_of(call), 0);
        ww_capnp_pipeline extension = ww_capnp_pipeline_field(session, 2);
        executor = ww_capnp_pipeline_cap(ww_capnp_pipeline_field(extension, 1));
    }
    ok = ok && live(l, executor);
    ww_capnp_cap_unref(executor);
    ww_capnp_call_drop(call);
    ww_capnp_cap_unref(membrane);
    life_turn(l);
    return ok;
}

static ww_status whole_life(const ww_allocator *allocator, void *arg)
{
    (void)arg;
    life l;
    test_clock clock;
    ww_epoch_source epochs;
    ww_cap_table table;
    ww_random_seeded random;
    test_clock_init(&clock, 0);
    assert_ok(ww_loop_new(ww_allocator_libc(), &clock.base, &l.loop, NULL));
    ww_epoch_source_init_local(&epochs, ww_allocator_libc());
    ww_cap_table_init(&table, allocator, 100);
    ww_random_seeded_init(&random, 1);
    fake_cells_init(&l.cells, l.loop);
    l.vat = ww_capnp_vat_new(allocator, NULL);
    ww_account *account = ww_account_new(allocator);
    const ww_rpc_node node = {.allocator = allocator,
                              .account = account,
                              .vat = l.vat,
                              .loop = l.loop,
                              .random = &random.base,
                              .epochs = &epochs,
                              .table = &table,
                              .spawner = &l.cells.base};
    const ww_tenant_rights rights = {.is_trusted = true};
    ww_tenant *tenant = l.vat && account ? ww_tenant_new(&node, &rights) : NULL;
    bool ok = tenant && graft_and_live(&l, tenant);
    fake_cells_deinit(&l.cells);
    if (l.vat) life_turn(&l);
    for (int kind = 0; tenant && kind < WW_ALLOWANCE_KINDS; kind++)
        assert_int_equal(ww_tenant_account(tenant)->allowance.budgets[kind].used, 0);
    if (tenant) assert_true(ww_toll_is_unused(&ww_tenant_account(tenant)->allowance.calls));
    ww_tenant_unref(tenant);
    ww_account_unref(account);
    ww_capnp_vat_free(l.vat);
    assert_int_equal(table.in_use, 0);
    ww_cap_table_deinit(&table);
    ww_epoch_source_deinit(&epochs);
    ww_loop_free(l.loop);
    return ok ? WW_OK : WW_E_MEMORY;
}

static void session_and_cell__no_memory__fail_and_give_all_back(void **state)
{
    (void)state;
    test_every_allocation_failing(whole_life, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ending__asked_before_and_after__tells_code_cause_and_message),
        cmocka_unit_test(stream__of_the_wrong_direction__says_so),
        cmocka_unit_test(stream__asked_for_twice__is_the_same),
        cmocka_unit_test(read__gives_what_is_there_and_waits_for_the_first_byte),
        cmocka_unit_test(read__of_any_size__gives_at_most_64_kib),
        cmocka_unit_test(output__of_an_ended_cell__is_given_to_the_last_byte),
        cmocka_unit_test(write__larger_than_the_pipe__is_done_when_all_is_in),
        cmocka_unit_test(write__empty__succeeds_without_effect),
        cmocka_unit_test(close_of_input__after_writes_that_wait__is_seen_behind_them),
        cmocka_unit_test(close_of_output__ends_reads_that_wait_and_breaks_the_cells_pipe),
        cmocka_unit_test(write__cell_gone__is_a_broken_pipe),
        cmocka_unit_test(canceled_calls__leave_the_line_to_the_others),
        cmocka_unit_test(error_output__nobody_reads__never_stops_the_cell),
        cmocka_unit_test(output__nobody_can_read_any_more__does_not_stop_the_cell),
        cmocka_unit_test(streams__closed_in_every_order__leave_nothing),
        cmocka_unit_test(wait__any_number_of_times__gives_the_real_code),
        cmocka_unit_test(wait__given_up__is_asked_again),
        cmocka_unit_test(kill__ends_with_137_and_an_ended_cell_keeps_its_code),
        cmocka_unit_test(bootstrap__gives_what_the_cell_exports),
        cmocka_unit_test(session_ends__cells_see_the_end_of_input_and_die_after_five_seconds),
        cmocka_unit_test(session__held_by_a_process_or_a_pipe_alone__goes_on),
        cmocka_unit_test(session_ends__cell_ends_in_time__is_not_killed),
        cmocka_unit_test(session_ends__calls_of_its_pipes_and_processes__are_stale),
        cmocka_unit_test(session_ends__grandchildren__end_too_and_later_sessions_do_not),
        cmocka_unit_test(child_ends__its_own_children__end_within_the_grace),
        cmocka_unit_test(session_and_cell__no_memory__fail_and_give_all_back),
        cmocka_unit_test(connection_lost__cells_end_like_with_any_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
