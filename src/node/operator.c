/* Invariants
 *  1. A connection's object lives until its link is over and its operator is released, whichever
 *     comes last: a cell may hold the operator longer than the connection lasts. One that is lent
 *     has no link, and lives until it is taken back instead.
 *  2. A connection is counted as leaving, or else as one of the connections and perhaps of those that
 *     hold something, exactly while it has a link.
 *  3. Once the link is over, or it was taken back, the operator still answers questions, but starts
 *     nothing.
 */
#include "node/operator.h"
#include "node/inside.h"
#include <unistd.h>

struct ww_operator_link {
    ww_operator_host host;
    ww_rpc_owner owner;
    ww_operators *operators;
    ww_operator_link *next, **place;
    ww_rpc_link *link; /* NULL: over */
    bool is_lent, is_released, is_leaving, holds;
};

static ww_operator_link *link_of(ww_operator_host *host)
{
    return WW_CONTAINER_OF(host, ww_operator_link, host);
}

static ww_node *node_of(ww_operator_host *host)
{
    return link_of(host)->operators->node;
}

/* --- what an operator asks --- */

static size_t cell_count(ww_operator_host *host)
{
    return node_of(host)->roster.count;
}

static void tell(const ww_roster_entry *entry, uint64_t now_ns, ww_operator_cell *out)
{
    ww_cell_facts facts = ww_cell_facts_of(entry->cell);
    const ww_budget *family = entry->principal->budgets;
    *out = (ww_operator_cell){
        .number = entry->number,
        .parent = entry->parent,
        .name = ww_view_str(entry->name),
        .is_ending = entry->is_ending,
        .age_ns = now_ns - entry->started_ns,
        .cpu_ns = facts.cpu_ns,
        .memory_bytes = facts.memory_bytes,
        .calls = facts.calls,
        .refused = facts.refused + (entry->allowance ? entry->allowance->refused : 0),
        .family = {family[WW_PRINCIPAL_CELLS].used, family[WW_PRINCIPAL_CPU_NS].used,
                   family[WW_PRINCIPAL_MEMORY].used},
    };
}

static void cells(ww_operator_host *host, ww_operator_cell *out, size_t count)
{
    const ww_node *node = node_of(host);
    uint64_t now_ns = ww_clock_now_ns(ww_loop_clock(node->loop));
    const ww_roster_entry *entry = node->roster.first;
    for (size_t i = 0; i < count; i++, entry = entry->next)
        tell(entry, now_ns, &out[i]);
}

static ww_status kill(ww_operator_host *host, uint32_t number)
{
    ww_roster_entry *entry = ww_roster_find(&node_of(host)->roster, number);
    if (!entry) return WW_E_NOT_FOUND;
    entry->kill(entry);
    return WW_OK;
}

static void status(ww_operator_host *host, ww_operator_status *out)
{
    const ww_operators *operators = link_of(host)->operators;
    const ww_node *node = operators->node;
    *out = (ww_operator_status){
        .version = WW_VIEW_LITERAL(WW_VERSION),
        .node_id = ww_view_of(node->identity.id, sizeof node->identity.id),
        .process_id = (uint32_t)getpid(),
        .cells_max = node->cells_max,
        .operators = operators->count,
        .uptime_ns = ww_clock_now_ns(ww_loop_clock(node->loop)) - operators->started_ns,
    };
}

static void unlist(ww_operator_link *self)
{
    *self->place = self->next;
    if (self->next) self->next->place = self->place;
}

static void list(ww_operator_link *self)
{
    ww_operators *operators = self->operators;
    self->next = operators->first;
    self->place = &operators->first;
    if (self->next) self->next->place = &self->next;
    operators->first = self;
}

static bool admit(ww_operator_host *host, bool holds)
{
    ww_operator_link *self = link_of(host);
    ww_operators *operators = self->operators;
    if (!self->link || self->is_leaving) return true; /* lent, or over */
    unlist(self);
    list(self);
    if (!holds || self->holds) return true;
    if (operators->holding >= WW_OPERATORS_HOLDING_MAX) return false;
    self->holds = true;
    operators->holding++;
    return true;
}

static ww_capnp_cap *bring_up(ww_operator_host *host)
{
    return ww_bringup_serve(&node_of(host)->bringup);
}

/* --- connections --- */

static void free_unless_used(ww_operator_link *self)
{
    if (self->link || self->is_lent || !self->is_released) return;
    unlist(self);
    ww_free(self->operators->node->allocator, self, sizeof *self);
}

static void released(ww_operator_host *host)
{
    ww_operator_link *self = link_of(host);
    self->is_released = true;
    free_unless_used(self);
}

/* Its link is over, or it begins to leave. */
static void discount(ww_operator_link *self)
{
    ww_operators *operators = self->operators;
    if (self->is_leaving) {
        operators->leaving--;
        return;
    }
    operators->count--;
    operators->holding -= self->holds;
}

static void end_link(ww_operator_link *self)
{
    discount(self);
    ww_rpc_link *link = self->link;
    bool was_released = self->is_released;
    self->link = NULL;
    ww_operator_end(&self->host);
    ww_rpc_link_free(link); /* may release the operator, and with it `self` */
    if (was_released) free_unless_used(self);
}

static void over(ww_rpc_owner *owner, ww_rpc_link *link, const char *reason)
{
    ww_operator_link *self = WW_CONTAINER_OF(owner, ww_operator_link, owner);
    (void)link;
    ww_log_print(self->operators->node->log, WW_LOG_DEBUG, "ww::operator", "gone: %s", reason);
    end_link(self);
}

static const ww_operator_host_class class = {
    .admit = admit,
    .cell_count = cell_count,
    .cells = cells,
    .kill = kill,
    .status = status,
    .bring_up = bring_up,
    .released = released,
};

static ww_operator_link *new_link(ww_operators *operators, ww_account *account)
{
    ww_node *node = operators->node;
    ww_operator_link *self = ww_alloc_zeroed(node->allocator, sizeof *self);
    if (!self) return NULL;
    self->host = (ww_operator_host){
        .class = &class,
        .node = &node->sessions,
        .account = account,
        .is_trusted = !node->graft_needs_key,
    };
    self->owner.over = over;
    self->operators = operators;
    list(self);
    return self;
}

/* Takes `fd`. */
static ww_status welcome(ww_operators *operators, ww_fd *fd, ww_diag *diag)
{
    ww_node *node = operators->node;
    ww_operator_link *self = new_link(operators, NULL);
    ww_capnp_cap *cap = self ? ww_operator_serve(&self->host) : NULL;
    if (!cap) {
        if (self) released(&self->host);
        ww_fd_unref(fd);
        return ww_fail(diag, WW_E_MEMORY, "out of memory");
    }
    ww_status status = ww_rpc_link_open_fd(&node->rpc, fd, cap, &self->owner, &self->link, diag);
    if (!status) operators->count++;
    ww_capnp_cap_unref(cap); /* after a failure the last one */
    return status;
}

static void tell_to_leave(ww_operator_link *self, const char *why)
{
    self->is_leaving = true;
    self->operators->leaving++;
    ww_capnp_conn_abort(ww_rpc_link_conn(self->link), WW_CAPNP_FAILED, why);
}

static ww_operator_link *find_idle(const ww_operators *operators)
{
    ww_operator_link *idle = NULL;
    for (ww_operator_link *at = operators->first; at; at = at->next)
        if (at->link && !at->is_leaving && !at->holds) idle = at;
    return idle;
}

/* There is one: those that may hold something are fewer than the connections. */
static void make_room(ww_operators *operators)
{
    ww_operator_link *idle = find_idle(operators);
    WW_ASSERT(idle);
    ww_log_print(operators->node->log, WW_LOG_WARN, "ww::operator",
                 "operator socket: %d connections are open; closed the one that was silent the "
                 "longest",
                 WW_OPERATORS_MAX);
    if (operators->leaving >= WW_TURNED_AWAY_MAX) {
        end_link(idle);
        return;
    }
    discount(idle);
    tell_to_leave(
        idle, "closed for another connection: this one held nothing and was silent the longest");
}

/* Tells why, then closes. Takes `fd`. */
static void turn_away(ww_operators *operators, ww_fd *fd, const ww_diag *why)
{
    ww_log_print(operators->node->log, WW_LOG_WARN, "ww::operator",
                 "operator socket: refused a connection: %s", why->text);
    bool is_crowded = operators->leaving >= WW_TURNED_AWAY_MAX;
    ww_operator_link *self = is_crowded ? NULL : new_link(operators, NULL);
    if (!self) {
        ww_fd_unref(fd);
        return;
    }
    ww_diag diag;
    self->is_released = true;
    if (ww_rpc_link_open_fd(&operators->node->rpc, fd, NULL, &self->owner, &self->link, &diag))
        free_unless_used(self);
    else
        tell_to_leave(self, why->text);
}

static void accepted(ww_listener_user *user, ww_fd *fd)
{
    ww_operators *operators = WW_CONTAINER_OF(user, ww_operators, user);
    ww_socket_peer peer;
    ww_diag diag;
    ww_status status = ww_socket_peer_of(fd, &peer, &diag);
    if (!status && !ww_socket_peer_is_own(&peer))
        status = ww_fail(&diag, WW_E_DENIED, "this node is not for user %u", peer.user);
    if (status) {
        turn_away(operators, fd, &diag);
        return;
    }
    if (operators->count >= WW_OPERATORS_MAX) make_room(operators);
    if (welcome(operators, fd, &diag))
        ww_log_print(operators->node->log, WW_LOG_WARN, "ww::operator", "operator socket: %s",
                     diag.text);
}

/* --- without a connection --- */

ww_operator_link *ww_operators_lend(ww_operators *operators, ww_account *account,
                                    ww_capnp_cap **cap)
{
    ww_operator_link *self = new_link(operators, account);
    *cap = NULL;
    if (!self) return NULL;
    self->host.is_trusted = true; /* as the node's own image is anyway */
    *cap = ww_operator_serve(&self->host);
    if (!*cap) {
        released(&self->host);
        return NULL;
    }
    self->is_lent = true;
    return self;
}

void ww_operators_take_back(ww_operator_link *lent)
{
    if (!lent) return;
    ww_operator_end(&lent->host);
    lent->is_lent = false;
    free_unless_used(lent);
}

ww_tenant *ww_operator_link_tenant(const ww_operator_link *self)
{
    return self->host.tenant;
}

/* --- the socket --- */

void ww_operators_init(ww_operators *operators, ww_node *node)
{
    *operators = (ww_operators){.node = node, .user = {accepted}};
    operators->started_ns = ww_clock_now_ns(ww_loop_clock(node->loop));
}

ww_status ww_operators_open(ww_operators *operators, const char *path, ww_diag *diag)
{
    ww_node *node = operators->node;
    ww_status status =
        ww_listen_unix(node->loop, path, &operators->user, &operators->listener, diag);
    if (status == WW_E_BUSY)
        return ww_fail(diag, status, "another node listens on %s; choose another --socket", path);
    if (status) return ww_fail_in(diag, "operator socket");
    ww_log_print(node->log, WW_LOG_DEBUG, "ww::operator", "listening on %s", path);
    return WW_OK;
}

void ww_operators_close(ww_operators *operators)
{
    ww_listener_close(operators->listener);
    operators->listener = NULL;
    for (ww_operator_link *at = operators->first; at;) {
        bool is_open = at->link != NULL;
        if (is_open) end_link(at); /* which may free any that are over */
        at = is_open ? operators->first : at->next;
    }
}
