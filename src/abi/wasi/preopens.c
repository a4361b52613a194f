/* wasi:filesystem/preopens. */
#include "abi/wasi/bindings.h"
#include "resource/descriptor.h"

typedef wasi_filesystem_preopens_tuple_descriptor_string preopen;

static ww_status open_one(ww_wasi *wasi, const ww_preopen *from, preopen *out)
{
    ww_rights rights = {.read = true, .mutate = from->is_writable};
    out->f1 = from->name;
    return ww_descriptor_new(wasi, from->fd, WW_FILE_DIRECTORY, rights, &out->f0);
}

static ww_status get_directories(ww_call *call,
                                 wasi_filesystem_preopens_list_tuple_descriptor_string *result)
{
    ww_wasi *wasi = ww_wasi_of(call);
    size_t count = wasi->options.preopen_count, made = 0;
    *result = (wasi_filesystem_preopens_list_tuple_descriptor_string){0};
    if (count == 0) return WW_OK;
    preopen *list = ww_call_scratch(call, count * sizeof *list);
    ww_status status = list ? WW_OK : WW_E_MEMORY;
    while (made < count && !status)
        if (!(status = open_one(wasi, &wasi->options.preopens[made], &list[made]))) made++;
    if (status) {
        while (made)
            ww_object_release(&list[--made].f0->object);
        return status;
    }
    *result = (wasi_filesystem_preopens_list_tuple_descriptor_string){list, count};
    return WW_OK;
}

const wasi_filesystem_preopens ww_wasi_filesystem_preopens = {get_directories};
