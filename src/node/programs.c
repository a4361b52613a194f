/* Invariants
 *  1. A program that is kept is in the list from newest to oldest, and the list holds a reference.
 *  2. kept_bytes is the sum of the sizes of their components.
 *  3. Of equal components at most one is kept or under way.
 */
#include "node/programs.h"

typedef struct ww_kept_program {
    ww_loaded base;
    const ww_allocator *allocator;
    ww_program *program;
    struct ww_kept_program *newer, *older;
    uint64_t sample;
    ww_buf component;
} kept_program;

typedef struct ww_compilation {
    ww_job job;
    ww_programs *programs;
    struct ww_compilation *next, **link;
    ww_load *first, **last; /* who waits for it */
    ww_view source;         /* of the first who asked */
    uint64_t sample;
    kept_program *result;
    ww_status status;
    ww_diag diag;
} compilation;

/* Tells most components apart without reading them whole; they are compared afterwards. */
static uint64_t sample_of(ww_view component)
{
    enum { WORDS = 64 };
    uint64_t hash = component.size * UINT64_C(0x9e3779b97f4a7c15);
    size_t stride = component.size / WORDS + 8;
    for (size_t at = 0; at + 8 <= component.size; at += stride)
        hash = (hash ^ ww_le64(component.data + at)) * UINT64_C(0x100000001b3);
    return hash;
}

/* --- what is kept */

static void free_program(ww_loaded *base)
{
    kept_program *kept = WW_CONTAINER_OF(base, kept_program, base);
    ww_program_unref(kept->program);
    ww_buf_deinit(&kept->component);
    ww_free(kept->allocator, kept, sizeof *kept);
}

static void unlist(ww_programs *programs, kept_program *kept)
{
    *(kept->newer ? &kept->newer->older : &programs->newest) = kept->older;
    *(kept->older ? &kept->older->newer : &programs->oldest) = kept->newer;
}

static void list_as_newest(ww_programs *programs, kept_program *kept)
{
    kept->newer = NULL;
    kept->older = programs->newest;
    *(kept->older ? &kept->older->newer : &programs->oldest) = kept;
    programs->newest = kept;
}

static void forget(ww_programs *programs, kept_program *kept)
{
    unlist(programs, kept);
    programs->kept_count--;
    programs->kept_bytes -= kept->component.size;
    ww_buf_deinit(&kept->component);
    ww_loaded_unref(&kept->base);
}

static void keep(ww_programs *programs, kept_program *kept)
{
    ww_loaded_ref(&kept->base);
    list_as_newest(programs, kept);
    programs->kept_count++;
    programs->kept_bytes += kept->component.size;
    while (programs->kept_count > WW_PROGRAMS_KEPT ||
           (programs->kept_bytes > WW_PROGRAM_BYTES_KEPT && programs->oldest != kept))
        forget(programs, programs->oldest);
}

static kept_program *find_kept(ww_programs *programs, ww_view component, uint64_t sample)
{
    kept_program *kept = programs->newest;
    while (kept &&
           (kept->sample != sample || !ww_view_equal(ww_buf_view(&kept->component), component)))
        kept = kept->older;
    if (!kept) return NULL;
    unlist(programs, kept);
    list_as_newest(programs, kept);
    return kept;
}

ww_program *ww_programs_program(const ww_loaded *loaded)
{
    return WW_CONTAINER_OF(loaded, const kept_program, base)->program;
}

/* --- answers */

static void tell(ww_task *task)
{
    ww_load *load = WW_CONTAINER_OF(task, ww_load, task);
    load->done(load, load->program, &load->diag);
}

static void answer(ww_programs *programs, ww_load *load, ww_loaded *program)
{
    load->program = program ? ww_loaded_ref(program) : NULL;
    load->task = (ww_task){.run = tell};
    ww_loop_post(programs->loop, &load->task);
}

static void refuse(ww_programs *programs, ww_load *load, ww_status status, const char *text)
{
    ww_fail(&load->diag, status, "%s", text);
    answer(programs, load, NULL);
}

/* --- compiling */

static ww_status make(compilation *c)
{
    const ww_programs *programs = c->programs;
    ww_program *program;
    ww_status status = programs->maker.compile(programs->maker.self, c->source, &program, &c->diag);
    if (status) return status;
    kept_program *kept = ww_alloc_zeroed(programs->allocator, sizeof *kept);
    if (!kept) {
        ww_program_unref(program);
        return ww_fail(&c->diag, WW_E_MEMORY, "out of memory");
    }
    *kept = (kept_program){.base = {1, free_program},
                           .allocator = programs->allocator,
                           .program = program,
                           .sample = c->sample};
    ww_buf_init(&kept->component, programs->allocator, c->source.size);
    c->result = kept;
    status = ww_buf_append(&kept->component, c->source.data, c->source.size);
    return status ? ww_fail(&c->diag, status, "out of memory") : WW_OK;
}

static void work(ww_job *job)
{
    compilation *c = WW_CONTAINER_OF(job, compilation, job);
    c->status = make(c);
}

static void answer_all(ww_programs *programs, compilation *c)
{
    while (c->first) {
        ww_load *load = c->first;
        c->first = load->next;
        load->diag = c->diag;
        answer(programs, load, c->status ? NULL : &c->result->base);
    }
}

static void done(ww_job *job, bool canceled)
{
    compilation *c = WW_CONTAINER_OF(job, compilation, job);
    ww_programs *programs = c->programs;
    if (canceled) c->status = ww_fail(&c->diag, WW_E_CANCELED, "loading was canceled");
    *c->link = c->next;
    if (c->next) c->next->link = c->link;
    programs->compilation_count--;
    programs->compiled++;
    if (!programs->is_closed) {
        answer_all(programs, c);
        if (!c->status) keep(programs, c->result);
    }
    if (c->result) ww_loaded_unref(&c->result->base);
    ww_free(programs->allocator, c, sizeof *c);
}

static void wait_for(compilation *c, ww_load *load)
{
    load->next = NULL;
    *c->last = load;
    c->last = &load->next;
}

static ww_status compile(ww_programs *programs, ww_view component, uint64_t sample, ww_load *load)
{
    if (programs->compilation_count == WW_COMPILATIONS_MAX) return WW_E_BUSY;
    compilation *c = ww_alloc_zeroed(programs->allocator, sizeof *c);
    if (!c) return WW_E_MEMORY;
    *c = (compilation){.job = {.work = work, .done = done},
                       .programs = programs,
                       .next = programs->compilations,
                       .link = &programs->compilations,
                       .source = component,
                       .sample = sample};
    c->last = &c->first;
    ww_status status = ww_job_start(programs->loop, &c->job);
    if (status) {
        ww_free(programs->allocator, c, sizeof *c);
        return status;
    }
    if (c->next) c->next->link = &c->next;
    programs->compilations = c;
    programs->compilation_count++;
    wait_for(c, load);
    return WW_OK;
}

void ww_programs_load(ww_programs *programs, ww_view component, ww_load *load)
{
    uint64_t sample = sample_of(component);
    kept_program *kept = find_kept(programs, component, sample);
    if (kept) {
        answer(programs, load, &kept->base);
        return;
    }
    for (compilation *c = programs->compilations; c; c = c->next)
        if (c->sample == sample && ww_view_equal(c->source, component)) {
            wait_for(c, load);
            return;
        }
    ww_status status = compile(programs, component, sample, load);
    if (status == WW_E_BUSY)
        refuse(programs, load, status, "too many components are being loaded");
    else if (status)
        refuse(programs, load, status, "out of memory");
}

/* --- life */

void ww_programs_init(ww_programs *programs, const ww_allocator *allocator, ww_loop *loop,
                      ww_program_maker maker)
{
    *programs = (ww_programs){.allocator = allocator, .loop = loop, .maker = maker};
}

void ww_programs_close(ww_programs *programs)
{
    programs->is_closed = true;
    while (programs->oldest)
        forget(programs, programs->oldest);
}
