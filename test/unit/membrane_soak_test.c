/* Anything through membranes, in any order. */
#include "os/random.h"
#include "support/membrane_world.h"
#include <stdlib.h>

enum { SOAK_CAPS = 24, SOAK_CALLS = 16, SOAK_MEMBRANES = 4 };

/* Callers on both sides, with whatever they got hold of so far. */
typedef struct soak {
    membrane_world w;
    ww_random_seeded random;
    ww_authority ends[SOAK_MEMBRANES];
    ww_membrane *membranes[SOAK_MEMBRANES];
    ww_capnp_cap *caps[2][SOAK_CAPS]; /* of vats a and b */
    ww_capnp_call *calls[SOAK_CALLS];
    waiter outcomes[SOAK_CALLS];
} soak;

static uint32_t pick(soak *s, uint32_t count)
{
    return (uint32_t)(ww_random_u64(&s->random.base) % count);
}

static void new_soak_membrane(soak *s, uint32_t i)
{
    ww_methods methods = {0};
    assert_ok(ww_methods_allow_all(&methods, INTEROP_ECHO_ID));
    ww_membrane_unref(s->membranes[i]);
    ww_membrane_options options = walled_options(&s->w);
    options.authorities[WW_LINEAGE_CELL] = &s->ends[i];
    options.methods = pick(s, 3) ? NULL : &methods;
    assert_ok(ww_membrane_new(&options, &s->membranes[i]));
}

static void keep_cap(soak *s, uint32_t side, ww_capnp_cap *cap)
{
    ww_capnp_cap **slot = &s->caps[side][pick(s, SOAK_CAPS)];
    ww_capnp_cap_unref(*slot);
    *slot = cap;
}

static void random_call(soak *s)
{
    uint32_t side = pick(s, 2), slot = pick(s, SOAK_CALLS);
    ww_capnp_cap *cap = s->caps[side][pick(s, SOAK_CAPS)],
                 *with = s->caps[side][pick(s, SOAK_CAPS)];
    if (!cap) return;
    waiter *w = &s->outcomes[slot];
    if (s->calls[slot] && !w->count) ww_capnp_call_cancel(s->calls[slot]);
    while (s->calls[slot] && !w->count)
        link_pump(&s->w.l);
    ww_capnp_call_drop(s->calls[slot]);
    ww_capnp_call *call;
    switch (
        pick(s, 8)) { /* nothing that an object would keep: they could come to hold each other */
    case 0: call = call_ping(cap, 1, w); break;
    case 1: call = call_make(cap, w); break;
    case 2: call = call_swap(cap, with, w); break;
    case 3: call = call_promise(cap, w); break;
    case 4: call = call_settle(cap, (uint16_t)pick(s, 4), with, w); break;
    case 5: call = call_early(cap, w); break;
    case 6: call = call_tail(cap, with, 0, w); break;
    default: call = call_never(cap, with, w); break;
    }
    s->calls[slot] = call;
    if (pick(s, 2)) keep_cap(s, side, result_cap(call));
}

static void soak_step(soak *s)
{
    uint32_t i = pick(s, SOAK_MEMBRANES);
    switch (pick(s, 24)) {
    case 0: ww_authority_revoke(&s->ends[i]); break;
    case 1: new_soak_membrane(s, i); break;
    case 2: (void)ww_membrane_sweep(s->membranes[i]); break;
    case 3: keep_cap(s, 1, walled_out(s->membranes[i], s->caps[1][pick(s, SOAK_CAPS)])); break;
    case 4: keep_cap(s, 1, walled_in(s->membranes[i], s->caps[1][pick(s, SOAK_CAPS)])); break;
    case 5: keep_cap(s, pick(s, 2), NULL); break;
    case 6: s->w.l.a.is_blocked = pick(s, 2); break;
    case 7: s->w.l.b.is_blocked = pick(s, 2); break;
    case 8: link_pump(&s->w.l); break;
    case 9: ww_capnp_vat_run(s->w.l.b.vat, pick(s, 4)); break;
    case 10: ww_capnp_vat_run(s->w.l.a.vat, pick(s, 4)); break;
    case 11: ww_capnp_call_cancel(s->calls[pick(s, SOAK_CALLS)]); break;
    default: random_call(s); break;
    }
}

static void soak_end(soak *s)
{
    s->w.l.a.is_blocked = s->w.l.b.is_blocked = false;
    for (uint32_t i = 0; i < SOAK_CALLS; i++)
        ww_capnp_call_cancel(s->calls[i]);
    link_pump(&s->w.l);
    for (uint32_t i = 0; i < SOAK_CALLS; i++) {
        if (s->calls[i]) assert_int_equal(s->outcomes[i].count, 1); /* each told once */
        ww_capnp_call_drop(s->calls[i]);
    }
    for (uint32_t side = 0; side < 2; side++)
        for (uint32_t i = 0; i < SOAK_CAPS; i++)
            ww_capnp_cap_unref(s->caps[side][i]);
    link_pump(&s->w.l);
}

static void soak__seeded__tells_each_call_once_and_gives_all_back(void **state)
{
    (void)state;
    soak *s = calloc(1, sizeof *s);
    for (uint64_t seed = 1; seed <= 500; seed++) {
        memset(s, 0, sizeof *s);
        walled_init(&s->w);
        s->w.allowance.budgets[WW_ALLOWANCE_HANDLES].max = 60; /* sometimes short */
        ww_random_seeded_init(&s->random, seed);
        for (uint32_t i = 0; i < SOAK_MEMBRANES; i++)
            new_soak_membrane(s, i);
        s->caps[0][0] = ww_capnp_cap_ref(s->w.root);
        s->caps[0][1] = walled_outsider(&s->w, NULL);
        s->caps[1][0] = ww_capnp_cap_ref(s->w.guarded);
        factory_new(s->w.l.b.vat, &s->w.live, &s->caps[1][1]);
        for (int step = 0; step < 400; step++)
            soak_step(s);
        soak_end(s);
        for (uint32_t i = 0; i < SOAK_MEMBRANES; i++)
            ww_authority_revoke(&s->ends[i]);
        for (uint32_t i = 0; i < SOAK_MEMBRANES; i++)
            ww_membrane_unref(s->membranes[i]);
        ww_authority_revoke(&s->w.epoch);
        while (ww_membrane_sweep(s->w.membrane))
            continue;
        walled_deinit(&s->w);
    }
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(soak__seeded__tells_each_call_once_and_gives_all_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
