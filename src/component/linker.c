#include "component/linker.h"
#include <stdlib.h>

enum { LINKER_BYTES_MAX = 16 << 20 };

typedef struct module_entry {
    const char *name;
    ww_view wasm;
} module_entry;

struct ww_linker {
    const ww_allocator *allocator;
    ww_buf interfaces; /* ww_bound_interface, in the order they were added */
    ww_buf modules;    /* module_entry */
};

/* --- names ---------------------------------------------------------------------------------- */

/* One decimal number without a needless zero; moves *at behind it. */
static bool take_number(ww_view text, size_t *at, uint32_t *out)
{
    size_t first = *at;
    uint64_t value = 0;
    for (; *at < text.size && text.data[*at] >= '0' && text.data[*at] <= '9'; (*at)++) {
        value = value * 10 + (uint64_t)(text.data[*at] - '0');
        if (value > UINT32_MAX) return false;
    }
    *out = (uint32_t)value;
    return *at > first && (text.data[first] != '0' || *at == first + 1);
}

/* Up to three numbers from `at` to the end or to build metadata; how many there are, 0 if it reads
 * otherwise. `ends` tells where each one ends. */
static size_t take_version(ww_view text, size_t at, uint32_t numbers[3], size_t ends[3])
{
    for (size_t count = 0; count < 3; at++) {
        if (!take_number(text, &at, &numbers[count])) return 0;
        ends[count++] = at;
        if (at == text.size) return count;
        if (count == 3 && text.data[at] == '+') return count;
        if (text.data[at] != '.') return 0;
    }
    return 0;
}

bool ww_name_track(ww_view name, ww_view *track, uint64_t *rank)
{
    if (!ww_view_starts(name, "wasi:")) return false;
    const uint8_t *sign = memchr(name.data, '@', name.size);
    if (!sign) return false;
    uint32_t numbers[3] = {0};
    size_t ends[3];
    size_t count = take_version(name, (size_t)(sign - name.data) + 1, numbers, ends);
    size_t last = count && numbers[0] ? 0 : 1; /* of the numbers that make the track */
    if (count <= last || numbers[last] == 0) return false;
    *track = ww_view_of(name.data, ends[last]);
    *rank = last ? numbers[2] : (uint64_t)numbers[1] << 32 | numbers[2];
    return true;
}

/* --- the linker ----------------------------------------------------------------------------- */

ww_status ww_linker_new(const ww_allocator *allocator, ww_linker **out)
{
    *out = ww_alloc_zeroed(allocator, sizeof **out);
    if (!*out) return WW_E_MEMORY;
    (*out)->allocator = allocator;
    ww_buf_init(&(*out)->interfaces, allocator, LINKER_BYTES_MAX);
    ww_buf_init(&(*out)->modules, allocator, LINKER_BYTES_MAX);
    return WW_OK;
}

void ww_linker_free(ww_linker *linker)
{
    if (!linker) return;
    ww_buf_deinit(&linker->interfaces);
    ww_buf_deinit(&linker->modules);
    ww_free(linker->allocator, linker, sizeof *linker);
}

static const ww_bound_interface *entries(const ww_linker *linker, size_t *count)
{
    *count = linker->interfaces.size / sizeof(ww_bound_interface);
    return (const ww_bound_interface *)(const void *)linker->interfaces.data;
}

static const ww_bound_interface *find_exact(const ww_linker *linker, ww_view name)
{
    size_t count;
    const ww_bound_interface *all = entries(linker, &count);
    for (size_t i = 0; i < count; i++)
        if (ww_view_is(name, all[i].interface->name)) return &all[i];
    return NULL;
}

static const ww_bound_interface *find_in_track(const ww_linker *linker, ww_view name)
{
    ww_view wanted, track;
    uint64_t rank, best_rank = 0;
    if (!ww_name_track(name, &wanted, &rank)) return NULL;
    size_t count;
    const ww_bound_interface *all = entries(linker, &count), *best = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!ww_name_track(ww_view_str(all[i].interface->name), &track, &rank)) continue;
        if (!ww_view_equal(track, wanted) || (best && rank < best_rank)) continue;
        best = &all[i];
        best_rank = rank;
    }
    return best;
}

const ww_bound_interface *ww_linker_find(const ww_linker *linker, ww_view name)
{
    const ww_bound_interface *exact = find_exact(linker, name);
    return exact ? exact : find_in_track(linker, name);
}

ww_status ww_linker_add(ww_linker *linker, const ww_host_interface *interface, const void *impl)
{
    if (find_exact(linker, ww_view_str(interface->name))) return WW_E_EXISTS;
    ww_bound_interface entry = {interface, impl};
    return ww_buf_append(&linker->interfaces, &entry, sizeof entry);
}

ww_view ww_linker_find_module(const ww_linker *linker, ww_view name)
{
    const module_entry *all = (const module_entry *)(const void *)linker->modules.data;
    for (size_t i = 0; i < linker->modules.size / sizeof *all; i++)
        if (ww_view_is(name, all[i].name)) return all[i].wasm;
    return (ww_view){0};
}

ww_status ww_linker_add_module(ww_linker *linker, const char *name, ww_view wasm)
{
    if (ww_linker_find_module(linker, ww_view_str(name)).size) return WW_E_EXISTS;
    module_entry entry = {name, wasm};
    return ww_buf_append(&linker->modules, &entry, sizeof entry);
}

/* --- interfaces ----------------------------------------------------------------------------- */

const ww_host_func *ww_interface_func(const ww_host_interface *interface, ww_view name)
{
    for (uint32_t i = 0; i < interface->func_count; i++)
        if (ww_view_is(name, interface->funcs[i].name)) return &interface->funcs[i];
    return NULL;
}

const char *ww_interface_resource_name(const ww_host_interface *interface, uint32_t index)
{
    return interface->exported_names ? interface->exported_names[index]
                                     : interface->resources[index]->name;
}

const ww_resource_type *ww_interface_resource(const ww_host_interface *interface, ww_view name)
{
    for (uint32_t i = 0; i < interface->exported_count; i++)
        if (ww_view_is(name, ww_interface_resource_name(interface, i)))
            return interface->resources[i];
    return NULL;
}

/* --- offers --------------------------------------------------------------------------------- */

/* The part of a name before `end`, or all of it. */
static ww_view part_before(ww_view name, char end)
{
    const uint8_t *found = name.size ? memchr(name.data, end, name.size) : NULL;
    return found ? ww_view_of(name.data, (size_t)(found - name.data)) : name;
}

/* What does not fit is cut. */
static void print(ww_buf *out, ww_view text)
{
    size_t room = out->size_max - out->size;
    ww_status status = ww_buf_append(out, text.data, text.size < room ? text.size : room);
    (void)status; /* no memory: the message stays short */
}

static uint32_t print_offers_like(const ww_linker *linker, ww_view name, char end, ww_buf *out)
{
    size_t count;
    const ww_bound_interface *all = entries(linker, &count);
    uint32_t printed = 0;
    for (size_t i = 0; i < count; i++) {
        ww_view offer = ww_view_str(all[i].interface->name);
        if (!ww_view_equal(part_before(offer, end), part_before(name, end))) continue;
        print(out, ww_view_str(printed++ ? ", " : "it offers "));
        print(out, offer);
    }
    return printed;
}

/* Other versions of the interface; else other interfaces of the package; else of the namespace. */
void ww_linker_print_offers(const ww_linker *linker, ww_view name, ww_buf *out)
{
    if (print_offers_like(linker, name, '@', out) || print_offers_like(linker, name, '/', out) ||
        print_offers_like(linker, name, ':', out))
        return;
    print(out, ww_view_str("it offers nothing like it"));
}
