/* File descriptors that belong to capabilities: of servers, to be sent along; of imports, as they came.
 *
 * Invariants
 * A1  An entry of vat->attached goes before its capability; one that came (`is_ours`) is closed then.
 * A2  conn->fds are those of the message that arrives or is being read; what no descriptor has claimed by the end of
 *     the message is closed.
 */
#include "capnp/conn_state.h"

struct capnp_attached {
    struct capnp_attached *next;
    const ww_capnp_cap *cap;
    int fd;
    bool is_ours;
};

static void close_fd(ww_capnp_vat *vat, int fd)
{
    if (fd >= 0) vat->fds->close(vat->fds, fd);
}

void ww_capnp_vat_on_fds(ww_capnp_vat *vat, ww_capnp_fds *fds)
{
    vat->fds = fds;
}

static struct capnp_attached **find(const ww_capnp_cap *cap)
{
    struct capnp_attached **at = &cap->vat->attached;
    while (*at && (*at)->cap != cap)
        at = &(*at)->next;
    return at;
}

static ww_status attach(ww_capnp_cap *cap, int fd, bool is_ours)
{
    ww_capnp_vat *vat = cap->vat;
    if (vat->attached_count == WW_CAPNP_ATTACHED_MAX) return WW_E_LIMIT;
    struct capnp_attached *a = ww_alloc(vat->allocator, sizeof *a);
    if (!a) return WW_E_MEMORY;
    *a = (struct capnp_attached){vat->attached, cap, fd, is_ours};
    vat->attached = a;
    vat->attached_count++;
    return WW_OK;
}

ww_status ww_capnp_server_attach_fd(ww_capnp_cap *cap, int fd)
{
    WW_ASSERT(capnp_server_of(cap) && fd >= 0 && !*find(cap));
    return attach(cap, fd, false);
}

int ww_capnp_cap_fd(ww_capnp_cap *cap)
{
    if (!cap || !cap->vat->attached) return -1;
    const struct capnp_attached *a = *find(capnp_follow(cap, NULL));
    return a ? a->fd : -1;
}

void capnp_detach_fd(ww_capnp_cap *cap)
{
    ww_capnp_vat *vat = cap->vat;
    struct capnp_attached **at = find(cap), *a = *at;
    if (!a) return;
    *at = a->next;
    vat->attached_count--;
    if (a->is_ours) close_fd(vat, a->fd);
    ww_free(vat->allocator, a, sizeof *a);
}

/* ---- what arrives ---- */

void ww_capnp_conn_carry_fds(ww_capnp_conn *conn, uint32_t max)
{
    WW_ASSERT(!max || conn->vat->fds);
    conn->fds_max = max < WW_CAPNP_FDS_MAX ? max : WW_CAPNP_FDS_MAX;
}

void ww_capnp_conn_received_fds(ww_capnp_conn *conn, const int *fds, size_t count)
{
    bool is_start = !conn->input || conn->input->used == conn->input_start;
    for (size_t i = 0; i < count; i++)
        if (is_start && !conn->is_over && conn->fd_count < conn->fds_max)
            conn->fds[conn->fd_count++] = fds[i];
        else
            close_fd(conn->vat, fds[i]);
}

void capnp_conn_claim_fd(ww_capnp_conn *conn, ww_capnp_cap *cap, uint8_t index)
{
    if (!cap || index >= conn->fd_count || conn->fds[index] < 0 || *find(cap)) return;
    if (attach(cap, conn->fds[index], true) == WW_OK) conn->fds[index] = -1;
}

void capnp_conn_drop_fds(ww_capnp_conn *conn)
{
    for (uint32_t i = 0; i < conn->fd_count; i++)
        close_fd(conn->vat, conn->fds[i]);
    conn->fd_count = 0;
}

/* ---- what leaves ---- */

void capnp_parcel_add_fd(const ww_capnp_conn *conn, capnp_parcel *parcel, rpc_cap_descriptor_b d,
                         ww_capnp_cap *cap)
{
    int fd = parcel && parcel->fd_count < conn->fds_max ? ww_capnp_cap_fd(cap) : -1;
    if (fd < 0) return;
    rpc_cap_descriptor_set_attached_fd(d, parcel->fd_count);
    parcel->fds[parcel->fd_count++] = fd;
}

size_t ww_capnp_conn_output_fds(const ww_capnp_conn *conn, int fds[WW_CAPNP_FDS_MAX])
{
    const capnp_parcel *p = conn->output_sent ? NULL : conn->output_first;
    if (!p) return 0;
    memcpy(fds, p->fds, p->fd_count * sizeof *fds);
    return p->fd_count;
}
