/* wetware:streams. */
#include "abi/wetware/wetware.h"
#include "resource/connection.h"
#include "resource/policy.h"

static ww_status create_connection(ww_call *call, ww_connection **result)
{
    ww_status status = ww_connection_open(ww_wasi_of(call), result);
    return status == WW_E_CLOSED ? ww_call_fail(call, "data streams not enabled") : status;
}

static ww_status get_input_stream(ww_call *call, ww_connection *self, ww_input_stream **result)
{
    ww_status status = ww_connection_take_input(self, result);
    return status == WW_E_CLOSED ? ww_call_fail(call, "input stream already taken") : status;
}

static ww_status get_output_stream(ww_call *call, ww_connection *self, ww_output_stream **result)
{
    ww_status status = ww_connection_take_output(self, result);
    return status == WW_E_CLOSED ? ww_call_fail(call, "output stream already taken") : status;
}

const wetware_streams_streams ww_wetware_streams = {get_input_stream, get_output_stream,
                                                    create_connection};

ww_status ww_wetware_link(ww_linker *linker)
{
    ww_status status = ww_policy_check(&wetware_streams_streams_interface, NULL);
    return status ? status
                  : ww_linker_add(linker, &wetware_streams_streams_interface, &ww_wetware_streams);
}
