/* dataflow/snapshot.h - the form of a snapshot; for snapshot.c and restore.c.
 *
 * Model      16 bytes: "ww-flow", the version, and SipHash-1-3 under a zero key of all that
 *            follows, which finds damage but no forgery. Then fields in the protobuf wire format,
 *            in the order below. Times are written as distances from now, because the next clock
 *            starts somewhere else. Executions are numbered in the order in which they are written.
 * Ownership  As in ww/dataflow.h.
 * Bounds     DF_RECORD_FIELDS fields in a nested message; the engine's own limits for the rest.
 * Threads    One.
 * Trust      What restore.c reads is foreign.
 */
#pragma once
#include "dataflow/ops.h"

#define DF_SNAPSHOT_MAGIC "ww-flow\1"

enum { DF_SNAPSHOT_HEAD = 16, DF_RECORD_FIELDS = 16 };

/* What each message holds, by the numbers of its fields. "all" is a message with each one in a
 * field 1. A value: 1 hash of its type, 2 its wire form, 3 its site in a frame. */
typedef enum df_snapshot_field {
    /* 1 incarnation; the next 2 execution, 3 command, 4 token, 5 request; 6 state of the random
     * numbers, 7 key of the hashes seen, 8 whether only allowed peers are heard */
    DF_SNAP_COUNTERS = 1,
    /* 1 artifact, 2 unresolved allowed, 3 policy, 4 retries, 5 delay, 6 deadline, 7 all targets,
     * 8 all slots: 1 name, 2 component, 3 configuration, 4 state if it has been saved */
    DF_SNAP_UNIT,
    /* of a target that is up: 1 kind, 2 name */
    DF_SNAP_DONE,
    /* 1 table, 2 name, 3 counter, 4 fired, 5 all values */
    DF_SNAP_KEY,
    /* see peers.c */
    DF_SNAP_PEER,
    /* hashes, 8 bytes each, the oldest first */
    DF_SNAP_SEEN,
    /* 1 graph, 2 execution, 3 parent + 1, 4 operation that called, 5 age, 6 bytes charged,
     * 7 sender + 1, 8 input of the event + 1, 9 all values, 10 time left for its sends + 1 */
    DF_SNAP_FRAME,
    /* 1 frame, 2 operation */
    DF_SNAP_READY,
    /* 1 frame, 2 operation, 3 command */
    DF_SNAP_WAITING,
    /* 1 frame that has not started, 2 bytes of its event; or a peer's call: 3 component + 1,
     * 4 function, 5 payload, 6 request, 7 peer */
    DF_SNAP_HELD,
    /* 1 kind, 2 time left, 3 graph, 4 operation, 5 id */
    DF_SNAP_TIMER,
    /* 1 peer, 2 request, 3 bytes */
    DF_SNAP_OUTBOUND,
    /* 1 id, 2 age, 3 peer, 4 edge + 1, 5 silent */
    DF_SNAP_REQUEST,
    /* 1 site, 2 chain, 3 hop, 4 mean, 5 deviation, 6 samples */
    DF_SNAP_EDGE,
} df_snapshot_field;

/* Errors stay: everything after the first does nothing. */
typedef struct df_writer {
    ww_buf *out;
    ww_status status;
} df_writer;

void df_write_number(df_writer *w, uint32_t field, uint64_t value);
void df_write_bytes(df_writer *w, uint32_t field, ww_view bytes);
void df_write_value(df_writer *w, uint32_t field, const ww_flow_value *value, uint32_t site);
/* What is written between the two is one nested message. */
size_t df_write_begin(df_writer *w, uint32_t field);
void df_write_end(df_writer *w, size_t begin);

/* The fields of a nested message by number; of repeated ones the last. False: malformed. */
typedef struct df_record {
    uint64_t number[DF_RECORD_FIELDS];
    ww_view bytes[DF_RECORD_FIELDS]; /* data NULL: absent */
} df_record;

bool df_read_record(ww_view message, df_record *out);
ww_status df_read_value(ww_dataflow *flow, ww_view message, ww_flow_value *out, uint64_t *site);

/* health.c */
void df_edges_save(const ww_dataflow *flow, df_writer *w);
ww_status df_edge_restore(ww_dataflow *flow, ww_view message);

/* peers.c */
void df_peers_save(const ww_dataflow *flow, df_writer *w);
ww_status df_peer_restore(ww_dataflow *flow, ww_view message);
