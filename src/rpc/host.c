/* Host, Executor (which is a Runtime), Program. */
#include "capnp/peer.capnp.h"
#include "capnp/runtime.capnp.h"
#include "rpc/session_state.h"

static ww_session *session_of(ww_capnp_server *server)
{
    return ww_facet_session(server);
}

static void destroy(ww_capnp_server *server)
{
    ww_facet *facet = WW_CONTAINER_OF(server, ww_facet, server);
    const ww_allocator *allocator = facet->session->node->allocator;
    ww_facet_leave(facet);
    ww_free(allocator, facet, sizeof *facet);
}

static ww_capnp_cap *joined(ww_facet *facet, ww_capnp_cap *cap, ww_session *session)
{
    if (cap)
        ww_facet_join(facet, session);
    else
        ww_free(session->node->allocator, facet, sizeof *facet);
    return cap;
}

/* ---- Executor ---- */

static void run_bytes(ww_capnp_server *self, ww_capnp_call *call)
{
    ww_start_bytes(session_of(self), call);
}

static void load(ww_capnp_server *self, ww_capnp_call *call)
{
    ww_start_load(session_of(self), call);
}

static void echo(ww_capnp_server *self, ww_capnp_call *call)
{
    static const char prefix[] = "Echo: ";
    enum { PREFIX_SIZE = sizeof prefix - 1 };
    (void)self;
    ww_view message = peer_executor_echo_params_message(peer_executor_echo_params(call));
    /* A text is a list of bytes with a zero at its end. */
    ww_capnp_any_b place =
        peer_executor_echo_results_pointer_response(peer_executor_echo_results(call));
    uint8_t *text =
        place.at ? ww_capnp_any_b_init_data(place, (uint32_t)(PREFIX_SIZE + message.size + 1))
                 : NULL;
    if (text) memcpy(text, prefix, PREFIX_SIZE);
    if (text && message.size) memcpy(text + PREFIX_SIZE, message.data, message.size);
    ww_capnp_call_return(call);
}

ww_capnp_cap *ww_session_executor(ww_session *session)
{
    static const runtime_runtime_vt table = {
        .peer_executor = {.run_bytes = run_bytes, .echo = echo}, .load = load};
    ww_facet *facet = ww_alloc(session->node->allocator, sizeof *facet);
    if (!facet) return NULL;
    return joined(facet,
                  runtime_runtime_serve(session->node->vat, &facet->server, &table, destroy).cap,
                  session);
}

/* ---- Host ---- */

static void tell_id(ww_capnp_server *self, ww_capnp_call *call)
{
    peer_host_id_results_set_peer_id(peer_host_id_results(call), session_of(self)->node->peer_id);
    ww_capnp_call_return(call);
}

/* This node listens nowhere and knows nobody. */
static void tell_addrs(ww_capnp_server *self, ww_capnp_call *call)
{
    (void)self;
    peer_host_addrs_results_init_addrs(peer_host_addrs_results(call), 0);
    ww_capnp_call_return(call);
}

static void tell_peers(ww_capnp_server *self, ww_capnp_call *call)
{
    (void)self;
    peer_host_peers_results_init_peers(peer_host_peers_results(call), 0);
    ww_capnp_call_return(call);
}

/* A multihash: a code and a size of one byte each, which is all that peer ids use, and the digest. */
static bool is_peer_id(ww_view id)
{
    enum { IDENTITY = 0x00, SHA2_256 = 0x12 };
    if (id.size < 3 || id.data[1] != id.size - 2) return false;
    return id.data[0] == IDENTITY ? id.size <= 2 + 42 : id.data[0] == SHA2_256 && id.size == 2 + 32;
}

static void connect_peer(ww_capnp_server *self, ww_capnp_call *call)
{
    (void)self;
    bool is_valid = is_peer_id(peer_host_connect_params_peer_id(peer_host_connect_params(call)));
    ww_capnp_call_fail(call, WW_CAPNP_FAILED, "%s",
                       is_valid ? "connect failed: this node is on no network"
                                : "invalid peer ID: not a multihash of a public key");
}

static void give_executor(ww_capnp_server *self, ww_capnp_call *call)
{
    ww_capnp_cap *cap = ww_session_executor(session_of(self));
    if (!cap) {
        ww_capnp_call_fail(call, WW_CAPNP_OVERLOADED, "out of memory");
        return;
    }
    peer_host_executor_results_set_executor(peer_host_executor_results(call),
                                            (peer_executor_cap){cap});
    ww_capnp_cap_unref(cap);
    ww_capnp_call_return(call);
}

ww_capnp_cap *ww_session_host(ww_session *session)
{
    static const peer_host_vt table = {.id = tell_id,
                                       .addrs = tell_addrs,
                                       .peers = tell_peers,
                                       .connect = connect_peer,
                                       .executor = give_executor};
    ww_facet *facet = ww_alloc(session->node->allocator, sizeof *facet);
    if (!facet) return NULL;
    return joined(facet, peer_host_serve(session->node->vat, &facet->server, &table, destroy).cap,
                  session);
}

/* ---- Program ---- */

typedef struct program {
    ww_facet facet;
    ww_loaded *loaded;
} program;

static void spawn(ww_capnp_server *self, ww_capnp_call *call)
{
    program *p = WW_CONTAINER_OF(self, program, facet.server);
    ww_start_program(p->facet.session, call, p->loaded);
}

static void destroy_program(ww_capnp_server *server)
{
    program *p = WW_CONTAINER_OF(server, program, facet.server);
    const ww_allocator *allocator = p->facet.session->node->allocator;
    ww_loaded_unref(p->loaded);
    ww_facet_leave(&p->facet);
    ww_free(allocator, p, sizeof *p);
}

ww_capnp_cap *ww_session_program(ww_session *session, ww_loaded *loaded)
{
    static const runtime_program_vt table = {.spawn = spawn};
    const ww_rpc_node *node = session->node;
    program *p = ww_alloc(node->allocator, sizeof *p);
    if (!p) return NULL;
    ww_capnp_cap *cap =
        runtime_program_serve(node->vat, &p->facet.server, &table, destroy_program).cap;
    if (!cap) {
        ww_free(node->allocator, p, sizeof *p);
        return NULL;
    }
    p->loaded = ww_loaded_ref(loaded);
    ww_facet_join(&p->facet, session);
    return cap;
}
