/* component/name.h - the grammar of labels and of import and export names.
 *
 * Model      A plain name is a label, or one of "[constructor]r", "[method]r.l", "[static]r.l"; an
 *            interface name is "namespace:package/projection", with a version after "@". See
 *            "Import and Export Definitions" in the component model's Explainer.md.
 * Ownership  Parts borrow the name.
 */
#pragma once
#include "base/bytes.h"

typedef enum ww_name_kind {
    WW_NAME_PLAIN,
    WW_NAME_CONSTRUCTOR,
    WW_NAME_METHOD,
    WW_NAME_STATIC,
    WW_NAME_INTERFACE
} ww_name_kind;

typedef struct ww_name {
    ww_name_kind kind;
    ww_view resource; /* constructor, method, static */
    ww_view label;    /* plain, method, static */
    ww_view version;  /* interface: after the "@"; data NULL without one */
} ww_name;

/* False if it is none of the above. The version is not looked at. */
bool ww_name_parse(ww_view text, ww_name *out);

bool ww_label_valid(ww_view label);

/* A full semantic version, such as "0.2.0-rc.1+5". */
bool ww_version_valid(ww_view version);

/* `prefix` is the canonical form of prefix + suffix: major, or 0.minor, or 0.0.patch; a
 * prerelease stays whole. */
bool ww_version_valid_split(ww_view prefix, ww_view suffix);

/* Names that may not stand beside each other in one scope come out equal ("strongly-unique").
 * NULL data: no memory. */
ww_view ww_name_canonical(ww_view text, ww_arena *arena);
ww_view ww_label_canonical(ww_view label, ww_arena *arena);

/* A total order. */
int ww_name_compare(ww_view a, ww_view b);

/* Indices of `names` in that order; NULL: no memory. */
uint32_t *ww_names_sort(const ww_view *names, uint32_t count, ww_arena *arena);
