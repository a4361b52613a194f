/* Invariants
 *  1. A program that is kept is in the list from newest to oldest and in the bucket of its hash; the
 *     list holds a reference.
 *  2. kept_bytes is the sum of the sizes of their components. A program that is no longer kept has no
 *     component.
 *  3. Of equal components at most one is kept or under way.
 *  4. A load is in the queue, waits for one compilation, or has its answer posted. In the queue, its
 *     hash is that of component[0, position), or it has a program that is equal so far.
 */
#include "node/programs.h"

typedef struct ww_kept_program {
    ww_loaded base;
    const ww_allocator *allocator;
    ww_program *program;
    struct ww_kept_program *newer, *older, *next_of_bucket;
    ww_content_hash hash;
    ww_buf component;
} kept_program;

typedef struct ww_compilation {
    ww_job job;
    ww_programs *programs;
    struct ww_compilation *next, **link;
    ww_load *first, **last; /* who waits for it */
    ww_view source;         /* of the first who asked, ... */
    ww_principal *payer;    /* and who pays for it, or NULL */
    ww_content_hash hash;
    kept_program *result;
    ww_status status;
    ww_diag diag;
} compilation;

/* --- what is kept */

static void free_program(ww_loaded *base)
{
    kept_program *kept = WW_CONTAINER_OF(base, kept_program, base);
    ww_program_unref(kept->program);
    ww_buf_deinit(&kept->component);
    ww_free(kept->allocator, kept, sizeof *kept);
}

static kept_program **bucket_of(ww_programs *programs, ww_content_hash hash)
{
    return &programs->buckets[hash.low % WW_PROGRAM_BUCKETS];
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
    kept_program **link = bucket_of(programs, kept->hash);
    while (*link != kept)
        link = &(*link)->next_of_bucket;
    *link = kept->next_of_bucket;
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
    kept_program **bucket = bucket_of(programs, kept->hash);
    kept->next_of_bucket = *bucket;
    *bucket = kept;
    programs->kept_count++;
    programs->kept_bytes += kept->component.size;
    while (programs->kept_count > WW_PROGRAMS_KEPT ||
           (programs->kept_bytes > WW_PROGRAM_BYTES_KEPT && programs->oldest != kept))
        forget(programs, programs->oldest);
}

static kept_program *find_kept(ww_programs *programs, ww_content_hash hash)
{
    kept_program *kept = *bucket_of(programs, hash);
    while (kept && !ww_content_hash_equal(kept->hash, hash))
        kept = kept->next_of_bucket;
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

/* With the program that it has, or else with its diag. */
static void answer(ww_programs *programs, ww_load *load)
{
    load->task = (ww_task){.run = tell};
    ww_loop_post(programs->loop, &load->task);
}

static void refuse(ww_programs *programs, ww_load *load, ww_status status, const char *text)
{
    ww_fail(&load->diag, status, "%s", text);
    answer(programs, load);
}

static void enqueue(ww_programs *programs, ww_load *load)
{
    load->next = NULL;
    *programs->last = load;
    programs->last = &load->next;
    ww_loop_post(programs->loop, &programs->task);
}

static void begin_comparing(ww_load *load, kept_program *kept)
{
    load->program = ww_loaded_ref(&kept->base);
    load->position = 0;
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
                           .hash = c->hash};
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

/* Whoever came first gets what was made of his own bytes. The others' hash the same, and are compared yet;
 * but a failure is told to them, too. */
static void answer_all(ww_programs *programs, compilation *c)
{
    for (ww_load *load = c->first, *next; load; load = next) {
        next = load->next;
        load->diag = c->diag;
        if (!c->status) begin_comparing(load, c->result);
        if (c->status || load == c->first)
            answer(programs, load);
        else
            enqueue(programs, load);
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
        if (c->payer) ww_principal_release(c->payer, WW_PRINCIPAL_COMPILATIONS, 1);
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

static ww_status start_job(ww_programs *programs, ww_load *load)
{
    compilation *c = ww_alloc_zeroed(programs->allocator, sizeof *c);
    if (!c) return WW_E_MEMORY;
    *c = (compilation){.job = {.work = work, .done = done},
                       .programs = programs,
                       .next = programs->compilations,
                       .link = &programs->compilations,
                       .source = load->component,
                       .payer = load->payer,
                       .hash = load->hash};
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

static ww_status compile(ww_programs *programs, ww_load *load)
{
    if (programs->compilation_count == WW_COMPILATIONS_MAX) return WW_E_BUSY;
    if (load->payer && !ww_principal_charge(load->payer, WW_PRINCIPAL_COMPILATIONS, 1))
        return WW_E_QUOTA;
    ww_status status = start_job(programs, load);
    if (status && load->payer) ww_principal_release(load->payer, WW_PRINCIPAL_COMPILATIONS, 1);
    return status;
}

static void compile_or_wait(ww_programs *programs, ww_load *load)
{
    for (compilation *c = programs->compilations; c; c = c->next)
        if (ww_content_hash_equal(c->hash, load->hash)) {
            wait_for(c, load);
            return;
        }
    ww_status status = compile(programs, load);
    if (status == WW_E_BUSY || status == WW_E_QUOTA)
        refuse(programs, load, WW_E_QUOTA, "quota: too many components are being loaded");
    else if (status)
        refuse(programs, load, status, "out of memory");
}

/* --- looking up */

/* Not so when it was forgotten meanwhile. */
static bool is_equal_at(const ww_load *load, ww_view portion)
{
    const kept_program *kept = WW_CONTAINER_OF(load->program, const kept_program, base);
    if (kept->component.size != load->component.size) return false;
    return ww_view_equal(portion, ww_view_of(kept->component.data + load->position, portion.size));
}

static bool compare(ww_programs *programs, ww_load *load, ww_view portion)
{
    bool is_equal = is_equal_at(load, portion);
    load->position += portion.size;
    if (is_equal && load->position < load->component.size) return true;
    if (is_equal) {
        answer(programs, load);
    } else {
        ww_loaded_unref(load->program);
        load->program = NULL;
        compile_or_wait(programs, load);
    }
    return false;
}

static bool hash(ww_programs *programs, ww_load *load, ww_view portion)
{
    ww_content_hash_add(&load->hash, &programs->key, portion);
    load->position += portion.size;
    if (load->position < load->component.size) return true;
    kept_program *kept = find_kept(programs, load->hash);
    if (kept)
        begin_comparing(load, kept);
    else
        compile_or_wait(programs, load);
    return kept;
}

/* Reads one portion of the component; true: there is more to do. */
static bool step(ww_programs *programs, ww_load *load)
{
    size_t size = load->component.size - load->position;
    if (size > WW_PROGRAM_PORTION) size = WW_PROGRAM_PORTION;
    ww_view portion = ww_view_of(load->component.data + load->position, size);
    return (load->program ? compare : hash)(programs, load, portion);
}

static ww_load *dequeue(ww_programs *programs)
{
    ww_load *load = programs->first;
    programs->first = load->next;
    if (!programs->first) programs->last = &programs->first;
    return load;
}

/* Those in the queue take turns. */
static void run(ww_task *task)
{
    ww_programs *programs = WW_CONTAINER_OF(task, ww_programs, task);
    ww_load *load = dequeue(programs);
    if (step(programs, load)) enqueue(programs, load);
    if (programs->first) ww_loop_post(programs->loop, task);
}

void ww_programs_load(ww_programs *programs, ww_view component, ww_load *load)
{
    load->component = component;
    load->position = 0;
    load->hash = (ww_content_hash){0};
    load->program = NULL;
    load->diag = (ww_diag){.status = WW_OK};
    if (component.size > WW_PROGRAM_PORTION)
        enqueue(programs, load);
    else
        while (step(programs, load))
            continue;
}

/* --- life */

void ww_programs_init(ww_programs *programs, const ww_allocator *allocator, ww_loop *loop,
                      ww_random *random, ww_program_maker maker)
{
    *programs =
        (ww_programs){.allocator = allocator, .loop = loop, .maker = maker, .task = {.run = run}};
    programs->last = &programs->first;
    ww_content_key_init(&programs->key, random);
}

void ww_programs_close(ww_programs *programs)
{
    programs->is_closed = true;
    ww_task_cancel(&programs->task);
    while (programs->oldest)
        forget(programs, programs->oldest);
}
