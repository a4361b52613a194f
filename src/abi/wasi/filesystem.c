/* wasi:filesystem: preopens. */
#include "abi/wasi/bindings.h"

static ww_status get_directories(ww_call *call,
                                 wasi_filesystem_preopens_list_tuple_descriptor_string *result)
{
    (void)call;
    *result = (wasi_filesystem_preopens_list_tuple_descriptor_string){0};
    return WW_OK;
}

const wasi_filesystem_preopens ww_wasi_filesystem_preopens = {get_directories};
