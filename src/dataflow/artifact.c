#include "dataflow/artifact.h"

typedef struct decoder {
    df_artifact *a;
    const df_artifact_limits *limits;
    ww_diag *diag;
    uint32_t pending_body; /* bodies from here on are known by their bytes only */
} decoder;

/* A graph in an attribute: known by its bytes first, by its nodes when its turn has come. */
typedef struct graph_body {
    df_body body;
    uint32_t depth;
    ww_view bytes;
} graph_body;

df_artifact_limits df_artifact_limits_default(void)
{
    return (df_artifact_limits){
        .bytes_max = 256 << 20,
        .functions_max = 4096,
        .items_max = 8 << 20,
        .name_max = 4096,
        .depth_max = 16,
    };
}

static ww_status bad(decoder *d, size_t offset, ww_status status, const char *what)
{
    return ww_fail(d->diag, status, "artifact offset %zu: %s", offset, what);
}

static ww_status end_of(decoder *d, const df_reader *r)
{
    return r->error ? bad(d, df_offset(r), WW_E_INVALID, r->error) : WW_OK;
}

static ww_status expect(decoder *d, const df_reader *r, const df_field *field, df_wire_type type)
{
    return WW_LIKELY(field->type == type)
               ? WW_OK
               : bad(d, df_offset(r), WW_E_INVALID, "field with the wrong wire type");
}

static ww_status grow(const ww_allocator *allocator, df_vector *v, size_t size)
{
    uint32_t capacity = v->capacity ? 2 * v->capacity : 16;
    void *items = ww_realloc(allocator, v->items, v->capacity * size, capacity * size);
    if (!items) return WW_E_MEMORY;
    v->items = items;
    v->capacity = capacity;
    return WW_OK;
}

void *df_vector_add(const ww_allocator *allocator, df_vector *v, size_t size)
{
    if (v->count == v->capacity && grow(allocator, v, size)) return NULL;
    return memset((uint8_t *)v->items + v->count++ * size, 0, size);
}

/* Room for one more item of `size` bytes, zeroed; NULL when a limit or memory ends, which *status
 * tells. */
static inline void *add(decoder *d, df_vector *v, size_t size, ww_status *status)
{
    if (WW_UNLIKELY(v->count == v->capacity)) {
        *status = v->count >= d->limits->items_max
                      ? ww_fail(d->diag, WW_E_LIMIT, "artifact: more than %u items of one kind",
                                d->limits->items_max)
                      : grow(d->a->allocator, v, size);
        if (*status == WW_E_MEMORY)
            ww_fail(d->diag, WW_E_MEMORY, "artifact: no memory for its tables");
        if (*status) return NULL;
    }
    return memset((uint8_t *)v->items + v->count++ * size, 0, size);
}

static inline ww_status take_name(decoder *d, const df_reader *r, const df_field *field,
                                  ww_view *out)
{
    ww_status status = expect(d, r, field, DF_BYTES);
    if (status) return status;
    if (WW_UNLIKELY(field->bytes.size > d->limits->name_max))
        return bad(d, df_offset(r), WW_E_LIMIT, "name too long");
    if (WW_UNLIKELY(!df_is_utf8(field->bytes)))
        return bad(d, df_offset(r), WW_E_INVALID, "name is not UTF-8");
    *out = field->bytes;
    return WW_OK;
}

static ww_status add_name(decoder *d, const df_reader *r, const df_field *field, df_vector *v)
{
    ww_status status = WW_OK;
    ww_view *item = add(d, v, sizeof *item, &status);
    return item ? take_name(d, r, field, item) : status;
}

static ww_status decode_entry(decoder *d, const df_reader *outer, const df_field *outer_field)
{
    ww_status status = expect(d, outer, outer_field, DF_BYTES);
    df_entry *entry = status ? NULL : add(d, &d->a->metadata_items, sizeof *entry, &status);
    if (!entry) return status;
    df_reader r = df_reader_in(outer, outer_field->bytes);
    for (df_field field; !status && df_next(&r, &field);) {
        if (field.number == 1) status = take_name(d, &r, &field, &entry->key);
        if (field.number == 2) status = take_name(d, &r, &field, &entry->value);
    }
    return status ? status : end_of(d, &r);
}

static ww_status decode_type(decoder *d, const df_reader *outer, const df_field *outer_field,
                             df_value_info *value)
{
    ww_status status = expect(d, outer, outer_field, DF_BYTES);
    if (status) return status;
    df_reader r = df_reader_in(outer, outer_field->bytes);
    for (df_field field; !status && df_next(&r, &field);) {
        if (field.number == 1) value->has_tensor_type = true;
        if (field.number == 6) status = take_name(d, &r, &field, &value->denotation);
        if (field.number != 7) continue;
        status = expect(d, &r, &field, DF_BYTES);
        df_reader opaque = df_reader_in(&r, field.bytes);
        for (df_field part; !status && df_next(&opaque, &part);)
            if (part.number == 2) status = take_name(d, &opaque, &part, &value->opaque_name);
        if (!status) status = end_of(d, &opaque);
    }
    return status ? status : end_of(d, &r);
}

static ww_status decode_value(decoder *d, const df_reader *outer, const df_field *outer_field)
{
    ww_status status = expect(d, outer, outer_field, DF_BYTES);
    df_value_info *value = status ? NULL : add(d, &d->a->values, sizeof *value, &status);
    if (!value) return status;
    df_reader r = df_reader_in(outer, outer_field->bytes);
    for (df_field field; !status && df_next(&r, &field);) {
        if (field.number == 1) status = take_name(d, &r, &field, &value->name);
        if (field.number == 2) status = decode_type(d, &r, &field, value);
    }
    return status ? status : end_of(d, &r);
}

static ww_status add_number(decoder *d, uint64_t value)
{
    ww_status status = WW_OK;
    uint64_t *item = add(d, &d->a->numbers, sizeof *item, &status);
    if (item) *item = value;
    return status;
}

/* Repeated numbers, packed or one by one; varints for field 8, 32-bit floats for field 7. */
static ww_status decode_numbers(decoder *d, const df_reader *outer, const df_field *field)
{
    bool floats = field->number == 7;
    if (field->type != DF_BYTES)
        return field->type == (floats ? DF_FIXED32 : DF_VARINT)
                   ? add_number(d, field->value)
                   : bad(d, df_offset(outer), WW_E_INVALID, "field with the wrong wire type");
    if (floats && field->bytes.size % 4)
        return bad(d, df_offset(outer), WW_E_INVALID, "packed floats end in the middle of one");
    ww_status status = WW_OK;
    df_reader r = df_reader_in(outer, field->bytes);
    while (!status && r.at < r.end) {
        uint64_t value = 0;
        if (floats) {
            value = ww_le32(r.at);
            r.at += 4;
        } else if (!df_read_varint(&r, &value)) {
            return end_of(d, &r);
        }
        status = add_number(d, value);
    }
    return status;
}

static ww_status set_aside_graph(decoder *d, const df_reader *r, const df_field *field,
                                 uint32_t depth, df_attribute *attribute)
{
    ww_status status = expect(d, r, field, DF_BYTES);
    if (status) return status;
    if (depth >= d->limits->depth_max)
        return bad(d, df_offset(r), WW_E_LIMIT, "graphs nested too deep");
    attribute->body = d->a->bodies.count;
    graph_body *waiting = add(d, &d->a->bodies, sizeof *waiting, &status);
    if (waiting) *waiting = (graph_body){.depth = depth + 1, .bytes = field->bytes};
    return status;
}

static df_attribute_type type_by_field(uint32_t number)
{
    static const uint8_t types[] = {
        [2] = DF_ATTR_FLOAT, [3] = DF_ATTR_INT,    [4] = DF_ATTR_STRING, [5] = DF_ATTR_TENSOR,
        [6] = DF_ATTR_GRAPH, [7] = DF_ATTR_FLOATS, [8] = DF_ATTR_INTS};
    return number < sizeof types ? (df_attribute_type)types[number] : DF_ATTR_NONE;
}

static ww_status attribute_field(decoder *d, df_reader *r, const df_field *field, uint32_t depth,
                                 df_attribute *attribute, uint64_t *declared)
{
    switch (field->number) {
    case 1: return take_name(d, r, field, &attribute->name);
    case 2:
        attribute->f = (union {
                           uint32_t bits;
                           float f;
                       }){(uint32_t)field->value}
                           .f;
        return expect(d, r, field, DF_FIXED32);
    case 3: attribute->i = (int64_t)field->value; return expect(d, r, field, DF_VARINT);
    case 4:
    case 5: attribute->bytes = field->bytes; return expect(d, r, field, DF_BYTES);
    case 6: return set_aside_graph(d, r, field, depth, attribute);
    case 7:
    case 8: return decode_numbers(d, r, field);
    case 20: *declared = field->value; return expect(d, r, field, DF_VARINT);
    default: return WW_OK;
    }
}

static ww_status decode_attribute(decoder *d, const df_reader *outer, const df_field *outer_field,
                                  uint32_t depth)
{
    ww_status status = expect(d, outer, outer_field, DF_BYTES);
    df_attribute *attribute = status ? NULL : add(d, &d->a->attributes, sizeof *attribute, &status);
    if (!attribute) return status;
    df_attribute decoded = {.ints.first = d->a->numbers.count};
    df_attribute_type seen = DF_ATTR_NONE;
    uint64_t declared = 0;
    df_reader r = df_reader_in(outer, outer_field->bytes);
    for (df_field field; !status && df_next(&r, &field);) {
        df_attribute_type type = type_by_field(field.number);
        if (type != DF_ATTR_NONE && seen != DF_ATTR_NONE && type != seen)
            return bad(d, df_offset(&r), WW_E_INVALID, "attribute with two values");
        if (type != DF_ATTR_NONE) seen = type;
        status = attribute_field(d, &r, &field, depth, &decoded, &declared);
    }
    if (!status) status = end_of(d, &r);
    if (status) return status;
    if (declared && seen != DF_ATTR_NONE && declared != seen)
        return bad(d, df_offset(&r), WW_E_INVALID, "attribute whose value is not of its type");
    decoded.type = declared && declared <= DF_ATTR_INTS ? (df_attribute_type)declared : seen;
    decoded.ints.count = d->a->numbers.count - decoded.ints.first;
    if (decoded.type == DF_ATTR_GRAPH && seen != DF_ATTR_GRAPH)
        return bad(d, df_offset(&r), WW_E_INVALID, "graph attribute without a graph");
    ((df_attribute *)d->a->attributes.items)[d->a->attributes.count - 1] = decoded;
    return WW_OK;
}

static ww_status node_field(decoder *d, df_reader *r, const df_field *field, uint32_t depth,
                            df_node *node)
{
    switch (field->number) {
    case 1: return add_name(d, r, field, &d->a->inputs);
    case 2: return add_name(d, r, field, &d->a->outputs);
    case 3: return take_name(d, r, field, &node->name);
    case 4: return take_name(d, r, field, &node->op_type);
    case 5: return decode_attribute(d, r, field, depth);
    case 7: return take_name(d, r, field, &node->domain);
    case 8: return take_name(d, r, field, &node->overload);
    case 9: return decode_entry(d, r, field);
    default: return WW_OK;
    }
}

static ww_status decode_node(decoder *d, const df_reader *outer, const df_field *outer_field,
                             uint32_t depth)
{
    df_artifact *a = d->a;
    ww_status status = expect(d, outer, outer_field, DF_BYTES);
    if (status) return status;
    df_node node = {.inputs.first = a->inputs.count,
                    .outputs.first = a->outputs.count,
                    .attributes.first = a->attributes.count,
                    .metadata.first = a->metadata_items.count};
    df_reader r = df_reader_in(outer, outer_field->bytes);
    node.offset = df_offset(&r);
    for (df_field field; !status && df_next(&r, &field);)
        status = node_field(d, &r, &field, depth, &node);
    if (!status) status = end_of(d, &r);
    if (status) return status;
    node.inputs.count = a->inputs.count - node.inputs.first;
    node.outputs.count = a->outputs.count - node.outputs.first;
    node.attributes.count = a->attributes.count - node.attributes.first;
    node.metadata.count = a->metadata_items.count - node.metadata.first;
    if (node.inputs.count > UINT16_MAX || node.outputs.count > UINT16_MAX)
        return bad(d, node.offset, WW_E_LIMIT, "node with more than 65535 inputs or outputs");
    df_node *item = add(d, &a->nodes, sizeof *item, &status);
    if (item) *item = node;
    return status;
}

/* Fields of one number, which an encoder writes side by side, though a reader must not count on it.
 */
typedef struct run {
    uint32_t number, count;
    const uint8_t *first; /* where the first of them starts */
} run;

static void note(run *runs, size_t count, uint32_t number, const uint8_t *at)
{
    for (size_t i = 0; i < count; i++)
        if (runs[i].number == number && runs[i].count++ == 0) runs[i].first = at;
}

/* Reads such a run into one range, which must not mix with what stands in between: a function's own
 * metadata, for one, with that of its nodes. */
static ww_status gather(decoder *d, const df_reader *outer, ww_view bytes, const run *wanted,
                        df_vector *table, df_range *range)
{
    *range = (df_range){table->count, wanted->count};
    if (!wanted->count) return WW_OK;
    ww_status status = WW_OK;
    uint32_t left = wanted->count;
    size_t skipped = (size_t)(wanted->first - bytes.data);
    df_reader r = df_reader_in(outer, ww_view_of(wanted->first, bytes.size - skipped));
    for (df_field field; !status && left && df_next(&r, &field);) {
        if (field.number != wanted->number) continue;
        left--;
        status = table == &d->a->metadata_items ? decode_entry(d, &r, &field)
                                                : add_name(d, &r, &field, table);
    }
    return status;
}

static ww_status function_field(decoder *d, df_reader *r, const df_field *field,
                                df_function *function)
{
    switch (field->number) {
    case 1: return take_name(d, r, field, &function->name);
    case 7: return decode_node(d, r, field, 0);
    case 10: return take_name(d, r, field, &function->domain);
    case 12: return decode_value(d, r, field);
    case 13: return take_name(d, r, field, &function->overload);
    default: return WW_OK;
    }
}

/* A value that a graph brings with it, as the node that would make it. */
static ww_status decode_initializer(decoder *d, const df_reader *outer, const df_field *field)
{
    df_artifact *a = d->a;
    ww_status status = expect(d, outer, field, DF_BYTES);
    df_node node = {.op_type = WW_VIEW_LITERAL("Constant"),
                    .domain = WW_VIEW_LITERAL("ai.onnx"),
                    .outputs = {a->outputs.count, 1},
                    .attributes = {a->attributes.count, 1},
                    .offset = df_offset(outer)};
    ww_view *name = status ? NULL : add(d, &a->outputs, sizeof *name, &status);
    df_attribute *value = status ? NULL : add(d, &a->attributes, sizeof *value, &status);
    if (status) return status;
    *value = (df_attribute){
        .name = WW_VIEW_LITERAL("value"), .type = DF_ATTR_TENSOR, .bytes = field->bytes};
    df_reader r = df_reader_in(outer, field->bytes);
    for (df_field part; !status && df_next(&r, &part);)
        if (part.number == 8) status = take_name(d, &r, &part, name);
    if (!status) status = end_of(d, &r);
    df_node *item = status ? NULL : add(d, &a->nodes, sizeof *item, &status);
    if (item) *item = node;
    return status;
}

/* The names in all value infos of one field, side by side. */
static ww_status decode_ends(decoder *d, const df_reader *outer, ww_view bytes, uint32_t number,
                             df_range *range)
{
    ww_status status = WW_OK;
    *range = (df_range){d->a->names.count, 0};
    df_reader r = df_reader_in(outer, bytes);
    for (df_field field; !status && df_next(&r, &field);) {
        if (field.number != number) continue;
        status = expect(d, &r, &field, DF_BYTES);
        ww_view *name = status ? NULL : add(d, &d->a->names, sizeof *name, &status);
        df_reader info = df_reader_in(&r, field.bytes);
        for (df_field part; !status && df_next(&info, &part);)
            if (part.number == 1) status = take_name(d, &info, &part, name);
        if (!status) status = end_of(d, &info);
        range->count++;
    }
    return status;
}

static ww_status body_field(decoder *d, df_reader *r, const df_field *field, uint32_t depth,
                            df_function *function)
{
    switch (field->number) {
    case 1: return decode_node(d, r, field, depth);
    case 2: return take_name(d, r, field, &function->name);
    case 5: return decode_initializer(d, r, field);
    default: return WW_OK;
    }
}

static ww_status decode_body(decoder *d, const df_reader *outer, uint32_t index)
{
    graph_body known = ((graph_body *)d->a->bodies.items)[index];
    df_reader r = df_reader_in(outer, known.bytes);
    df_function f = {.nodes.first = d->a->nodes.count, .offset = df_offset(&r)};
    ww_status status = WW_OK;
    for (df_field field; !status && df_next(&r, &field);)
        status = body_field(d, &r, &field, known.depth, &f);
    if (!status) status = end_of(d, &r);
    f.nodes.count = d->a->nodes.count - f.nodes.first;
    if (!status) status = decode_ends(d, outer, known.bytes, 11, &f.inputs);
    if (!status) status = decode_ends(d, outer, known.bytes, 12, &f.outputs);
    known.body = (df_body){.function = f, .declared = f.inputs.count};
    ((graph_body *)d->a->bodies.items)[index] = known;
    return status;
}

/* Bodies found on the way wait behind those already known. */
static ww_status decode_bodies(decoder *d, const df_reader *outer)
{
    ww_status status = WW_OK;
    for (; !status && d->pending_body < d->a->bodies.count; d->pending_body++)
        status = decode_body(d, outer, d->pending_body);
    return status;
}

static ww_status decode_function(decoder *d, const df_reader *outer, const df_field *outer_field)
{
    df_artifact *a = d->a;
    ww_status status = expect(d, outer, outer_field, DF_BYTES);
    if (status) return status;
    if (a->functions.count >= d->limits->functions_max)
        return bad(d, df_offset(outer), WW_E_LIMIT, "too many functions");
    df_reader r = df_reader_in(outer, outer_field->bytes);
    df_function f = {
        .nodes.first = a->nodes.count, .values.first = a->values.count, .offset = df_offset(&r)};
    uint32_t first_body = a->bodies.count;
    run runs[] = {{.number = 4}, {.number = 5}, {.number = 6}, {.number = 14}};
    const uint8_t *at = r.at;
    for (df_field field; !status && df_next(&r, &field); at = r.at) {
        if (field.number != 7 && field.number != 12)
            note(runs, WW_COUNT_OF(runs), field.number, at);
        status = function_field(d, &r, &field, &f);
    }
    if (!status) status = end_of(d, &r);
    f.nodes.count = a->nodes.count - f.nodes.first;
    f.bodies.first = first_body;
    f.values.count = a->values.count - f.values.first;
    ww_view bytes = outer_field->bytes;
    if (!status) status = gather(d, outer, bytes, &runs[0], &a->names, &f.inputs);
    if (!status) status = gather(d, outer, bytes, &runs[1], &a->names, &f.outputs);
    if (!status) status = gather(d, outer, bytes, &runs[2], &a->names, &f.attribute_names);
    if (!status) status = gather(d, outer, bytes, &runs[3], &a->metadata_items, &f.metadata);
    if (!status) status = decode_bodies(d, outer);
    f.bodies.count = a->bodies.count - first_body;
    df_function *item = status ? NULL : add(d, &a->functions, sizeof *item, &status);
    if (item) *item = f;
    return status;
}

static ww_status decode_model(decoder *d, ww_view bytes)
{
    ww_status status = WW_OK;
    df_reader r = df_reader_of(bytes);
    run metadata = {.number = 14};
    const uint8_t *at = r.at;
    for (df_field field; !status && df_next(&r, &field); at = r.at) {
        note(&metadata, 1, field.number, at);
        if (field.number == 1) d->a->ir_version = (int64_t)field.value;
        if (field.number == 7) d->a->has_graph = true;
        if (field.number == 25) status = decode_function(d, &r, &field);
    }
    if (!status) status = end_of(d, &r);
    return status ? status
                  : gather(d, &r, bytes, &metadata, &d->a->metadata_items, &d->a->metadata);
}

ww_status df_artifact_decode(df_artifact *artifact, const ww_allocator *allocator,
                             const df_artifact_limits *limits, ww_view bytes, ww_diag *diag)
{
    *artifact = (df_artifact){.allocator = allocator, .bytes = bytes};
    if (bytes.size > limits->bytes_max)
        return ww_fail(diag, WW_E_LIMIT, "artifact has %zu bytes, %zu are allowed", bytes.size,
                       limits->bytes_max);
    decoder d = {.a = artifact, .limits = limits, .diag = diag};
    ww_status status = decode_model(&d, bytes);
    if (status) df_artifact_deinit(artifact);
    return status;
}

void df_artifact_deinit(df_artifact *a)
{
    if (!a->allocator) return;
    const struct {
        df_vector *vector;
        size_t size;
    } tables[] = {
        {&a->functions, sizeof(df_function)},   {&a->nodes, sizeof(df_node)},
        {&a->bodies, sizeof(graph_body)},       {&a->names, sizeof(ww_view)},
        {&a->inputs, sizeof(ww_view)},          {&a->outputs, sizeof(ww_view)},
        {&a->attributes, sizeof(df_attribute)}, {&a->metadata_items, sizeof(df_entry)},
        {&a->values, sizeof(df_value_info)},    {&a->numbers, sizeof(uint64_t)},
    };
    for (size_t i = 0; i < WW_COUNT_OF(tables); i++)
        ww_free(a->allocator, tables[i].vector->items, tables[i].vector->capacity * tables[i].size);
    *a = (df_artifact){0};
}

df_body *df_body_at(const df_artifact *a, uint32_t body)
{
    WW_ASSERT(body < a->bodies.count);
    return &((graph_body *)a->bodies.items)[body].body;
}

ww_view df_metadata_find(const df_artifact *a, df_range range, const char *key)
{
    const df_entry *entries = df_metadata(a, range);
    for (uint32_t i = 0; i < range.count; i++)
        if (ww_view_is(entries[i].key, key)) return entries[i].value;
    return ww_view_of(NULL, 0);
}

const df_attribute *df_attribute_find(const df_artifact *a, const df_node *node, const char *name)
{
    const df_attribute *attributes = df_attributes(a, node->attributes);
    for (uint32_t i = 0; i < node->attributes.count; i++)
        if (ww_view_is(attributes[i].name, name)) return &attributes[i];
    return NULL;
}

static bool add_dim(df_tensor_proto *t, uint64_t dim)
{
    if (t->dim_count == WW_COUNT_OF(t->dims)) return false;
    t->dims[t->dim_count++] = dim;
    return !__builtin_mul_overflow(t->element_count, dim, &t->element_count);
}

static bool add_dims(df_tensor_proto *t, const df_reader *outer, const df_field *field)
{
    if (field->type == DF_VARINT) return add_dim(t, field->value);
    if (field->type != DF_BYTES) return false;
    df_reader r = df_reader_in(outer, field->bytes);
    while (r.at < r.end) {
        uint64_t dim;
        if (!df_read_varint(&r, &dim) || !add_dim(t, dim)) return false;
    }
    return true;
}

bool df_tensor_decode(ww_view bytes, df_tensor_proto *out)
{
    *out = (df_tensor_proto){.element_count = 1};
    df_reader r = df_reader_of(bytes);
    for (df_field field; df_next(&r, &field);) {
        if (field.number == 1 && !add_dims(out, &r, &field)) return false;
        if (field.number == 2) out->data_type = (int32_t)field.value;
        if ((field.number == 4 || field.number == 9) && field.type == DF_BYTES)
            out->raw = field.bytes;
    }
    return !r.error;
}

/* Numbers of TensorProto.data_type. */
typedef enum data_type {
    DATA_FLOAT = 1,
    DATA_UINT8 = 2,
    DATA_INT8 = 3,
    DATA_INT32 = 6,
    DATA_INT64 = 7,
    DATA_BOOL = 9,
    DATA_DOUBLE = 11,
} data_type;

typedef struct elements {
    const df_tensor_proto *t;
    float *out;
    uint64_t count;
} elements;

static bool add_element(elements *e, float value)
{
    if (e->count == e->t->element_count) return false;
    e->out[e->count++] = value;
    return true;
}

static size_t element_size(int32_t type)
{
    switch (type) {
    case DATA_UINT8:
    case DATA_INT8:
    case DATA_BOOL: return 1;
    case DATA_FLOAT:
    case DATA_INT32: return 4;
    case DATA_INT64:
    case DATA_DOUBLE: return 8;
    default: return 0;
    }
}

static float element_at(const uint8_t *p, int32_t type)
{
    union {
        uint64_t bits;
        uint32_t low;
        float f;
        double d;
    } u = {0};
    switch (type) {
    case DATA_INT8: return (int8_t)*p;
    case DATA_INT32: return (float)(int32_t)ww_le32(p);
    case DATA_INT64: return (float)(int64_t)ww_le64(p);
    case DATA_FLOAT: u.low = ww_le32(p); return u.f;
    case DATA_DOUBLE: u.bits = ww_le64(p); return (float)u.d;
    default: return *p;
    }
}

static bool add_fixed(elements *e, ww_view raw)
{
    size_t size = element_size(e->t->data_type);
    if (!size || raw.size % size) return false;
    for (size_t at = 0; at < raw.size; at += size)
        if (!add_element(e, element_at(raw.data + at, e->t->data_type))) return false;
    return true;
}

static bool add_varints(elements *e, const df_reader *outer, const df_field *field)
{
    if (field->type == DF_VARINT) return add_element(e, (float)(int64_t)field->value);
    if (field->type != DF_BYTES) return false;
    df_reader r = df_reader_in(outer, field->bytes);
    while (r.at < r.end) {
        uint64_t value;
        if (!df_read_varint(&r, &value) || !add_element(e, (float)(int64_t)value)) return false;
    }
    return true;
}

bool df_tensor_floats(ww_view bytes, const df_tensor_proto *t, float *out)
{
    elements e = {.t = t, .out = out};
    uint32_t fixed = t->data_type == DATA_FLOAT ? 4 : 10;
    df_reader r = df_reader_of(bytes);
    for (df_field field; df_next(&r, &field);) {
        bool well = true;
        uint8_t one[8];
        if (field.number == 9 || field.number == fixed) {
            ww_put_le64(one, field.value);
            well =
                add_fixed(&e, field.type == DF_BYTES ? field.bytes
                                                     : ww_view_of(one, element_size(t->data_type)));
        } else if (field.number == 5 || field.number == 7) {
            well = add_varints(&e, &r, &field);
        }
        if (!well) return false;
    }
    return element_size(t->data_type) && e.count == t->element_count;
}
