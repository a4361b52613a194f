/* test/support/rig.h - a component of a test, and a host around it that offers what it imports.
 *
 * Model      One engine for all cases of a test program. A rig loads one component, written as in
 *            support/binary.h: each function that it imports at the root becomes a dynamic host
 *            function of just that type, the resources "thing" and "other" are the host's. Then
 *            its exports are called.
 * Values     What the host makes up is zero; a string is "x", a list has one element, an own
 *            handle's resource is counted in `live` until somebody drops it or gives it to the host.
 */
#pragma once
#include "component/instance.h"

enum { TEST_RIG_FUNCS_MAX = 16 };

typedef struct test_rig_options {
    /* What each imported function does with the test's `self`; NULL: makes up a result. */
    ww_dynamic_fn *call;
    void *self;
    bool may_wait;           /* all of them */
    uint64_t copy_bytes_max; /* as of an instance */
    const ww_store_limits *limits;
} test_rig_options;

typedef struct test_rig {
    ww_engine *engine; /* the caller's */
    test_rig_options options;
    ww_arena arena;
    ww_linker *linker;
    ww_program *program;
    ww_instance *instance;
    ww_diag diag;
    ww_host_func funcs[TEST_RIG_FUNCS_MAX];
    ww_host_interface interface;
    int live; /* resources that somebody holds */
    unsigned done;
    ww_status status; /* of the call that was done last */
    uint64_t value;   /* its result, if that is a number */
} test_rig;

ww_engine *test_rig_engine(void);

/* All three give the status and leave the text in rig->diag. */
ww_status test_rig_load(test_rig *rig, ww_engine *engine, const test_rig_options *options,
                        const char *text);
ww_status test_rig_instantiate(test_rig *rig);
/* Calls an export with made-up parameters and polls until there is nothing more to do. */
ww_poll test_rig_run(test_rig *rig, const char *name);

/* Only queues the call. `params` must live as long. */
void test_rig_call(test_rig *rig, const char *name, const void *params);
void test_rig_free(test_rig *rig);

/* What host functions of a rig can do. */
test_rig *test_rig_of(const ww_call *call);
ww_status test_rig_make_up(ww_call *call, const void *params, void *result);
