/* Invariants
 *  1. A child is in the spawner's list, on the roster, and holds a reference to itself, exactly while
 *     it has a cell.
 *  2. The child's ends of the pipes belong to its cell alone: when that goes, they close.
 *  3. A child is told to its asker after its cell's first turn: what fails in instantiating it is a
 *     failure of the spawn.
 */
#include "node/spawner.h"
#include "base/utf8.h"
#include "resource/pipe.h"

enum { EXIT_TRAPPED = 134, EXIT_USED_UP = 124 };

typedef struct ww_child {
    ww_process base;
    const ww_allocator *allocator;
    ww_node_spawner *spawner;
    struct ww_child *next, **link;
    ww_cell *cell; /* NULL once it ended */
    ww_roster_entry entry;
    ww_spawn *spawn; /* who is to be told yet, or NULL */
    ww_account *account;
    bool is_killed, may_link;
    int32_t kill_code;
    char *message; /* once it ended badly; NULL when memory is short */
    ww_view *args;
    ww_env *env;
    uint32_t arg_count, env_count, env_room;
    uint8_t *text; /* of args and env */
    size_t text_size;
} ww_child;

static ww_child *child_of(ww_process *process)
{
    return WW_CONTAINER_OF(process, ww_child, base);
}

/* --- the end */

static void free_words(ww_child *child)
{
    ww_free(child->allocator, child->args, child->arg_count * sizeof *child->args);
    ww_free(child->allocator, child->env, child->env_room * sizeof *child->env);
    ww_free(child->allocator, child->text, child->text_size);
    child->args = NULL;
    child->env = NULL;
    child->text = NULL;
}

static void child_free(ww_process *process)
{
    ww_child *child = child_of(process);
    free_words(child);
    if (child->message) ww_free(child->allocator, child->message, process->message.size);
    ww_account_unref(child->account);
    ww_free(child->allocator, child, sizeof *child);
}

static int32_t exit_code_of(const ww_child *child, const ww_cell_facts *facts)
{
    switch (facts->status) {
    case WW_OK: return facts->exit_code;
    case WW_E_CANCELED: return child->kill_code;
    case WW_E_TIMEOUT:
    case WW_E_QUOTA: return EXIT_USED_UP;
    default: return EXIT_TRAPPED;
    }
}

static ww_process_cause cause_of(const ww_cell_facts *facts)
{
    switch (facts->status) {
    case WW_OK: return WW_PROCESS_EXITED;
    case WW_E_CANCELED: return WW_PROCESS_KILLED;
    case WW_E_TIMEOUT: return WW_PROCESS_TIMED_OUT;
    case WW_E_QUOTA: return WW_PROCESS_USED_UP;
    default: return WW_PROCESS_TRAPPED;
    }
}

/* The cell goes, and its texts with it. */
static void keep_message(ww_child *child, ww_view text)
{
    size_t size = text.size < WW_PROCESS_MESSAGE_MAX ? text.size : WW_PROCESS_MESSAGE_MAX;
    child->message = size ? ww_alloc(child->allocator, size) : NULL;
    if (!child->message) return;
    memcpy(child->message, text.data, size);
    ww_text_make_plain(child->message, size);
    child->base.message = ww_view_of(child->message, size);
}

static void leave(ww_child *child)
{
    *child->link = child->next;
    if (child->next) child->next->link = child->link;
    ww_roster_leave(child->spawner->options.roster, &child->entry);
    ww_cell_free(child->cell);
    child->cell = NULL;
    free_words(child);
}

/* The guest never began: says why to whoever asked for it, unless he was told already. */
static void note_start(const ww_child *child, const ww_cell_facts *facts)
{
    bool has_failed = facts->status == WW_E_LIMIT || facts->status == WW_E_MEMORY ||
                      facts->status == WW_E_MISMATCH || facts->status == WW_E_MISSING;
    if (child->spawn && has_failed)
        ww_fail(&child->spawn->diag, facts->status, "%.*s", WW_VIEW_ARG(facts->text));
}

static void await_summary(ww_node_spawner *spawner)
{
    uint64_t due_ns = ww_endings_due_ns(&spawner->endings);
    if (due_ns == UINT64_MAX)
        ww_timer_stop(spawner->options.loop, &spawner->summary);
    else
        ww_timer_start(spawner->options.loop, &spawner->summary, due_ns);
}

static void summary_is_due(ww_timer *timer)
{
    ww_node_spawner *spawner = WW_CONTAINER_OF(timer, ww_node_spawner, summary);
    ww_endings_sum_up(&spawner->endings, *ww_loop_turn_ns(spawner->options.loop));
    await_summary(spawner);
}

/* Whoever kills it knows. */
static void note_end(const ww_child *child, const ww_cell_facts *facts)
{
    ww_node_spawner *spawner = child->spawner;
    if (facts->status == WW_E_CANCELED) return;
    const ww_ending ending = {
        .account = child->account,
        .cell = child->base.cell,
        .starter = child->entry.parent,
        .is_used_up = facts->status == WW_E_QUOTA,
        .text = facts->text,
    };
    ww_endings_tell(&spawner->endings, &ending, *ww_loop_turn_ns(spawner->options.loop));
    await_summary(spawner);
}

static void ended(void *self)
{
    ww_child *child = self;
    ww_cell_facts facts = ww_cell_facts_of(child->cell);
    note_start(child, &facts);
    if (facts.status && facts.text.size) note_end(child, &facts);
    child->base.exit_code = exit_code_of(child, &facts);
    child->base.cause = cause_of(&facts);
    if (facts.status) keep_message(child, facts.text);
    child->base.has_ended = true;
    ww_log_print(child->spawner->options.log, WW_LOG_DEBUG, "ww::cell", "cell %u ended with %d",
                 child->base.cell, child->base.exit_code);
    leave(child);
    ww_waiters_wake(&child->base.on_exit);
    ww_process_unref(&child->base);
}

/* --- what a process can be asked */

static void child_kill(ww_process *process, int32_t exit_code)
{
    ww_child *child = child_of(process);
    if (!child->cell || child->is_killed) return;
    child->is_killed = true;
    child->kill_code = exit_code;
    child->entry.is_ending = true;
    ww_cell_end(child->cell, WW_E_CANCELED);
}

/* A link that is not there yet may come: the question waits for it. */
static ww_status child_bootstrap(ww_process *process, ww_capnp_cap **out)
{
    ww_child *child = child_of(process);
    ww_capnp_conn *conn = child->cell && child->may_link ? ww_cell_conn(child->cell) : NULL;
    *out = conn ? ww_capnp_conn_bootstrap(conn) : NULL;
    if (!conn) return WW_E_MISSING;
    return *out ? WW_OK : WW_E_MEMORY;
}

static void child_tell_end(ww_process *process)
{
    child_of(process)->entry.is_ending = true;
}

static void kill_from_roster(ww_roster_entry *entry)
{
    child_kill(&WW_CONTAINER_OF(entry, ww_child, entry)->base, WW_EXIT_KILLED);
}

/* --- making one */

static bool add_sizes(const ww_view *words, uint32_t count, size_t *sum)
{
    for (uint32_t i = 0; i < count; i++)
        if (!ww_size_add(*sum, words[i].size, sum) || *sum > WW_SPAWN_BYTES_MAX) return false;
    return true;
}

static ww_view copy_word(uint8_t **to, ww_view word)
{
    ww_view copy = ww_view_of(*to, word.size);
    if (word.size) memcpy(*to, word.data, word.size);
    *to += word.size;
    return copy;
}

/* What has no = is no variable, and left out. */
static void add_variable(ww_child *child, ww_view word)
{
    const uint8_t *equal = word.size ? memchr(word.data, '=', word.size) : NULL;
    if (!equal) return;
    size_t name = (size_t)(equal - word.data);
    child->env[child->env_count++] =
        (ww_env){ww_view_of(word.data, name), ww_view_of(equal + 1, word.size - name - 1)};
}

static ww_status copy_words(ww_child *child, const ww_spawn_request *request, ww_diag *diag)
{
    size_t size = 1;
    if (!add_sizes(request->args, request->arg_count, &size) ||
        !add_sizes(request->env, request->env_count, &size))
        return ww_fail(diag, WW_E_LIMIT, "more than %d bytes of arguments and variables",
                       WW_SPAWN_BYTES_MAX);
    child->text = ww_alloc(child->allocator, size);
    child->args = ww_alloc_array(child->allocator, request->arg_count + 1, sizeof *child->args);
    child->env = ww_alloc_array(child->allocator, request->env_count + 1, sizeof *child->env);
    child->text_size = size;
    child->arg_count = request->arg_count + 1;
    child->env_room = request->env_count + 1;
    if (!child->text || !child->args || !child->env)
        return ww_fail(diag, WW_E_MEMORY, "out of memory");
    uint8_t *to = child->text;
    for (uint32_t i = 0; i < request->arg_count; i++)
        child->args[i] = copy_word(&to, request->args[i]);
    for (uint32_t i = 0; i < request->env_count; i++)
        add_variable(child, copy_word(&to, request->env[i]));
    return WW_OK;
}

/* The guest's ends of its pipes. */
typedef struct guest_ends {
    ww_source *input;
    ww_sink *output, *errors;
} guest_ends;

static void close_ends(const guest_ends *ends)
{
    ww_source_unref(ends->input);
    ww_sink_unref(ends->output);
    ww_sink_unref(ends->errors);
}

static ww_status open_pipes(ww_child *child, guest_ends *ends, ww_diag *diag)
{
    const ww_allocator *allocator = child->allocator;
    ww_status status = ww_pipe_new(allocator, &ends->input, &child->base.input);
    if (!status) status = ww_pipe_new(allocator, &child->base.output, &ends->output);
    if (!status) status = ww_pipe_new(allocator, &child->base.errors, &ends->errors);
    return status ? ww_fail(diag, status, "out of memory") : WW_OK;
}

static ww_status start_cell(ww_child *child, const ww_spawn_request *request,
                            const guest_ends *ends, ww_diag *diag)
{
    const ww_node_spawner_options *options = &child->spawner->options;
    ww_wasi_options wasi = {
        .loop = options->loop,
        .allocator = options->allocator,
        .random = options->random,
        .args = child->args,
        .arg_count = request->arg_count,
        .env = child->env,
        .env_count = child->env_count,
        .input = ends->input,
        .output = ends->output,
        .error = ends->errors,
    };
    ww_cell_options cell = {
        .ticker = options->ticker,
        .program = ww_programs_program(request->program),
        .wasi = &wasi,
        .principal = &child->account->principal,
        .authority = options->authority,
        .audit = options->audit,
        .capabilities = options->capabilities,
        .number = child->base.cell,
        .memory_bytes_max = options->memory_bytes_max,
        .rpc = options->rpc,
        .bootstrap = request->bootstrap,
        .on_end = {child, ended},
    };
    return ww_cell_new(&cell, options->allocator, &child->cell, diag);
}

static void join(ww_child *child, const ww_spawn_request *request)
{
    ww_node_spawner *spawner = child->spawner;
    ww_view name = request->name;
    if (!name.size) name = request->arg_count ? child->args[0] : WW_VIEW_LITERAL("cell");
    child->entry.parent = request->parent;
    ww_roster_join(spawner->options.roster, &child->entry, name);
    child->base.cell = child->entry.number;
}

static void list(ww_child *child)
{
    ww_node_spawner *spawner = child->spawner;
    child->entry.started_ns = *ww_loop_turn_ns(spawner->options.loop);
    child->entry.cell = child->cell;
    child->entry.principal = &child->account->principal;
    child->entry.allowance = &child->account->allowance;
    child->entry.kill = kill_from_roster;
    child->next = spawner->children;
    child->link = &spawner->children;
    if (child->next) child->next->link = &child->next;
    spawner->children = child;
    ww_process_ref(&child->base); /* its own */
}

static ww_status start(ww_child *child, const ww_spawn_request *request, ww_diag *diag)
{
    guest_ends ends = {.input = NULL};
    ww_status status = copy_words(child, request, diag);
    if (!status) status = open_pipes(child, &ends, diag);
    if (!status) {
        join(child, request);
        status = start_cell(child, request, &ends, diag);
        if (status)
            ww_roster_leave(child->spawner->options.roster, &child->entry);
        else
            list(child);
    }
    close_ends(&ends); /* the cell has its own references */
    return status;
}

static void give_up(ww_process *process)
{
    ww_sink_unref(process->input);
    ww_source_unref(process->output);
    ww_source_unref(process->errors);
    ww_process_unref(process);
}

static ww_process *make(ww_node_spawner *spawner, const ww_spawn_request *request, ww_diag *diag)
{
    static const ww_process_class class = {child_kill, child_bootstrap, child_tell_end, child_free};
    const ww_node_spawner_options *options = &spawner->options;
    ww_child *child = ww_alloc_zeroed(options->allocator, sizeof *child);
    if (!child) {
        ww_fail(diag, WW_E_MEMORY, "out of memory");
        return NULL;
    }
    child->base = (ww_process){.class = &class, .refs = 1};
    child->allocator = options->allocator;
    child->spawner = spawner;
    child->account = ww_account_ref(request->account);
    child->may_link = ww_program_imports(ww_programs_program(request->program),
                                         WW_VIEW_LITERAL("wetware:streams/streams"));
    if (!start(child, request, diag)) return &child->base;
    give_up(&child->base);
    return NULL;
}

/* --- the spawner */

/* The cell has had its first turn. */
static void look_at_start(ww_spawn *spawn)
{
    ww_child *child = child_of(spawn->process);
    if (child->cell) {
        ww_cell_facts facts = ww_cell_facts_of(child->cell);
        note_start(child, &facts);
    }
    child->spawn = NULL;
    if (!spawn->diag.status) return;
    give_up(spawn->process);
    spawn->process = NULL;
}

static void tell(ww_task *task)
{
    ww_spawn *spawn = WW_CONTAINER_OF(task, ww_spawn, task);
    if (spawn->process) look_at_start(spawn);
    spawn->done(spawn, spawn->process, &spawn->diag);
}

static ww_node_spawner *spawner_of(ww_spawner *base)
{
    return WW_CONTAINER_OF(base, ww_node_spawner, base);
}

static void spawn(ww_spawner *base, const ww_spawn_request *request, ww_spawn *spawn)
{
    ww_node_spawner *spawner = spawner_of(base);
    spawn->diag = (ww_diag){.status = WW_OK};
    spawn->process = make(spawner, request, &spawn->diag);
    if (spawn->process) child_of(spawn->process)->spawn = spawn;
    spawn->task = (ww_task){.run = tell};
    ww_loop_post(spawner->options.loop, &spawn->task);
}

static void load(ww_spawner *base, ww_view component, ww_load *load)
{
    ww_programs_load(&spawner_of(base)->programs, component, load);
}

void ww_node_spawner_init(ww_node_spawner *spawner, const ww_node_spawner_options *options)
{
    *spawner = (ww_node_spawner){.base = {load, spawn}, .options = *options};
    ww_endings_init(&spawner->endings, options->log);
    spawner->summary.fire = summary_is_due;
    ww_programs_init(&spawner->programs, options->allocator, options->loop, options->random,
                     options->maker);
}

void ww_node_spawner_close(ww_node_spawner *spawner)
{
    if (spawner->options.loop) ww_timer_stop(spawner->options.loop, &spawner->summary);
    while (spawner->children) {
        ww_child *child = spawner->children;
        child->base.exit_code = WW_EXIT_KILLED;
        child->base.cause = WW_PROCESS_KILLED;
        child->base.has_ended = true;
        leave(child);
        ww_waiters_wake(&child->base.on_exit);
        ww_process_unref(&child->base);
    }
    ww_programs_close(&spawner->programs);
}
