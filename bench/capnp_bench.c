/* Cap'n Proto RPC against the installed C++ library, whose figures come from capnp_bench_cpp beside this program. */
#include "support/interop.capnp.h"
#include "support/row.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOB = 65536 };

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

static void ping(ww_capnp_server *self, ww_capnp_call *call)
{
    (void)self;
    interop_echo_ping_results_set_n(interop_echo_ping_results(call),
                                    interop_echo_ping_params_n(interop_echo_ping_params(call)));
    ww_capnp_call_return(call);
}

static void blob(ww_capnp_server *self, ww_capnp_call *call)
{
    (void)self;
    ww_view d = interop_echo_blob_params_d(interop_echo_blob_params(call));
    uint32_t sum = 0;
    for (size_t i = 0; i < d.size; i += 64)
        sum += d.data[i];
    interop_echo_blob_results_b r = interop_echo_blob_results(call);
    interop_echo_blob_results_set_len(r, (uint32_t)d.size);
    interop_echo_blob_results_set_sum(r, sum);
    ww_capnp_call_return(call);
}

static const interop_echo_vt ECHO = {.ping = ping, .blob = blob};

typedef struct told {
    ww_capnp_done done;
    uint32_t count;
} told;

static void tell(ww_capnp_done *done, ww_capnp_call *call)
{
    if (ww_capnp_call_failed(call)) bench_fail(ww_capnp_call_reason(call), NULL);
    WW_CONTAINER_OF(done, told, done)->count++;
}

typedef struct side {
    counter memory;
    ww_capnp_vat *vat;
    ww_capnp_conn *conn;
    ww_capnp_server server;
    ww_capnp_cap *root; /* of the peer */
    told told;
} side;

static void open_side(side *s, bool is_server)
{
    s->memory.base.resize = count_resize;
    s->vat = ww_capnp_vat_new(&s->memory.base, NULL);
    interop_echo_cap own = {NULL};
    if (is_server) own = interop_echo_serve(s->vat, &s->server, &ECHO, NULL);
    s->conn = ww_capnp_conn_new(s->vat, own.cap);
    ww_capnp_cap_unref(own.cap);
    if (!is_server) s->root = ww_capnp_conn_bootstrap(s->conn);
    s->told.done.fn = tell;
}

static void send_ping(side *s)
{
    ww_capnp_call *call;
    interop_echo_ping_params_set_n(interop_echo_ping_begin((interop_echo_cap){s->root}, &call), 7);
    if (ww_capnp_call_send(call, &s->told.done)) bench_fail("send", NULL);
    ww_capnp_call_drop(call);
}

static void send_blob(side *s)
{
    static _Alignas(8) uint8_t data[BLOB];
    ww_capnp_call *call;
    interop_echo_blob_params_b p = interop_echo_blob_begin((interop_echo_cap){s->root}, &call);
    ww_capnp_any_b_set_external(interop_echo_blob_params_pointer_d(p), ww_view_of(data, BLOB));
    if (ww_capnp_call_send(call, &s->told.done)) bench_fail("send", NULL);
    ww_capnp_call_drop(call);
}

/* ---- in memory ---- */

typedef struct pair {
    side client, server;
} pair;

static bool carry(ww_capnp_conn *from, ww_capnp_conn *to)
{
    ww_capnp_iov iov[16];
    size_t count = ww_capnp_conn_output(from, iov, 16), size = 0;
    for (size_t i = 0; i < count; i++) {
        if (ww_capnp_conn_feed(to, ww_view_of(iov[i].data, iov[i].size), NULL) != WW_AGAIN)
            bench_fail("link", NULL);
        size += iov[i].size;
    }
    ww_capnp_conn_sent(from, size);
    return count;
}

static void pump(pair *p)
{
    bool busy = true;
    while (busy) {
        busy = carry(p->client.conn, p->server.conn);
        while (ww_capnp_vat_run(p->server.vat, 64))
            busy = true;
        if (carry(p->server.conn, p->client.conn)) busy = true;
        while (ww_capnp_vat_run(p->client.vat, 64))
            busy = true;
    }
}

static void memory_round(void *arg, uint32_t count)
{
    pair *p = arg;
    for (uint32_t i = 0; i < count; i++) {
        send_ping(&p->client);
        pump(p);
    }
}

/* ---- two processes ---- */

typedef struct wire {
    side s;
    int fd;
} wire;

static void flush(wire *w)
{
    ww_capnp_iov out[16];
    struct iovec iov[16];
    for (size_t count; (count = ww_capnp_conn_output(w->s.conn, out, 16));) {
        for (size_t i = 0; i < count; i++)
            iov[i] = (struct iovec){(void *)(uintptr_t)out[i].data, out[i].size};
        ssize_t size =
            sendmsg(w->fd, &(struct msghdr){.msg_iov = iov, .msg_iovlen = count}, MSG_NOSIGNAL);
        if (size < 0) exit(0);
        ww_capnp_conn_sent(w->s.conn, (size_t)size);
    }
}

static bool turn(wire *w)
{
    while (ww_capnp_vat_run(w->s.vat, 64))
        continue;
    flush(w);
    size_t room;
    uint8_t *to = ww_capnp_conn_room(w->s.conn, &room);
    ssize_t size = to ? read(w->fd, to, room) : 0;
    if (size <= 0 || ww_capnp_conn_received(w->s.conn, (size_t)size, NULL) != WW_AGAIN)
        return false;
    while (ww_capnp_vat_run(w->s.vat, 64))
        continue;
    return true;
}

static void wire_round(void *arg, uint32_t count, void (*send)(side *))
{
    wire *w = arg;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t before = w->s.told.count;
        send(&w->s);
        while (w->s.told.count == before)
            if (!turn(w)) bench_fail("the other process ended", NULL);
    }
}

static void ping_round(void *arg, uint32_t count)
{
    wire_round(arg, count, send_ping);
}

static void blob_round(void *arg, uint32_t count)
{
    wire_round(arg, count, send_blob);
}

/* ---- the C++ library ---- */

static void read_peer(const char *self, bench_row *rows, size_t count)
{
    char path[4096];
    ssize_t size = readlink(self, path, sizeof path - 32);
    if (size < 0) return;
    path[size] = '\0';
    char *slash = strrchr(path, '/');
    if (!slash) return;
    strcpy(slash + 1, "capnp_bench_cpp");
    FILE *peer = popen(path, "r");
    char name[64];
    double figure;
    while (peer && fscanf(peer, "%63s %lf", name, &figure) == 2)
        for (size_t i = 0; i < count; i++)
            if (strcmp(rows[i].name, name) == 0 || (i == 1 && strcmp(name, "B1_memory") == 0)) {
                if (i) rows[i].bound = figure;
            }
    if (peer) pclose(peer);
}

int main(void)
{
    bench_row rows[] = {{"B1_memory", "ns", 1, 1000},
                        {"B1_memory_cpp", "ns", 0.1, 0},
                        {"B1_unix", "ns", 0.5, 0},
                        {"B4_64k_unix", "ns", 0.5, 0},
                        {"capnp_allocations_per_call", "allocations", 0, 1}};
    read_peer("/proc/self/exe", rows, WW_COUNT_OF(rows));
    bench_announce(rows, WW_COUNT_OF(rows));
    pair *p = calloc(1, sizeof *p);
    wire *w = calloc(1, sizeof *w);
    int fds[2];
    if (!p || !w || socketpair(AF_UNIX, SOCK_STREAM, 0, fds)) return 1;
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[1]);
        w->fd = fds[0];
        open_side(&w->s, true);
        while (turn(w))
            continue;
        _exit(0);
    }
    close(fds[0]);
    open_side(&p->client, false);
    open_side(&p->server, true);
    memory_round(p, 1000);
    double memory = bench_best_ns(memory_round, p, 2000);
    bench_print(&rows[0], memory);
    bench_print(&rows[1], memory);
    w->fd = fds[1];
    open_side(&w->s, false);
    bench_print(&rows[2], bench_best_ns(ping_round, w, 500));
    bench_print(&rows[3], bench_best_ns(blob_round, w, 50));
    size_t before = p->client.memory.calls + p->server.memory.calls;
    memory_round(p, 10000);
    bench_print(&rows[4],
                (double)(p->client.memory.calls + p->server.memory.calls - before) / 10000);
    close(fds[1]);
    waitpid(pid, NULL, 0);
    return 0;
}
