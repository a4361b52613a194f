#include "resource/token.h"

typedef struct token {
    ww_object object;
    const ww_allocator *allocator;
} token;

void ww_token_free(ww_object *object)
{
    token *made = WW_CONTAINER_OF(object, token, object);
    ww_free(made->allocator, made, sizeof *made);
}

ww_status ww_token_new(ww_wasi *wasi, const ww_object_class *class, ww_object **out)
{
    const ww_allocator *allocator = wasi->options.allocator;
    *out = NULL;
    token *made = ww_alloc_zeroed(allocator, sizeof *made);
    if (!made) return WW_E_MEMORY;
    ww_status status = ww_object_init(&made->object, class, wasi->context.principal, NULL);
    if (status) {
        ww_free(allocator, made, sizeof *made);
        return status;
    }
    made->allocator = allocator;
    *out = &made->object;
    return WW_OK;
}
