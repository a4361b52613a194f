/* The operator socket of a node with more clients than it has room for. */
#include "capnp/operator.capnp.h"
#include "node/inside.h"
#include "support/check.h"
#include "support/folder.h"
#include <stdio.h>
#include <stdlib.h>

enum { CLIENTS_MAX = 2 * WW_OPERATORS_MAX };

typedef struct client {
    ww_rpc_owner owner;
    ww_rpc_link *link;
    operator_operator_cap operator;
    char reason[256]; /* "" while the connection is there */
} client;

static struct {
    char folder[TEST_PATH_MAX], socket[TEST_PATH_MAX + 8];
    ww_node *node;
    ww_rpc_vat vat; /* of all clients */
    client clients[CLIENTS_MAX];
    uint32_t count;
} f;

static int setup(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    test_folder_make(f.folder);
    setenv("XDG_CACHE_HOME", f.folder, true);
    setenv("XDG_STATE_HOME", f.folder, true);
    snprintf(f.socket, sizeof f.socket, "%s/s", f.folder);
    ww_node_options options = {.allocator = ww_allocator_libc(),
                               .cells_max = 10,
                               .memory_bytes_max = 16 << 20,
                               .socket = f.socket};
    ww_diag diag;
    if (ww_node_new(&options, &f.node, &diag)) fail_msg("%s", diag.text);
    assert_ok(ww_rpc_vat_init(&f.vat, f.node->loop, NULL));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < f.count; i++) {
        ww_capnp_cap_unref(f.clients[i].operator.cap);
        ww_rpc_link_free(f.clients[i].link);
    }
    ww_rpc_vat_deinit(&f.vat);
    ww_node_free(f.node);
    test_folder_remove(f.folder);
    return 0;
}

static void turn(void)
{
    for (int i = 0; i < 20; i++)
        ww_loop_turn(f.node->loop, false);
}

static void over(ww_rpc_owner *owner, ww_rpc_link *link, const char *reason)
{
    client *self = WW_CONTAINER_OF(owner, client, owner);
    (void)link;
    snprintf(self->reason, sizeof self->reason, "%s", reason);
}

static client *come(void)
{
    client *self = &f.clients[f.count++];
    ww_fd *fd;
    assert_ok(ww_connect_unix(f.node->loop, f.socket, &fd, NULL));
    self->owner.over = over;
    assert_ok(ww_rpc_link_open_fd(&f.vat, fd, NULL, &self->owner, &self->link, NULL));
    self->operator.cap = ww_rpc_link_bootstrap(self->link);
    turn();
    return self;
}

static void come_many(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        (void)come();
}

typedef struct answer {
    ww_capnp_done done;
    bool is_there;
} answer;

static void answered(ww_capnp_done *done, ww_capnp_call *call)
{
    (void)call;
    WW_CONTAINER_OF(done, answer, done)->is_there = true;
}

/* Takes `call`; "" for an answer, else why there is none. */
static const char *ask(ww_capnp_call *call)
{
    static char text[256];
    answer wanted = {.done = {answered}};
    assert_ok(ww_capnp_call_send(call, &wanted.done));
    while (!wanted.is_there)
        ww_loop_turn(f.node->loop, false);
    snprintf(text, sizeof text, "%s", ww_capnp_call_failed(call) ? ww_capnp_call_reason(call) : "");
    ww_capnp_call_drop(call);
    return text;
}

static const char *look(client *self)
{
    ww_capnp_call *call;
    operator_operator_cells_begin(self->operator, & call);
    return ask(call);
}

static const char *graft(client *self)
{
    ww_capnp_call *call;
    stem_membrane_graft_begin((stem_membrane_cap){self->operator.cap}, &call);
    return ask(call);
}

static void connection__beyond_the_last__takes_the_place_of_the_longest_silent(void **state)
{
    (void)state;
    come_many(WW_OPERATORS_MAX);
    assert_string_equal(look(&f.clients[0]), ""); /* which is not the longest silent any more */
    assert_string_equal(look(come()), "");
    assert_int_equal(f.node->operators.count, WW_OPERATORS_MAX);
    assert_string_equal(f.clients[0].reason, "");
    assert_non_null(
        strstr(f.clients[1].reason, "this one held nothing and was silent the longest"));
    assert_string_equal(f.clients[2].reason, "");
}

static void connections__that_hold_something__are_never_closed_for_others(void **state)
{
    (void)state;
    come_many(WW_OPERATORS_HOLDING_MAX);
    for (uint32_t i = 0; i < WW_OPERATORS_HOLDING_MAX; i++)
        assert_string_equal(graft(&f.clients[i]), "");
    client *late = come();
    assert_string_equal(graft(late), WW_OPERATOR_TEXT_CROWDED);
    assert_string_equal(look(late), "");
    come_many(WW_OPERATORS_MAX);
    assert_string_equal(look(&f.clients[f.count - 1]), "");
    for (uint32_t i = 0; i < WW_OPERATORS_HOLDING_MAX; i++)
        assert_string_equal(f.clients[i].reason, "");
    assert_true(late->reason[0]);
}

static void connection__that_held_something__leaves_its_place_to_another(void **state)
{
    (void)state;
    come_many(WW_OPERATORS_HOLDING_MAX + 1);
    for (uint32_t i = 0; i < WW_OPERATORS_HOLDING_MAX; i++)
        assert_string_equal(graft(&f.clients[i]), "");
    ww_rpc_link_close(f.clients[3].link, "done");
    turn();
    assert_int_equal(f.node->operators.holding, WW_OPERATORS_HOLDING_MAX - 1);
    assert_string_equal(graft(&f.clients[WW_OPERATORS_HOLDING_MAX]), "");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(connection__beyond_the_last__takes_the_place_of_the_longest_silent),
        CASE(connections__that_hold_something__are_never_closed_for_others),
        CASE(connection__that_held_something__leaves_its_place_to_another),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
