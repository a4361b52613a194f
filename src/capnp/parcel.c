/* Calls and Returns as they are begun: their fixed part is copied, not built, and its places are known.
 *
 * Invariants
 * P1  What stands in words[] is what the generated functions build from nothing: message, call or return, target,
 *     payload, in this order. capnp_parcel_test holds the two together.
 * P2  It fits the scratch segment, so that all of it is in segment 0 and never moves.
 */
#include "capnp/conn_state.h"

enum {
    CALL_WORDS = 13,
    CALL_AT = 3,
    CALL_TARGET_AT = 9,
    CALL_PAYLOAD_AT = 11,
    RETURN_WORDS = 8,
    RETURN_AT = 3,
    RETURN_PAYLOAD_AT = 6
};
_Static_assert((int)CALL_WORDS <= (int)PARCEL_SCRATCH_WORDS, "P2");

/* A pointer to a struct: words of data, number of pointers, words between. */
#define STRUCT(data, pointers, offset)                                                             \
    ((uint64_t)(pointers) << 48 | (uint64_t)(data) << 32 | (uint64_t)(offset) << 2)

static const uint64_t CALL[CALL_WORDS] = {
    STRUCT(1, 1, 0),
    2, /* Message.call */
    STRUCT(3, 3, 0),
    [CALL_AT + 3] = STRUCT(1, 1, CALL_TARGET_AT - (CALL_AT + 3) - 1),
    [CALL_AT + 4] = STRUCT(0, 2, CALL_PAYLOAD_AT - (CALL_AT + 4) - 1),
};

static const uint64_t RETURN[RETURN_WORDS] = {
    STRUCT(1, 1, 0),
    3, /* Message.return */
    STRUCT(2, 1, 0),
    [RETURN_AT + 2] = STRUCT(0, 2, RETURN_PAYLOAD_AT - (RETURN_AT + 2) - 1),
};

static ww_capnp_any_b begin(capnp_parcel *parcel, const uint64_t *words, uint32_t count,
                            uint32_t content)
{
    uint64_t *to = parcel->scratch + 1;
    memcpy(to, words, count * sizeof *words);
    parcel->builder.segments[0].words = count;
    return (ww_capnp_any_b){&parcel->builder, (uint8_t *)(to + content), 0};
}

ww_capnp_any_b capnp_parcel_begin_call(capnp_parcel *parcel)
{
    return begin(parcel, CALL, CALL_WORDS, CALL_PAYLOAD_AT);
}

ww_capnp_any_b capnp_parcel_begin_return(capnp_parcel *parcel)
{
    return begin(parcel, RETURN, RETURN_WORDS, RETURN_PAYLOAD_AT);
}

static ww_capnp_struct_b place(capnp_parcel *parcel, uint32_t at, ww_capnp_struct_size size)
{
    uint8_t *data = (uint8_t *)(parcel->scratch + 1 + at);
    return (ww_capnp_struct_b){&parcel->builder, data, 0, size.data_words, size.pointer_count};
}

rpc_message_b capnp_parcel_message(capnp_parcel *parcel)
{
    return (rpc_message_b){
        ww_capnp_any_b_get_struct(ww_capnp_builder_root(&parcel->builder), RPC_MESSAGE_SIZE)};
}

rpc_call_b capnp_parcel_call(capnp_parcel *parcel)
{
    return (rpc_call_b){place(parcel, CALL_AT, RPC_CALL_SIZE)};
}

rpc_message_target_b capnp_parcel_call_target(capnp_parcel *parcel)
{
    return (rpc_message_target_b){place(parcel, CALL_TARGET_AT, RPC_MESSAGE_TARGET_SIZE)};
}

rpc_payload_b capnp_parcel_call_params(capnp_parcel *parcel)
{
    return (rpc_payload_b){place(parcel, CALL_PAYLOAD_AT, RPC_PAYLOAD_SIZE)};
}

rpc_return_b capnp_parcel_return(capnp_parcel *parcel)
{
    return (rpc_return_b){place(parcel, RETURN_AT, RPC_RETURN_SIZE)};
}

rpc_payload_b capnp_parcel_return_results(capnp_parcel *parcel)
{
    return (rpc_payload_b){place(parcel, RETURN_PAYLOAD_AT, RPC_PAYLOAD_SIZE)};
}
