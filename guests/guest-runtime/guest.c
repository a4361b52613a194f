/* Invariants
 *  1. The link's output is written before the guest sleeps, or its writability is part of the sleep.
 *  2. What the host returns lands where `landing` says, once; everything else it asks room for comes
 *     from malloc.
 *  3. A stream that is at its end is neither read nor waited for.
 */
#include "ww/guest.h"
#include "imports.h"
#include <stdio.h>
#include <stdlib.h>

enum { READ_MAX = 64 << 10, WRITE_MAX = 4096, PIECES = 8, LINE_MAX = 1024, DELIVERIES = 64 };

typedef struct input {
    int32_t stream, pollable; /* 0: not opened yet */
    bool is_over;
    bool is_ready; /* said the last poll */
} input;

struct ww_guest {
    ww_capnp_vat *vat;
    ww_capnp_wake wake;
    bool is_due;         /* the vat has something to deliver */
    ww_capnp_conn *conn; /* NULL: no link */
    input link, standard;
    int32_t link_output, link_writable;
    bool waits_for_standard;
    uint64_t waits; /* so far */
    int32_t outputs[2];
    ww_view *args;
    size_t arg_count;
};

static struct {
    void *data; /* NULL: nowhere in particular */
    size_t size;
} landing;

void ww_guest_land(void *data, size_t size)
{
    landing.data = data;
    landing.size = size;
}

/* The host asks for room for what it returns. */
__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_size,
                                                                size_t align, size_t size)
{
    (void)old_size;
    void *out = landing.data;
    if (!old && out && size <= landing.size) {
        landing.data = NULL;
        return out;
    }
    if (align > 8) __builtin_trap();
    out = size ? realloc(old, size) : (void *)align;
    if (!out) __builtin_trap();
    return out;
}

/* --- standard streams */

const ww_view *ww_guest_args(ww_guest *guest, size_t *count)
{
    _Static_assert(sizeof(ww_view) == sizeof(bytes), "a list of strings is an array of views");
    if (!guest->args) {
        bytes list;
        get_arguments(&list);
        guest->args = (ww_view *)list.data;
        guest->arg_count = list.size;
    }
    *count = guest->arg_count;
    return guest->args;
}

bool ww_guest_stdin_is_terminal(ww_guest *guest)
{
    (void)guest;
    option_handle terminal;
    get_terminal_stdin(&terminal);
    return terminal.is_some;
}

ww_status ww_guest_write(ww_guest *guest, ww_guest_stream stream, ww_view text)
{
    int32_t *output = &guest->outputs[stream];
    if (!*output) *output = stream == WW_GUEST_OUTPUT ? get_stdout() : get_stderr();
    while (text.size) {
        size_t size = text.size < WRITE_MAX ? text.size : WRITE_MAX;
        write_result result;
        output_blocking_write(*output, text.data, size, &result);
        if (result.is_error) return WW_E_CLOSED;
        text = ww_view_of(text.data + size, text.size - size);
    }
    return WW_OK;
}

static void print(ww_guest *guest, ww_guest_stream stream, const char *format, va_list args)
{
    char text[LINE_MAX];
    int size = vsnprintf(text, sizeof text, format, args);
    if (size >= (int)sizeof text) size = sizeof text - 1;
    if (size > 0) ww_guest_write(guest, stream, ww_view_of(text, (size_t)size));
}

void ww_guest_print(ww_guest *guest, ww_guest_stream stream, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print(guest, stream, format, args);
    va_end(args);
}

int ww_guest_fail(ww_guest *guest, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print(guest, WW_GUEST_ERRORS, format, args);
    va_end(args);
    ww_guest_write(guest, WW_GUEST_ERRORS, WW_VIEW_LITERAL("\n"));
    return 1;
}

/* --- the link */

static void lose_link(ww_guest *guest, const char *reason)
{
    guest->link.is_over = true;
    ww_capnp_conn_lost(guest->conn, reason);
}

/* One read, straight into the connection. */
static void read_link(ww_guest *guest, bool waits)
{
    size_t room;
    uint8_t *to = ww_capnp_conn_room(guest->conn, &room);
    if (!to) {
        guest->link.is_over = true;
        return;
    }
    if (room > READ_MAX) room = READ_MAX;
    ww_guest_land(to, room);
    read_result result;
    (waits ? input_blocking_read : input_read)(guest->link.stream, room, &result);
    ww_guest_land(NULL, 0);
    guest->link.is_ready = false;
    if (result.is_error)
        lose_link(guest, "the host closed the link");
    else if (result.ok.size &&
             ww_capnp_conn_received(guest->conn, result.ok.size, NULL) != WW_AGAIN)
        guest->link.is_over = true;
}

static bool has_output(ww_guest *guest)
{
    ww_view piece;
    return guest->conn && ww_capnp_conn_output(guest->conn, &piece, 1);
}

/* As much as the host takes now. */
static void write_link(ww_guest *guest)
{
    ww_view pieces[PIECES];
    permit_result permit = {.is_error = 0};
    while (has_output(guest)) {
        output_check_write(guest->link_output, &permit);
        if (permit.is_error) {
            lose_link(guest, "the host closed the link");
            return;
        }
        if (!permit.ok) return;
        size_t count = ww_capnp_conn_output(guest->conn, pieces, PIECES), sent = 0;
        for (size_t i = 0; i < count && sent < permit.ok; i++) {
            size_t left = (size_t)permit.ok - sent;
            size_t size = pieces[i].size < left ? pieces[i].size : left;
            write_result result;
            output_write(guest->link_output, pieces[i].data, size, &result);
            sent += size; /* a failure shows at the next check */
        }
        ww_capnp_conn_sent(guest->conn, sent);
    }
}

ww_capnp_vat *ww_guest_vat(ww_guest *guest)
{
    return guest->vat;
}

ww_capnp_cap *ww_guest_link(ww_guest *guest, ww_capnp_cap *offer)
{
    int32_t connection = create_connection();
    guest->link.stream = connection_input(connection);
    guest->link_output = connection_output(connection);
    guest->conn = ww_capnp_conn_new(guest->vat, offer);
    return guest->conn ? ww_capnp_conn_bootstrap(guest->conn) : NULL;
}

/* --- the loop */

static bool is_open(const input *in)
{
    return in->stream && !in->is_over;
}

static int32_t pollable_of(input *in)
{
    if (!in->pollable) in->pollable = input_subscribe(in->stream);
    return in->pollable;
}

/* Until one of what the guest waits for is ready. */
static void sleep_for_many(ww_guest *guest)
{
    int32_t list[3];
    uint32_t ready[3];
    input *inputs[3] = {NULL};
    size_t count = 0;
    if (is_open(&guest->link)) {
        inputs[count] = &guest->link;
        list[count++] = pollable_of(&guest->link);
    }
    if (guest->waits_for_standard) {
        inputs[count] = &guest->standard;
        list[count++] = pollable_of(&guest->standard);
    }
    if (has_output(guest)) {
        if (!guest->link_writable) guest->link_writable = output_subscribe(guest->link_output);
        list[count++] = guest->link_writable;
    }
    bytes result;
    ww_guest_land(ready, sizeof ready);
    poll_list(list, count, &result);
    ww_guest_land(NULL, 0);
    for (size_t i = 0; i < result.size; i++)
        if (inputs[ready[i]]) inputs[ready[i]]->is_ready = true;
}

bool ww_guest_turn(ww_guest *guest)
{
    if (!guest->is_due && guest->conn) write_link(guest);
    if (guest->is_due) {
        guest->is_due = false;
        if (ww_capnp_vat_run(guest->vat, DELIVERIES)) guest->is_due = true;
        return true;
    }
    bool has_link = is_open(&guest->link);
    if (has_link || guest->waits_for_standard) guest->waits++;
    if (has_link && !guest->waits_for_standard && !has_output(guest)) {
        read_link(guest, true);
    } else if (has_link || guest->waits_for_standard) {
        sleep_for_many(guest);
        if (guest->link.is_ready) read_link(guest, false);
    } else {
        return false;
    }
    return true;
}

uint64_t ww_guest_waits(const ww_guest *guest)
{
    return guest->waits;
}

static void note_work(ww_capnp_wake *wake)
{
    WW_CONTAINER_OF(wake, ww_guest, wake)->is_due = true;
}

typedef struct answer {
    ww_capnp_done done;
    bool is_there;
} answer;

static void note_answer(ww_capnp_done *done, ww_capnp_call *call)
{
    (void)call;
    WW_CONTAINER_OF(done, answer, done)->is_there = true;
}

bool ww_guest_call(ww_guest *guest, ww_capnp_call *call)
{
    answer answer = {.done = {note_answer}};
    if (!call || ww_capnp_call_send(call, &answer.done)) return false;
    while (!answer.is_there)
        if (!ww_guest_turn(guest)) ww_capnp_call_cancel(call); /* completes it */
    return !ww_capnp_call_failed(call);
}

ww_status ww_guest_read(ww_guest *guest, void *out, size_t size, size_t *got)
{
    input *in = &guest->standard;
    *got = 0;
    if (!in->stream) in->stream = get_stdin();
    while (!*got) {
        if (in->is_over) return WW_E_CLOSED;
        guest->waits_for_standard = true;
        while (!in->is_ready)
            ww_guest_turn(guest);
        in->is_ready = guest->waits_for_standard = false;
        read_result result;
        ww_guest_land(out, size);
        input_read(in->stream, size, &result);
        ww_guest_land(NULL, 0);
        in->is_over = result.is_error;
        if (result.is_error && !result.error.is_closed) return WW_E_IO;
        if (!result.is_error) *got = result.ok.size;
    }
    return WW_OK;
}

/* --- life */

void ww_assert_failed(const char *cond, const char *file, int line)
{
    (void)file;
    (void)line;
    write_result result;
    output_blocking_write(get_stderr(), (const uint8_t *)cond, strlen(cond), &result);
    __builtin_trap();
}

/* 0 is ok, 1 is err; other codes have an import of their own. */
__attribute__((export_name("wasi:cli/run@0.2.12#run"))) int32_t run(void)
{
    static ww_guest guest;
    guest = (ww_guest){.wake = {note_work}};
    guest.vat = ww_capnp_vat_new(ww_allocator_libc(), NULL);
    if (!guest.vat) return 1;
    ww_capnp_vat_on_work(guest.vat, &guest.wake);
    int code = ww_guest_main(&guest);
    if (code > 1) exit_with_code((uint32_t)code & 0xff);
    return code != 0;
}
