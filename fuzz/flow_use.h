/* fuzz/flow_use.h - what components of fuzzed modules do: with an odd number of inputs they answer later, else at once. */
#pragma once
#include "ww/dataflow.h"

static inline ww_status use(void *self, ww_flow_call *call)
{
    (void)self;
    if (ww_flow_call_input_count(call) % 2) {
        ww_flow_call_command(call);
        return WW_AGAIN;
    }
    ww_flow_call_return(call, 0, ww_flow_value_number(WW_FLOW_U64, 1));
    return WW_OK;
}
