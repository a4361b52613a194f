/* test/support/wit_fakes.h - a stand-in for every host function that has generated bindings.
 *
 * Each tells its parameters, then what it is to do; the test that links them defines both. */
#pragma once
#include "component/call.h"
#include "wit/functions.h"

/* A parameter in host layout, at its offset in the tuple of all parameters. */
void test_fake_param(uint32_t offset, const void *value, size_t size);

/* `result` is the called function's, in host layout; NULL if it has none. */
ww_status test_fake_act(ww_call *call, void *result);

/* By interface, in the order of ww_host_interfaces; NULL where there are no functions. */
extern const void *const test_wit_fakes[WW_HOST_INTERFACE_COUNT];
