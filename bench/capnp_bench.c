/* Cap'n Proto RPC against the installed C++ library, whose figures come from capnp_bench_cpp beside this program: in memory,
 * and between two processes over Unix sockets on the loop. */
#include "capnp/rpc.capnp.h"
#include "rpc/link.h"
#include "support/capnp_link.h"
#include "support/peer.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    BLOB_SIZE = 65536,
    CHUNK_SIZE = 16384,
    CHUNKS = 256,
    WINDOW = 64,
    LINKS = 64,
    PER_LINK = 4,
    DEPTH = 4,
    MESSAGE_SIZE = WW_CAPNP_TABLE_SIZE_MAX + 256,
    EXPORTING_CONNS = 16,
    EXPORTS_EACH = 62500
};

/* Counts what the library asks for. */
typedef struct counter {
    ww_allocator base;
    size_t calls, bytes;
} counter;

static void *count_resize(const ww_allocator *base, void *ptr, size_t old_size, size_t size)
{
    counter *self = WW_CONTAINER_OF(base, counter, base);
    self->calls += size != 0;
    self->bytes += size - old_size;
    const ww_allocator *libc = ww_allocator_libc();
    return libc->resize(libc, ptr, old_size, size);
}

static _Alignas(8) uint8_t data[BLOB_SIZE];

/* What a side asks for, and how often it was answered. */
typedef struct client {
    ww_capnp_done done;
    ww_capnp_vat *vat;
    ww_capnp_cap *root, *sink;
    uint32_t answers;
} client;

static void answered(ww_capnp_done *done, ww_capnp_call *call)
{
    if (ww_capnp_call_failed(call)) bench_fail(ww_capnp_call_reason(call), NULL);
    WW_CONTAINER_OF(done, client, done)->answers++;
}

static void send_call(client *c, ww_capnp_call *call)
{
    if (ww_capnp_call_send(call, &c->done)) bench_fail("send", NULL);
    ww_capnp_call_drop(call);
}

static interop_echo_cap echo_of(client *c)
{
    return (interop_echo_cap){c->root};
}

static void send_ping(client *c)
{
    ww_capnp_call *call;
    interop_echo_ping_params_set_n(interop_echo_ping_begin(echo_of(c), &call), 7);
    send_call(c, call);
}

static void send_blob(client *c)
{
    ww_capnp_call *call;
    interop_echo_blob_params_b p = interop_echo_blob_begin(echo_of(c), &call);
    ww_capnp_any_b_set_external(interop_echo_blob_params_pointer_d(p), ww_view_of(data, BLOB_SIZE),
                                BLOB_SIZE);
    send_call(c, call);
}

static void send_take(client *c)
{
    ww_capnp_call *call;
    ww_capnp_cap *own;
    factory_new(c->vat, NULL, &own);
    interop_echo_take_params_set_cap(interop_echo_take_begin(echo_of(c), &call),
                                     (interop_echo_cap){own});
    ww_capnp_cap_unref(own);
    send_call(c, call);
}

static void send_swap(client *c)
{
    ww_capnp_call *call;
    ww_capnp_cap *own;
    factory_new(c->vat, NULL, &own);
    interop_echo_swap_params_set_cap(interop_echo_swap_begin(echo_of(c), &call),
                                     (interop_echo_cap){own});
    ww_capnp_cap_unref(own);
    send_call(c, call);
}

/* make().cap.make().cap ... .ping(): all sent at once. */
static void send_chain(client *c)
{
    ww_capnp_cap *cap = ww_capnp_cap_ref(c->root);
    ww_capnp_call *call;
    for (int i = 0; i < DEPTH; i++) {
        interop_echo_make_begin((interop_echo_cap){cap}, &call);
        if (ww_capnp_call_send(call, NULL)) bench_fail("send", NULL);
        ww_capnp_cap_unref(cap);
        cap = interop_echo_make_results_p_cap(interop_echo_make_pipeline(call)).cap;
        ww_capnp_call_drop(call);
    }
    interop_echo_ping_begin((interop_echo_cap){cap}, &call);
    ww_capnp_cap_unref(cap);
    send_call(c, call);
}

static void send_chunk(client *c)
{
    ww_capnp_call *call;
    interop_sink_write_params_b p = interop_sink_write_begin((interop_sink_cap){c->sink}, &call);
    ww_capnp_any_b_set_external(interop_sink_write_params_pointer_chunk(p),
                                ww_view_of(data, CHUNK_SIZE), CHUNK_SIZE);
    if (ww_capnp_call_stream(call, &c->done)) bench_fail("stream", NULL);
    ww_capnp_call_drop(call);
}

/* ---- in memory ---- */

typedef struct pair {
    counter memory;
    client client;
    ww_capnp_vat *server;
    ww_capnp_conn *near, *far;
} pair;

static void open_pair(pair *p)
{
    ww_capnp_cap *root;
    p->memory.base.resize = count_resize;
    p->client.vat = ww_capnp_vat_new(&p->memory.base, NULL);
    p->client.done.fn = answered;
    p->server = ww_capnp_vat_new(&p->memory.base, NULL);
    factory_new(p->server, NULL, &root);
    p->near = ww_capnp_conn_new(p->client.vat, NULL);
    p->far = ww_capnp_conn_new(p->server, root);
    ww_capnp_cap_unref(root);
    p->client.root = ww_capnp_conn_bootstrap(p->near);
}

/* All that one side has to say, as a link would carry it in one go. */
static bool carry(ww_capnp_conn *from, ww_capnp_conn *to, ww_capnp_vat *vat)
{
    ww_capnp_iov iov[16];
    bool any = false;
    for (size_t count; (count = ww_capnp_conn_output(from, iov, 16)); any = true) {
        size_t size = 0;
        for (size_t i = 0; i < count; i++) {
            if (ww_capnp_conn_feed(to, iov[i], NULL) != WW_AGAIN) bench_fail("link", NULL);
            size += iov[i].size;
        }
        ww_capnp_conn_sent(from, size);
    }
    while (ww_capnp_vat_run(vat, 64))
        any = true;
    return any;
}

static void pump(pair *p)
{
    while (carry(p->near, p->far, p->server) || carry(p->far, p->near, p->client.vat))
        continue;
}

static void memory_round(void *arg, uint32_t count)
{
    pair *p = arg;
    for (uint32_t i = 0; i < count; i++) {
        send_ping(&p->client);
        pump(p);
    }
}

/* How often a link with delay would have been crossed there and back until the chain's last answer. */
static uint32_t round_trips_of_chain(pair *p)
{
    uint32_t before = p->client.answers, count = 0;
    for (send_chain(&p->client); p->client.answers == before; count++) {
        carry(p->near, p->far, p->server);
        carry(p->far, p->near, p->client.vat);
    }
    pump(p);
    return count;
}

/* ---- exports ---- */

/* A message as bytes; the builder is its caller's. */
static ww_view framed(ww_capnp_builder *b, uint8_t *bytes)
{
    size_t table = ww_capnp_frame_table(b, bytes), size = b->segments[0].words * 8u;
    memcpy(bytes + table, b->segments[0].data, size);
    ww_capnp_builder_deinit(b);
    return ww_view_of(bytes, table + size);
}

static ww_view bootstrap_bytes(uint8_t *bytes)
{
    ww_capnp_builder b;
    ww_capnp_builder_init(&b, ww_allocator_libc(), NULL);
    rpc_message_init_bootstrap(rpc_message_init_root(&b));
    return framed(&b, bytes);
}

/* make() on the first export, whose answer's capability is kept. */
static ww_view make_bytes(uint8_t *bytes)
{
    ww_capnp_builder b;
    ww_capnp_builder_init(&b, ww_allocator_libc(), NULL);
    rpc_call_b call = rpc_message_init_call(rpc_message_init_root(&b));
    rpc_call_set_question_id(call, 1);
    rpc_call_set_interface_id(call, INTEROP_ECHO_ID);
    rpc_call_set_method_id(call, 7);
    rpc_message_target_set_imported_cap(rpc_call_init_target(call), 0);
    rpc_call_init_params(call);
    return framed(&b, bytes);
}

static ww_view finish_bytes(uint8_t *bytes)
{
    ww_capnp_builder b;
    ww_capnp_builder_init(&b, ww_allocator_libc(), NULL);
    rpc_finish_b finish = rpc_message_init_finish(rpc_message_init_root(&b));
    rpc_finish_set_question_id(finish, 1);
    rpc_finish_set_release_result_caps(finish, false);
    return framed(&b, bytes);
}

static void say(ww_capnp_vat *vat, ww_capnp_conn *conn, ww_view bytes)
{
    ww_capnp_iov iov[16];
    if (ww_capnp_conn_feed(conn, bytes, NULL) != WW_AGAIN) bench_fail("exports", NULL);
    while (ww_capnp_vat_run(vat, 64))
        continue;
    for (size_t count; (count = ww_capnp_conn_output(conn, iov, 16));)
        for (size_t i = 0; i < count; i++)
            ww_capnp_conn_sent(conn, iov[i].size);
}

/* A peer made of bytes holds a million objects of ours: what each costs beside the object itself. */
static double bytes_per_export(void)
{
    static counter memory = {.base = {count_resize}};
    uint8_t bytes[2][MESSAGE_SIZE], first[MESSAGE_SIZE];
    ww_view make = make_bytes(bytes[0]), finish = finish_bytes(bytes[1]);
    ww_capnp_vat *vat = ww_capnp_vat_new(&memory.base, NULL);
    ww_capnp_conn *conns[EXPORTING_CONNS];
    ww_capnp_cap *root;
    factory_new(vat, NULL, &root);
    for (int i = 0; i < EXPORTING_CONNS; i++) {
        conns[i] = ww_capnp_conn_new(vat, root);
        say(vat, conns[i], bootstrap_bytes(first));
    }
    size_t before = memory.bytes, count = 0;
    for (int i = 0; i < EXPORTING_CONNS; i++)
        for (int j = 0; j < EXPORTS_EACH; j++) {
            say(vat, conns[i], make);
            say(vat, conns[i], finish);
        }
    double bytes_each = (double)(memory.bytes - before) / (EXPORTING_CONNS * EXPORTS_EACH);
    for (int i = 0; i < EXPORTING_CONNS; i++) {
        count += ww_capnp_conn_count(conns[i]).exports;
        ww_capnp_conn_free(conns[i]);
    }
    if (count != (EXPORTS_EACH + 1) * EXPORTING_CONNS) bench_fail("exports are missing", NULL);
    ww_capnp_cap_unref(root);
    ww_capnp_vat_free(vat);
    return bytes_each;
}

/* ---- two processes ---- */

typedef struct wire {
    ww_loop *loop;
    ww_rpc_vat vat;
    ww_rpc_link *links[LINKS];
    ww_rpc_owner owner;
    client client;
} wire;

static void over(ww_rpc_owner *owner, ww_rpc_link *link, const char *reason)
{
    (void)link;
    (void)reason;
    ww_loop_stop(WW_CONTAINER_OF(owner, wire, owner)->loop);
}

/* Links over the given ends of the sockets; a server offers an object on each. */
static void open_wire(wire *w, const int sockets[][2], int end, bool is_server)
{
    ww_diag diag;
    w->owner.over = over;
    if (ww_loop_new(ww_allocator_libc(), NULL, &w->loop, &diag)) bench_fail("loop", &diag);
    if (ww_rpc_vat_init(&w->vat, w->loop, NULL)) bench_fail("vat", NULL);
    ww_capnp_cap *root = NULL;
    if (is_server) factory_new(w->vat.vat, NULL, &root);
    for (int i = 0; i < LINKS; i++) {
        ww_fd *fd;
        close(sockets[i][!end]);
        if (ww_fd_adopt(w->loop, sockets[i][end], &fd, &diag) ||
            ww_rpc_link_open_fd(&w->vat, fd, root, &w->owner, &w->links[i], &diag))
            bench_fail("link", &diag);
    }
    ww_capnp_cap_unref(root);
    w->client = (client){.done = {answered}, .vat = w->vat.vat};
    if (!is_server) w->client.root = ww_rpc_link_bootstrap(w->links[0]);
}

static void await(wire *w, uint32_t answers)
{
    while ((int32_t)(answers - w->client.answers) > 0)
        ww_loop_turn(w->loop, true);
}

static void one_by_one(wire *w, uint32_t count, void (*send_one)(client *))
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t next = w->client.answers + 1;
        send_one(&w->client);
        await(w, next);
    }
}

static void ping_round(void *arg, uint32_t count)
{
    one_by_one(arg, count, send_ping);
}

static void blob_round(void *arg, uint32_t count)
{
    one_by_one(arg, count, send_blob);
}

static void chain_round(void *arg, uint32_t count)
{
    one_by_one(arg, count, send_chain);
}

static void take_round(void *arg, uint32_t count)
{
    one_by_one(arg, count, send_take);
}

static void swap_round(void *arg, uint32_t count)
{
    one_by_one(arg, count, send_swap);
}

static void stream_round(void *arg, uint32_t count)
{
    wire *w = arg;
    ww_capnp_call *call;
    interop_factory_sink_begin((interop_factory_cap){w->client.root}, &call);
    if (ww_capnp_call_send(call, NULL)) bench_fail("send", NULL);
    w->client.sink = interop_factory_sink_results_p_sink(interop_factory_sink_pipeline(call)).cap;
    ww_capnp_call_drop(call);
    one_by_one(w, count, send_chunk);
    uint32_t next = w->client.answers + 1;
    interop_sink_done_begin((interop_sink_cap){w->client.sink}, &call);
    send_call(&w->client, call);
    await(w, next);
    ww_capnp_cap_unref(w->client.sink);
}

/* ---- many calls in flight: each answer sends the next call */

typedef struct stream_of_calls {
    ww_capnp_done done;
    ww_capnp_cap *root;
    uint32_t *left; /* to be sent, of all streams together */
    uint32_t *answers;
} stream_of_calls;

static void next_ping(stream_of_calls *s)
{
    if (!*s->left) return;
    --*s->left;
    ww_capnp_call *call;
    interop_echo_ping_params_set_n(interop_echo_ping_begin((interop_echo_cap){s->root}, &call), 7);
    if (ww_capnp_call_send(call, &s->done)) bench_fail("send", NULL);
    ww_capnp_call_drop(call);
}

static void refill(ww_capnp_done *done, ww_capnp_call *call)
{
    stream_of_calls *s = WW_CONTAINER_OF(done, stream_of_calls, done);
    if (ww_capnp_call_failed(call)) bench_fail(ww_capnp_call_reason(call), NULL);
    ++*s->answers;
    next_ping(s);
}

static void in_flight(wire *w, ww_capnp_cap *const *roots, uint32_t links, uint32_t per_link,
                      uint32_t count)
{
    static stream_of_calls streams[LINKS];
    uint32_t left = count, answers = 0;
    for (uint32_t i = 0; i < links; i++)
        streams[i] = (stream_of_calls){{refill}, roots[i], &left, &answers};
    for (uint32_t i = 0; i < links * per_link; i++)
        next_ping(&streams[i % links]);
    while (answers < count)
        ww_loop_turn(w->loop, true);
}

static void window_round(void *arg, uint32_t count)
{
    wire *w = arg;
    in_flight(w, &w->client.root, 1, WINDOW, count);
}

static void fan_in_round(void *arg, uint32_t count)
{
    wire *w = arg;
    ww_capnp_cap *roots[LINKS];
    for (int i = 0; i < LINKS; i++)
        roots[i] = ww_rpc_link_bootstrap(w->links[i]);
    in_flight(w, roots, LINKS, PER_LINK, count);
    for (int i = 0; i < LINKS; i++)
        ww_capnp_cap_unref(roots[i]);
}

/* ---- all of it ---- */

static const struct {
    bench_row row;
    bench_round *round;
    uint32_t count;
} WIRE[] = {
    {{"B1_unix", "ns", 0.5, 0}, ping_round, 500},
    {{"B2_64_unix", "ns", 0.5, 0}, window_round, 2000},
    {{"B3_depth4_unix", "ns", 0.5, 0}, chain_round, 200},
    {{"B4_64k_unix", "ns", 0.5, 0}, blob_round, 50},
    {{"B5_take_unix", "ns", 0.5, 0}, take_round, 300},
    {{"B5_swap_unix", "ns", 0.5, 0}, swap_round, 300},
    {{"B6_64_unix", "ns", 0.5, 0}, fan_in_round, 4000},
    {{"B7_stream_unix", "ns", 0.5, 0}, stream_round, CHUNKS},
};

enum { MEMORY, MEMORY_CPP, ROUND_TRIPS, ALLOCATIONS, EXPORT_BYTES, FIRST_WIRE };

static void measure_memory(const bench_row *rows)
{
    static pair p;
    open_pair(&p);
    memory_round(&p, 1000);
    double ns = bench_best_ns(memory_round, &p, 2000);
    bench_print(&rows[MEMORY], ns);
    bench_print(&rows[MEMORY_CPP], ns);
    bench_print(&rows[ROUND_TRIPS], round_trips_of_chain(&p));
    memory_round(&p, 100);
    size_t before = p.memory.calls;
    memory_round(&p, 10000);
    bench_print(&rows[ALLOCATIONS], (double)(p.memory.calls - before) / 10000);
    bench_print(&rows[EXPORT_BYTES], bytes_per_export());
}

static void measure_wire(const bench_row *rows)
{
    static wire w;
    int sockets[LINKS][2];
    for (int i = 0; i < LINKS; i++)
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets[i]))
            bench_fail("sockets", NULL);
    pid_t pid = fork();
    if (pid == 0) {
        open_wire(&w, sockets, 0, true);
        ww_loop_run(w.loop);
        _exit(0);
    }
    open_wire(&w, sockets, 1, false);
    for (size_t i = 0; i < WW_COUNT_OF(WIRE); i++) {
        WIRE[i].round(&w, WIRE[i].count); /* warm */
        bench_print(&rows[i], bench_best_ns(WIRE[i].round, &w, WIRE[i].count));
    }
    ww_rpc_link_free(w.links[0]);
    waitpid(pid, NULL, 0);
}

int main(void)
{
    bench_row rows[FIRST_WIRE + WW_COUNT_OF(WIRE)] = {
        [MEMORY] = {"B1_memory", "ns", 1, 1000},
        [MEMORY_CPP] = {"B1_memory_cpp", "ns", 0.1, 0},
        [ROUND_TRIPS] = {"B3_depth4", "round trips", 1, 1},
        [ALLOCATIONS] = {"capnp_allocations_per_call", "allocations", 0, 1},
        [EXPORT_BYTES] = {"capnp_bytes_per_export", "bytes", 1, 64}};
    for (size_t i = 0; i < WW_COUNT_OF(WIRE); i++)
        rows[FIRST_WIRE + i] = WIRE[i].row;
    bench_peer_rows("capnp_bench_cpp", rows, WW_COUNT_OF(rows));
    bench_announce(rows, WW_COUNT_OF(rows));
    measure_memory(rows);
    measure_wire(rows + FIRST_WIRE);
    return 0;
}
