/* Our side of the interop tests: peer {serve|drive} unix:PATH SCENARIO. Prints one JSON line; exit status 0 for ok. */
#include "support/capnp_link.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { IOV_MAX_HERE = 16, WAIT_MS = 10000 };

static int open_socket(const char *address, bool is_server)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(at.sun_path, sizeof at.sun_path, "%s", address + strlen("unix:"));
    if (is_server) unlink(at.sun_path);
    int rc = is_server ? bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 8)
                       : connect(fd, (struct sockaddr *)&at, sizeof at);
    if (rc) {
        perror(address);
        exit(1);
    }
    return fd;
}

/* Writes what waits, then reads once. False at the end. */
static bool turn(ww_capnp_vat *vat, ww_capnp_conn *conn, int fd, int wait_ms)
{
    while (ww_capnp_vat_run(vat, 100))
        continue;
    ww_capnp_iov out[IOV_MAX_HERE];
    struct iovec iov[IOV_MAX_HERE];
    for (size_t count; (count = ww_capnp_conn_output(conn, out, IOV_MAX_HERE));) {
        for (size_t i = 0; i < count; i++)
            iov[i] = (struct iovec){(void *)(uintptr_t)out[i].data, out[i].size};
        ssize_t size =
            sendmsg(fd, &(struct msghdr){.msg_iov = iov, .msg_iovlen = count}, MSG_NOSIGNAL);
        if (size < 0) return false;
        ww_capnp_conn_sent(conn, (size_t)size);
    }
    if (ww_capnp_conn_is_over(conn)) return false;
    struct pollfd p = {fd, POLLIN, 0};
    if (poll(&p, 1, wait_ms) <= 0) return wait_ms == 0;
    size_t room;
    uint8_t *to = ww_capnp_conn_room(conn, &room);
    ssize_t size = to ? read(fd, to, room) : -1;
    if (size <= 0) return false;
    ww_diag diag = {0};
    bool goes_on = ww_capnp_conn_received(conn, (size_t)size, &diag) == WW_AGAIN;
    while (ww_capnp_vat_run(vat, 100))
        continue;
    if (goes_on) return true;
    fprintf(stderr, "ended: %s\n", diag.text);
    return false;
}

_Noreturn static void serve(const char *address)
{
    ww_capnp_vat *vat = ww_capnp_vat_new(ww_allocator_libc(), NULL);
    int listener = open_socket(address, true);
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        uint32_t live = 0;
        ww_capnp_cap *cap;
        int fd = accept(listener, NULL, NULL);
        factory_new(vat, &live, &cap);
        ww_capnp_conn *conn = ww_capnp_conn_new(vat, cap);
        ww_capnp_cap_unref(cap);
        while (turn(vat, conn, fd, WAIT_MS))
            continue;
        ww_capnp_conn_free(conn);
        while (ww_capnp_vat_run(vat, 100))
            continue;
        close(fd);
        if (live) fprintf(stderr, "%u objects are left\n", live);
    }
}

/* ---- scenarios of the client ---- */

typedef struct client {
    ww_capnp_vat *vat;
    ww_capnp_conn *conn;
    ww_capnp_cap *root;
    int fd;
} client;

static bool is_told(client *c, waiter *w)
{
    bool goes_on = true;
    while (!w->count && goes_on) { /* a local call needs no wire */
        while (ww_capnp_vat_run(c->vat, 100))
            continue;
        if (!w->count) goes_on = turn(c->vat, c->conn, c->fd, WAIT_MS);
    }
    return w->count == 1;
}

static bool gives(client *c, waiter *w, uint64_t n)
{
    bool ok = is_told(c, w) && !w->failed && w->n == n;
    if (!ok)
        fprintf(stderr, "count %u failed %d: %s, n %llu instead of %llu\n", w->count, w->failed,
                w->reason, (unsigned long long)w->n, (unsigned long long)n);
    return ok;
}

static bool ping(client *c)
{
    waiter w;
    for (uint64_t i = 0; i < 100; i++) {
        ww_capnp_call_drop(call_ping(c->root, i, &w));
        if (!gives(c, &w, i)) return false;
    }
    return true;
}

static bool pipeline(client *c)
{
    waiter w[5];
    ww_capnp_call *make = call_make(c->root, NULL);
    ww_capnp_cap *made = result_cap(make);
    bool ok = true;
    for (uint32_t i = 0; i < 5; i++)
        ww_capnp_call_drop(call_order(made, i, &w[i]));
    for (uint32_t i = 0; i < 5; i++)
        ok = gives(c, &w[i], i) && ok;
    ww_capnp_cap_unref(made);
    ww_capnp_call_drop(make);
    return ok;
}

static bool embargo(client *c)
{
    waiter w[6], swapped;
    ww_capnp_cap *mine;
    factory_new(c->vat, NULL, &mine);
    ww_capnp_call *swap = call_swap(c->root, mine, &swapped);
    ww_capnp_cap *back = result_cap(swap);
    for (uint32_t i = 0; i < 3; i++)
        ww_capnp_call_drop(call_order(back, i, &w[i]));
    bool ok = is_told(c, &swapped) && !swapped.failed;
    for (uint32_t i = 3; i < 6; i++)
        ww_capnp_call_drop(call_order(back, i, &w[i]));
    for (uint32_t i = 0; i < 6; i++)
        ok = gives(c, &w[i], i) && ok;
    ok = ok && ww_capnp_cap_server(back);
    ww_capnp_cap_unref(back);
    ww_capnp_call_drop(swap);
    ww_capnp_cap_unref(mine);
    return ok;
}

static bool promise(client *c)
{
    waiter first, second, settled;
    ww_capnp_cap *mine;
    factory_new(c->vat, NULL, &mine);
    ww_capnp_call *call = call_promise(c->root, NULL);
    ww_capnp_cap *p = result_cap(call);
    ww_capnp_call_drop(call_order(p, 0, &first));
    ww_capnp_call_drop(call_settle(c->root, 1, mine, &settled));
    bool ok = is_told(c, &settled) && gives(c, &first, 0);
    ww_capnp_call_drop(call_order(p, 1, &second));
    ok = ok && gives(c, &second, 1);
    ww_capnp_cap_unref(p);
    ww_capnp_cap_unref(mine);
    ww_capnp_call_drop(call);
    return ok;
}

static bool all(client *c)
{
    ww_capnp_call *call;
    waiter w;
    interop_all_types_b v =
        interop_echo_all_params_init_v(interop_echo_all_begin((interop_echo_cap){c->root}, &call));
    interop_all_types_set_text(v, ww_view_str("from c"));
    ww_capnp_bool_lb_set(interop_all_types_init_bools(v, 9), 8, true);
    interop_all_types_set_f64(v, 2.5);
    interop_all_types_inner_set_default(interop_all_types_edit_inner(v), true);
    interop_all_types_set_word(v, ww_view_str("member"));
    waiter_init(&w);
    if (ww_capnp_call_send(call, &w.done) || !is_told(c, &w) || w.failed) return false;
    interop_all_types_r r = interop_echo_all_results_v(interop_echo_all_response(call));
    bool ok = ww_view_is(interop_all_types_text(r), "from c") &&
              ww_capnp_bool_l_at(interop_all_types_bools(r), 8) &&
              interop_all_types_f64(r) == 2.5 && interop_all_types_i8(r) == -128 &&
              interop_all_types_inner_default(interop_all_types_inner(r)) &&
              ww_view_is(interop_all_types_word(r), "member") &&
              interop_all_types_data(r).size == 3;
    ww_capnp_call_drop(call);
    return ok;
}

static bool fails(client *c)
{
    waiter w;
    ww_capnp_call_drop(call_fail(c->root, 1, "because", &w));
    return is_told(c, &w) && w.failed && w.type == WW_CAPNP_OVERLOADED &&
           strstr(w.reason, "because");
}

static bool cancel(client *c)
{
    waiter w;
    ww_capnp_cap *mine;
    factory_new(c->vat, NULL, &mine);
    for (uint64_t i = 0; i < 10; i++) {
        ww_capnp_call *never = call_never(c->root, mine, NULL);
        ww_capnp_call_drop(call_ping(c->root, i, &w));
        if (!gives(c, &w, i)) return false;
        ww_capnp_call_drop(never);
    }
    ww_capnp_call_drop(call_ping(c->root, 7, &w));
    bool ok = gives(c, &w, 7);
    for (int i = 0; i < 20 && mine->refs > 1; i++)
        turn(c->vat, c->conn, c->fd, 50);
    ok = ok && mine->refs == 1;
    ww_capnp_cap_unref(mine);
    return ok;
}

static bool stream(client *c)
{
    static uint8_t chunk[16384];
    waiter w[64], done;
    ww_capnp_call *call;
    interop_factory_sink_begin((interop_factory_cap){c->root}, &call);
    if (ww_capnp_call_send(call, NULL)) return false;
    ww_capnp_cap *sink = result_cap(call);
    for (int i = 0; i < 64; i++) {
        ww_capnp_call *write;
        interop_sink_write_params_set_chunk(
            interop_sink_write_begin((interop_sink_cap){sink}, &write),
            ww_view_of(chunk, sizeof chunk));
        waiter_init(&w[i]);
        if (ww_capnp_call_stream(write, &w[i].done) || !is_told(c, &w[i])) return false;
        ww_capnp_call_drop(write);
    }
    ww_capnp_call *finish;
    interop_sink_done_begin((interop_sink_cap){sink}, &finish);
    waiter_init(&done);
    bool ok = !ww_capnp_call_send(finish, &done.done) && gives(c, &done, 64 * sizeof chunk);
    ww_capnp_call_drop(finish);
    ww_capnp_cap_unref(sink);
    ww_capnp_call_drop(call);
    return ok;
}

static bool tail(client *c)
{
    waiter w;
    ww_capnp_cap *mine;
    factory_new(c->vat, NULL, &mine);
    ww_capnp_call_drop(call_tail(c->root, mine, 0, &w));
    bool ok = gives(c, &w, 0);
    ww_capnp_cap_unref(mine);
    return ok;
}

static int drive(const char *address, const char *scenario)
{
    static const struct {
        const char *name;
        bool (*run)(client *);
    } scenarios[] = {{"ping", ping},       {"pipeline", pipeline}, {"embargo", embargo},
                     {"promise", promise}, {"all", all},           {"fail", fails},
                     {"cancel", cancel},   {"stream", stream},     {"tail", tail}};
    client c = {.fd = open_socket(address, false)};
    c.vat = ww_capnp_vat_new(ww_allocator_libc(), NULL);
    c.conn = ww_capnp_conn_new(c.vat, NULL);
    c.root = ww_capnp_conn_bootstrap(c.conn);
    bool ok = false;
    for (size_t i = 0; i < WW_COUNT_OF(scenarios); i++)
        if (strcmp(scenarios[i].name, scenario) == 0) ok = scenarios[i].run(&c) && ping(&c);
    ww_capnp_cap_unref(c.root);
    for (int i = 0; i < 10; i++)
        turn(c.vat, c.conn, c.fd, 10);
    ww_capnp_conn_counts n = ww_capnp_conn_count(c.conn);
    uint32_t left = n.questions + n.answers + n.exports + n.imports + n.embargoes;
    printf("{\"scenario\": \"%s\", \"ok\": %s, \"left\": %u}\n", scenario, ok ? "true" : "false",
           left);
    ww_capnp_conn_free(c.conn);
    ww_capnp_vat_free(c.vat);
    return ok && !left ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc >= 3 && strcmp(argv[1], "serve") == 0) serve(argv[2]);
    if (argc >= 4 && strcmp(argv[1], "drive") == 0) return drive(argv[2], argv[3]);
    fputs("usage: peer {serve|drive} unix:PATH [SCENARIO]\n", stderr);
    return 2;
}
