#include "os/loop_inside.h"

_Static_assert(sizeof(uv_work_t) <= sizeof(((ww_job *)0)->request), "uv_work_t fits");

static uv_work_t *request_of(ww_job *job)
{
    return (uv_work_t *)(void *)job->request;
}

static void work(uv_work_t *request)
{
    ww_job *job = request->data;
    job->work(job);
}

static void done(uv_work_t *request, int status)
{
    ww_job *job = request->data;
    job->done(job, status == UV_ECANCELED);
}

ww_status ww_job_start(ww_loop *loop, ww_job *job)
{
    job->loop = loop;
    uv_work_t *request = request_of(job);
    *request = (uv_work_t){.data = job};
    return uv_queue_work(&loop->uv, request, work, done) ? WW_E_MEMORY : WW_OK;
}

bool ww_job_cancel(ww_job *job)
{
    return uv_cancel((uv_req_t *)request_of(job)) == 0;
}

struct ww_signal {
    uv_signal_t uv;
    ww_loop *loop;
    ww_on_signal on;
};

static void raised(uv_signal_t *uv, int number)
{
    ww_signal *signal = WW_CONTAINER_OF(uv, ww_signal, uv);
    signal->on.raised(signal->on.self, number);
}

static void signal_closed(uv_handle_t *uv)
{
    ww_signal *signal = WW_CONTAINER_OF((uv_signal_t *)uv, ww_signal, uv);
    ww_free(signal->loop->allocator, signal, sizeof *signal);
}

ww_status ww_signal_new(ww_loop *loop, int number, ww_on_signal on, ww_signal **out)
{
    *out = NULL;
    ww_signal *signal = ww_alloc_zeroed(loop->allocator, sizeof *signal);
    if (!signal) return WW_E_MEMORY;
    signal->loop = loop;
    signal->on = on;
    loop->uv_due = true;
    int error = uv_signal_init(&loop->uv, &signal->uv);
    if (error) {
        ww_free(loop->allocator, signal, sizeof *signal);
        return WW_E_IO;
    }
    if (uv_signal_start(&signal->uv, raised, number)) {
        ww_signal_close(signal);
        return WW_E_IO;
    }
    *out = signal;
    return WW_OK;
}

void ww_signal_close(ww_signal *signal)
{
    if (!signal) return;
    signal->loop->uv_due = true;
    uv_close((uv_handle_t *)&signal->uv, signal_closed);
}
