/* resource/error.h - wasi:io/error: what went wrong with a stream, for the guest to look at. */
#pragma once
#include "resource/object.h"
#include "resource/wasi.h"

typedef struct ww_error {
    ww_object object;
    const ww_allocator *allocator;
    int number; /* errno */
} ww_error;

WW_MUST_USE ww_status ww_error_new(ww_wasi *wasi, int number, ww_error **out);
ww_view ww_error_text(const ww_error *error); /* static storage */
