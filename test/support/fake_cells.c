#include "support/fake_cells.h"
#include <errno.h>
#include <stdlib.h>

/* ---- pipes ---- */

typedef struct fake_pipe {
    ww_source source;
    ww_sink sink;
    bool has_source, has_sink;
    size_t first, used;
    ww_waiters readers, writers;
    uint8_t bytes[FAKE_PIPE_SIZE];
} fake_pipe;

static fake_pipe *of_source(ww_source *source)
{
    return WW_CONTAINER_OF(source, fake_pipe, source);
}

static fake_pipe *of_sink(ww_sink *sink)
{
    return WW_CONTAINER_OF(sink, fake_pipe, sink);
}

static ww_status source_read(ww_source *source, void *out, size_t size, size_t *got)
{
    fake_pipe *p = of_source(source);
    *got = p->used < size ? p->used : size;
    for (size_t i = 0; i < *got; i++)
        ((uint8_t *)out)[i] = p->bytes[(p->first + i) % FAKE_PIPE_SIZE];
    p->first = (p->first + *got) % FAKE_PIPE_SIZE;
    p->used -= *got;
    if (*got) ww_waiters_wake(&p->writers);
    if (*got || !size) return WW_OK;
    return p->has_sink ? WW_AGAIN : WW_E_CLOSED;
}

static bool source_ready(ww_source *source)
{
    fake_pipe *p = of_source(source);
    return p->used || !p->has_sink;
}

static ww_status source_wait(ww_source *source, ww_waiter *waiter, ww_waker *waker)
{
    if (source_ready(source))
        waker->wake(waker);
    else
        ww_waiters_add(&of_source(source)->readers, waiter, waker);
    return WW_OK;
}

static void free_if_unused(fake_pipe *p)
{
    if (p->has_source || p->has_sink) return;
    ww_waiters_detach(&p->readers);
    ww_waiters_detach(&p->writers);
    free(p);
}

static void source_free(ww_source *source)
{
    fake_pipe *p = of_source(source);
    p->has_source = false;
    p->sink.error = EPIPE;
    ww_waiters_wake(&p->writers);
    free_if_unused(p);
}

static size_t sink_room(ww_sink *sink)
{
    fake_pipe *p = of_sink(sink);
    return sink->error ? 0 : FAKE_PIPE_SIZE - p->used;
}

static void sink_put(ww_sink *sink, ww_view bytes)
{
    fake_pipe *p = of_sink(sink);
    assert_true(sink->error || bytes.size <= FAKE_PIPE_SIZE - p->used);
    if (sink->error) return;
    for (size_t i = 0; i < bytes.size; i++)
        p->bytes[(p->first + p->used + i) % FAKE_PIPE_SIZE] = bytes.data[i];
    p->used += bytes.size;
    ww_waiters_wake(&p->readers);
}

static ww_status sink_flush(ww_sink *sink)
{
    return sink->error ? WW_E_IO : WW_OK;
}

static ww_status sink_wait(ww_sink *sink, ww_waiter *waiter, ww_waker *waker)
{
    if (sink_room(sink) || sink->error)
        waker->wake(waker);
    else
        ww_waiters_add(&of_sink(sink)->writers, waiter, waker);
    return WW_OK;
}

static void sink_abandon(ww_sink *sink)
{
    sink->error = EPIPE;
}

static void sink_free(ww_sink *sink)
{
    fake_pipe *p = of_sink(sink);
    p->has_sink = false;
    ww_waiters_wake(&p->readers);
    free_if_unused(p);
}

void fake_pipe_new(ww_source **source, ww_sink **sink)
{
    static const ww_source_class source_class = {source_read, source_ready, source_wait,
                                                 source_free};
    static const ww_sink_class sink_class = {sink_room, sink_put,     sink_flush,
                                             sink_wait, sink_abandon, sink_free};
    fake_pipe *p = calloc(1, sizeof *p);
    p->source = (ww_source){.class = &source_class, .refs = 1};
    p->sink = (ww_sink){.class = &sink_class, .refs = 1};
    p->has_source = p->has_sink = true;
    *source = &p->source;
    *sink = &p->sink;
}

/* ---- cells ---- */

static void close_ends(fake_cell *cell)
{
    ww_source_unref(cell->input);
    ww_sink_unref(cell->output);
    ww_sink_unref(cell->errors);
    ww_capnp_cap_unref(cell->bootstrap);
    ww_capnp_cap_unref(cell->exports);
    cell->input = NULL;
    cell->output = cell->errors = NULL;
    cell->bootstrap = cell->exports = NULL;
}

void fake_cell_exit(fake_cell *cell, int32_t code)
{
    if (cell->base.has_ended) return;
    cell->base.has_ended = true;
    cell->base.exit_code = code;
    close_ends(cell);
    ww_waiters_wake(&cell->base.on_exit);
    ww_process_unref(&cell->base); /* its own */
}

static void cell_kill(ww_process *process, int32_t code)
{
    fake_cell *cell = WW_CONTAINER_OF(process, fake_cell, base);
    cell->kills++;
    if (!cell->is_stubborn) fake_cell_exit(cell, code);
}

static ww_status cell_bootstrap(ww_process *process, ww_capnp_cap **out)
{
    *out = ww_capnp_cap_ref(WW_CONTAINER_OF(process, fake_cell, base)->exports);
    return *out ? WW_OK : WW_E_MISSING;
}

static void cell_tell_end(ww_process *process)
{
    WW_CONTAINER_OF(process, fake_cell, base)->is_told = true;
}

static void cell_free(ww_process *process)
{
    fake_cell *cell = WW_CONTAINER_OF(process, fake_cell, base);
    assert_true(process->has_ended);
    assert_null(process->input);
    assert_null(process->output);
    assert_null(process->errors);
    cell->all->cells[process->cell] = NULL;
    ww_waiters_detach(&process->on_exit);
    free(cell);
}

const char *fake_cell_read(fake_cell *cell, char *out, size_t size)
{
    size_t got = 0;
    ww_status status = ww_source_read(cell->input, out, size - 4, &got);
    out[got] = '\0';
    return strcat(out, status == WW_E_CLOSED ? "EOF" : "");
}

size_t fake_cell_write(fake_cell *cell, ww_sink *sink, const void *data, size_t size)
{
    (void)cell;
    size_t room = ww_sink_room(sink), put = room < size ? room : size;
    ww_sink_put(sink, ww_view_of(data, put));
    return put;
}

static void copy_strings(char (*to)[32], const ww_view *from, uint32_t count)
{
    for (uint32_t i = 0; i < count && i < 8; i++) {
        size_t size = from[i].size < 31 ? from[i].size : 31;
        if (size) memcpy(to[i], from[i].data, size);
    }
}

static ww_process *new_cell(fake_cells *all, const ww_spawn_request *request)
{
    static const ww_process_class class = {cell_kill, cell_bootstrap, cell_tell_end, cell_free};
    fake_cell *cell = calloc(1, sizeof *cell);
    assert_true(all->count < FAKE_CELLS_MAX);
    cell->base = (ww_process){.class = &class, .refs = 2, .cell = all->count};
    cell->all = all;
    fake_pipe_new(&cell->input, &cell->base.input);
    fake_pipe_new(&cell->base.output, &cell->output);
    fake_pipe_new(&cell->base.errors, &cell->errors);
    cell->bootstrap = ww_capnp_cap_ref(request->bootstrap);
    cell->arg_count = request->arg_count;
    cell->env_count = request->env_count;
    copy_strings(cell->args, request->args, request->arg_count);
    copy_strings(cell->env, request->env, request->env_count);
    all->cells[all->count++] = cell;
    return &cell->base;
}

/* ---- the spawner ---- */

typedef struct fake_program {
    ww_loaded base;
    fake_cells *all;
    bool cannot_start;
} fake_program;

typedef struct fake_errand {
    struct fake_errand *next;
    ww_load *load;
    ww_spawn *spawn;
    ww_loaded *program;
    ww_process *process;
    ww_diag diag;
} fake_errand;

static fake_errand *note(fake_cells *all, fake_errand errand)
{
    fake_errand *e = malloc(sizeof *e);
    *e = errand;
    *all->last = e;
    all->last = &e->next;
    if (!all->is_slow) ww_loop_post(all->loop, &all->task);
    return e;
}

static void program_free(ww_loaded *base)
{
    fake_program *program = WW_CONTAINER_OF(base, fake_program, base);
    program->all->loaded--;
    free(program);
}

static void load(ww_spawner *base, ww_view bytes, ww_load *load)
{
    fake_cells *all = WW_CONTAINER_OF(base, fake_cells, base);
    fake_errand e = {.load = load};
    all->loads++;
    if (!bytes.size || ww_view_starts(bytes, "bad: ")) {
        ww_view rest = bytes.size ? ww_view_of(bytes.data + 5, bytes.size - 5)
                                  : WW_VIEW_LITERAL("an empty component");
        (void)ww_fail(&e.diag, WW_E_INVALID, "%.*s", WW_VIEW_ARG(rest));
    } else {
        fake_program *program = calloc(1, sizeof *program);
        program->base = (ww_loaded){1, program_free};
        program->all = all;
        program->cannot_start = ww_view_is(bytes, "no start");
        all->loaded++;
        e.program = &program->base;
    }
    note(all, e);
}

static void spawn(ww_spawner *base, const ww_spawn_request *request, ww_spawn *spawn)
{
    fake_cells *all = WW_CONTAINER_OF(base, fake_cells, base);
    fake_errand e = {.spawn = spawn};
    if (WW_CONTAINER_OF(request->program, fake_program, base)->cannot_start)
        (void)ww_fail(&e.diag, WW_E_TIMEOUT, "guest component instantiation timed out");
    else
        e.process = new_cell(all, request);
    note(all, e);
}

void fake_cells_answer(fake_cells *all)
{
    fake_errand *now = all->first; /* what these ask for in turn waits for the next time */
    all->first = NULL;
    all->last = &all->first;
    for (fake_errand *e; (e = now);) {
        now = e->next;
        if (e->load)
            e->load->done(e->load, e->program, &e->diag);
        else
            e->spawn->done(e->spawn, e->process, &e->diag);
        free(e);
    }
}

static void answer_task(ww_task *task)
{
    fake_cells_answer(WW_CONTAINER_OF(task, fake_cells, task));
}

void fake_cells_init(fake_cells *all, ww_loop *loop)
{
    *all = (fake_cells){.base = {load, spawn}, .loop = loop, .task.run = answer_task};
    all->last = &all->first;
}

void fake_cells_deinit(fake_cells *all)
{
    while (all->first)
        fake_cells_answer(all);
    ww_task_cancel(&all->task);
    for (uint32_t i = 0; i < all->count; i++)
        if (all->cells[i]) fake_cell_exit(all->cells[i], 0);
}
