/* dataflow/ops.h - the operations that the engine offers itself; for the files of this folder only.
 *
 * Model      A run function reads the values of its inputs and writes its outputs in one go; a
 *            prepare function reads the attributes of its node once, at install.
 * Errors     A failing operation explains itself with df_fail; its consumers do not fire.
 * Ownership  As in engine.h.    Bounds: those of each table.    Threads: one.
 * Trust      Attributes and values are foreign.
 */
#pragma once
#include "dataflow/engine.h"

enum { DF_RECORDS_MAX = 1024, DF_SEEN_MAX = 8192 };

/* ops.c */
df_outcome df_trigger(ww_dataflow *flow, const df_op *op, df_frame *frame);
df_key *df_key_at(ww_dataflow *flow, df_table_kind kind, const df_op *op);
void df_tables_free(ww_dataflow *flow);
int64_t df_attribute_int(const df_node *node, const df_artifact *a, const char *name,
                         int64_t otherwise);
ww_view df_attribute_text(const df_node *node, const df_artifact *a, const char *name);

/* ops_flow.c */
df_run_fn df_run_pass_through, df_run_tee, df_run_constant, df_run_trigger, df_run_on_trigger,
    df_run_any, df_run_app_emit, df_run_app_notify, df_run_record, df_run_incr_metric,
    df_run_acquire, df_run_release, df_run_enqueue, df_run_dequeue, df_run_stash, df_run_flush,
    df_run_correlate, df_run_dispatch, df_run_await, df_run_bundle, df_run_unbundle,
    df_run_event_source, df_run_lifecycle_phase, df_run_rng;
df_prepare_fn df_prepare_constant, df_prepare_any, df_prepare_topic, df_prepare_record,
    df_prepare_metric, df_prepare_limit, df_prepare_queue, df_prepare_hold, df_prepare_event_source,
    df_prepare_lifecycle_phase;

/* ops_time.c */
df_run_fn df_run_interval, df_run_delay, df_run_clock, df_run_deadline_check;
df_prepare_fn df_prepare_interval, df_prepare_delay, df_prepare_deadline_check;

/* peers.c */
df_run_fn df_run_insert, df_run_lookup, df_run_dedup, df_run_health_rx, df_run_backoff_rx,
    df_run_health_tx, df_run_backoff_tx;
df_prepare_fn df_prepare_peer;
void df_peers_free(ww_dataflow *flow);
ww_status df_seen_add(ww_dataflow *flow, uint64_t hash); /* forgets the oldest of DF_SEEN_MAX */
bool df_peer_input(const ww_flow_value *value, ww_view *out); /* a peer id, also as plain bytes */

/* send.c */
df_run_fn df_run_send;
df_prepare_fn df_prepare_send, df_prepare_recv;
