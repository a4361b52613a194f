/* wasi:sockets: the network as such. Libraries ask for it before they do anything; it is what they
 * do with it that is denied. */
#include "abi/wasi/bindings.h"
#include "resource/token.h"

static ww_status instance_network(ww_call *call, ww_network **result)
{
    static const ww_object_class class = {"network", ww_token_free};
    ww_object *made;
    ww_status status = ww_token_new(ww_wasi_of(call), &class, &made);
    *result = (ww_network *)made;
    return status;
}

const wasi_sockets_instance_network ww_wasi_sockets_instance_network = {instance_network};
