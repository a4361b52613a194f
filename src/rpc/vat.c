/* Invariants
 *  1. A port is noted, or a delivery waits => `is_running`, or the task is posted.
 *  2. `last` points to the NULL that ends the list. */
#include "rpc/vat.h"
#include "os/fd.h"

static void post(ww_rpc_vat *self)
{
    if (!self->is_running) ww_loop_post_last(self->loop, &self->task);
}

static void vat_woke(ww_capnp_wake *wake)
{
    post(WW_CONTAINER_OF(wake, ww_rpc_vat, wake));
}

static void close_fd(ww_capnp_fds *self, int fd)
{
    (void)self;
    ww_fd_close_number(fd);
}

void ww_rpc_note(ww_rpc_vat *self, ww_rpc_port *port)
{
    if (port->link) return;
    port->next = NULL;
    port->link = self->last;
    *self->last = port;
    self->last = &port->next;
    post(self);
}

void ww_rpc_drop(ww_rpc_vat *self, ww_rpc_port *port)
{
    if (!port->link) return;
    *port->link = port->next;
    if (port->next) port->next->link = port->link;
    if (self->last == &port->next) self->last = port->link;
    port->next = NULL;
    port->link = NULL;
}

static void run(ww_task *task)
{
    ww_rpc_vat *self = WW_CONTAINER_OF(task, ww_rpc_vat, task);
    bool waits = true;
    self->is_running = true;
    for (uint32_t left = WW_RPC_DELIVERIES_PER_TURN; left && (waits || self->first); left--) {
        ww_rpc_port *port = self->first;
        if (waits) {
            waits = ww_capnp_vat_run(self->vat, 1);
        } else {
            ww_rpc_drop(self, port);
            port->turn(port);
            waits = true;
        }
    }
    self->is_running = false;
    if (waits || self->first) post(self);
}

ww_status ww_rpc_vat_init(ww_rpc_vat *self, ww_loop *loop, const ww_capnp_limits *limits)
{
    *self = (ww_rpc_vat){.loop = loop, .wake = {vat_woke}, .fds = {close_fd}, .task = {.run = run}};
    self->last = &self->first;
    self->vat = ww_capnp_vat_new(ww_loop_allocator(loop), limits);
    if (!self->vat) return WW_E_MEMORY;
    ww_capnp_vat_on_work(self->vat, &self->wake);
    ww_capnp_vat_on_fds(self->vat, &self->fds);
    return WW_OK;
}

void ww_rpc_vat_deinit(ww_rpc_vat *self)
{
    if (!self->vat) return;
    ww_capnp_vat_free(self->vat);
    self->vat = NULL;
    ww_task_cancel(&self->task);
}
