/* Our side of the interop tests: peer {serve|drive} ADDRESS [SCENARIO [LEFT]], ADDRESS unix:PATH or tcp:HOST:PORT. The
 * server says "ready ADDRESS"; the client prints one JSON line, exit status 0 for ok. LEFT is how many table entries the
 * server is known never to give back. */
#include "os/socket.h"
#include "rpc/link.h"
#include "support/capnp_link.h"
#include <stdio.h>
#include <stdlib.h>

enum { WAIT_MS = 10000 };

/* ---- the server ---- */

typedef struct server {
    ww_rpc_vat vat;
    ww_listener_user user;
    ww_listener *listener;
    ww_rpc_owner owner;
    uint32_t live, links;
} server;

_Noreturn static void stop_with(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

/* Whatever the peer's way to say goodbye, it says nothing of an error of ours. */
static void link_is_over(ww_rpc_owner *owner, ww_rpc_link *link, const char *reason)
{
    server *s = WW_CONTAINER_OF(owner, server, owner);
    if (strncmp(reason, "the peer ", 9) != 0) fprintf(stderr, "ended: %s\n", reason);
    ww_rpc_link_free(link);
    if (--s->links == 0 && s->live) fprintf(stderr, "%u objects are left\n", s->live);
}

static void accepted(ww_listener_user *user, ww_fd *fd)
{
    server *s = WW_CONTAINER_OF(user, server, user);
    ww_capnp_cap *cap;
    ww_rpc_link *link;
    ww_diag diag;
    factory_new(s->vat.vat, &s->live, &cap);
    if (ww_rpc_link_open_fd(&s->vat, fd, cap, &s->owner, &link, &diag))
        stop_with("link", diag.text);
    ww_capnp_cap_unref(cap);
    s->links++;
}

static void serve(ww_loop *loop, bool is_unix, const char *name)
{
    server s = {.user = {accepted}, .owner = {link_is_over}};
    ww_diag diag;
    ww_status status = ww_rpc_vat_init(&s.vat, loop, NULL);
    if (!status)
        status =
            (is_unix ? ww_listen_unix : ww_listen_tcp)(loop, name, &s.user, &s.listener, &diag);
    if (status) stop_with(name, diag.text);
    printf("ready %s:%s\n", is_unix ? "unix" : "tcp", ww_listener_address(s.listener));
    fflush(stdout);
    ww_loop_run(loop);
}

/* ---- the client ---- */

typedef struct client {
    ww_loop *loop;
    ww_rpc_vat vat;
    ww_rpc_link *link;
    ww_rpc_owner owner;
    ww_capnp_cap *root;
    ww_timer timer;
    bool is_late, is_over;
} client;

static void client_is_over(ww_rpc_owner *owner, ww_rpc_link *link, const char *reason)
{
    (void)link;
    WW_CONTAINER_OF(owner, client, owner)->is_over = true;
    fprintf(stderr, "ended: %s\n", reason);
}

static void late(ww_timer *timer)
{
    WW_CONTAINER_OF(timer, client, timer)->is_late = true;
}

static void wait_at_most(client *c, uint64_t ms)
{
    c->is_late = false;
    ww_timer_start(c->loop, &c->timer, ww_clock_after(ww_clock_system(), ms * WW_NS_PER_MS));
}

static bool is_told(client *c, waiter *w)
{
    wait_at_most(c, WAIT_MS);
    while (!w->count && !c->is_late && !c->is_over)
        ww_loop_turn(c->loop, true);
    ww_timer_stop(c->loop, &c->timer);
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
    factory_new(c->vat.vat, NULL, &mine);
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
    factory_new(c->vat.vat, NULL, &mine);
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
    factory_new(c->vat.vat, NULL, &mine);
    for (uint64_t i = 0; i < 10; i++) {
        ww_capnp_call *never = call_never(c->root, mine, NULL);
        ww_capnp_call_drop(call_ping(c->root, i, &w));
        if (!gives(c, &w, i)) return false;
        ww_capnp_call_drop(never);
    }
    ww_capnp_call_drop(call_ping(c->root, 7, &w));
    bool ok = gives(c, &w, 7);
    wait_at_most(c, WAIT_MS);
    while (mine->refs > 1 && !c->is_late)
        ww_loop_turn(c->loop, true);
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
    factory_new(c->vat.vat, NULL, &mine);
    ww_capnp_call_drop(call_tail(c->root, mine, 0, &w));
    bool ok = gives(c, &w, 0);
    ww_capnp_cap_unref(mine);
    return ok;
}

static uint32_t entries_of(const client *c)
{
    ww_capnp_conn_counts n = ww_capnp_conn_count(ww_rpc_link_conn(c->link));
    return n.questions + n.answers + n.exports + n.imports + n.embargoes;
}

/* The last messages of both sides may still be on their way. */
static uint32_t left_over(client *c, uint32_t expected)
{
    wait_at_most(c, WAIT_MS);
    while (entries_of(c) > expected && !c->is_late && !c->is_over)
        ww_loop_turn(c->loop, true);
    ww_timer_stop(c->loop, &c->timer);
    return entries_of(c);
}

static void open_link(client *c, bool is_unix, const char *name)
{
    ww_fd *fd;
    ww_diag diag;
    ww_status status = (is_unix ? ww_connect_unix : ww_connect_tcp)(c->loop, name, &fd, &diag);
    if (!status && ww_rpc_vat_init(&c->vat, c->loop, NULL)) stop_with("vat", "out of memory");
    if (!status) status = ww_rpc_link_open_fd(&c->vat, fd, NULL, &c->owner, &c->link, &diag);
    if (status) stop_with(name, diag.text);
    c->root = ww_rpc_link_bootstrap(c->link);
}

static int drive(ww_loop *loop, bool is_unix, const char *name, const char *scenario,
                 uint32_t expected)
{
    static const struct {
        const char *name;
        bool (*run)(client *);
    } scenarios[] = {{"ping", ping},       {"pipeline", pipeline}, {"embargo", embargo},
                     {"promise", promise}, {"all", all},           {"fail", fails},
                     {"cancel", cancel},   {"stream", stream},     {"tail", tail}};
    client c = {.loop = loop, .owner = {client_is_over}, .timer = {.fire = late}};
    open_link(&c, is_unix, name);
    bool ok = false;
    for (size_t i = 0; i < WW_COUNT_OF(scenarios); i++)
        if (strcmp(scenarios[i].name, scenario) == 0) ok = scenarios[i].run(&c) && ping(&c);
    ww_capnp_cap_unref(c.root);
    uint32_t left = left_over(&c, expected);
    printf("{\"scenario\": \"%s\", \"ok\": %s, \"left\": %u}\n", scenario, ok ? "true" : "false",
           left);
    ww_rpc_link_free(c.link);
    ww_rpc_vat_deinit(&c.vat);
    return ok && left <= expected ? 0 : 1;
}

int main(int argc, char **argv)
{
    ww_loop *loop;
    ww_diag diag;
    const char *name = argc >= 3 ? strchr(argv[2], ':') : NULL;
    if (!name) {
        fputs("usage: peer {serve|drive} {unix:PATH|tcp:HOST:PORT} [SCENARIO [LEFT]]\n", stderr);
        return 2;
    }
    if (ww_loop_new(ww_allocator_libc(), NULL, &loop, &diag)) stop_with("loop", diag.text);
    bool is_unix = strncmp(argv[2], "unix:", 5) == 0;
    if (strcmp(argv[1], "serve") == 0) serve(loop, is_unix, name + 1);
    int status = drive(loop, is_unix, name + 1, argc > 3 ? argv[3] : "",
                       argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 0);
    ww_loop_free(loop);
    return status;
}
