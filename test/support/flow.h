/* test/support/flow.h - a dataflow engine with two components, driven by text and answering in
 * text.
 *
 * `flow_fixture.log` gathers one line per step:
 *   done 1.0 x0 [3 4]      operation 0 of graph 1 in execution 0 wrote sites 3 and 4
 *   wait 1.0 x0 c0         it waits for command 0          fail 1.0 x0 Kind reason
 *   emit topic "bytes"     event for the host              echo topic "bytes"
 *   boot started T         and completed, failed, waiting, input; T is the target's number
 *   waiting-on-bootstrap   over-budget N   lifecycle P   send N   timeout N
 *   and others by their kind's number */
#pragma once
#include "support/check.h"
#include "ww/dataflow.h"

typedef struct flow_fixture {
    test_allocator allocator;
    ww_dataflow *flow;
    ww_buf log;
    uint64_t now;
    /* what the components do */
    bool loader_later, loader_fails, index_later, store_bootstraps;
    uint64_t command; /* of the last call answered later */
    uint32_t calls, added, abandoned;
    uint32_t store_inputs; /* that its bootstrap asks for */
    char got[96];          /* and was given; what the backend was asked */
} flow_fixture;

void flow_init(flow_fixture *f);
void flow_init_with(flow_fixture *f, const ww_dataflow_limits *limits);
void flow_deinit(flow_fixture *f);
/* Of a case: an engine in *state. */
int flow_setup(void **state);
/* Of a case: ends every engine that it has left, whose fixtures must outlive it. */
int flow_teardown(void **state);

/* Compiles the text and installs the targets, separated by spaces. */
ww_status flow_install(flow_fixture *f, const char *text, const char *targets, ww_diag *diag);
ww_status flow_arm(flow_fixture *f);
ww_status flow_bootstrap(flow_fixture *f, const char *target);
ww_status flow_event(flow_fixture *f, const char *module, const char *input, const char *bytes);

/* Takes a snapshot, ends the engine, and goes on with one restored from it when the clock says
 * `now`. Afterwards, both engines give the same snapshot. */
void flow_restart(flow_fixture *f, uint64_t now);
/* Of the snapshot alone; on success the engine of the fixture is a new one. */
ww_status flow_restore(flow_fixture *f, ww_view snapshot, ww_diag *diag);

/* Polls until nothing is left to do now, and returns what the log has gathered since the last call.
 */
const char *flow_run(flow_fixture *f);
