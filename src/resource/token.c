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
    void *memory;
    ww_status status = ww_wasi_make(wasi, class, sizeof(token), NULL, &memory);
    token *made = memory;
    *out = memory;
    if (status) return status;
    made->allocator = wasi->options.allocator;
    return WW_OK;
}
