/* ww module install, bootstrap, cancel, invoke, status, events: on a running node. */
#include "capnp/bringup.capnp.h"
#include "cli/bringup.h"
#include "cli/format.h"
#include "cli/module.h"
#include "os/file.h"
#include "ww/dataflow.h"
#include <stdio.h>
#include <stdlib.h>

enum { OPTION_BIND, OPTION_CONFIG, OPTION_INPUT, OPTION_WATCH, OPTION_FOLLOW };

const ww_option ww_module_options[] = {
    [OPTION_BIND] = {"bind", "SLOT=FILE",
                     "install: give the slot to the WebAssembly component in FILE; repeatable",
                     'b'},
    [OPTION_CONFIG] = {"config", "SLOT=VALUE",
                       "install: what the bootstrap of a bound component is told; repeatable. "
                       "VALUE is text, or @FILE for what is in a file",
                       0},
    [OPTION_INPUT] = {"input", "NAME=VALUE", "bootstrap, invoke: an input; repeatable", 'i'},
    [OPTION_WATCH] = {"watch", NULL, "status: print it again whenever it changed", 'w'},
    [OPTION_FOLLOW] = {"follow", NULL, "events: go on with those to come", 'f'},
    {NULL, NULL, NULL, 0},
};

enum { GIVEN_MAX = 100, INSTALL_FILES_MAX = 64, FILE_BYTES_MAX = 256 << 20, WATCH_MS = 200 };

/* A NAME=VALUE from the command line. */
typedef struct named {
    ww_view name;
    ww_buf value;
} named;

typedef struct words {
    named list[GIVEN_MAX];
    size_t count;
} words;

static void free_words(words *w)
{
    for (size_t i = 0; i < w->count; i++)
        ww_buf_deinit(&w->list[i].value);
}

static ww_status read_word(const char *text, bool is_path, named *out, ww_diag *diag)
{
    const char *equal = strchr(text, '=');
    if (!equal || equal == text) return ww_fail(diag, WW_E_USAGE, "\"%s\" is not NAME=VALUE", text);
    out->name = ww_view_of(text, (size_t)(equal - text));
    if (is_path || equal[1] == '@')
        return ww_file_read(is_path ? equal + 1 : equal + 2, &out->value, diag);
    ww_status status = ww_buf_append(&out->value, equal + 1, strlen(equal + 1));
    return status ? ww_fail(diag, status, "out of memory") : WW_OK;
}

/* All words of one option. */
static ww_status read_words(const ww_invocation *invocation, int option, words *out, ww_diag *diag)
{
    ww_status status = WW_OK;
    for (size_t i = 0; i < invocation->given_count && !status; i++) {
        if (invocation->given[i].option != &ww_module_options[option]) continue;
        if (out->count == GIVEN_MAX)
            return ww_fail(diag, WW_E_LIMIT, "more than %d times --%s", GIVEN_MAX,
                           ww_module_options[option].name);
        named *word = &out->list[out->count++];
        ww_buf_init(&word->value, ww_allocator_libc(), FILE_BYTES_MAX);
        status = read_word(invocation->given[i].text, option == OPTION_BIND, word, diag);
    }
    return status;
}

/* --- install --- */

static const named *find_word(const words *all, ww_view name)
{
    for (size_t i = 0; i < all->count; i++)
        if (ww_view_equal(all->list[i].name, name)) return &all->list[i];
    return NULL;
}

static ww_view config_of(const words *configs, ww_view slot)
{
    const named *config = find_word(configs, slot);
    return config ? ww_buf_view(&config->value) : (ww_view){NULL, 0};
}

static void tell_modules(ww_capnp_text_l modules, bool json)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < modules.list.count; i++) {
        ww_view name = ww_capnp_text_l_at(modules, i);
        json_array_append_new(array, ww_json_text(name));
        if (json) continue;
        ww_print_plain(name);
        putchar('\n');
    }
    if (json) ww_json_print(stdout, json_pack("{s:O}", "modules", array));
    json_decref(array);
}

typedef struct named_files {
    words bindings, configs;
} named_files;

/* An artifact, and the names of the slots that it has. */
typedef struct artifact {
    const char *path;
    ww_buf bytes;
    json_t *slots;
} artifact;

static void free_artifact(artifact *a)
{
    ww_buf_deinit(&a->bytes);
    json_decref(a->slots);
}

static ww_status read_artifact(const char *path, artifact *out, ww_diag *diag)
{
    ww_buf json;
    *out = (artifact){.path = path};
    ww_buf_init(&out->bytes, ww_allocator_libc(), FILE_BYTES_MAX);
    ww_buf_init(&json, ww_allocator_libc(), SIZE_MAX);
    ww_status status = ww_file_read(path, &out->bytes, diag);
    if (!status) {
        status = ww_dataflow_inspect(ww_allocator_libc(), ww_buf_view(&out->bytes), &json, diag);
        if (status) ww_fail_in(diag, "%s", path);
    }
    json_t *all =
        status ? NULL : json_loadb((const char *)json.data, json.size, JSON_ALLOW_NUL, NULL);
    out->slots = json_incref(json_object_get(all, "slots"));
    if (!status && !out->slots) status = ww_fail(diag, WW_E_MEMORY, "%s: out of memory", path);
    json_decref(all);
    ww_buf_deinit(&json);
    if (status) free_artifact(out);
    return status;
}

static bool has_slot(const artifact *a, ww_view slot)
{
    size_t i;
    json_t *at;
    json_array_foreach(a->slots, i, at)
    {
        const json_t *name = json_object_get(at, "slot");
        if (ww_view_equal(slot, ww_view_of(json_string_value(name), json_string_length(name))))
            return true;
    }
    return false;
}

static ww_status check_once(const words *all, const char *option, ww_diag *diag)
{
    for (size_t i = 0; i < all->count; i++)
        if (find_word(all, all->list[i].name) != &all->list[i])
            return ww_fail(diag, WW_E_USAGE, "--%s %.*s: given twice", option,
                           WW_VIEW_ARG(all->list[i].name));
    return WW_OK;
}

/* A slot that nobody has is a typing error; it is found before anything is installed. */
static ww_status check_slots(const artifact *artifacts, size_t count, const named_files *parts,
                             ww_diag *diag)
{
    ww_status status = check_once(&parts->bindings, "bind", diag);
    if (!status) status = check_once(&parts->configs, "config", diag);
    for (size_t i = 0; i < parts->bindings.count && !status; i++) {
        ww_view slot = parts->bindings.list[i].name;
        bool found = false;
        for (size_t k = 0; k < count && !found; k++)
            found = has_slot(&artifacts[k], slot);
        if (!found)
            status = ww_fail(diag, WW_E_USAGE, "no module to install has a slot \"%.*s\"",
                             WW_VIEW_ARG(slot));
    }
    for (size_t i = 0; i < parts->configs.count && !status; i++) {
        ww_view slot = parts->configs.list[i].name;
        if (!find_word(&parts->bindings, slot))
            status = ww_fail(diag, WW_E_USAGE, "--config %.*s: that slot has no --bind",
                             WW_VIEW_ARG(slot));
    }
    return status;
}

static uint64_t size_of(const artifact *a, const named_files *parts)
{
    uint64_t size = a->bytes.size;
    for (size_t i = 0; i < parts->bindings.count; i++) {
        const named *binding = &parts->bindings.list[i];
        if (has_slot(a, binding->name))
            size += binding->value.size + config_of(&parts->configs, binding->name).size;
    }
    return size;
}

static ww_status too_large(const artifact *a, const named_files *parts, ww_diag *diag)
{
    return ww_fail(diag, WW_E_LIMIT,
                   "%s: the artifact and its components have %llu bytes; at most %llu can be sent, "
                   "and parts of different sizes leave some of it unused",
                   a->path, (unsigned long long)size_of(a, parts),
                   (unsigned long long)WW_CLIENT_CALL_BYTES_MAX);
}

static void put_bindings(bringup_install_b out, const artifact *a, const named_files *parts)
{
    uint32_t count = 0;
    for (size_t i = 0; i < parts->bindings.count; i++)
        count += has_slot(a, parts->bindings.list[i].name);
    bringup_binding_lb list = bringup_install_init_bindings(out, count);
    count = 0;
    for (size_t i = 0; i < parts->bindings.count; i++) {
        const named *given = &parts->bindings.list[i];
        if (!has_slot(a, given->name)) continue;
        bringup_binding_b binding = bringup_binding_lb_at(list, count++);
        bringup_binding_set_slot(binding, given->name);
        bringup_binding_set_wasm(binding, ww_buf_view(&given->value));
        bringup_binding_set_config(binding, config_of(&parts->configs, given->name));
    }
}

static ww_status install_artifact(ww_client *client, bringup_bring_up_cap cap, const artifact *a,
                                  const named_files *parts, bool json, ww_diag *diag)
{
    ww_capnp_call *call;
    bringup_install_b install =
        bringup_bring_up_install_params_init_install(bringup_bring_up_install_begin(cap, &call));
    bringup_install_set_artifact(install, ww_buf_view(&a->bytes));
    put_bindings(install, a, parts);
    ww_status status = ww_client_call(client, call, diag); /* compiling takes its time */
    if (status == WW_E_LIMIT)
        too_large(a, parts, diag);
    else if (status)
        ww_fail_in(diag, "%s", a->path);
    else
        tell_modules(
            bringup_bring_up_install_results_modules(bringup_bring_up_install_response(call)),
            json);
    ww_capnp_call_drop(call);
    return status;
}

/* All files are read before the first is installed. */
static ww_status install_all(ww_client *client, bringup_bring_up_cap cap,
                             const ww_invocation *invocation, const named_files *parts,
                             ww_diag *diag)
{
    artifact artifacts[INSTALL_FILES_MAX];
    size_t count = 0, files = invocation->operand_count - 1;
    ww_status status = WW_OK;
    while (count < files && !status) {
        status = read_artifact(invocation->operands[1 + count], &artifacts[count], diag);
        count += !status;
    }
    if (!status) status = check_slots(artifacts, count, parts, diag);
    for (size_t i = 0; i < count && !status; i++)
        if (size_of(&artifacts[i], parts) > WW_CLIENT_CALL_BYTES_MAX)
            status = too_large(&artifacts[i], parts, diag);
    for (size_t i = 0; i < count && !status; i++) {
        status = install_artifact(client, cap, &artifacts[i], parts, invocation->json, diag);
        if (status && i)
            ww_fail_in(diag, "%zu of %zu files are installed, up to %s", i, count,
                       artifacts[i - 1].path);
    }
    for (size_t i = 0; i < count; i++)
        free_artifact(&artifacts[i]);
    return status;
}

static ww_status install(ww_client *client, bringup_bring_up_cap cap,
                         const ww_invocation *invocation, ww_diag *diag)
{
    named_files parts = {.bindings.count = 0};
    ww_status status = read_words(invocation, OPTION_BIND, &parts.bindings, diag);
    if (!status) status = read_words(invocation, OPTION_CONFIG, &parts.configs, diag);
    if (!status) status = install_all(client, cap, invocation, &parts, diag);
    free_words(&parts.bindings);
    free_words(&parts.configs);
    return status;
}

/* --- bootstrap, invoke --- */

static void put_inputs(bringup_input_lb list, const words *inputs)
{
    for (uint32_t i = 0; i < inputs->count; i++) {
        bringup_input_b input = bringup_input_lb_at(list, i);
        bringup_input_set_name(input, inputs->list[i].name);
        bringup_input_set_bytes(input, ww_buf_view(&inputs->list[i].value));
    }
}

static ww_capnp_call *bootstrap_call(bringup_bring_up_cap cap, ww_view target, const words *inputs)
{
    ww_capnp_call *call;
    bringup_bring_up_bootstrap_params_b params = bringup_bring_up_bootstrap_begin(cap, &call);
    bringup_bring_up_bootstrap_params_set_target(params, target);
    put_inputs(bringup_bring_up_bootstrap_params_init_inputs(params, (uint32_t)inputs->count),
               inputs);
    return call;
}

static ww_capnp_call *invoke_call(bringup_bring_up_cap cap, ww_view module, const words *inputs)
{
    ww_capnp_call *call;
    bringup_bring_up_invoke_params_b params = bringup_bring_up_invoke_begin(cap, &call);
    bringup_bring_up_invoke_params_set_module(params, module);
    put_inputs(bringup_bring_up_invoke_params_init_inputs(params, (uint32_t)inputs->count), inputs);
    return call;
}

static ww_status ask(ww_client *client, bringup_bring_up_cap cap, const ww_invocation *invocation,
                     ww_capnp_call *(*begin)(bringup_bring_up_cap, ww_view, const words *),
                     ww_diag *diag)
{
    words inputs = {.count = 0};
    const char *name = invocation->operand_count > 1 ? invocation->operands[1] : "";
    ww_status status = read_words(invocation, OPTION_INPUT, &inputs, diag);
    if (!status) {
        ww_capnp_call *call = begin(cap, ww_view_str(name), &inputs);
        status = ww_client_ask(client, call, diag);
        ww_capnp_call_drop(call);
    }
    free_words(&inputs);
    return status;
}

static ww_status bootstrap(ww_client *client, bringup_bring_up_cap cap,
                           const ww_invocation *invocation, ww_diag *diag)
{
    return ask(client, cap, invocation, bootstrap_call, diag);
}

static ww_status invoke(ww_client *client, bringup_bring_up_cap cap,
                        const ww_invocation *invocation, ww_diag *diag)
{
    return ask(client, cap, invocation, invoke_call, diag);
}

/* --- cancel --- */

static ww_status cancel(ww_client *client, bringup_bring_up_cap cap,
                        const ww_invocation *invocation, ww_diag *diag)
{
    ww_capnp_call *call;
    const char *target = invocation->operand_count > 1 ? invocation->operands[1] : "";
    bringup_bring_up_cancel_params_set_target(bringup_bring_up_cancel_begin(cap, &call),
                                              ww_view_str(target));
    ww_status status = ww_client_ask(client, call, diag);
    uint32_t count =
        status ? 0 : bringup_bring_up_cancel_results_count(bringup_bring_up_cancel_response(call));
    ww_capnp_call_drop(call);
    if (status) return status;
    if (!count && *target)
        return ww_fail(diag, WW_E_NOT_FOUND, "\"%s\" is neither under way nor waiting", target);
    if (invocation->json) ww_json_print(stdout, json_pack("{s:I}", "canceled", (json_int_t)count));
    return WW_OK;
}

/* --- status --- */

static char *describe(bringup_status_r status)
{
    json_t *all = ww_bringup_json(status);
    char *text = json_dumps(all, JSON_COMPACT);
    json_decref(all);
    return text;
}

/* What is new is printed; *last is its text, to be freed. */
static ww_status show_change(ww_client *client, bringup_bring_up_cap cap, bool json, char **last,
                             ww_diag *diag)
{
    bringup_status_r facts;
    ww_capnp_call *call;
    ww_status status = ww_bringup_ask(client, cap, &call, &facts, diag);
    char *text = status ? NULL : describe(facts);
    if (!status && !text) status = ww_fail(diag, WW_E_MEMORY, "out of memory");
    if (!status && (!*last || strcmp(*last, text))) {
        if (json)
            puts(text);
        else
            ww_bringup_print(facts);
        fflush(stdout);
    }
    free(*last);
    *last = text;
    ww_capnp_call_drop(call);
    return status;
}

typedef struct moment {
    ww_timer timer;
    bool is_over;
} moment;

static void pause_over(ww_timer *timer)
{
    WW_CONTAINER_OF(timer, moment, timer)->is_over = true;
}

static void wait_a_moment(ww_client *client)
{
    moment moment_left = {.timer.fire = pause_over};
    const ww_clock *clock = ww_loop_clock(client->loop);
    ww_timer_start(client->loop, &moment_left.timer,
                   ww_clock_after(clock, WATCH_MS * (uint64_t)WW_NS_PER_MS));
    while (!moment_left.is_over)
        ww_loop_turn(client->loop, true);
}

static bool is_given(const ww_invocation *invocation, int option)
{
    bool is = false;
    for (size_t i = 0; i < invocation->given_count; i++)
        is = is || invocation->given[i].option == &ww_module_options[option];
    return is;
}

static ww_status show_status(ww_client *client, bringup_bring_up_cap cap,
                             const ww_invocation *invocation, ww_diag *diag)
{
    bool watches = is_given(invocation, OPTION_WATCH);
    char *last = NULL;
    ww_status status = show_change(client, cap, invocation->json, &last, diag);
    while (watches && !status) {
        wait_a_moment(client);
        status = show_change(client, cap, invocation->json, &last, diag);
    }
    free(last);
    return status;
}

static ww_status show_events(ww_client *client, bringup_bring_up_cap cap,
                             const ww_invocation *invocation, ww_diag *diag)
{
    return ww_module_show_events(client, cap, is_given(invocation, OPTION_FOLLOW), invocation->json,
                                 diag);
}

/* --- the verbs --- */

typedef struct verb {
    const char *name;
    size_t operands_min, operands_max; /* behind the verb */
    uint32_t options;                  /* a set of 1 << OPTION */
    ww_status (*run)(ww_client *, bringup_bring_up_cap, const ww_invocation *, ww_diag *);
} verb;

static const verb verbs[] = {
    {"install", 1, INSTALL_FILES_MAX, 1 << OPTION_BIND | 1 << OPTION_CONFIG, install},
    {"bootstrap", 0, 1, 1 << OPTION_INPUT, bootstrap},
    {"cancel", 0, 1, 0, cancel},
    {"invoke", 1, 1, 1 << OPTION_INPUT, invoke},
    {"status", 0, 0, 1 << OPTION_WATCH, show_status},
    {"events", 0, 0, 1 << OPTION_FOLLOW, show_events},
};

static int check_usage(const ww_invocation *invocation, const verb *v)
{
    size_t operands = invocation->operand_count - 1;
    if (operands < v->operands_min || operands > v->operands_max)
        return ww_usage_error(invocation->command, "%s takes %zu to %zu operands", v->name,
                              v->operands_min, v->operands_max);
    for (size_t i = 0; i < invocation->given_count; i++) {
        const ww_option *option = invocation->given[i].option;
        if (!(v->options >> (option - ww_module_options) & 1))
            return ww_usage_error(invocation->command, "%s has no --%s", v->name, option->name);
    }
    return 0;
}

static int act(const ww_invocation *invocation, const verb *v)
{
    ww_client client;
    ww_diag diag;
    bringup_bring_up_cap cap = {NULL};
    ww_status status = ww_client_open(&client, &invocation->config, &diag);
    if (!status) status = ww_bringup_find(&client, &cap, &diag);
    if (!status) status = v->run(&client, cap, invocation, &diag);
    ww_capnp_cap_unref(cap.cap);
    ww_client_close(&client);
    return status ? ww_command_failed(&diag) : 0;
}

int ww_module_on_node(const ww_invocation *invocation)
{
    const char *name = invocation->operands[0];
    for (size_t i = 0; i < WW_COUNT_OF(verbs); i++) {
        if (strcmp(name, verbs[i].name)) continue;
        int code = check_usage(invocation, &verbs[i]);
        return code ? code : act(invocation, &verbs[i]);
    }
    return ww_usage_error(
        invocation->command,
        "\"%s\" is none of install, bootstrap, cancel, invoke, status, events, inspect", name);
}
