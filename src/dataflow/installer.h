/* dataflow/installer.h - one install under way; for install.c, lift.c, resolve.c, link.c and what
 * holds graphs.
 *
 * Model      decode -> lift graphs out of attributes -> targets -> functions to install, callees before callers -> bindings and
 *            components -> graphs -> touch sets -> commit. Nothing of the engine changes before
 *            commit, which cannot fail half-way.
 * Ownership  Everything made lies in the unit's arena until commit; components made are destroyed
 *            on failure.
 * Bounds     Those of the artifact; recursion on its calls is a loop.
 * Threads    One.
 */
#pragma once
#include "dataflow/engine.h"

typedef struct df_recv_place {
    uint32_t function, site;
} df_recv_place;

struct df_installer {
    ww_dataflow *flow;
    df_unit *unit;
    const ww_dataflow_install_options *options;
    ww_diag *diag;
    bool inspecting;       /* construct nothing, demand nothing of components */
    const ww_view *states; /* of a restore: beside options->slots; data NULL where there is none */
    uint32_t unresolved;

    ww_names function_keys; /* of all functions: their index */
    uint32_t *target_functions;
    df_binding *bindings;
    uint32_t binding_count, component_count; /* components of the engine and new ones */
    df_component *components;                /* the new ones */
    uint32_t *order;                         /* functions to install, callees first */
    uint32_t order_count;
    uint32_t *owner;    /* per function: the target on whose behalf it is installed, or DF_NONE */
    uint32_t *graph_of; /* per function: index in graphs, or DF_NONE */
    df_graph **graphs;  /* in the order in which the engine will know them */
    df_graph **bodies;  /* per graph in an attribute */
    uint32_t graph_count;
    ww_view *unit_targets;
    struct df_payload *derived; /* of sends: where they go follows from the sites */
    ww_names recv_names;        /* of all Recv: what they write, and which send they belong to */
    df_recv_place *recv_places;
    bool recvs_known;

    /* the graph being linked, and those in its attributes */
    df_graph *graph, *held;
    ww_names names;
    uint32_t *site_of_name, *next_producer;
    uint8_t *declared; /* per name: ww_flow_value_type; NULL until asked for */
    uint32_t op;
    ww_view bad_slot; /* the slot id of the node looked at last, if no slot can be meant by it */
};

/* install.c */
ww_status df_install(df_installer *in);

/* lift.c */
ww_status df_lift_graphs(df_installer *in);

/* resolve.c */
ww_status df_resolve_targets(df_installer *in);
ww_status df_resolve_bindings(df_installer *in);
ww_status df_resolve_functions(df_installer *in);
uint32_t df_callee_of(const df_installer *in, const df_node *node); /* function index or DF_NONE */
uint32_t df_component_of(df_installer *in, const df_node *node, uint32_t owner, ww_flow_role *role);
bool df_is_tensor_op(const df_node *node); /* a backend's or the engine's */
uint32_t df_bootstrap_of_target(const df_installer *in, uint32_t target); /* function or DF_NONE */
bool df_is_bootstrap(const df_installer *in, uint32_t function);

/* backend.c */
ww_status df_backend_prepare(df_installer *in, const df_node *node, df_arg *arg);

/* link.c */
ww_status df_link_function(df_installer *in, uint32_t function);
ww_status df_touch_sets(df_installer *in);
