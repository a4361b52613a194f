/* What a membrane costs a call, and how long a revocation takes until the first refusal. */
#include "capnp/peer.capnp.h"
#include "rpc/epoch.h"
#include "rpc/membrane.h"
#include "support/row.h"
#include <stdlib.h>

enum { REVOKED_ROUNDS = 15, CALL_ROUNDS = 400, CALLS = 5000 };

typedef struct stage {
    ww_capnp_vat *vat;
    ww_cap_table table;
    ww_epoch_source epochs;
    ww_authority principal, session, cell;
    ww_allowance principal_allowance, allowance;
    ww_capnp_server server;
    ww_membrane *membrane;
    ww_capnp_cap *cap, *guarded;
} stage;

static void done(ww_capnp_server *self, ww_capnp_call *call)
{
    (void)self;
    ww_capnp_call_return(call);
}

static const peer_process_vt PROCESS = {.kill = done};

static void new_membrane(stage *s)
{
    const ww_membrane_options options = {
        .allocator = ww_allocator_libc(),
        .vat = s->vat,
        .table = &s->table,
        .authorities = {&s->epochs.authority, &s->principal, &s->session, &s->cell},
        .allowance = &s->allowance,
    };
    if (ww_membrane_new(&options, &s->membrane)) bench_fail("membrane", NULL);
}

static ww_capnp_cap *out_of(stage *s, ww_capnp_cap *cap)
{
    const ww_capnp_refusal *refusal;
    ww_capnp_cap *out = ww_membrane_out(s->membrane, cap, &refusal);
    if (refusal) bench_fail(refusal->reason, NULL);
    return out;
}

static void open_stage(stage *s)
{
    s->vat = ww_capnp_vat_new(ww_allocator_libc(), NULL);
    ww_cap_table_init(&s->table, ww_allocator_libc(), 100);
    ww_epoch_source_init_local(&s->epochs, ww_allocator_libc());
    ww_allowance_init_principal(&s->principal_allowance);
    ww_allowance_init_cell(&s->allowance, &s->principal_allowance);
    s->allowance.budgets[WW_ALLOWANCE_HANDLES].max = UINT64_MAX;
    s->principal_allowance.budgets[WW_ALLOWANCE_HANDLES].max = UINT64_MAX;
    new_membrane(s);
    s->cap = peer_process_serve(s->vat, &s->server, &PROCESS, NULL).cap;
    s->guarded = out_of(s, s->cap);
}

/* ---- B9 ---- */

static void call_many(stage *s, ww_capnp_cap *cap, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        ww_capnp_call *call;
        peer_process_kill_begin((peer_process_cap){cap}, &call);
        if (ww_capnp_call_send(call, NULL)) bench_fail("send", NULL);
        while (ww_capnp_vat_run(s->vat, 16))
            continue;
        if (ww_capnp_call_failed(call)) bench_fail(ww_capnp_call_reason(call), NULL);
        ww_capnp_call_drop(call);
    }
}

static uint64_t round_ns(stage *s, ww_capnp_cap *cap)
{
    uint64_t start = bench_now_ns();
    call_many(s, cap, CALLS);
    return bench_now_ns() - start;
}

/* In turns, so that both have their best round under the same conditions. */
static double guarded_minus_plain_ns(stage *s)
{
    uint64_t plain = UINT64_MAX, guarded = UINT64_MAX;
    for (int i = 0; i < CALL_ROUNDS; i++) {
        uint64_t of_plain = round_ns(s, s->cap), of_guarded = round_ns(s, s->guarded);
        if (of_plain < plain) plain = of_plain;
        if (of_guarded < guarded) guarded = of_guarded;
    }
    return ((double)guarded - (double)plain) / CALLS;
}

/* ---- revocation ---- */

/* From the operator's advance to a call that was refused, with `count` capabilities alive. Who calls
 * has its capability at hand, in no table of this program; the capability itself was not used since it was made. */
static double revoke_ns(stage *s, uint32_t count)
{
    ww_capnp_cap **caps = malloc(count * sizeof *caps);
    uint64_t best = UINT64_MAX;
    for (int round = 0; caps && round < REVOKED_ROUNDS; round++) {
        new_membrane(s);
        for (uint32_t i = 0; i < count; i++) {
            ww_capnp_cap *each = ww_capnp_server_cap(s->vat, &s->server);
            caps[i] = out_of(s, each);
            ww_capnp_cap_unref(each);
        }
        call_many(s, caps[0], 100); /* a session at work, not caches full of what made it */
        ww_capnp_cap *volatile at_hand = caps[count / 2];
        uint64_t start = bench_now_ns();
        if (ww_epoch_advance(&s->epochs, (ww_view){0}, NULL)) bench_fail("advance", NULL);
        ww_capnp_call *call;
        peer_process_kill_begin((peer_process_cap){at_hand}, &call);
        ww_status status = ww_capnp_call_send(call, NULL);
        uint64_t time = bench_now_ns() - start;
        if (status || !ww_capnp_call_failed(call)) bench_fail("it was not refused", NULL);
        if (time < best) best = time;
        ww_capnp_call_drop(call);
        for (uint32_t i = 0; i < count; i++)
            ww_capnp_cap_unref(caps[i]);
        ww_membrane_unref(s->membrane);
    }
    free(caps);
    return (double)best;
}

int main(void)
{
    const bench_row rows[] = {{"B9_guarded_minus_plain", "ns", 1, 5},
                              {"revoke_1000000", "ns", 1, 1000},
                              {"revoke_1000", "ns", 1, 1000}};
    bench_announce(rows, WW_COUNT_OF(rows));
    stage *s = calloc(1, sizeof *s);
    if (!s) return 1;
    open_stage(s);
    bench_print(&rows[0], guarded_minus_plain_ns(s));
    ww_capnp_cap_unref(s->guarded);
    ww_membrane_unref(s->membrane);
    bench_print(&rows[1], revoke_ns(s, 1000000));
    bench_print(&rows[2], revoke_ns(s, 1000));
    ww_capnp_cap_unref(s->cap);
    ww_capnp_vat_free(s->vat);
    ww_epoch_source_deinit(&s->epochs);
    ww_cap_table_deinit(&s->table);
    free(s);
    return 0;
}
