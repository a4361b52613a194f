#include "resource/error.h"
#include "os/fd.h"

static void error_free(ww_object *object)
{
    ww_error *error = WW_CONTAINER_OF(object, ww_error, object);
    ww_free(error->allocator, error, sizeof *error);
}

ww_status ww_error_new(ww_wasi *wasi, int number, ww_error **out)
{
    static const ww_object_class class = {"error", error_free};
    void *memory;
    ww_status status = ww_wasi_make(wasi, &class, sizeof(ww_error), NULL, &memory);
    ww_error *error = memory;
    *out = error;
    if (status) return status;
    error->allocator = wasi->options.allocator;
    error->number = number;
    return WW_OK;
}

ww_view ww_error_text(const ww_error *error)
{
    return ww_view_str(ww_os_error_text(error->number));
}
