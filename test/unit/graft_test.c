/* The challenge that a graft of an untrusted link has to answer, and the runtime's named grants. */
#include "support/session_world.h"
#include <stdio.h>

/* ---- a signer of the client's ---- */

typedef enum behaviour {
    SIGNS,
    FAILS,
    NEVER,
    SAYS_NOTHING,
    SAYS_ZEROS,
    SAYS_TOO_MUCH,
    REPEATS
} behaviour;

typedef struct signer {
    ww_capnp_server server;
    ww_capnp_cap *cap;
    behaviour does;
    uint8_t seed[WW_ED25519_SEED_BYTES];
    uint8_t said[WW_ED25519_SIG_BYTES]; /* last time */
    char domain[160];
    uint64_t nonce;
    uint32_t asked;
    ww_capnp_call *waiting;
    ww_capnp_done on_cancel;
} signer;

static void give_up(ww_capnp_done *done, ww_capnp_call *call)
{
    WW_CONTAINER_OF(done, signer, on_cancel)->waiting = NULL;
    ww_capnp_call_fail(call, WW_CAPNP_FAILED, "canceled");
}

static void sign_it(signer *s, ww_capnp_call *call)
{
    uint8_t bytes[256] = {0};
    size_t size = strlen(s->domain);
    bytes[3] = (uint8_t)size;
    memcpy(bytes + 4, s->domain, size);
    for (int i = 0; i < 8; i++)
        bytes[4 + size + (size_t)i] = (uint8_t)(s->nonce >> (56 - 8 * i));
    assert_ok(ww_ed25519_sign(s->seed, ww_view_of(bytes, 4 + size + 8), s->said));
    stem_signer_sign_results_set_sig(stem_signer_sign_results(call),
                                     ww_view_of(s->said, sizeof s->said));
    ww_capnp_call_return(call);
}

static void sign(ww_capnp_server *self, ww_capnp_call *call)
{
    signer *s = WW_CONTAINER_OF(self, signer, server);
    stem_signer_sign_params_r p = stem_signer_sign_params(call);
    snprintf(s->domain, sizeof s->domain, "%.*s", WW_VIEW_ARG(stem_signer_sign_params_domain(p)));
    s->nonce = stem_signer_sign_params_nonce(p);
    s->asked++;
    static const uint8_t large[65];
    switch (s->does) {
    case SIGNS: sign_it(s, call); break;
    case FAILS: ww_capnp_call_fail(call, WW_CAPNP_FAILED, "no key here"); break;
    case NEVER:
        s->waiting = call;
        s->on_cancel.fn = give_up;
        ww_capnp_call_on_cancel(call, &s->on_cancel);
        break;
    case SAYS_NOTHING: ww_capnp_call_return(call); break;
    case SAYS_ZEROS:
        stem_signer_sign_results_set_sig(stem_signer_sign_results(call),
                                         ww_view_of(large, WW_ED25519_SIG_BYTES));
        ww_capnp_call_return(call);
        break;
    case SAYS_TOO_MUCH:
        stem_signer_sign_results_set_sig(stem_signer_sign_results(call),
                                         ww_view_of(large, sizeof large));
        ww_capnp_call_return(call);
        break;
    case REPEATS:
        stem_signer_sign_results_set_sig(stem_signer_sign_results(call),
                                         ww_view_of(s->said, sizeof s->said));
        ww_capnp_call_return(call);
        break;
    }
}

/* A world whose node knows the keys of the seeds 1 to `keys`, with an untrusted link. */
typedef struct guarded_world {
    session_world w;
    uint8_t keys[WW_SIGNERS_MAX][WW_ED25519_PUBLIC_BYTES];
    signer s; /* its seed is 1 */
} guarded_world;

static void guarded_init(guarded_world *w, uint32_t keys)
{
    static const stem_signer_vt table = {.sign = sign};
    const ww_tenant_rights untrusted = {.is_trusted = false};
    memset(w, 0, sizeof *w);
    scene_init_with(&w->w, &untrusted);
    for (uint32_t i = 0; i < keys; i++) {
        const uint8_t seed[WW_ED25519_SEED_BYTES] = {(uint8_t)(i + 1)};
        assert_ok(ww_ed25519_public(seed, w->keys[i]));
    }
    w->w.node.signers = w->keys;
    w->w.node.signer_count = keys;
    w->s.seed[0] = 1;
    w->s.cap = stem_signer_serve(w->w.l.a.vat, &w->s.server, &table, NULL).cap;
}

static void guarded_deinit(guarded_world *w)
{
    ww_capnp_cap_unref(w->s.cap);
    scene_deinit(&w->w);
}

static const char *guarded_graft(guarded_world *w)
{
    grafted g;
    const char *reason = scene_graft(&w->w, w->s.cap, &g);
    outcome o;
    if (!*reason) assert_string_equal(outcome_of(&w->w, &o, begin_poll(g.poller)), "");
    grafted_drop(&g);
    return reason;
}

static void graft__untrusted_without_signer__is_denied(void **state)
{
    (void)state;
    for (uint32_t keys = 0; keys < 2; keys++) {
        guarded_world w;
        grafted g;
        guarded_init(&w, keys);
        assert_string_equal(scene_graft(&w.w, NULL, &g), "graft denied: signer required");
        guarded_deinit(&w);
    }
}

static void graft__signed_by_an_allowed_key__is_given(void **state)
{
    (void)state;
    guarded_world w;
    guarded_init(&w, WW_SIGNERS_MAX);
    assert_string_equal(guarded_graft(&w), "");
    assert_string_equal(w.s.domain,
                        "ww-graft-v1:"
                        "abcd000000000000000000000000000000000000000000000000000000000000:0");
    uint64_t nonce = w.s.nonce;
    scene_advance(&w.w);
    w.s.seed[0] = WW_SIGNERS_MAX; /* the last of them */
    assert_string_equal(guarded_graft(&w), "");
    assert_int_equal(w.s.domain[strlen(w.s.domain) - 1], '1');
    assert_int_not_equal(nonce, w.s.nonce);
    guarded_deinit(&w);
}

static void graft__not_signed_right__says_why(void **state)
{
    (void)state;
    const struct {
        uint8_t seed;
        behaviour does;
        const char *reason;
    } rows[] = {
        {9, SIGNS, "graft denied: unknown key"},
        {1, SAYS_NOTHING, "graft denied: unknown key"},
        {1, SAYS_ZEROS, "graft denied: unknown key"},
        {1, SAYS_TOO_MUCH, "graft denied: unknown key"},
        {1, FAILS, "graft denied: signer required"},
    };
    for (size_t i = 0; i < WW_COUNT_OF(rows); i++) {
        guarded_world w;
        guarded_init(&w, 3);
        w.s.seed[0] = rows[i].seed;
        w.s.does = rows[i].does;
        assert_string_equal(guarded_graft(&w), rows[i].reason);
        w.s.seed[0] = 1;
        w.s.does = SIGNS;
        assert_string_equal(guarded_graft(&w), "");
        guarded_deinit(&w);
    }
}

static void graft__signature_used_before__is_a_replay(void **state)
{
    (void)state;
    guarded_world w;
    guarded_init(&w, 1);
    assert_string_equal(guarded_graft(&w), "");
    w.s.does = REPEATS;
    assert_string_equal(guarded_graft(&w), "graft denied: replay");
    guarded_deinit(&w);
}

static void graft__signed_after_thirty_seconds__is_a_replay(void **state)
{
    (void)state;
    guarded_world w;
    outcome o;
    ww_capnp_call *call;
    guarded_init(&w, 1);
    w.s.does = NEVER;
    stem_membrane_graft_params_set_signer(
        stem_membrane_graft_begin((stem_membrane_cap){w.w.membrane}, &call),
        (stem_signer_cap){w.s.cap});
    outcome_send(&o, call);
    scene_pump(&w.w);
    scene_wait_ms(&w.w, 29999);
    assert_int_equal(o.w.count, 0);
    assert_non_null(w.s.waiting);
    scene_wait_ms(&w.w, 1);
    assert_string_equal(o.w.reason, "graft denied: replay");
    assert_null(w.s.waiting); /* it was told to stop */
    outcome_drop(&o);
    guarded_deinit(&w);
}

static void graft__given_up_by_its_caller__stops_the_signer(void **state)
{
    (void)state;
    guarded_world w;
    outcome o;
    ww_capnp_call *call;
    guarded_init(&w, 1);
    w.s.does = NEVER;
    stem_membrane_graft_params_set_signer(
        stem_membrane_graft_begin((stem_membrane_cap){w.w.membrane}, &call),
        (stem_signer_cap){w.s.cap});
    outcome_send(&o, call);
    scene_pump(&w.w);
    ww_capnp_call_cancel(o.call);
    scene_pump(&w.w);
    assert_null(w.s.waiting);
    outcome_drop(&o);
    guarded_deinit(&w);
}

/* A signature for the epoch before is no signature: the signer is asked again. */
static void graft__epoch_moves_while_it_is_signed__is_of_the_new_one(void **state)
{
    (void)state;
    guarded_world w;
    outcome o;
    ww_capnp_call *call;
    guarded_init(&w, 1);
    w.s.does = NEVER;
    stem_membrane_graft_params_set_signer(
        stem_membrane_graft_begin((stem_membrane_cap){w.w.membrane}, &call),
        (stem_signer_cap){w.s.cap});
    outcome_send(&o, call);
    scene_pump(&w.w);
    scene_advance(&w.w);
    w.s.does = SIGNS;
    sign_it(&w.s, w.s.waiting);
    scene_pump(&w.w);
    assert_string_equal(o.w.reason, "");
    assert_int_equal(w.s.asked, 2);
    stem_session_r s = stem_membrane_graft_results_session(stem_membrane_graft_response(o.call));
    assert_int_equal(stem_epoch_seq(stem_session_issued_epoch(s)), 1);
    outcome_drop(&o);
    guarded_deinit(&w);
}

static void graft__link_ends_while_it_is_signed__is_revoked(void **state)
{
    (void)state;
    guarded_world w;
    outcome o;
    ww_capnp_call *call;
    guarded_init(&w, 1);
    w.s.does = NEVER;
    stem_membrane_graft_params_set_signer(
        stem_membrane_graft_begin((stem_membrane_cap){w.w.membrane}, &call),
        (stem_signer_cap){w.s.cap});
    outcome_send(&o, call);
    scene_pump(&w.w);
    ww_tenant_end(w.w.tenant);
    sign_it(&w.s, w.s.waiting);
    scene_pump(&w.w);
    assert_string_equal(o.w.reason, REVOKED);
    outcome_drop(&o);
    guarded_deinit(&w);
}

static void grafts__waiting_for_their_signers__are_bounded(void **state)
{
    (void)state;
    guarded_world w;
    outcome o[3];
    guarded_init(&w, 1);
    ww_tenant_account(w.w.tenant)->allowance.calls = ww_toll_new(2, WW_TOLL_MAX);
    w.s.does = NEVER;
    for (int i = 0; i < 3; i++) {
        ww_capnp_call *call;
        stem_membrane_graft_params_set_signer(
            stem_membrane_graft_begin((stem_membrane_cap){w.w.membrane}, &call),
            (stem_signer_cap){w.s.cap});
        outcome_send(&o[i], call);
    }
    scene_pump(&w.w);
    assert_string_equal(o[2].w.reason, "quota: too many calls in flight");
    scene_wait_ms(&w.w, WW_NONCE_MS);
    for (int i = 0; i < 3; i++)
        outcome_drop(&o[i]);
    guarded_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graft__untrusted_without_signer__is_denied),
        cmocka_unit_test(graft__signed_by_an_allowed_key__is_given),
        cmocka_unit_test(graft__not_signed_right__says_why),
        cmocka_unit_test(graft__signature_used_before__is_a_replay),
        cmocka_unit_test(graft__signed_after_thirty_seconds__is_a_replay),
        cmocka_unit_test(graft__given_up_by_its_caller__stops_the_signer),
        cmocka_unit_test(graft__epoch_moves_while_it_is_signed__is_of_the_new_one),
        cmocka_unit_test(graft__link_ends_while_it_is_signed__is_revoked),
        cmocka_unit_test(grafts__waiting_for_their_signers__are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
