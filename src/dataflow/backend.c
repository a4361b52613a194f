/* Attributes of an operation in the form in which a backend reads them: made once, at install. */
#include "dataflow/installer.h"
#include "dataflow/tensor.h"

static ww_status cannot_give(df_installer *in, const df_node *node, const df_attribute *from)
{
    return df_install_error(in, WW_E_UNSUPPORTED,
                            "offset %zu: attribute \"%.*s\" of %.*s is none that a backend can be "
                            "given",
                            node->offset, WW_VIEW_ARG(from->name), WW_VIEW_ARG(node->op_type));
}

static ww_status no_memory(df_installer *in)
{
    return df_install_error(in, WW_E_MEMORY, "no memory");
}

static ww_status copy_reals(df_installer *in, const int64_t *bits, ww_flow_attribute *out)
{
    float *reals = ww_arena_array(&in->unit->memory, out->count, sizeof *reals);
    if (!reals) return no_memory(in);
    for (uint32_t i = 0; i < out->count; i++) {
        uint32_t low = (uint32_t)bits[i];
        memcpy(&reals[i], &low, sizeof low);
    }
    out->reals = reals;
    return WW_OK;
}

static ww_status copy_tensor(df_installer *in, const df_node *node, const df_attribute *from,
                             ww_flow_attribute *out)
{
    df_shape shape;
    ww_view raw;
    if (!df_float_tensor(from->bytes, &shape, &raw)) return cannot_give(in, node, from);
    ww_flow_tensor *tensor =
        ww_arena_alloc(&in->unit->memory, sizeof *tensor + shape.elements * sizeof(float));
    if (!tensor) return no_memory(in);
    *tensor = (ww_flow_tensor){.dim_count = shape.count, .element_count = shape.elements};
    memcpy(tensor->dims, shape.dims, sizeof tensor->dims);
    if (raw.size) memcpy(tensor->data, raw.data, raw.size);
    out->tensor = tensor;
    return WW_OK;
}

static ww_status copy(df_installer *in, const df_node *node, const df_attribute *from,
                      ww_flow_attribute *out)
{
    const int64_t *numbers =
        df_item(&in->unit->artifact.numbers, sizeof *numbers, from->ints.first);
    *out = (ww_flow_attribute){.name = from->name, .count = from->ints.count};
    switch (from->type) {
    case DF_ATTR_INT:
        out->kind = WW_FLOW_ATTRIBUTE_INTEGER;
        out->integer = from->i;
        return WW_OK;
    case DF_ATTR_FLOAT:
        out->kind = WW_FLOW_ATTRIBUTE_REAL;
        out->real = from->f;
        return WW_OK;
    case DF_ATTR_STRING:
        out->kind = WW_FLOW_ATTRIBUTE_TEXT;
        out->text = from->bytes;
        return WW_OK;
    case DF_ATTR_INTS:
        out->kind = WW_FLOW_ATTRIBUTE_INTEGERS;
        out->integers = numbers;
        return WW_OK;
    case DF_ATTR_FLOATS: out->kind = WW_FLOW_ATTRIBUTE_REALS; return copy_reals(in, numbers, out);
    case DF_ATTR_TENSOR:
        out->kind = WW_FLOW_ATTRIBUTE_TENSOR;
        return copy_tensor(in, node, from, out);
    case DF_ATTR_NONE:
    case DF_ATTR_GRAPH: break;
    }
    return cannot_give(in, node, from);
}

ww_status df_backend_prepare(df_installer *in, const df_node *node, df_arg *arg)
{
    const df_attribute *from = df_attributes(arg->artifact, node->attributes);
    uint32_t count = node->attributes.count;
    ww_flow_attribute *attributes = ww_arena_array(&in->unit->memory, count, sizeof *attributes);
    if (!attributes) return no_memory(in);
    ww_status status = WW_OK;
    for (uint32_t i = 0; i < count && !status; i++)
        status = copy(in, node, &from[i], &attributes[i]);
    arg->attributes = attributes;
    arg->attribute_count = count;
    return status;
}
