/* ww module: dataflow modules. */
#include "cli/module.h"
#include "cli/client.h"
#include "cli/format.h"
#include "os/file.h"
#include "ww/dataflow.h"
#include <jansson.h>
#include <stdio.h>

/* --- inspect --- */

static void print_text(const json_t *text)
{
    ww_print_plain(ww_view_of(json_string_value(text), json_string_length(text)));
}

static void print_functions(const json_t *functions)
{
    size_t i;
    json_t *at;
    puts("  NODES  PHASE      FUNCTION");
    json_array_foreach(functions, i, at)
    {
        const char *phase = json_string_value(json_object_get(at, "phase"));
        printf("%7" JSON_INTEGER_FORMAT "  ", json_integer_value(json_object_get(at, "nodes")));
        printf("%-9s  ", !strcmp(phase, "body") || !strcmp(phase, "bootstrap") ? phase : "-");
        print_text(json_object_get(at, "name"));
        putchar('\n');
    }
}

static void print_slots(const json_t *slots)
{
    size_t i;
    json_t *at;
    if (json_array_size(slots)) puts("\nCOMPONENT  SLOT");
    json_array_foreach(slots, i, at)
    {
        printf("%9" JSON_INTEGER_FORMAT "  ", json_integer_value(json_object_get(at, "component")));
        print_text(json_object_get(at, "slot"));
        printf(": ");
        print_text(json_object_get(at, "type"));
        putchar('\n');
    }
}

static void print_target(const json_t *target)
{
    size_t i;
    json_t *at;
    const json_t *touches = json_object_get(target, "touch_set");
    const json_t *inputs = json_object_get(target, "inputs");
    printf("  ");
    print_text(json_object_get(target, "target"));
    json_array_foreach(touches, i, at)
        printf("%s%" JSON_INTEGER_FORMAT, i ? ", " : "; touches ", json_integer_value(at));
    json_array_foreach(inputs, i, at)
    {
        printf(i ? ", " : "; needs ");
        print_text(at);
    }
    putchar('\n');
}

static void print_inspection(const json_t *all)
{
    size_t i;
    json_t *at;
    const json_t *order = json_object_get(all, "install_order");
    json_int_t unresolved = json_integer_value(json_object_get(all, "unresolved"));
    print_functions(json_object_get(all, "functions"));
    print_slots(json_object_get(all, "slots"));
    if (json_array_size(order)) puts("\nBOOTSTRAPS, in install order");
    json_array_foreach(order, i, at) print_target(at);
    if (unresolved)
        printf("\n%" JSON_INTEGER_FORMAT " unresolved: operations that nothing here offers\n",
               unresolved);
}

static ww_status inspect_file(const char *path, bool json, ww_diag *diag)
{
    const ww_allocator *allocator = ww_allocator_libc();
    ww_buf artifact, text;
    ww_buf_init(&artifact, allocator, ww_dataflow_limits_default().artifact_bytes_max);
    ww_buf_init(&text, allocator, SIZE_MAX);
    ww_status status = ww_file_read(path, &artifact, diag);
    if (!status) {
        status = ww_dataflow_inspect(allocator, ww_buf_view(&artifact), &text, diag);
        if (status) ww_fail_in(diag, "%s", path);
    }
    json_t *all = NULL;
    if (!status && !json) all = json_loadb((const char *)text.data, text.size, 0, NULL);
    if (!status && json)
        fwrite(text.data, 1, text.size, stdout);
    else if (all)
        print_inspection(all);
    else if (!status)
        status = ww_fail(diag, WW_E_MEMORY, "%s: out of memory", path);
    json_decref(all);
    ww_buf_deinit(&text);
    ww_buf_deinit(&artifact);
    return status;
}

static int run_inspect(const ww_invocation *invocation)
{
    if (invocation->operand_count != 2)
        return ww_usage_error(invocation->command, "inspect takes one FILE");
    ww_diag diag;
    if (inspect_file(invocation->operands[1], invocation->json, &diag))
        return ww_command_failed(&diag);
    return 0;
}

/* --- the command --- */

static int run(const ww_invocation *invocation)
{
    const char *verb = invocation->operands[0];
    if (!strcmp(verb, "inspect")) return run_inspect(invocation);
    return ww_module_on_node(invocation);
}

const ww_command ww_command_module = {
    .name = "module",
    .summary = "install dataflow modules and bring them up",
    .usage = "[OPTIONS] install FILE... | bootstrap [TARGET] | cancel [TARGET] | invoke MODULE | "
             "status | events | inspect FILE",
    .description =
        "`ww module install` installs every module of the artifacts on a node, with the "
        "components that --bind names, and brings up what needs no input. Each file gets the "
        "components of the slots that it has. All files are read and checked first; then one is "
        "installed after another, each whole or not at all, up to the first that the node refuses. "
        "A slot that no file has "
        "is an error. An artifact and its components have at most 64 MiB.\n\n"
        "`ww module bootstrap` asks for the bootstrap of a module or of the component in a slot, "
        "with its inputs; without TARGET, for all that are still to be brought up.\n\n"
        "`ww module cancel` ends the bootstrap of a module or a component, whether it runs or "
        "waits: "
        "it has failed, and what waited for it goes on; without TARGET, all that are under way.\n\n"
        "`ww module invoke` writes inputs of a module in one execution.\n\n"
        "`ww module status` prints the targets of the node's bring-up: each one's state, what a "
        "waiting one waits for and why, and the inputs that one takes.\n\n"
        "`ww module events` prints what modules emitted lately: when, which function, the topic, "
        "and the bytes, as text if they are, else as hexadecimal digits. A node keeps the last 256 "
        "events, and 4 KiB of each; with --json each is an object on a line of its own.\n\n"
        "`ww module inspect` says what a compiled artifact holds, without a node and without "
        "making any component: its functions; the slots of its modules, with the number that the "
        "component there will have on a node that holds nothing else; the bootstraps in install "
        "order, with the components that each touches and the inputs that it needs; and how many "
        "operations nothing here offers. An artifact that is damaged or breaks a rule is refused "
        "with place and cause.",
    .notes = "EXAMPLES\n"
             "  ww-modulec examples/modules/seeded.wwm seeded.onnx\n"
             "  ww module inspect seeded.onnx --json | jq '.install_order[].inputs'\n"
             "  ww module install seeded.onnx\n"
             "  ww module bootstrap Seeded --input seed=42 --input weights=@weights.bin\n",
    .operand = "verb",
    .json = "one JSON object; events: one for each",
    .options = ww_module_options,
    .settings = WW_CLIENT_SETTINGS,
    .operands_min = 1,
    .operands_max = 65,
    .run = run,
};
