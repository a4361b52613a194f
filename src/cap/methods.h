/* cap/methods.h - a set of methods: what an attenuated capability may still be asked.
 *
 * Model      A method is an interface's id and an ordinal. A set holds up to
 *            WW_METHODS_INTERFACES_MAX interfaces and of each the ordinals 0 to 63; what it does not
 *            hold is not allowed, whatever the interface inherits. Sets only shrink: attenuating an
 *            attenuated capability intersects.
 * Ownership  A value; copying it copies the set. Zeroed is the empty set.
 * Errors     E_LIMIT above the bounds; the set is unchanged then.
 */
#pragma once
#include "base/status.h"

enum { WW_METHODS_INTERFACES_MAX = 16, WW_METHODS_ORDINALS_MAX = 64 };

typedef struct ww_methods {
    uint32_t count;
    struct ww_methods_of {
        uint64_t interface_id;
        uint64_t ordinals; /* a bit each */
    } of[WW_METHODS_INTERFACES_MAX];
} ww_methods;

WW_MUST_USE ww_status ww_methods_allow(ww_methods *methods, uint64_t interface_id,
                                       uint16_t ordinal);
/* All ordinals below WW_METHODS_ORDINALS_MAX. */
WW_MUST_USE ww_status ww_methods_allow_all(ww_methods *methods, uint64_t interface_id);

/* Keeps only what `other` holds too. */
void ww_methods_intersect(ww_methods *methods, const ww_methods *other);

bool ww_methods_have(const ww_methods *methods, uint64_t interface_id, uint16_t ordinal);
