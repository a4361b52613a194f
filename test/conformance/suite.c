#include "conformance.h"
#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES_MAX = 64 << 20, INSTANCES_MAX = 64, PATH_BYTES_MAX = 4096 };

typedef struct named {
    const char *name;
    ww_program *program;
    ww_instance *instance;
} named;

typedef struct suite {
    const conformance_run *run;
    const char *path, *name; /* of the JSON file */
    conformance_fixture fixture;
    ww_arena arena; /* values, and bytes of modules */
    named items[INSTANCES_MAX];
    uint32_t item_count;
    ww_instance *current;
    ww_program *current_program;
    ww_diag diag;
} suite;

/* --- files --- */

static bool read_bytes(suite *s, const char *name, ww_view *out)
{
    char path[PATH_BYTES_MAX];
    const char *slash = strrchr(s->path, '/');
    int folder = slash ? (int)(slash - s->path) : 1;
    snprintf(path, sizeof path, "%.*s/%s", folder, slash ? s->path : ".", name);
    FILE *file = fopen(path, "rb");
    if (!file) return false;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    uint8_t *data =
        size >= 0 && size < FILE_BYTES_MAX ? ww_arena_alloc(&s->arena, (size_t)size) : NULL;
    bool ok = data && fread(data, 1, (size_t)size, file) == (size_t)size;
    fclose(file);
    *out = ww_view_of(data, ok ? (size_t)size : 0);
    return ok;
}

static bool is_component(ww_view bytes)
{
    return bytes.size >= 8 && bytes.data[6] == 1;
}

/* --- components --- */

static ww_status load(suite *s, ww_view bytes, ww_program **out)
{
    return ww_program_new(s->run->engine, bytes, s->fixture.linker, ww_compiler_plain(),
                          ww_allocator_libc(), out, &s->diag);
}

/* As far as validity goes: parses the component and compiles its core modules. */
static ww_status validate(suite *s, ww_view bytes)
{
    ww_arena arena;
    const ww_model *model;
    ww_module *module;
    if (!is_component(bytes)) {
        ww_status compiled = ww_module_compile(s->run->engine, bytes, &module, &s->diag);
        if (!compiled) ww_module_free(module);
        return compiled;
    }
    ww_arena_init(&arena, ww_allocator_libc(), WW_MAX_PLAN_BYTES);
    ww_status status = ww_model_parse(bytes, &arena, &model, &s->diag);
    for (uint32_t i = 0; !status && i < model->module_count; i++) {
        status = ww_module_compile(s->run->engine, model->modules[i]->bytes, &module, &s->diag);
        if (!status) ww_module_free(module);
    }
    ww_arena_deinit(&arena);
    return status;
}

/* Polls until there is nothing left to do; a suite's guests never wait. */
static ww_status settle(suite *s, ww_instance *instance)
{
    ww_poll poll;
    while ((poll = ww_instance_poll(instance)) == WW_POLL_SLICE)
        continue;
    if (poll == WW_POLL_DONE) return WW_OK;
    ww_instance_end end = ww_instance_end_of(instance);
    return ww_fail(&s->diag, poll == WW_POLL_WAIT ? WW_E_BUSY : end.status, "%.*s",
                   WW_VIEW_ARG(end.text));
}

static ww_status instantiate(suite *s, ww_program *program, ww_instance **out)
{
    const ww_instance_options options = {
        .host = &s->fixture,
        .limits = {.memory_bytes_max = UINT64_C(1) << 32,
                   .table_elements_max = 100000,
                   .instances_max = 1000,
                   .tables_max = 1000,
                   .memories_max = 1000},
    };
    ww_status status = ww_instance_new(program, &options, ww_allocator_libc(), out, &s->diag);
    if (status) return status;
    status = settle(s, *out);
    if (!status) return WW_OK;
    ww_instance_free(*out);
    *out = NULL;
    return status;
}

static bool keep(suite *s, const char *name, ww_program *program, ww_instance *instance)
{
    if (s->item_count == INSTANCES_MAX) return false;
    s->items[s->item_count++] = (named){name, program, instance};
    return true;
}

/* --- core modules that a named component exports, for those that import it by this name --- */

static const ww_def *find_def(const ww_component *c, ww_sort sort, uint32_t index)
{
    for (uint32_t i = 0; i < c->def_count; i++)
        if (c->defs[i].defines.sort == sort && c->defs[i].defines.index == index)
            return &c->defs[i];
    return NULL;
}

static bool offered_as(const suite *s, const char *path, ww_view *out)
{
    for (uint32_t i = 0; i < s->fixture.module_count; i++)
        if (!strcmp(s->fixture.modules[i].name, path))
            return *out = s->fixture.modules[i].wasm, true;
    return false;
}

/* Core module `index`: one that stands here, an exported one, or one of an imported instance. */
static bool resolve_module(const suite *s, const ww_component *c, uint32_t index, ww_view *out)
{
    const ww_def *def = find_def(c, WW_SORT_CORE_MODULE, index);
    while (def && def->kind == WW_DEF_EXPORT)
        def = find_def(c, WW_SORT_CORE_MODULE, def->of.export.ref.index);
    if (!def) return false;
    if (def->kind == WW_DEF_CORE_MODULE) return *out = def->of.module->bytes, true;
    if (def->kind != WW_DEF_ALIAS_EXPORT) return false;
    const ww_def *instance = find_def(c, WW_SORT_INSTANCE, def->of.alias.instance);
    if (!instance || instance->kind != WW_DEF_IMPORT) return false;
    char path[256];
    ww_view name = instance->of.import->name.name;
    snprintf(path, sizeof path, "%.*s/%.*s", WW_VIEW_ARG(name), WW_VIEW_ARG(def->of.alias.name));
    return offered_as(s, path, out);
}

static void offer_modules(suite *s, const char *name, ww_view bytes)
{
    const ww_model *model;
    ww_diag diag;
    if (!name || ww_model_parse(bytes, &s->arena, &model, &diag)) return;
    const ww_component *root = model->root;
    for (uint32_t i = 0; i < root->export_count; i++) {
        const ww_def *def = root->exports[i];
        ww_view item = def->of.export.as->name.name, module;
        if (def->of.export.ref.sort != WW_SORT_CORE_MODULE ||
            !resolve_module(s, root, def->of.export.ref.index, &module))
            continue;
        char path[256];
        snprintf(path, sizeof path, "%s/%.*s", name, WW_VIEW_ARG(item));
        if (!conformance_fixture_offer(&s->fixture, path, module))
            fprintf(s->run->log, "%s: %s cannot be offered\n", s->name, path);
    }
}

static named *find(suite *s, const char *name, bool instance)
{
    for (uint32_t i = s->item_count; i-- > 0;) {
        named *item = &s->items[i];
        if (!item->instance != instance && (!name || (item->name && !strcmp(item->name, name))))
            return item;
    }
    return NULL;
}

static const char *text_of(const json_t *command, const char *key)
{
    return json_string_value(json_object_get(command, key));
}

/* --- directives: WW_OK, or why not in s->diag --- */

static ww_status fail(suite *s, const char *text)
{
    return ww_fail(&s->diag, WW_E_INVALID, "%s", text);
}

static ww_status run_module(suite *s, const json_t *command)
{
    ww_view bytes;
    ww_program *program;
    ww_instance *instance;
    if (!read_bytes(s, text_of(command, "filename"), &bytes)) return fail(s, "no such file");
    if (!is_component(bytes)) return validate(s, bytes);
    ww_status status = load(s, bytes, &program);
    if (status) return status;
    status = instantiate(s, program, &instance);
    if (status) {
        ww_program_unref(program);
        return status;
    }
    offer_modules(s, text_of(command, "name"), bytes);
    return keep(s, text_of(command, "name"), program, instance) ? WW_OK : fail(s, "too many");
}

static ww_status run_definition(suite *s, const json_t *command)
{
    ww_view bytes;
    ww_program *program;
    if (!read_bytes(s, text_of(command, "filename"), &bytes)) return fail(s, "no such file");
    ww_status status = validate(s, bytes);
    /* What the host does not offer cannot be instantiated later, and need not be. */
    if (status || !is_component(bytes) || load(s, bytes, &program)) return status;
    return keep(s, text_of(command, "name"), program, NULL) ? WW_OK : fail(s, "too many");
}

static ww_status run_instance(suite *s, const json_t *command)
{
    const named *definition = find(s, text_of(command, "module"), false);
    if (!definition) return fail(s, "no such definition");
    ww_instance *instance;
    ww_status status = instantiate(s, definition->program, &instance);
    if (status) return status;
    ww_program *program = ww_program_ref(definition->program);
    return keep(s, text_of(command, "instance"), program, instance) ? WW_OK : fail(s, "too many");
}

typedef struct answer {
    const json_t *expected;
    const ww_type *type;
    bool called, equal;
} answer;

static void on_done(void *self, ww_status status, const void *result)
{
    answer *a = self;
    if (status) return;
    a->called = true;
    if (!a->expected || !a->type)
        a->equal = !a->expected && !a->type;
    else
        a->equal = conformance_value_equal(a->expected, a->type, result);
}

static ww_status invoke(suite *s, const json_t *action, answer *out)
{
    const char *module = text_of(action, "module"), *field = text_of(action, "field");
    const named *item = find(s, module, true);
    if (!item || !field) return fail(s, "no such instance");
    const ww_export *func =
        ww_program_export(item->program, WW_VIEW_LITERAL(""), ww_view_str(field));
    if (!func) return fail(s, "no such export");
    const ww_func_type *type = ww_export_type(func);
    const json_t *args = json_object_get(action, "args");
    uint8_t *params = ww_arena_alloc(&s->arena, type->params_host_size);
    for (uint32_t i = 0; i < type->param_count; i++)
        if (!conformance_value_read(json_array_get(args, i), type->params[i].type,
                                    params + type->params[i].host_offset, &s->arena))
            return fail(s, "an argument has another type");
    out->type = type->result;
    ww_status status = ww_instance_call(item->instance, func, params, (ww_call_done){out, on_done});
    return status ? ww_fail(&s->diag, status, "dead instance") : settle(s, item->instance);
}

static ww_status run_return(suite *s, const json_t *command)
{
    answer a = {.expected = json_array_get(json_object_get(command, "expected"), 0)};
    ww_status status = invoke(s, json_object_get(command, "action"), &a);
    if (status) return status;
    return a.called && a.equal ? WW_OK : fail(s, "another result");
}

/* The texts of the suites, and how this host says the same. */
typedef struct trap_kind {
    const char *expected; /* a prefix */
    int code;             /* or -1: */
    const char *text;     /* a prefix of the text */
} trap_kind;

static const trap_kind trap_kinds[] = {
    {"cannot leave component instance", 23, NULL},
    {"cannot enter component instance", 17, NULL},
    {"unreachable", 9, NULL},
    {"wasm `unreachable`", 9, NULL},
    {"string content out-of-bounds", 30, NULL},
    {"string pointer/length out of bounds", 30, NULL},
    {"string pointer not aligned", 33, NULL},
    {"unaligned pointer", 33, NULL},
    {"wasm trap: unaligned pointer", 33, NULL},
    {"invalid variant discriminant", 32, NULL},
    {"discriminant", 32, NULL},
    {"invalid `char` bit pattern", 25, NULL},
    {"wasm trap: list content out-of-bounds", 31, NULL},
    {"list content out-of-bounds", 31, NULL},
    {"unknown handle index", -1, "unknown handle index"},
    {"handle index 1 used with the wrong type", -1, "handle index 1 used with the wrong type"},
    {"cannot remove owned resource", -1, "cannot remove owned resource while borrowed"},
    {"realloc return: beyond", -1, "realloc return: beyond end of memory"},
    {"realloc return: result", -1, "realloc return: result not aligned"},
    {"invalid utf-8", -1, "invalid utf-8"},
    {"incomplete utf-8", -1, "invalid utf-8"},
    {"uncaught exception", 49, NULL},
};

static bool trap_is(const ww_instance_end *end, const char *expected)
{
    for (size_t i = 0; i < WW_COUNT_OF(trap_kinds); i++) {
        const trap_kind *kind = &trap_kinds[i];
        if (strncmp(expected, kind->expected, strlen(kind->expected))) continue;
        return kind->text ? ww_view_starts(end->text, kind->text) : end->trap_code == kind->code;
    }
    return false;
}

static ww_status run_trap(suite *s, const json_t *command)
{
    answer a = {0};
    const json_t *action = json_object_get(command, "action");
    if (!action) return fail(s, "a trap without an action");
    if (invoke(s, action, &a) != WW_E_TRAP) return fail(s, "no trap");
    ww_instance_end end = ww_instance_end_of(find(s, text_of(action, "module"), true)->instance);
    const char *expected = text_of(command, "text");
    if (trap_is(&end, expected)) return WW_OK;
    return ww_fail(&s->diag, WW_E_TRAP, "trap %d \"%.*s\" instead of \"%s\"", end.trap_code,
                   WW_VIEW_ARG(end.text), expected);
}

static bool is_text(const json_t *command)
{
    const char *kind = text_of(command, "module_type");
    return kind && !strcmp(kind, "text");
}

static ww_status run_invalid(suite *s, const json_t *command)
{
    ww_view bytes;
    if (!read_bytes(s, text_of(command, "filename"), &bytes)) return fail(s, "no such file");
    ww_status status = validate(s, bytes);
    if (status == WW_E_INVALID || status == WW_E_LIMIT) return WW_OK;
    if (status) return status;
    /* Valid, but perhaps nothing that a host can run. */
    ww_program *program;
    if (load(s, bytes, &program) == WW_E_UNSUPPORTED) return WW_OK;
    ww_program_unref(program);
    return fail(s, "is accepted");
}

static ww_status run_unlinkable(suite *s, const json_t *command)
{
    ww_view bytes;
    ww_program *program;
    ww_instance *instance;
    if (!read_bytes(s, text_of(command, "filename"), &bytes)) return fail(s, "no such file");
    ww_status status = load(s, bytes, &program);
    if (!status) {
        status = instantiate(s, program, &instance);
        if (!status) ww_instance_free(instance);
        ww_program_unref(program);
    }
    if (status == WW_E_MISSING || status == WW_E_MISMATCH) return WW_OK;
    return status ? status : fail(s, "is linked");
}

static ww_status run_uninstantiable(suite *s, const json_t *command)
{
    ww_view bytes;
    ww_program *program;
    ww_instance *instance;
    if (!read_bytes(s, text_of(command, "filename"), &bytes)) return fail(s, "no such file");
    ww_status status = load(s, bytes, &program);
    if (status) return status;
    status = instantiate(s, program, &instance);
    if (!status) ww_instance_free(instance);
    ww_program_unref(program);
    return status == WW_E_TRAP ? WW_OK : status ? status : fail(s, "does not trap");
}

static ww_status run_command(suite *s, const json_t *command)
{
    static const struct {
        const char *type;
        ww_status (*run)(suite *s, const json_t *command);
    } directives[] = {
        {"module", run_module},
        {"module_definition", run_definition},
        {"module_instance", run_instance},
        {"assert_return", run_return},
        {"assert_trap", run_trap},
        {"assert_invalid", run_invalid},
        {"assert_malformed", run_invalid},
        {"assert_unlinkable", run_unlinkable},
        {"assert_uninstantiable", run_uninstantiable},
    };
    const char *type = text_of(command, "type");
    for (size_t i = 0; type && i < WW_COUNT_OF(directives); i++)
        if (!strcmp(type, directives[i].type)) return directives[i].run(s, command);
    return fail(s, "unknown directive");
}

/* --- the list of what is not run --- */

/* Whether a word of the list (FOLDER/, FILE, FILE:LINE or FILE:FIRST-LAST) means this command. */
static bool skip_applies(const char *word, size_t size, const char *name, int line)
{
    if (size > 1 && word[size - 1] == '/') return !strncmp(word, name, size);
    size_t file = strcspn(word, ": \n");
    if (file != strlen(name) || strncmp(word, name, file)) return false;
    if (file == size) return true;
    char *end;
    long first = strtol(word + file + 1, &end, 10);
    long last = *end == '-' ? strtol(end + 1, NULL, 10) : first;
    return first <= line && line <= last;
}

/* The reason; NULL: to be run. */
static const char *find_skip(const suite *s, int line)
{
    for (const char *at = s->run->skips->text; at && *at;) {
        size_t word = strcspn(at, " \n");
        if (*at != '#' && skip_applies(at, word, s->name, line))
            return at + word + (at[word] == ' ');
        at = strchr(at, '\n');
        if (at) at++;
    }
    return NULL;
}

static void run_all(suite *s, const json_t *commands, conformance_count *count)
{
    size_t i;
    json_t *command;
    json_array_foreach(commands, i, command)
    {
        int line = (int)json_integer_value(json_object_get(command, "line"));
        const char *reason = find_skip(s, line);
        if (!reason && is_text(command)) reason = "text format is not read";
        if (reason) {
            count->skipped++;
            count->reason = reason;
            continue;
        }
        s->diag.text[0] = '\0';
        if (run_command(s, command) == WW_OK) {
            count->passed++;
            continue;
        }
        count->failed++;
        fprintf(s->run->log, "%s:%d: %s: %s\n", s->name, line, text_of(command, "type"),
                s->diag.text);
    }
}

conformance_count conformance_file(const conformance_run *run, const char *path, const char *name)
{
    conformance_count count = {0};
    json_error_t error;
    json_t *file = json_load_file(path, 0, &error);
    if (!file) {
        fprintf(run->log, "%s: %s\n", name, error.text);
        return (conformance_count){.failed = 1};
    }
    suite *s = calloc(1, sizeof *s);
    if (!s) abort();
    s->run = run;
    s->path = path;
    s->name = name;
    conformance_fixture_init(&s->fixture);
    ww_arena_init(&s->arena, ww_allocator_libc(), SIZE_MAX);
    run_all(s, json_object_get(file, "commands"), &count);
    while (s->item_count) {
        named *item = &s->items[--s->item_count];
        ww_instance_free(item->instance);
        ww_program_unref(item->program);
    }
    ww_arena_deinit(&s->arena);
    conformance_fixture_deinit(&s->fixture);
    free(s);
    json_decref(file);
    return count;
}
