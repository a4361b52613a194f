/* resource/token.h - objects that a guest can only hold: a terminal, the network as such.
 *
 * Ownership  See resource/object.h.
 */
#pragma once
#include "resource/object.h"
#include "resource/wasi.h"

/* `class` has ww_token_free. */
WW_MUST_USE ww_status ww_token_new(ww_wasi *wasi, const ww_object_class *class, ww_object **out);
void ww_token_free(ww_object *object);
