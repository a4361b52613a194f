#include "cli/client.h"
#include "config/folders.h"
#include "os/file.h"
#include "os/socket.h"
#include <stdio.h>

#define HOW_TO_START "start one with `ww run --serve IMAGE`"

/* --- which node --- */

typedef struct search {
    ww_folder_visitor visitor;
    ww_loop *loop;
    const char *folder;
    uint32_t count;
    ww_fd *fd; /* of the first that answered */
    char path[WW_PATH_MAX];
    ww_diag names; /* of all that answered */
} search;

static bool ends_with(const char *name, const char *suffix)
{
    size_t size = strlen(name), suffix_size = strlen(suffix);
    return size > suffix_size && !strcmp(name + size - suffix_size, suffix);
}

static bool visit(ww_folder_visitor *visitor, const char *name, const ww_file_facts *facts)
{
    (void)facts;
    search *s = WW_CONTAINER_OF(visitor, search, visitor);
    char path[WW_PATH_MAX];
    ww_fd *fd;
    ww_diag ignored;
    if (!ends_with(name, WW_SOCKET_SUFFIX)) return true;
    if (snprintf(path, sizeof path, "%s/%s", s->folder, name) >= WW_PATH_MAX) return true;
    if (ww_connect_unix(s->loop, path, &fd, &ignored)) return true; /* nobody is there any more */
    s->count++;
    if (s->count == 1) {
        s->fd = fd;
        snprintf(s->path, sizeof s->path, "%s", path);
        ww_fail(&s->names, WW_E_USAGE, "%s", path);
    } else {
        ww_fd_unref(fd);
        ww_fail_in(&s->names, "%s, ", path);
    }
    return s->count < WW_NODES_MAX;
}

static ww_status find_only(ww_loop *loop, const char *runtime, ww_fd **out, char *path,
                           ww_diag *diag)
{
    search s = {.visitor = {visit}, .loop = loop, .folder = runtime};
    ww_folder folder;
    ww_status status = ww_folder_open(runtime, &folder, diag);
    if (!status) {
        status = ww_folder_list(&folder, &s.visitor, diag);
        ww_folder_close(&folder);
    }
    if (status == WW_E_NOT_FOUND || (!status && !s.count))
        return ww_fail(diag, WW_E_NOT_FOUND, "no node runs; " HOW_TO_START);
    if (!status && s.count == 1) {
        *out = s.fd;
        snprintf(path, WW_PATH_MAX, "%s", s.path);
        return WW_OK;
    }
    ww_fd_unref(s.fd);
    if (status) return status;
    return ww_fail(diag, WW_E_USAGE, "%u nodes run, choose one with --socket: %s", s.count,
                   s.names.text);
}

static ww_status connect_to(ww_loop *loop, const ww_config *config, ww_fd **out,
                            char path[WW_PATH_MAX], ww_diag *diag)
{
    const char *given = ww_config_path(config, WW_SETTING_SOCKET);
    if (!given)
        return ww_fail(diag, WW_E_USAGE,
                       "without an operator socket there is no way to a node; "
                       "name one with --socket PATH");
    if (!strcmp(given, WW_SOCKET_AUTO)) {
        ww_folders folders;
        ww_status status = ww_folders_find(&folders, diag);
        return status ? status : find_only(loop, folders.runtime, out, path, diag);
    }
    snprintf(path, WW_PATH_MAX, "%s", given);
    ww_status status = ww_connect_unix(loop, given, out, diag);
    if (status != WW_E_NOT_FOUND) return status;
    return ww_fail(diag, status,
                   "no node listens on %s; start one with `ww run --serve --socket %s IMAGE`",
                   given, given);
}

/* A socket in a place that others may write to could be anybody's. */
static ww_status check_peer(const ww_fd *fd, const char *path, ww_diag *diag)
{
    ww_socket_peer peer;
    ww_status status = ww_socket_peer_of(fd, &peer, diag);
    if (status || ww_socket_peer_is_own(&peer)) return status;
    return ww_fail(diag, WW_E_DENIED, "%s: the node there is of user %u, not yours", path,
                   peer.user);
}

/* --- the connection --- */

static void over(ww_rpc_owner *owner, ww_rpc_link *link, const char *reason)
{
    (void)link;
    (void)reason;
    WW_CONTAINER_OF(owner, ww_client, owner)->is_over = true;
}

static ww_status open_link(ww_client *client, const ww_config *config, ww_diag *diag)
{
    char path[WW_PATH_MAX];
    ww_fd *fd;
    ww_status status = connect_to(client->loop, config, &fd, path, diag);
    if (status) return status;
    status = check_peer(fd, path, diag);
    if (status) {
        ww_fd_unref(fd);
        return status;
    }
    client->owner.over = over;
    status = ww_rpc_link_open_fd(&client->vat, fd, NULL, &client->owner, &client->link, diag);
    if (status) return status;
    client->operator.cap = ww_rpc_link_bootstrap(client->link);
    return client->operator.cap ? WW_OK : ww_fail(diag, WW_E_MEMORY, "out of memory");
}

ww_status ww_client_open(ww_client *client, const ww_config *config, ww_diag *diag)
{
    *client = (ww_client){.loop = NULL};
    ww_status status = ww_loop_new(ww_allocator_libc(), NULL, &client->loop, diag);
    if (status) return status;
    status = ww_rpc_vat_init(&client->vat, client->loop, NULL);
    if (status) return ww_fail(diag, status, "%s", ww_status_text(status));
    return open_link(client, config, diag);
}

/* The node may still be told something: it is, until the link is over. */
void ww_client_close(ww_client *client)
{
    if (!client->loop) return;
    ww_capnp_cap_unref(client->operator.cap);
    if (client->link) {
        ww_rpc_link_close(client->link, "the command is over");
        while (!client->is_over)
            ww_loop_turn(client->loop, true);
    }
    ww_rpc_link_free(client->link);
    if (client->vat.vat) ww_rpc_vat_deinit(&client->vat);
    ww_loop_free(client->loop);
    client->loop = NULL;
}

/* --- calls --- */

typedef struct answer {
    ww_capnp_done done;
    ww_timer patience;
    bool is_there, is_late;
} answer;

static void answered(ww_capnp_done *done, ww_capnp_call *call)
{
    (void)call;
    WW_CONTAINER_OF(done, answer, done)->is_there = true;
}

static void ran_out(ww_timer *timer)
{
    WW_CONTAINER_OF(timer, answer, patience)->is_late = true;
}

ww_status ww_client_failure(const ww_capnp_call *call, ww_diag *diag)
{
    bool is_lost = ww_capnp_call_exception(call) == WW_CAPNP_DISCONNECTED;
    return ww_fail(diag, is_lost ? WW_E_CLOSED : WW_E_DENIED, "%s%s",
                   is_lost ? "the node is gone: " : "", ww_capnp_call_reason(call));
}

static ww_status wait_for(ww_client *client, ww_capnp_call *call, answer *wanted, ww_diag *diag)
{
    while (!wanted->is_there && !wanted->is_late)
        ww_loop_turn(client->loop, true);
    ww_timer_stop(client->loop, &wanted->patience);
    if (wanted->is_there) return ww_capnp_call_failed(call) ? ww_client_failure(call, diag) : WW_OK;
    ww_capnp_call_cancel(call);
    while (!wanted->is_there)
        ww_loop_turn(client->loop, true);
    return ww_fail(diag, WW_E_TIMEOUT, "the node has not answered for %d s",
                   WW_CLIENT_PATIENCE_MS / 1000);
}

static ww_status send(ww_capnp_call *call, answer *wanted, ww_diag *diag)
{
    ww_status status = ww_capnp_call_send(call, &wanted->done);
    if (status == WW_E_LIMIT)
        return ww_fail(diag, status, "the call was not sent: at most %llu bytes can be",
                       (unsigned long long)WW_CLIENT_CALL_BYTES_MAX);
    return status ? ww_fail(diag, status, "the call was not sent: %s", ww_status_text(status))
                  : WW_OK;
}

ww_status ww_client_call(ww_client *client, ww_capnp_call *call, ww_diag *diag)
{
    answer wanted = {.done = {answered}};
    ww_status status = send(call, &wanted, diag);
    return status ? status : wait_for(client, call, &wanted, diag);
}

ww_status ww_client_ask(ww_client *client, ww_capnp_call *call, ww_diag *diag)
{
    answer wanted = {.done = {answered}, .patience = {.fire = ran_out}};
    ww_status status = send(call, &wanted, diag);
    if (status) return status;
    uint64_t patience_ns = (uint64_t)WW_CLIENT_PATIENCE_MS * WW_NS_PER_MS;
    ww_timer_start(client->loop, &wanted.patience,
                   ww_clock_after(ww_loop_clock(client->loop), patience_ns));
    return wait_for(client, call, &wanted, diag);
}
