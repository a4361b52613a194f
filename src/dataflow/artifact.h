/* dataflow/artifact.h - a compiled module set, decoded and checked; nothing of it is run or
 * resolved here.
 *
 * Model      An artifact is an ONNX ModelProto (doc/compat/dataflow.md). One pass over the bytes
 *            checks them and lays out flat tables: functions point to ranges of nodes, nodes to
 *            ranges of inputs, outputs, attributes and metadata. Graphs inside attributes are set
 *            aside and read afterwards, so that no recursion follows the nesting of the file; their
 *            initializers become constants.
 * Ownership  Everything borrows from the bytes, which must outlive the artifact. The tables belong
 *            to it.
 * Bounds     df_artifact_limits. Memory is at most a small multiple of the file, whatever it says.
 * Errors     E_INVALID and E_LIMIT, each naming the offset; E_MEMORY.
 * Threads    One at a time; afterwards it is only read.
 * Trust      The bytes are foreign.
 */
#pragma once
#include "dataflow/wire.h"

typedef struct df_artifact_limits {
    size_t bytes_max;       /* default 256 MiB */
    uint32_t functions_max; /* default 4096 */
    uint32_t items_max;     /* of any other table, such as nodes; default 8 Mi */
    uint32_t name_max;      /* bytes of one name; default 4096 */
    uint32_t depth_max;     /* of graphs in graphs; default 16 */
} df_artifact_limits;

df_artifact_limits df_artifact_limits_default(void);

typedef struct df_range {
    uint32_t first, count;
} df_range;

typedef struct df_entry {
    ww_view key, value;
} df_entry;

/* Numbers of AttributeProto.type. */
typedef enum df_attribute_type {
    DF_ATTR_NONE = 0,
    DF_ATTR_FLOAT = 1,
    DF_ATTR_INT = 2,
    DF_ATTR_STRING = 3,
    DF_ATTR_TENSOR = 4,
    DF_ATTR_GRAPH = 5,
    DF_ATTR_FLOATS = 6,
    DF_ATTR_INTS = 7,
} df_attribute_type;

typedef struct df_attribute {
    ww_view name;
    df_attribute_type type; /* guessed from the fields where the file leaves it out */
    uint32_t body;          /* of a graph: index into bodies */
    int64_t i;
    float f;
    ww_view bytes; /* the string, or the encoded tensor */
    df_range ints; /* in `numbers`; floats as their bits */
} df_attribute;

typedef struct df_node {
    ww_view name, op_type, domain, overload;
    df_range inputs, outputs; /* of names in `inputs`, `outputs` */
    df_range attributes, metadata;
    size_t offset;
} df_node;

typedef struct df_value_info {
    ww_view name, denotation, opaque_name;
    bool has_tensor_type;
} df_value_info;

typedef struct df_function {
    ww_view name, domain, overload;
    df_range inputs, outputs, attribute_names; /* in `names` */
    df_range nodes, values, metadata;
    df_range bodies; /* graphs in attributes of its nodes, and in theirs */
    size_t offset;
} df_function;

/* A graph in an attribute. Its function has the graph's name and belongs to nobody; behind the
 * inputs it declares stand, once lift.c has been over it, the values around it that it uses. */
typedef struct df_body {
    df_function function;
    uint32_t declared;    /* inputs of its own */
    uint32_t captured_at; /* the first other one among the inputs of its node */
} df_body;

typedef struct df_vector {
    void *items;
    uint32_t count, capacity;
} df_vector;

typedef struct df_artifact {
    const ww_allocator *allocator;
    ww_view bytes;
    int64_t ir_version;
    bool has_graph;
    df_range metadata; /* of the model */
    df_vector functions, nodes, bodies, names, inputs, outputs, attributes, metadata_items, values,
        numbers;
} df_artifact;

WW_MUST_USE ww_status df_artifact_decode(df_artifact *artifact, const ww_allocator *allocator,
                                         const df_artifact_limits *limits, ww_view bytes,
                                         ww_diag *diag);
void df_artifact_deinit(df_artifact *artifact); /* also fit for a zeroed one */

/* Appends the artifact, encoded again in canonical order: the same bytes, if a compiler of the
 * format wrote them. */
WW_MUST_USE ww_status df_artifact_encode(const df_artifact *artifact, ww_buf *out);

/* Room for one more item of `size` bytes, zeroed; NULL: no memory. */
void *df_vector_add(const ww_allocator *allocator, df_vector *table, size_t size);

/* The item at `index`; NULL for an empty table. */
static inline const void *df_item(const df_vector *table, size_t size, uint32_t index)
{
    return table->items ? (const uint8_t *)table->items + size * index : NULL;
}

static inline const df_function *df_functions(const df_artifact *a)
{
    return a->functions.items;
}

static inline const df_node *df_nodes(const df_artifact *a, df_range range)
{
    return df_item(&a->nodes, sizeof(df_node), range.first);
}

static inline const ww_view *df_names(const df_vector *table, df_range range)
{
    return df_item(table, sizeof(ww_view), range.first);
}

static inline const df_entry *df_metadata(const df_artifact *a, df_range range)
{
    return df_item(&a->metadata_items, sizeof(df_entry), range.first);
}

static inline const df_attribute *df_attributes(const df_artifact *a, df_range range)
{
    return df_item(&a->attributes, sizeof(df_attribute), range.first);
}

static inline const df_value_info *df_values(const df_artifact *a, df_range range)
{
    return df_item(&a->values, sizeof(df_value_info), range.first);
}

/* The graph that a GRAPH attribute holds. */
df_body *df_body_at(const df_artifact *a, uint32_t body);

/* The value of a metadata key, or an empty view with data NULL. */
ww_view df_metadata_find(const df_artifact *a, df_range range, const char *key);
const df_attribute *df_attribute_find(const df_artifact *a, const df_node *node, const char *name);

/* A tensor attribute, decoded as far as the engine needs it. */
typedef struct df_tensor_proto {
    int32_t data_type; /* 1 float, 2 uint8, 7 int64 */
    uint32_t dim_count;
    uint64_t dims[8], element_count;
    ww_view raw; /* raw_data, or packed float_data */
} df_tensor_proto;

WW_MUST_USE bool df_tensor_decode(ww_view bytes, df_tensor_proto *out);
/* Its elements, of whatever type of numbers, as t->element_count floats; false: it does not have as
 * many, or no numbers. */
WW_MUST_USE bool df_tensor_floats(ww_view bytes, const df_tensor_proto *t, float *out);
