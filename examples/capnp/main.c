/* A server and a client of examples/capnp/greeter.capnp, two vats in one program with a link in memory. */
#include "greeter.capnp.h"
#include <stdio.h>
#include <stdlib.h>

/* ---- the server ---- */

typedef struct greeter {
    ww_capnp_server server;
    ww_capnp_vat *vat;
    uint32_t count;
} greeter;

static greeter_greeter_cap new_greeter(ww_capnp_vat *vat);

static void greet(ww_capnp_server *server, ww_capnp_call *call)
{
    greeter *self = WW_CONTAINER_OF(server, greeter, server);
    ww_view name = greeter_greeter_greet_params_name(greeter_greeter_greet_params(call));
    char text[128];
    snprintf(text, sizeof text, "Hello, %.*s!", WW_VIEW_ARG(name));
    greeter_greeting_b out =
        greeter_greeter_greet_results_init_greeting(greeter_greeter_greet_results(call));
    greeter_greeting_set_text(out, ww_view_str(text));
    greeter_greeting_set_before(out, self->count++);
    ww_capnp_call_return(call);
}

static void another(ww_capnp_server *server, ww_capnp_call *call)
{
    greeter *self = WW_CONTAINER_OF(server, greeter, server);
    greeter_greeter_cap made = new_greeter(self->vat);
    greeter_greeter_another_results_set_greeter(greeter_greeter_another_results(call), made);
    ww_capnp_cap_unref(made.cap); /* the results hold it now */
    ww_capnp_call_return(call);
}

static void destroy(ww_capnp_server *server)
{
    free(WW_CONTAINER_OF(server, greeter, server));
}

static greeter_greeter_cap new_greeter(ww_capnp_vat *vat)
{
    static const greeter_greeter_vt methods = {.greet = greet, .another = another};
    greeter *self = calloc(1, sizeof *self);
    if (!self) abort();
    self->vat = vat;
    return greeter_greeter_serve(vat, &self->server, &methods, destroy);
}

/* ---- the client ---- */

static void greeted(ww_capnp_done *done, ww_capnp_call *call)
{
    (void)done;
    if (ww_capnp_call_failed(call)) {
        printf("failed: %s\n", ww_capnp_call_reason(call));
        return;
    }
    greeter_greeting_r r =
        greeter_greeter_greet_results_greeting(greeter_greeter_greet_response(call));
    printf("%s (%u before)\n", (const char *)greeter_greeting_text(r).data,
           greeter_greeting_before(r));
}

static void say(greeter_greeter_cap to, const char *name, ww_capnp_done *done)
{
    ww_capnp_call *call;
    greeter_greeter_greet_params_set_name(greeter_greeter_greet_begin(to, &call),
                                          ww_view_str(name));
    if (ww_capnp_call_send(call, done)) puts("not sent");
    ww_capnp_call_drop(call);
}

/* ---- the link: what a transport does with sockets ---- */

static bool carry(ww_capnp_conn *from, ww_capnp_conn *to)
{
    ww_capnp_iov iov[8];
    size_t count = ww_capnp_conn_output(from, iov, 8);
    for (size_t i = 0; i < count; i++) {
        if (ww_capnp_conn_feed(to, ww_view_of(iov[i].data, iov[i].size), NULL) != WW_AGAIN)
            return false;
        ww_capnp_conn_sent(from, iov[i].size);
    }
    return count > 0;
}

int main(void)
{
    const ww_allocator *libc = ww_allocator_libc();
    ww_capnp_vat *here = ww_capnp_vat_new(libc, NULL), *there = ww_capnp_vat_new(libc, NULL);
    if (!here || !there) return 1;
    greeter_greeter_cap main_object = new_greeter(there);
    ww_capnp_conn *client = ww_capnp_conn_new(here, NULL),
                  *server = ww_capnp_conn_new(there, main_object.cap);
    ww_capnp_cap_unref(main_object.cap);

    ww_capnp_done done = {greeted};
    greeter_greeter_cap root = {ww_capnp_conn_bootstrap(client)};
    say(root, "world", &done);
    ww_capnp_call *call;
    greeter_greeter_another_begin(root, &call);
    if (ww_capnp_call_send(call, NULL)) return 1;
    /* Called before anything came back: the greeting travels along with the question for the greeter. */
    greeter_greeter_cap second =
        greeter_greeter_another_results_p_greeter(greeter_greeter_another_pipeline(call));
    say(second, "pipelines", &done);
    say(root, "again", &done);

    for (bool busy = true; busy;) {
        busy = carry(client, server);
        if (carry(server, client)) busy = true;
        if (ww_capnp_vat_run(here, 100) || ww_capnp_vat_run(there, 100)) busy = true;
        ww_capnp_iov any;
        if (ww_capnp_conn_output(client, &any, 1) || ww_capnp_conn_output(server, &any, 1))
            busy = true;
    }
    ww_capnp_cap_unref(second.cap);
    ww_capnp_cap_unref(root.cap);
    ww_capnp_call_drop(call);
    ww_capnp_conn_free(client);
    ww_capnp_conn_free(server);
    ww_capnp_vat_free(here);
    ww_capnp_vat_free(there);
    return 0;
}
