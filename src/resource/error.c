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
    const ww_allocator *allocator = wasi->options.allocator;
    *out = NULL;
    ww_error *error = ww_alloc_zeroed(allocator, sizeof *error);
    if (!error) return WW_E_MEMORY;
    ww_status status = ww_object_init(&error->object, &class, wasi->context.principal, NULL);
    if (status) {
        ww_free(allocator, error, sizeof *error);
        return status;
    }
    error->allocator = allocator;
    error->number = number;
    *out = error;
    return WW_OK;
}

ww_view ww_error_text(const ww_error *error)
{
    return ww_view_str(ww_os_error_text(error->number));
}
