/* Takes the start section out of a core module and exports its function instead. */
#include "component/limits.h"
#include "component/plan.h"
#include "component/reader.h"

enum { SECTION_EXPORT = 7, KIND_FUNC = 0 };

static size_t u32_bytes(uint32_t value, uint8_t out[5])
{
    size_t size = 0;
    do {
        out[size++] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
    } while (value);
    return size;
}

static ww_status append_u32(ww_buf *out, uint32_t value)
{
    uint8_t bytes[5];
    return ww_buf_append(out, bytes, u32_bytes(value, bytes));
}

static ww_status append_view(ww_buf *out, const uint8_t *from, const uint8_t *to)
{
    return ww_buf_append(out, from, (size_t)(to - from));
}

/* The entries of the export section, without their count; empty if there is no such section. */
static ww_status export_entries(const ww_core_module *module, ww_view *entries, uint32_t *count)
{
    ww_view section = module->export_section;
    *entries = ww_view_of(NULL, 0);
    *count = 0;
    if (!section.size) return WW_OK;
    ww_reader reader = {.base = section.data, .at = 1, .end = section.size};
    (void)ww_reader_u32(&reader); /* the section's size */
    *count = ww_reader_u32(&reader);
    *entries = ww_view_of(section.data + reader.at, reader.end - reader.at);
    return *count == UINT32_MAX ? WW_E_LIMIT : reader.status;
}

/* The export section with one more entry: the start function. */
static ww_status append_exports(const ww_core_module *module, ww_buf *out)
{
    static const char name[] = WW_START_EXPORT;
    enum { NAME_SIZE = sizeof name - 1 };
    ww_view entries;
    uint32_t count;
    ww_status status = export_entries(module, &entries, &count);
    if (status) return status;
    uint8_t number[5], index[5];
    size_t number_size = u32_bytes(count + 1, number);
    size_t index_size = u32_bytes(module->start, index);
    size_t size = number_size + entries.size + 1 + NAME_SIZE + 1 + index_size;
    if (size > WW_MAX_COMPONENT_BYTES) return WW_E_LIMIT;
    status = ww_buf_append_byte(out, SECTION_EXPORT);
    if (!status) status = append_u32(out, (uint32_t)size);
    if (!status) status = ww_buf_append(out, number, number_size);
    if (!status) status = ww_buf_append(out, entries.data, entries.size);
    if (!status) status = ww_buf_append_byte(out, NAME_SIZE);
    if (!status) status = ww_buf_append(out, name, NAME_SIZE);
    if (!status) status = ww_buf_append_byte(out, KIND_FUNC);
    return status ? status : ww_buf_append(out, index, index_size);
}

/* Exports stand before the start section. Without an export section the new one takes the place of
 * the start section, which is where it belongs. */
static ww_status rewrite(const ww_core_module *module, ww_buf *out)
{
    const uint8_t *end = module->bytes.data + module->bytes.size;
    ww_view start = module->start_section, exports = module->export_section;
    if (!exports.size) exports = ww_view_of(start.data, 0);
    if (exports.data > start.data) return WW_E_INVALID;
    ww_status status = append_view(out, module->bytes.data, exports.data);
    if (!status) status = append_exports(module, out);
    if (!status) status = append_view(out, exports.data + exports.size, start.data);
    return status ? status : append_view(out, start.data + start.size, end);
}

ww_status ww_plan_module_bytes(const ww_core_module *module, ww_buf *scratch, ww_view *out,
                               ww_diag *diag)
{
    *out = module->bytes;
    if (module->start == WW_NONE) return WW_OK;
    if (ww_core_exports_find(&module->type.exports, ww_view_str(WW_START_EXPORT)))
        return ww_fail(diag, WW_E_UNSUPPORTED,
                       "core module %u: it has a start function and exports \"%s\", a name that "
                       "is reserved",
                       module->index, WW_START_EXPORT);
    ww_buf_clear(scratch);
    ww_status status = rewrite(module, scratch);
    if (status)
        return ww_fail(diag, status, "core module %u: its start section cannot be taken out",
                       module->index);
    *out = ww_buf_view(scratch);
    return WW_OK;
}
