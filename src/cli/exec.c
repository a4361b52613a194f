/* `ww exec` and `ww shell`: a guest on a running node with the standard streams of here. */
#include "base/utf8.h"
#include "capnp/runtime.capnp.h"
#include "cli/client.h"
#include "cli/json.h"
#include "cli/pump.h"
#include "cli/report.h"
#include "config/folders.h"
#include "loaders/image.h"
#include "rpc/spawner.h"
#include <signal.h>
#include <unistd.h>

enum { COMPONENT_BYTES_MAX = 60 << 20 }; /* with its arguments it must fit one message */

typedef struct session {
    ww_client client;
    peer_process_cap process;
    ww_pump input, output, errors;
    ww_capnp_call *wait, *kill;
    ww_capnp_done ended;
    bool has_ended;
    ww_signal *interrupt, *terminate;
    int signal;    /* that came first */
    bool gives_up; /* a second one came */
    ww_run_reason reason;
    char message[WW_PROCESS_MESSAGE_MAX + 1]; /* for people; "" if there is none */
} session;

/* What to run, and as what. */
typedef struct errand {
    const char *target;
    const ww_invocation *invocation;
    const ww_option *env; /* which of the options given are variables */
    bool grant_operator;
    ww_image image;
} errand;

/* --- signals: the first ends the guest, the second this command --- */

static void on_signal(void *self, int number)
{
    session *s = self;
    if (s->signal) {
        s->gives_up = true;
        return;
    }
    s->signal = number;
    peer_process_kill_begin(s->process, &s->kill);
    s->gives_up = ww_capnp_call_send(s->kill, NULL) != WW_OK;
}

static ww_status watch_signals(session *s, ww_diag *diag)
{
    ww_on_signal on = {s, on_signal};
    ww_status status = ww_signal_new(s->client.loop, SIGINT, on, &s->interrupt);
    if (!status) status = ww_signal_new(s->client.loop, SIGTERM, on, &s->terminate);
    return status ? ww_fail(diag, status, "signals: %s", ww_status_text(status)) : WW_OK;
}

/* --- start --- */

static ww_status load(errand *e, ww_diag *diag)
{
    ww_loader host = ww_host_loader();
    const ww_loader *chain[] = {&host};
    ww_status status = ww_image_load(&e->image, chain, 1, e->target, diag);
    if (!status && e->image.component.size > COMPONENT_BYTES_MAX)
        status = ww_fail(diag, WW_E_LIMIT, "%s: a component of more than %d MiB cannot be sent",
                         e->target, COMPONENT_BYTES_MAX >> 20);
    return status;
}

static void put_env(const errand *e, operator_exec_request_b request)
{
    const ww_invocation *invocation = e->invocation;
    uint32_t count = 0, at = 0;
    for (size_t i = 0; i < invocation->given_count; i++)
        count += invocation->given[i].option == e->env;
    ww_capnp_text_lb list = operator_exec_request_init_env(request, count);
    for (size_t i = 0; i < invocation->given_count; i++)
        if (invocation->given[i].option == e->env)
            ww_capnp_text_lb_set(list, at++, ww_view_str(invocation->given[i].text));
}

static void put_request(const errand *e, operator_exec_request_b request)
{
    ww_view name = ww_view_str(e->image.name);
    uint32_t count = (uint32_t)e->invocation->guest_arg_count;
    operator_exec_request_set_wasm(request, ww_buf_view(&e->image.component));
    operator_exec_request_set_name(request, ww_view_str(e->image.label));
    operator_exec_request_set_grant_operator(request, e->grant_operator);
    ww_capnp_text_lb args = operator_exec_request_init_args(request, count + 1);
    ww_capnp_text_lb_set(args, 0, name);
    for (uint32_t i = 0; i < count; i++)
        ww_capnp_text_lb_set(args, i + 1, ww_view_str(e->invocation->guest_args[i]));
    put_env(e, request);
}

static ww_status start(session *s, const errand *e, ww_diag *diag)
{
    ww_capnp_call *call;
    operator_operator_exec_params_b params =
        operator_operator_exec_begin(s->client.operator, & call);
    put_request(e, operator_operator_exec_params_init_request(params));
    ww_status status = ww_client_call(&s->client, call, diag);
    if (!status) {
        peer_process_cap process =
            operator_operator_exec_results_process(operator_operator_exec_response(call));
        s->process.cap = ww_capnp_cap_ref(process.cap);
    }
    ww_capnp_call_drop(call);
    return status;
}

/* --- run --- */

static void ended(ww_capnp_done *done, ww_capnp_call *call)
{
    (void)call;
    WW_CONTAINER_OF(done, session, ended)->has_ended = true;
}

static ww_status attach(session *s, ww_diag *diag)
{
    ww_loop *loop = s->client.loop;
    ww_capnp_call *input, *output, *errors;
    peer_process_stdin_begin(s->process, &input);
    peer_process_stdout_begin(s->process, &output);
    peer_process_stderr_begin(s->process, &errors);
    peer_process_wait_begin(s->process, &s->wait);
    s->ended.fn = ended;
    ww_status status = ww_capnp_call_send(input, NULL);
    if (!status) status = ww_capnp_call_send(output, NULL);
    if (!status) status = ww_capnp_call_send(errors, NULL);
    if (!status) status = ww_capnp_call_send(s->wait, &s->ended);
    if (!status) {
        ww_pump_input(&s->input, loop,
                      peer_process_stdin_results_p_stream(peer_process_stdin_pipeline(input)),
                      STDIN_FILENO);
        ww_pump_output(&s->output, loop,
                       peer_process_stdout_results_p_stream(peer_process_stdout_pipeline(output)),
                       STDOUT_FILENO);
        ww_pump_output(&s->errors, loop,
                       peer_process_stderr_results_p_stream(peer_process_stderr_pipeline(errors)),
                       STDERR_FILENO);
    }
    ww_capnp_call_drop(input);
    ww_capnp_call_drop(output);
    ww_capnp_call_drop(errors);
    return status ? ww_fail(diag, status, "%s", ww_status_text(status)) : WW_OK;
}

/* What the guest wrote before it ended is still on its way then. */
static ww_status finish(session *s, int *code, ww_diag *diag)
{
    while (!s->gives_up && !(s->has_ended && s->output.is_over && s->errors.is_over))
        ww_loop_turn(s->client.loop, true);
    if (s->signal)
        *code = 128 + s->signal;
    else if (ww_capnp_call_failed(s->wait))
        return ww_client_failure(s->wait, diag);
    else
        *code = peer_process_wait_results_exit_code(peer_process_wait_response(s->wait));
    return WW_OK;
}

static ww_run_reason reason_of(enum runtime_ending_cause cause)
{
    switch (cause) {
    case RUNTIME_ENDING_CAUSE_TRAPPED: return WW_RUN_TRAPPED;
    case RUNTIME_ENDING_CAUSE_TIMED_OUT: return WW_RUN_TIMED_OUT;
    case RUNTIME_ENDING_CAUSE_USED_UP: return WW_RUN_USED_UP;
    case RUNTIME_ENDING_CAUSE_KILLED: return WW_RUN_KILLED;
    default: return WW_RUN_EXITED;
    }
}

/* Why it ended as it did, of a guest that ended. A node that does not tell is no error. */
static void learn_why(session *s)
{
    ww_capnp_call *call;
    ww_diag diag;
    runtime_job_ending_begin((runtime_job_cap){s->process.cap}, &call);
    if (!ww_client_ask(&s->client, call, &diag)) {
        runtime_ending_r ending =
            runtime_job_ending_results_ending(runtime_job_ending_response(call));
        ww_view message = runtime_ending_message(ending);
        s->reason = reason_of(runtime_ending_cause(ending));
        snprintf(s->message, sizeof s->message, "%.*s", WW_VIEW_ARG(message));
        ww_text_make_plain(s->message, strlen(s->message));
    }
    ww_capnp_call_drop(call);
}

static void close_session(session *s)
{
    ww_pump_stop(&s->input);
    ww_pump_stop(&s->output);
    ww_pump_stop(&s->errors);
    ww_capnp_call_drop(s->wait);
    ww_capnp_call_drop(s->kill);
    ww_capnp_cap_unref(s->process.cap);
    if (s->interrupt) ww_signal_close(s->interrupt);
    if (s->terminate) ww_signal_close(s->terminate);
    ww_client_close(&s->client);
}

/* As `ww run` does: on the last line of standard error. */
static void report(const session *s, ww_status status, const ww_diag *diag, int code)
{
    const char *reason = status ? "error" : ww_report_reason(s->reason);
    const char *message = status ? diag->text : s->message[0] ? s->message : NULL;
    ww_json_print(stderr, json_pack("{s:s, s:i, s:o}", "reason", reason, "exit_code", code,
                                    "message", ww_json_string(message)));
}

static void tell_why(session *s)
{
    const ww_run_report told = {.reason = s->reason, .text = s->message};
    ww_report_print_trap(&told);
}

static int run_errand(errand *e)
{
    session s = {.wait = NULL};
    ww_diag diag;
    int code = 0;
    ww_image_init(&e->image, ww_allocator_libc());
    ww_status status = ww_client_open(&s.client, &e->invocation->config, &diag);
    if (!status) status = load(e, &diag);
    if (!status) status = start(&s, e, &diag);
    ww_image_deinit(&e->image);
    if (!status) status = watch_signals(&s, &diag);
    if (!status) status = attach(&s, &diag);
    if (!status) status = finish(&s, &code, &diag);
    if (s.signal)
        s.reason = WW_RUN_SIGNALED;
    else if (!status && code)
        learn_why(&s);
    close_session(&s);
    if (status)
        code = ww_command_failed(&diag);
    else
        tell_why(&s);
    if (e->invocation->json) report(&s, status, &diag, code);
    return code;
}

/* --- exec --- */

enum { OPTION_ENV, OPTION_OPERATOR };

static const ww_option exec_options[] = {
    [OPTION_ENV] = {"env", "KEY=VALUE", "set a variable of the guest; repeatable", 'e'},
    [OPTION_OPERATOR] = {"operator", NULL,
                         "give the guest the operator itself instead of a membrane: it may then do "
                         "whatever these commands do",
                         0},
    {NULL, NULL, NULL, 0},
};

static bool is_given(const ww_invocation *invocation, const ww_option *option)
{
    for (size_t i = 0; i < invocation->given_count; i++)
        if (invocation->given[i].option == option) return true;
    return false;
}

static int run_exec(const ww_invocation *invocation)
{
    errand e = {
        .target = invocation->operands[0],
        .invocation = invocation,
        .env = &exec_options[OPTION_ENV],
        .grant_operator = is_given(invocation, &exec_options[OPTION_OPERATOR]),
    };
    return run_errand(&e);
}

const ww_command ww_command_exec = {
    .name = "exec",
    .summary = "run a component on a running node",
    .usage = "[OPTIONS] TARGET [-- ARGS...]",
    .description =
        "Sends the component TARGET (a file, or a directory with main.wasm or bin/main.wasm) to "
        "the node, which runs it as a cell with the standard streams of this command. It gets "
        "clocks and randomness, the variables of --env, and a membrane to graft on; no files.\n\n"
        "The cell ends with this command: SIGINT and SIGTERM end it with 137, a second signal "
        "does not wait for that.",
    .notes =
        "EXIT STATUS\n"
        "  What the guest said; 1 if it could not be run or the node went away; 2 for bad "
        "usage; 124 when its\n"
        "  time or a quota is used up, 134 after a trap, 137 when it was killed, 130 after SIGINT "
        "and 143 after SIGTERM.\n"
        "\n"
        "EXAMPLES\n"
        "  ww exec build/images/hello -- one two\n"
        "  echo text | ww exec --socket /run/node.sock filter.wasm\n",
    .operand = "target",
    .json = "one report object on the last line of standard error",
    .options = exec_options,
    .settings = WW_CLIENT_SETTINGS,
    .operands_min = 1,
    .operands_max = 1,
    .runs_guest = true,
    .run = run_exec,
};

/* --- shell --- */

static int run_shell(const ww_invocation *invocation)
{
    char image[WW_PATH_MAX];
    ww_diag diag;
    errand e = {.target = image, .invocation = invocation, .grant_operator = true};
    if (invocation->operand_count)
        e.target = invocation->operands[0];
    else if (ww_folders_find_image("shell", image, &diag))
        return ww_command_failed(&diag);
    return run_errand(&e);
}

const ww_command ww_command_shell = {
    .name = "shell",
    .summary = "open a shell on a running node",
    .usage = "[OPTIONS] [IMAGE] [-- ARGS...]",
    .description =
        "Runs the shell guest on the node, with the standard streams of this command and with "
        "the operator's authority. `help` in the shell lists its commands.\n\n"
        "IMAGE is another shell than the one that came with ww.",
    .notes = "EXIT STATUS\n"
             "  As of `ww exec`.\n",
    .operand = "image",
    .json = "one report object on the last line of standard error",
    .settings = WW_CLIENT_SETTINGS,
    .operands_max = 1,
    .runs_guest = true,
    .run = run_shell,
};
