/* capnp/cap_ref.h - all that messages know of capabilities: that they are counted. capnp/cap.h is
 * about the rest.
 *
 * Ownership  Counted by hand, within one thread. The last _unref runs the class's destroy, and with
 *            it perhaps an application's destructor: never call it with a half-changed structure.
 */
#pragma once
#include "capnp/read.h"

typedef struct ww_capnp_cap_class {
    void (*destroy)(ww_capnp_cap *cap);
} ww_capnp_cap_class;

/* What every capability starts with. The export slot remembers one connection that knows it, and under which number. */
struct ww_capnp_cap {
    const ww_capnp_cap_class *class;
    uint32_t refs;
    uint32_t export_id;
    const struct ww_capnp_conn *export_conn;
    struct ww_capnp_vat *vat;
};

/* Both accept NULL; _ref returns its argument. */
static inline ww_capnp_cap *ww_capnp_cap_ref(ww_capnp_cap *cap)
{
    if (cap) cap->refs++;
    return cap;
}

static inline void ww_capnp_cap_unref(ww_capnp_cap *cap)
{
    if (cap && --cap->refs == 0) cap->class->destroy(cap);
}
