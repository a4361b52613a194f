/* link_bad KIND: does to its link what no good guest does, and says on standard output what it saw.
 *
 *   garbage   bytes that are no message, then reads to the end
 *   half      the beginning of a message, and ends
 *   promise   the table of a message of 64 MiB and little of the message, and ends
 *   flood     a million calls whose answers it never reads; ends only by force
 *   close     drops all its streams at once, and ends
 *   twice     asks for a second connection
 */
#include "imports.h"
#include "support/interop.capnp.h"
#include <ww/guest.h>

__attribute__((import_module(STREAMS), import_name("[resource-drop]input-stream"))) void
drop_input(int32_t stream);
__attribute__((import_module(STREAMS), import_name("[resource-drop]output-stream"))) void
drop_output(int32_t stream);

typedef struct link {
    int32_t in, out;
} link;

static link open_link(void)
{
    int32_t connection = create_connection();
    return (link){connection_input(connection), connection_output(connection)};
}

static bool put(link l, const void *bytes, size_t size)
{
    write_result result;
    output_blocking_write(l.out, bytes, size, &result);
    return !result.is_error;
}

static size_t read_to_end(link l)
{
    size_t total = 0;
    for (;;) {
        read_result result;
        input_blocking_read(l.in, 4096, &result);
        if (result.is_error) return total;
        total += result.ok.size;
    }
}

static int garbage(ww_guest *guest)
{
    static uint8_t bytes[4096];
    link l = open_link();
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37 + 11);
    put(l, bytes, sizeof bytes);
    size_t told = read_to_end(l);
    bool open = put(l, bytes, 8);
    ww_guest_print(guest, WW_GUEST_OUTPUT, "%s, then %s\n", told ? "told why" : "told nothing",
                   open ? "open" : "closed");
    return 0;
}

static int half(ww_guest *guest)
{
    static const uint8_t table[8] = {0, 0, 0, 0, 4, 0, 0, 0};
    (void)guest;
    return put(open_link(), table, sizeof table) ? 0 : 1;
}

static int promise(ww_guest *guest)
{
    static const uint8_t table[16] = {0, 0, 0, 0, 0, 0, 0x7f, 0};
    (void)guest;
    return put(open_link(), table, sizeof table) ? 0 : 1;
}

/* A vat of its own, whose connection is written from and never fed. */
static int flood(ww_guest *guest)
{
    ww_capnp_vat *vat = ww_guest_vat(guest);
    ww_capnp_conn *conn = ww_capnp_conn_new(vat, NULL);
    interop_echo_cap root = {ww_capnp_conn_bootstrap(conn)};
    link l = open_link();
    for (uint32_t i = 0; i < 1000000; i++) {
        static ww_capnp_done ignored;
        ww_capnp_call *call;
        ww_view piece;
        interop_echo_ping_begin(root, &call);
        if (!call || ww_capnp_call_send(call, &ignored)) return 2;
        while (ww_capnp_conn_output(conn, &piece, 1)) {
            size_t size = piece.size < 4096 ? piece.size : 4096;
            if (!put(l, piece.data, size)) return 3;
            ww_capnp_conn_sent(conn, size);
        }
    }
    return 0;
}

static int close_all(ww_guest *guest)
{
    (void)guest;
    link l = open_link();
    drop_input(get_stdin());
    drop_output(get_stdout());
    drop_output(get_stderr());
    drop_output(l.out);
    drop_input(l.in);
    return 0;
}

static int twice(ww_guest *guest)
{
    (void)guest;
    open_link();
    open_link();
    return 0;
}

int ww_guest_main(ww_guest *guest)
{
    static const struct {
        const char *name;
        int (*run)(ww_guest *guest);
    } kinds[] = {{"garbage", garbage}, {"half", half},       {"promise", promise},
                 {"flood", flood},     {"close", close_all}, {"twice", twice}};
    size_t count;
    const ww_view *args = ww_guest_args(guest, &count);
    for (size_t i = 0; count > 1 && i < WW_COUNT_OF(kinds); i++)
        if (ww_view_is(args[1], kinds[i].name)) return kinds[i].run(guest);
    return ww_guest_fail(guest, "usage: link_bad garbage|half|promise|flood|close|twice");
}
