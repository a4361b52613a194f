#include "dataflow/text.h"
#include "base/names.h"
#include "dataflow/wire.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define ROOT "ai.bytesandbrains"

enum { SLOTS_MAX = 64, GRAPHS_MAX = 64, NUMBER_TEXT_MAX = 48, NAME_MAX_SIZE = 200 };
enum { GRAPH_SIZE_MAX = 1 << 24 }; /* graphs hold copies of graphs */

typedef enum section { OUTSIDE, BODY, BOOTSTRAP, FUNCTION, GRAPH } section;

/* Numbers of fields, of a function and of a graph. */
typedef enum part { NODE, INPUT, OUTPUT, VALUE_INFO } part;

typedef struct slot {
    ww_view name, role, type;
} slot;

typedef struct graph {
    ww_view name;
    ww_buf bytes;
} graph;

typedef struct compiler {
    const ww_allocator *allocator;
    ww_diag *diag;
    const uint8_t *at, *end; /* of the current line */
    uint32_t line;
    ww_view module; /* its name */
    slot slots[SLOTS_MAX];
    uint32_t slot_count;
    graph graphs[GRAPHS_MAX];
    uint32_t graph_count;
    section section;
    char function_name[NAME_MAX_SIZE + 16];
    ww_buf function;            /* fields of the function under way, but for its name */
    ww_buf values;              /* its value infos */
    ww_buf ends;                /* inputs and outputs, of a graph */
    ww_buf hashed;              /* what its name's hash is made of */
    ww_buf metadata, functions; /* of the model */
    ww_buf *out;
} compiler;

static ww_status bad(compiler *c, const char *what)
{
    return ww_fail(c->diag, WW_E_INVALID, "line %u: %s", c->line, what);
}

/* --- scanning a line -------------------------------------------------------------------------- */

static void skip_space(compiler *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
        c->at++;
}

static bool accept(compiler *c, char wanted)
{
    skip_space(c);
    if (c->at == c->end || *c->at != (uint8_t)wanted) return false;
    c->at++;
    return true;
}

static bool is_word_byte(uint8_t b)
{
    return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') || b == '_' ||
           b == '.' || b == '-' || b == '+' || b >= 0x80;
}

static bool take_word(compiler *c, ww_view *out)
{
    skip_space(c);
    const uint8_t *start = c->at;
    while (c->at < c->end && is_word_byte(*c->at))
        c->at++;
    *out = ww_view_of(start, (size_t)(c->at - start));
    return out->size > 0;
}

static bool accept_word(compiler *c, const char *wanted)
{
    const uint8_t *before = c->at;
    ww_view word;
    if (take_word(c, &word) && ww_view_is(word, wanted)) return true;
    c->at = before;
    return false;
}

static bool take_string(compiler *c, ww_view *out)
{
    if (!accept(c, '"')) return false;
    const uint8_t *close = memchr(c->at, '"', (size_t)(c->end - c->at));
    if (!close) return false;
    *out = ww_view_of(c->at, (size_t)(close - c->at));
    c->at = close + 1;
    return true;
}

static bool take_integer(ww_view word, int64_t *out)
{
    char text[NUMBER_TEXT_MAX], *rest;
    if (!word.size || word.size >= sizeof text) return false;
    memcpy(text, word.data, word.size);
    text[word.size] = '\0';
    errno = 0;
    *out = strtoll(text, &rest, 10);
    return *rest == '\0' && errno != ERANGE;
}

static bool take_real(ww_view word, float *out)
{
    char text[NUMBER_TEXT_MAX], *rest;
    if (!word.size || word.size >= sizeof text) return false;
    memcpy(text, word.data, word.size);
    text[word.size] = '\0';
    *out = strtof(text, &rest);
    return *rest == '\0';
}

/* "inf" is a number, 1e99 is none that a float can hold. */
static bool fits_float(ww_view word, float number)
{
    return isfinite(number) || (word.size && (word.data[word.size - 1] | 0x20) >= 'a');
}

static bool is_whole(ww_view word)
{
    bool is = true;
    for (size_t i = 0; i < word.size; i++)
        is = is && ((word.data[i] >= '0' && word.data[i] <= '9') || word.data[i] == '-');
    return is;
}

static uint32_t field_of(const compiler *c, part what)
{
    static const uint32_t functions[] = {[NODE] = 7, [INPUT] = 4, [OUTPUT] = 5, [VALUE_INFO] = 12};
    static const uint32_t graphs[] = {[NODE] = 1, [INPUT] = 11, [OUTPUT] = 12, [VALUE_INFO] = 13};
    return c->section == GRAPH ? graphs[what] : functions[what];
}

/* --- pieces of messages ----------------------------------------------------------------------- */

static ww_status put_text(ww_buf *out, uint32_t number, const char *text)
{
    return df_put_bytes(out, number, ww_view_str(text));
}

static ww_status put_entry(compiler *c, ww_buf *out, uint32_t number, ww_view key, ww_view value)
{
    ww_buf entry;
    ww_buf_init(&entry, c->allocator, out->size_max);
    ww_status status = df_put_bytes(&entry, 1, key);
    if (!status) status = df_put_bytes(&entry, 2, value);
    if (!status) status = df_put_bytes(out, number, ww_buf_view(&entry));
    ww_buf_deinit(&entry);
    return status;
}

static ww_status put_note(compiler *c, ww_buf *out, uint32_t number, const char *key, ww_view value)
{
    return put_entry(c, out, number, ww_view_str(key), value);
}

/* As a hash of text is made elsewhere: the bytes and 0xff. */
static ww_status hash_text(compiler *c, ww_view text)
{
    ww_status status = ww_buf_append(&c->hashed, text.data, text.size);
    return status ? status : ww_buf_append_byte(&c->hashed, 0xff);
}

static ww_status hash_count(compiler *c, uint64_t count)
{
    uint8_t bytes[8];
    ww_put_le64(bytes, count);
    return ww_buf_append(&c->hashed, bytes, sizeof bytes);
}

static const char *denotation_of(ww_view type)
{
    static const char *const types[][2] = {
        {"bytes", ROOT ".opaque"},         {"trigger", "bb.trigger"},
        {"peer_id", "bb.peer_id"},         {"peer_id_vec", "bb.peer_id_vec"},
        {"address", ROOT ".multiaddress"}, {"address_vec", ROOT ".address_vec"},
        {"composite", ROOT ".composite"},  {"tensor", ROOT ".tensor.f32"},
        {"wire_req_id", "bb.wire_req_id"},
    };
    for (size_t i = 0; i < WW_COUNT_OF(types); i++)
        if (ww_view_is(type, types[i][0])) return types[i][1];
    return NULL;
}

static ww_status put_value_info(compiler *c, ww_view name, const char *denotation)
{
    ww_buf opaque, type, info;
    ww_buf_init(&opaque, c->allocator, c->out->size_max);
    ww_buf_init(&type, c->allocator, c->out->size_max);
    ww_buf_init(&info, c->allocator, c->out->size_max);
    ww_status status = put_text(&opaque, 1, ROOT);
    if (!status) status = put_text(&opaque, 2, denotation);
    if (!status)
        status = df_put_bytes(&type, 7, ww_buf_view(&opaque)); /* in front, as others write it */
    if (!status) status = put_text(&type, 6, denotation);
    if (!status) status = df_put_bytes(&info, 1, name);
    if (!status) status = df_put_bytes(&info, 2, ww_buf_view(&type));
    if (!status) status = df_put_bytes(&c->values, field_of(c, VALUE_INFO), ww_buf_view(&info));
    ww_buf_deinit(&opaque);
    ww_buf_deinit(&type);
    ww_buf_deinit(&info);
    return status;
}

/* `name` or `name: type`; a type becomes a value info. */
static ww_status take_value(compiler *c, ww_view *name)
{
    if (!take_word(c, name)) return bad(c, "a value's name is missing");
    ww_view type;
    if (!accept(c, ':')) return WW_OK;
    const char *denotation = take_word(c, &type) ? denotation_of(type) : NULL;
    return denotation ? put_value_info(c, *name, denotation) : bad(c, "unknown type of value");
}

/* `(a, b: type)`; *count of them. */
static ww_status take_values(compiler *c, ww_view *names, uint32_t *count)
{
    *count = 0;
    if (!accept(c, '(')) return bad(c, "( is missing");
    if (accept(c, ')')) return WW_OK;
    do {
        if (*count == DF_TEXT_PARTS_MAX) return bad(c, "too many values");
        ww_status status = take_value(c, &names[(*count)++]);
        if (status) return status;
    } while (accept(c, ','));
    return accept(c, ')') ? WW_OK : bad(c, ") is missing");
}

/* --- attributes ------------------------------------------------------------------------------- */

enum {
    TYPE_FLOAT = 1,
    TYPE_INT = 2,
    TYPE_STRING = 3,
    TYPE_TENSOR = 4,
    TYPE_GRAPH = 5,
    TYPE_INTS = 7,
};
enum { DATA_FLOAT = 1, DATA_UINT8 = 2 };

static ww_status put_float(ww_buf *out, float value)
{
    uint8_t bytes[5] = {2 << 3 | DF_FIXED32};
    ww_put_le32(bytes + 1, (union {
                               float f;
                               uint32_t bits;
                           }){value}
                               .bits);
    return ww_buf_append(out, bytes, sizeof bytes);
}

/* `[1, 2, 3]`, appended as packed varints. */
static ww_status take_ints(compiler *c, ww_buf *packed, uint64_t *product)
{
    *product = 1;
    if (accept(c, ']')) return WW_OK;
    do {
        ww_view word;
        int64_t value;
        if (!take_word(c, &word) || !take_integer(word, &value))
            return bad(c, "a whole number is missing, or out of range");
        *product *= (uint64_t)value;
        ww_status status = df_put_varint(packed, (uint64_t)value);
        if (status) return status;
    } while (accept(c, ','));
    return accept(c, ']') ? WW_OK : bad(c, "] is missing");
}

/* `{1.5, 2}`, appended as bytes. */
static ww_status take_floats(compiler *c, ww_buf *raw)
{
    if (!accept(c, '{')) return bad(c, "{ is missing");
    if (accept(c, '}')) return WW_OK;
    do {
        ww_view word;
        float value;
        uint8_t bytes[4];
        if (!take_word(c, &word) || !take_real(word, &value)) return bad(c, "a number is missing");
        if (!fits_float(word, value)) return bad(c, "a number out of range");
        ww_put_le32(bytes, (union {
                               float f;
                               uint32_t bits;
                           }){value}
                               .bits);
        ww_status status = ww_buf_append(raw, bytes, sizeof bytes);
        if (status) return status;
    } while (accept(c, ','));
    return accept(c, '}') ? WW_OK : bad(c, "} is missing");
}

static ww_status put_tensor(compiler *c, ww_view dims, uint64_t type, ww_view raw, ww_buf *out)
{
    ww_buf tensor;
    ww_buf_init(&tensor, c->allocator, c->out->size_max);
    ww_status status = dims.size ? df_put_bytes(&tensor, 1, dims) : WW_OK;
    if (!status) status = df_put_number(&tensor, 2, type);
    if (!status && raw.size) status = df_put_bytes(&tensor, 9, raw);
    if (!status) status = df_put_bytes(out, 5, ww_buf_view(&tensor));
    if (!status) status = df_put_number(out, 20, TYPE_TENSOR);
    ww_buf_deinit(&tensor);
    return status;
}

/* `f32[2, 3]{...}`, after the word f32. */
static ww_status take_float_tensor(compiler *c, ww_buf *out)
{
    ww_buf dims, raw;
    ww_buf_init(&dims, c->allocator, c->out->size_max);
    ww_buf_init(&raw, c->allocator, c->out->size_max);
    uint64_t product = 0;
    ww_status status = accept(c, '[') ? take_ints(c, &dims, &product) : bad(c, "[ is missing");
    if (!status) status = take_floats(c, &raw);
    if (!status && raw.size / 4 != product)
        status = bad(c, "the tensor has another number of elements");
    if (!status) status = put_tensor(c, ww_buf_view(&dims), DATA_FLOAT, ww_buf_view(&raw), out);
    ww_buf_deinit(&dims);
    ww_buf_deinit(&raw);
    return status;
}

/* `u8"text"`, after the word u8. */
static ww_status take_byte_tensor(compiler *c, ww_buf *out)
{
    ww_view raw;
    uint8_t memory[10];
    if (!take_string(c, &raw)) return bad(c, "a string is missing");
    ww_buf dims = {.allocator = c->allocator,
                   .data = memory,
                   .capacity = sizeof memory,
                   .size_max = sizeof memory};
    ww_status status = df_put_varint(&dims, raw.size);
    return status ? status : put_tensor(c, ww_buf_view(&dims), DATA_UINT8, raw, out);
}

static ww_status take_int_list(compiler *c, ww_buf *out)
{
    ww_buf packed;
    uint64_t unused;
    ww_buf_init(&packed, c->allocator, c->out->size_max);
    ww_status status = take_ints(c, &packed, &unused);
    if (!status && packed.size) status = df_put_bytes(out, 8, ww_buf_view(&packed));
    if (!status) status = df_put_number(out, 20, TYPE_INTS);
    ww_buf_deinit(&packed);
    return status;
}

static ww_status put_graph(compiler *c, ww_view name, ww_buf *out)
{
    for (uint32_t i = 0; i < c->graph_count; i++) {
        if (!ww_view_equal(c->graphs[i].name, name)) continue;
        ww_status status = df_put_bytes(out, 6, ww_buf_view(&c->graphs[i].bytes));
        return status ? status : df_put_number(out, 20, TYPE_GRAPH);
    }
    return bad(c, "no such graph stands above");
}

static ww_status take_number(compiler *c, ww_buf *out)
{
    ww_view word;
    int64_t integer;
    float real;
    if (!take_word(c, &word)) return bad(c, "an attribute's value is missing");
    if (ww_view_is(word, "f32")) return take_float_tensor(c, out);
    if (ww_view_is(word, "u8")) return take_byte_tensor(c, out);
    if (ww_view_starts(word, "graph."))
        return put_graph(c, ww_view_of(word.data + 6, word.size - 6), out);
    if (take_integer(word, &integer)) {
        ww_status status = df_put_number(out, 3, (uint64_t)integer);
        return status ? status : df_put_number(out, 20, TYPE_INT);
    }
    if (!take_real(word, &real)) return bad(c, "an attribute's value is no number");
    if (is_whole(word) || !fits_float(word, real)) return bad(c, "a number out of range");
    ww_status status = put_float(out, real);
    return status ? status : df_put_number(out, 20, TYPE_FLOAT);
}

static ww_status take_attribute_value(compiler *c, ww_buf *out)
{
    ww_view text;
    skip_space(c);
    if (c->at < c->end && *c->at == '"') {
        if (!take_string(c, &text)) return bad(c, "a string without its end");
        ww_status status = df_put_bytes(out, 4, text);
        return status ? status : df_put_number(out, 20, TYPE_STRING);
    }
    return accept(c, '[') ? take_int_list(c, out) : take_number(c, out);
}

static ww_status take_attribute(compiler *c, ww_view name, ww_buf *node)
{
    ww_buf attribute;
    ww_buf_init(&attribute, c->allocator, c->out->size_max);
    ww_status status = accept(c, '=') ? WW_OK : bad(c, "= is missing after an attribute's name");
    if (!status) status = df_put_bytes(&attribute, 1, name);
    if (!status) status = take_attribute_value(c, &attribute);
    if (!status) status = df_put_bytes(node, 5, ww_buf_view(&attribute));
    if (!status) status = hash_text(c, name);
    ww_buf_deinit(&attribute);
    return status;
}

/* --- operations ------------------------------------------------------------------------------- */

/* `index.Search` is Search of a role's domain; a name without a known prefix is a system call, dots
 * and all. */
static void split_op(ww_view word, const char **domain, ww_view *op)
{
    static const char *const prefixes[][2] = {
        {"model.", ROOT ".role.model"},
        {"index.", ROOT ".role.index"},
        {"aggregator.", ROOT ".role.aggregator"},
        {"codec.", ROOT ".role.codec"},
        {"data_source.", ROOT ".role.data_source"},
        {"peer_selector.", ROOT ".role.peer_selector"},
        {"protocol.", ROOT ".protocol"},
        {"onnx.", "ai.onnx"},
        {"wire.", ROOT ".wire"},
        {"composite.", ROOT ".composite"},
        {"address_book.", ROOT ".address_book"},
        {"call.", ROOT ".module"},
    };
    *domain = ROOT ".syscall";
    *op = word;
    for (size_t i = 0; i < WW_COUNT_OF(prefixes); i++) {
        if (!ww_view_starts(word, prefixes[i][0])) continue;
        size_t size = strlen(prefixes[i][0]);
        *domain = prefixes[i][1];
        *op = ww_view_of(word.data + size, word.size - size);
        return;
    }
}

static ww_status put_slot(compiler *c, ww_view name, ww_buf *node)
{
    for (uint32_t i = 0; i < c->slot_count; i++) {
        if (!ww_view_equal(c->slots[i].name, name)) continue;
        char trait[64], id[16];
        snprintf(trait, sizeof trait, "%.*sRuntime", WW_VIEW_ARG(c->slots[i].role));
        snprintf(id, sizeof id, "%u", i);
        ww_status status = put_note(c, node, 9, ROOT ".required_trait", ww_view_str(trait));
        return status ? status : put_note(c, node, 9, ROOT ".slot_id", ww_view_str(id));
    }
    return bad(c, "no such slot is bound");
}

/* `key="text"`, after the mark: metadata of the node. */
static ww_status take_note(compiler *c, ww_buf *notes)
{
    char key[256];
    ww_view word, text;
    if (!take_word(c, &word) || word.size > sizeof key / 2) return bad(c, "a key is missing");
    if (!accept(c, '=')) return bad(c, "= is missing after a key");
    skip_space(c);
    if (!take_string(c, &text)) return bad(c, "a string is missing");
    snprintf(key, sizeof key, ROOT ".%.*s", WW_VIEW_ARG(word));
    return put_note(c, notes, 9, key, text);
}

/* `name=value` ... `@slot` `!key="text"`, to the end of the line; metadata goes behind the
 * attributes. */
static ww_status take_settings(compiler *c, ww_buf *node, ww_buf *notes)
{
    ww_view word;
    ww_status status = WW_OK;
    for (skip_space(c); c->at < c->end && !status; skip_space(c)) {
        if (accept(c, '!'))
            status = take_note(c, notes);
        else if (accept(c, '@'))
            status =
                take_word(c, &word) ? put_slot(c, word, notes) : bad(c, "a slot's name is missing");
        else if (take_word(c, &word))
            status = take_attribute(c, word, node);
        else
            status = bad(c, "something that does not belong here");
    }
    return status;
}

static ww_status hash_node(compiler *c, ww_view op, const char *domain, const ww_view *inputs,
                           uint32_t input_count, const ww_view *outputs, uint32_t output_count)
{
    ww_status status = hash_text(c, op);
    if (!status) status = hash_text(c, ww_view_str(domain));
    if (!status) status = hash_text(c, ww_view_of("", 0));
    if (!status) status = hash_count(c, input_count);
    if (!status) status = hash_count(c, output_count);
    for (uint32_t i = 0; i < input_count && !status; i++)
        status = hash_text(c, inputs[i]);
    for (uint32_t i = 0; i < output_count && !status; i++)
        status = hash_text(c, outputs[i]);
    return status;
}

/* `_` stands for a value that is left out. */
static void drop_unnamed(ww_view *names, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (ww_view_is(names[i], "_")) names[i] = ww_view_of("", 0);
}

static ww_status put_node(compiler *c, ww_view word, const ww_view *outputs, uint32_t output_count,
                          ww_buf *node, ww_buf *notes)
{
    ww_view inputs[DF_TEXT_PARTS_MAX], op;
    uint32_t input_count;
    const char *domain;
    split_op(word, &domain, &op);
    ww_status status = take_values(c, inputs, &input_count);
    if (status) return status;
    drop_unnamed(inputs, input_count);
    status = hash_node(c, op, domain, inputs, input_count, outputs, output_count);
    for (uint32_t i = 0; i < input_count && !status; i++)
        status = df_put_bytes(node, 1, inputs[i]);
    for (uint32_t i = 0; i < output_count && !status; i++)
        status = df_put_bytes(node, 2, outputs[i]);
    if (!status) status = df_put_bytes(node, 4, op);
    if (!status) status = take_settings(c, node, notes);
    if (!status) status = put_text(node, 7, domain);
    if (!status)
        status = put_note(c, notes, 9, ROOT ".module_instance", ww_view_str(c->function_name));
    if (!status && c->section == BODY)
        status = put_note(c, notes, 9, ROOT ".home_class", WW_VIEW_LITERAL("@self"));
    if (!status) status = ww_buf_append(node, notes->data, notes->size);
    return status ? status : df_put_bytes(&c->function, field_of(c, NODE), ww_buf_view(node));
}

/* `a, b = op(c, d) ...` or `op(c, d) ...` */
static ww_status take_node(compiler *c)
{
    ww_view outputs[DF_TEXT_PARTS_MAX], word;
    uint32_t output_count = 0;
    const bool assigns = memchr(c->at, '=', (size_t)(c->end - c->at)) != NULL;
    const uint8_t *start = c->at, *paren = memchr(c->at, '(', (size_t)(c->end - c->at));
    if (!paren) return bad(c, "( is missing");
    ww_status status = WW_OK;
    if (assigns && memchr(start, '=', (size_t)(paren - start))) {
        do {
            if (output_count == DF_TEXT_PARTS_MAX) return bad(c, "too many values");
            status = take_value(c, &outputs[output_count++]);
        } while (!status && accept(c, ','));
        if (!status && !accept(c, '=')) status = bad(c, "= is missing");
    }
    if (status) return status;
    drop_unnamed(outputs, output_count);
    if (!take_word(c, &word)) return bad(c, "an operation's name is missing");
    ww_buf node, notes;
    ww_buf_init(&node, c->allocator, c->out->size_max);
    ww_buf_init(&notes, c->allocator, c->out->size_max);
    status = put_node(c, word, outputs, output_count, &node, &notes);
    ww_buf_deinit(&node);
    ww_buf_deinit(&notes);
    return status;
}

/* --- functions -------------------------------------------------------------------------------- */

static ww_status put_bindings(compiler *c, ww_view function)
{
    ww_status status = WW_OK;
    for (uint32_t i = 0; i < c->slot_count && !status; i++) {
        char key[512], value[512];
        snprintf(key, sizeof key, ROOT ".binding.%.*s.%.*s", WW_VIEW_ARG(function),
                 WW_VIEW_ARG(c->slots[i].name));
        snprintf(value, sizeof value, "%.*s|%.*s|%u", WW_VIEW_ARG(c->slots[i].role),
                 WW_VIEW_ARG(c->slots[i].type), i);
        status = put_entry(c, &c->metadata, 14, ww_view_str(key), ww_view_str(value));
    }
    return status;
}

static ww_status end_graph(compiler *c)
{
    ww_buf *bytes = &c->graphs[c->graph_count++].bytes;
    ww_buf_init(bytes, c->allocator, GRAPH_SIZE_MAX);
    ww_status status = ww_buf_append(bytes, c->function.data, c->function.size);
    if (!status) status = put_text(bytes, 2, c->function_name);
    if (!status) status = ww_buf_append(bytes, c->ends.data, c->ends.size);
    return status ? status : ww_buf_append(bytes, c->values.data, c->values.size);
}

/* A body is named by the hash of its nodes, so that two versions of a module can be told apart. */
static ww_status end_function(compiler *c)
{
    static const uint64_t key[2] = {0, 0};
    static const char *const phases[] = {
        [BODY] = "body", [BOOTSTRAP] = "bootstrap", [FUNCTION] = NULL};
    if (c->section == OUTSIDE) return WW_OK;
    if (c->section == GRAPH) {
        ww_status status = end_graph(c);
        c->section = OUTSIDE;
        return status;
    }
    char name[NAME_MAX_SIZE + 64];
    snprintf(name, sizeof name, "%s", c->function_name);
    if (c->section == BODY)
        snprintf(name, sizeof name, "%s#%016llx", c->function_name,
                 (unsigned long long)ww_siphash13(key, ww_buf_view(&c->hashed)));
    ww_buf whole;
    ww_buf_init(&whole, c->allocator, c->out->size_max);
    ww_status status = put_text(&whole, 1, name);
    if (!status) status = ww_buf_append(&whole, c->function.data, c->function.size);
    if (!status) status = ww_buf_append(&whole, c->values.data, c->values.size);
    const char *phase = phases[c->section];
    if (!status && phase)
        status = put_note(c, &whole, 14, ROOT ".module_phase", ww_view_str(phase));
    if (!status) status = df_put_bytes(&c->functions, 25, ww_buf_view(&whole));
    if (!status && c->section == BODY) status = put_bindings(c, ww_view_str(name));
    ww_buf_deinit(&whole);
    c->section = OUTSIDE;
    return status;
}

/* Ends of a function are names; those of a graph are value infos, of which we write only the name. */
static ww_status put_end(compiler *c, part what, ww_view name)
{
    if (c->section != GRAPH) return df_put_bytes(&c->function, field_of(c, what), name);
    ww_buf info;
    ww_buf_init(&info, c->allocator, c->out->size_max);
    ww_status status = df_put_bytes(&info, 1, name);
    if (!status) status = df_put_bytes(&c->ends, field_of(c, what), ww_buf_view(&info));
    ww_buf_deinit(&info);
    return status;
}

/* `(inputs)` and perhaps `> (outputs)`. */
static ww_status begin_function(compiler *c, section kind, ww_view name, const char *suffix)
{
    ww_view inputs[DF_TEXT_PARTS_MAX], outputs[DF_TEXT_PARTS_MAX];
    uint32_t input_count, output_count = 0;
    if (!name.size || name.size > NAME_MAX_SIZE) return bad(c, "a name is missing or too long");
    if (memchr(name.data, '.', name.size))
        return bad(c, "a module's or function's name cannot contain a dot");
    ww_buf_clear(&c->function);
    ww_buf_clear(&c->values);
    ww_buf_clear(&c->ends);
    ww_buf_clear(&c->hashed);
    snprintf(c->function_name, sizeof c->function_name, "%.*s%s", WW_VIEW_ARG(name), suffix);
    c->section = kind;
    ww_status status = take_values(c, inputs, &input_count);
    bool arrow = !status && accept(c, '>');
    if (arrow) status = take_values(c, outputs, &output_count);
    for (uint32_t i = 0; i < input_count && !status; i++)
        status = put_end(c, INPUT, inputs[i]);
    for (uint32_t i = 0; i < output_count && !status; i++)
        status = put_end(c, OUTPUT, outputs[i]);
    return status;
}

/* --- lines ------------------------------------------------------------------------------------ */

static ww_status take_binding(compiler *c)
{
    slot s;
    if (!c->module.size) return bad(c, "bind outside a module");
    if (c->slot_count == SLOTS_MAX) return bad(c, "too many slots");
    if (!take_word(c, &s.name) || !take_word(c, &s.role) || !take_word(c, &s.type))
        return bad(c, "bind needs a slot, a role and a component");
    for (uint32_t i = 0; i < c->slot_count; i++)
        if (ww_view_equal(c->slots[i].name, s.name)) return bad(c, "the slot is bound twice");
    c->slots[c->slot_count++] = s;
    return WW_OK;
}

static ww_status take_module(compiler *c)
{
    c->slot_count = 0;
    return take_word(c, &c->module) ? WW_OK : bad(c, "the module's name is missing");
}

static ww_status take_section(compiler *c, section kind)
{
    ww_status status = end_function(c);
    if (status) return status;
    ww_view name = c->module;
    if ((kind == FUNCTION || kind == GRAPH) && !take_word(c, &name))
        return bad(c, "a name is missing");
    if (kind == GRAPH) {
        if (c->graph_count == GRAPHS_MAX) return bad(c, "too many graphs");
        c->graphs[c->graph_count].name = name;
    }
    return begin_function(c, kind, name, kind == BOOTSTRAP ? "__bootstrap" : "");
}

static ww_status take_line(compiler *c)
{
    skip_space(c);
    if (c->at == c->end) return WW_OK;
    ww_status status;
    if (accept_word(c, "module")) {
        status = end_function(c);
        if (!status) status = take_module(c);
    } else if (accept_word(c, "bind")) {
        status = c->section == OUTSIDE ? take_binding(c)
                                       : bad(c, "bindings come before body and bootstrap");
    } else if (accept_word(c, "body")) {
        status = take_section(c, BODY);
    } else if (accept_word(c, "bootstrap")) {
        status = take_section(c, BOOTSTRAP);
    } else if (accept_word(c, "function")) {
        status = take_section(c, FUNCTION);
    } else if (accept_word(c, "graph")) {
        status = take_section(c, GRAPH);
    } else if (c->section == OUTSIDE) {
        status = bad(c, "an operation outside a body, bootstrap or function");
    } else {
        status = take_node(c);
    }
    skip_space(c);
    if (!status && c->at < c->end) status = bad(c, "something that does not belong here");
    return status;
}

/* A comment starts at a # that stands first or behind a space; names of functions contain others.
 */
static size_t length_of(ww_view line)
{
    bool quoted = false;
    for (size_t i = 0; i < line.size; i++) {
        if (line.data[i] == '"') quoted = !quoted;
        if (line.data[i] == '#' && !quoted &&
            (i == 0 || line.data[i - 1] == ' ' || line.data[i - 1] == '\t'))
            return i;
    }
    return line.size;
}

static ww_status take_lines(compiler *c, ww_view text)
{
    ww_status status = WW_OK;
    while (text.size && !status) {
        const uint8_t *newline = memchr(text.data, '\n', text.size);
        ww_view line = ww_view_of(text.data, newline ? (size_t)(newline - text.data) : text.size);
        size_t skip = line.size + (newline != NULL);
        text = ww_view_of(text.data + skip, text.size - skip);
        c->line++;
        c->at = line.data;
        c->end = line.data + length_of(line);
        status = df_is_utf8(line) ? take_line(c) : bad(c, "not UTF-8");
    }
    return status ? status : end_function(c);
}

ww_status ww_dataflow_compile(const ww_allocator *allocator, ww_view text, ww_buf *artifact,
                              ww_diag *diag)
{
    compiler c = {.allocator = allocator, .diag = diag, .out = artifact};
    size_t before = artifact->size;
    ww_buf *bufs[] = {&c.function, &c.values, &c.ends, &c.hashed, &c.metadata, &c.functions};
    for (size_t i = 0; i < WW_COUNT_OF(bufs); i++)
        ww_buf_init(bufs[i], allocator, artifact->size_max);
    ww_status status = put_note(&c, &c.metadata, 14, ROOT ".compiled", WW_VIEW_LITERAL("v1"));
    if (!status) status = take_lines(&c, text);
    if (!status) status = ww_buf_append(artifact, c.metadata.data, c.metadata.size);
    if (!status) status = ww_buf_append(artifact, c.functions.data, c.functions.size);
    for (size_t i = 0; i < WW_COUNT_OF(bufs); i++)
        ww_buf_deinit(bufs[i]);
    for (uint32_t i = 0; i < c.graph_count; i++)
        ww_buf_deinit(&c.graphs[i].bytes);
    if (!status) return WW_OK;
    artifact->size = before;
    return status == WW_E_INVALID
               ? status
               : ww_fail(diag, status, "line %u: %s", c.line, ww_status_text(status));
}
