#include "component/name.h"

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(uint8_t c)
{
    return c >= 'A' && c <= 'Z';
}

/* --- labels -------------------------------------------------------------------------------- */

/* Letters of one case and digits; only the first word of a label must begin with a letter. */
static bool word_valid(ww_view word, bool is_first)
{
    bool lower = false, upper = false;
    for (size_t i = 0; i < word.size; i++) {
        uint8_t c = word.data[i];
        if (!is_lower(c) && !is_upper(c) && !is_digit(c)) return false;
        lower |= is_lower(c);
        upper |= is_upper(c);
    }
    return word.size > 0 && !(lower && upper) && !(is_first && is_digit(word.data[0]));
}

bool ww_label_valid(ww_view label)
{
    size_t start = 0;
    for (size_t i = 0; i <= label.size; i++) {
        if (i < label.size && label.data[i] != '-') continue;
        if (!word_valid(ww_view_of(label.data + start, i - start), start == 0)) return false;
        start = i + 1;
    }
    return true;
}

static bool lower_label_valid(ww_view label)
{
    for (size_t i = 0; i < label.size; i++)
        if (is_upper(label.data[i])) return false;
    return ww_label_valid(label);
}

/* --- names --------------------------------------------------------------------------------- */

/* Cuts `text` at the first `mark`; false if there is none. */
static bool cut(ww_view text, char mark, ww_view *before, ww_view *after)
{
    const uint8_t *at = text.size ? memchr(text.data, mark, text.size) : NULL;
    if (!at) return false;
    size_t size = (size_t)(at - text.data);
    *before = ww_view_of(text.data, size);
    *after = ww_view_of(at + 1, text.size - size - 1);
    return true;
}

static bool parse_interface(ww_view text, ww_name *out)
{
    ww_view path = text, namespace, rest, package, projection;
    if (!cut(text, '@', &path, &out->version)) path = text;
    out->kind = WW_NAME_INTERFACE;
    return cut(path, ':', &namespace, &rest) && cut(rest, '/', &package, &projection) &&
           lower_label_valid(namespace) && lower_label_valid(package) && ww_label_valid(projection);
}

static bool skip_prefix(ww_view *text, const char *prefix)
{
    if (!ww_view_starts(*text, prefix)) return false;
    *text = ww_view_of(text->data + strlen(prefix), text->size - strlen(prefix));
    return true;
}

bool ww_name_parse(ww_view text, ww_name *out)
{
    *out = (ww_name){.kind = WW_NAME_PLAIN, .label = text};
    if (text.size && memchr(text.data, ':', text.size)) return parse_interface(text, out);
    if (skip_prefix(&text, "[constructor]")) {
        *out = (ww_name){.kind = WW_NAME_CONSTRUCTOR, .resource = text};
        return ww_label_valid(text);
    }
    bool is_method = skip_prefix(&text, "[method]");
    if (!is_method && !skip_prefix(&text, "[static]")) return ww_label_valid(text);
    out->kind = is_method ? WW_NAME_METHOD : WW_NAME_STATIC;
    return cut(text, '.', &out->resource, &out->label) && ww_label_valid(out->resource) &&
           ww_label_valid(out->label);
}

/* --- versions ------------------------------------------------------------------------------ */

static bool number_valid(ww_view text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!is_digit(text.data[i])) return false;
    /* Twenty digits do not fit 64 bits, which is what semantic version libraries hold. */
    return text.size > 0 && text.size < 20 && (text.size == 1 || text.data[0] != '0');
}

/* Dot-separated identifiers; of a prerelease, numeric ones have no leading zero. */
static bool identifiers_valid(ww_view text, bool is_prerelease)
{
    for (ww_view part = text, rest = text; rest.data; text = rest) {
        rest = (ww_view){0};
        if (!cut(text, '.', &part, &rest)) part = text;
        bool digits = true;
        for (size_t i = 0; i < part.size; i++) {
            uint8_t c = part.data[i];
            if (!is_digit(c) && !is_lower(c) && !is_upper(c) && c != '-') return false;
            digits &= is_digit(c);
        }
        if (!part.size) return false;
        if (is_prerelease && digits && part.size > 1 && part.data[0] == '0') return false;
    }
    return true;
}

typedef struct version {
    ww_view major, minor, patch;
    ww_view core;              /* major.minor.patch */
    ww_view prerelease, build; /* data NULL without */
} version;

static bool parse_version(ww_view text, version *out)
{
    *out = (version){.core = text};
    ww_view rest;
    if (cut(out->core, '+', &out->core, &out->build) && !identifiers_valid(out->build, false))
        return false;
    if (cut(out->core, '-', &out->core, &out->prerelease) &&
        !identifiers_valid(out->prerelease, true))
        return false;
    return cut(out->core, '.', &out->major, &rest) && cut(rest, '.', &out->minor, &out->patch) &&
           number_valid(out->major) && number_valid(out->minor) && number_valid(out->patch);
}

bool ww_version_valid(ww_view text)
{
    version parsed;
    return parse_version(text, &parsed);
}

bool ww_version_valid_split(ww_view prefix, ww_view suffix)
{
    uint8_t whole[256];
    if (prefix.size + suffix.size > sizeof whole) return false;
    memcpy(whole, prefix.data, prefix.size);
    memcpy(whole + prefix.size, suffix.data, suffix.size);
    version v;
    if (!parse_version(ww_view_of(whole, prefix.size + suffix.size), &v)) return false;
    size_t canonical = v.core.size;
    if (v.prerelease.data)
        canonical += 1 + v.prerelease.size;
    else if (!ww_view_is(v.major, "0"))
        canonical = v.major.size;
    else if (!ww_view_is(v.minor, "0"))
        canonical = v.major.size + 1 + v.minor.size;
    return prefix.size == canonical;
}

/* --- comparing ----------------------------------------------------------------------------- */

/* Appends in lower case. */
static size_t put_folded(uint8_t *to, size_t at, ww_view text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        to[at + i] = is_upper(c) ? (uint8_t)(c - 'A' + 'a') : c;
    }
    return at + text.size;
}

ww_view ww_label_canonical(ww_view label, ww_arena *arena)
{
    uint8_t *to = ww_arena_alloc(arena, label.size);
    return to ? ww_view_of(to, put_folded(to, 0, label)) : (ww_view){0};
}

ww_view ww_name_canonical(ww_view text, ww_arena *arena)
{
    ww_name name;
    (void)ww_name_parse(text, &name);
    uint8_t *to = ww_arena_alloc(arena, text.size + 1);
    if (!to) return (ww_view){0};
    if (name.kind == WW_NAME_INTERFACE) {
        memcpy(to, text.data, text.size);
        return ww_view_of(to,
                          put_folded(to, 0, ww_view_of(text.data, text.size - name.version.size)) +
                              name.version.size);
    }
    size_t at = 0;
    if (name.kind == WW_NAME_CONSTRUCTOR) to[at++] = '[';
    size_t label = put_folded(to, at, name.resource);
    if (name.kind == WW_NAME_PLAIN || name.kind == WW_NAME_CONSTRUCTOR)
        return ww_view_of(to, put_folded(to, label, name.label));
    /* "[method]x.x" may not stand beside "x". */
    size_t end = put_folded(to, label, name.label);
    if (ww_view_equal(ww_view_of(to, label), ww_view_of(to + label, end - label)))
        return ww_view_of(to, label);
    to[label] = '.';
    return ww_view_of(to, put_folded(to, label + 1, name.label));
}

int ww_name_compare(ww_view a, ww_view b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size ? memcmp(a.data, b.data, size) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

/* Merges the runs [low, middle) and [middle, high) of `from` into `to`. */
static void merge(const ww_view *names, const uint32_t *from, uint32_t *to, uint32_t low,
                  uint32_t middle, uint32_t high)
{
    uint32_t a = low, b = middle;
    for (uint32_t i = low; i < high; i++) {
        bool take_a =
            b >= high || (a < middle && ww_name_compare(names[from[a]], names[from[b]]) <= 0);
        to[i] = take_a ? from[a++] : from[b++];
    }
}

/* A merge sort from below: no foreign order of names makes it slow. */
uint32_t *ww_names_sort(const ww_view *names, uint32_t count, ww_arena *arena)
{
    uint32_t *from = ww_arena_array(arena, count, sizeof *from);
    uint32_t *to = ww_arena_array(arena, count, sizeof *to);
    if (!from || !to) return NULL;
    for (uint32_t i = 0; i < count; i++)
        from[i] = i;
    for (uint64_t width = 1; width < count; width *= 2) {
        for (uint64_t low = 0; low < count; low += 2 * width) {
            uint64_t middle = low + width < count ? low + width : count;
            uint64_t high = low + 2 * width < count ? low + 2 * width : count;
            merge(names, from, to, (uint32_t)low, (uint32_t)middle, (uint32_t)high);
        }
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    return from;
}
