/* test/support/capnp_stage.h - one vat that offers a factory, and a peer that the test plays message by message.
 *
 * Model      The test builds a message with stage_message and lets stage_play send it; what our side answers is read,
 *            counted by kind, and the last message of each kind kept for a look.
 */
#pragma once
#include "support/capnp_link.h"

typedef struct stage {
    test_allocator allocator;
    ww_capnp_vat *vat;
    ww_capnp_conn *conn;
    factory *root; /* what our side offers */
    ww_capnp_builder message; /* the next one of the peer */
    uint32_t got[LINK_KINDS]; /* what our side sent, by kind */
    uint8_t log[256];         /* the same in order */
    uint32_t log_size;
    ww_capnp_frame frames[LINK_KINDS]; /* the last of each kind, in: */
    ww_buf bytes[LINK_KINDS];
    rpc_return_r last_return;
} stage;

void stage_init(stage *s, const ww_capnp_limits *limits);
/* All memory must have come back. */
void stage_deinit(stage *s);

/* The root of the next message of the peer. */
rpc_message_b stage_message(stage *s);
/* Sends the message that was built, lets our side act, reads its answers. */
void stage_play(stage *s);
/* Lets our side act and reads what it sends. */
void stage_settle(stage *s);

/* The main object of the peer, which it calls 7; owned. */
ww_capnp_cap *stage_root(stage *s);
/* A message of the peer that answers our question `id` with a struct that holds one capability, to be described. */
rpc_cap_descriptor_b stage_return_cap(stage *s, uint32_t id);
/* A call by the peer of an export of ours, or of the first field of an answer of ours. */
rpc_call_b stage_call_export(stage *s, uint32_t id, uint32_t export_id, uint64_t interface_id,
                             uint16_t method);
rpc_call_b stage_call_answer(stage *s, uint32_t id, uint32_t question, uint64_t interface_id,
                             uint16_t method);
/* The question of the last call of ours, and the only export that it describes. */
uint32_t stage_question(stage *s);
uint32_t stage_described(stage *s);

/* The last message of a kind that our side sent. */
rpc_message_r stage_last(stage *s, unsigned kind);

void stage_bootstrap(stage *s, uint32_t id);
void stage_finish(stage *s, uint32_t id);
/* A ping of the answer to a bootstrap, to be played. */
rpc_call_b stage_ping(stage *s, uint32_t id, uint32_t question);
/* A further ordinary call succeeds. */
bool stage_is_alive(stage *s);
