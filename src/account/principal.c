/* Invariants
 *  1. What a principal's budgets say is used includes what those below it use.
 * of a token:
 *  2. A watch is linked (link != NULL) exactly while it waits for the token to fire.
 *  3. A fired token has no watches.
 */
#include "account/principal.h"

void ww_principal_init(ww_principal *principal, ww_view name)
{
    const ww_budget unlimited = {.max = UINT64_MAX};
    *principal = (ww_principal){.name = name, .calls = unlimited, .bytes = unlimited};
    for (int kind = 0; kind < WW_PRINCIPAL_KINDS; kind++)
        principal->budgets[kind] = unlimited;
}

/* --- charging */

/* What somebody below may take who uses `used`, of `left` that there is. The sum is at most what
 * the one above may use in all. */
static uint64_t share_of(uint64_t left, uint64_t used)
{
    uint64_t kept = (left + used) / (WW_PRINCIPAL_SHARE + 1);
    return left > kept ? left - kept : 0;
}

uint64_t ww_principal_left(const ww_principal *principal, ww_principal_kind kind)
{
    const ww_budget *chain[WW_PRINCIPAL_LEVELS_MAX];
    uint32_t count = 0;
    for (const ww_principal *at = principal; at; at = at->parent) {
        WW_ASSERT(count < WW_PRINCIPAL_LEVELS_MAX);
        chain[count++] = &at->budgets[kind];
    }
    uint64_t left = ww_budget_left(chain[--count]);
    while (count) {
        const ww_budget *below = chain[--count];
        uint64_t share = share_of(left, below->used), own = ww_budget_left(below);
        left = share < own ? share : own;
    }
    return left;
}

void ww_principal_use(ww_principal *principal, ww_principal_kind kind, uint64_t amount)
{
    for (ww_principal *at = principal; at; at = at->parent)
        at->budgets[kind].used += amount;
}

bool ww_principal_charge(ww_principal *principal, ww_principal_kind kind, uint64_t amount)
{
    if (amount > ww_principal_left(principal, kind)) return false;
    ww_principal_use(principal, kind, amount);
    return true;
}

void ww_principal_release(ww_principal *principal, ww_principal_kind kind, uint64_t amount)
{
    for (ww_principal *at = principal; at; at = at->parent)
        ww_budget_release(&at->budgets[kind], amount);
}

void ww_principal_settle(ww_principal *principal)
{
    for (ww_principal *at = principal; at->parent; at = at->parent) {
        at->parent->calls.used += at->calls.used - at->settled.calls;
        at->parent->bytes.used += at->bytes.used - at->settled.bytes;
        at->parent->refused += at->refused - at->settled.refused;
        at->settled.calls = at->calls.used;
        at->settled.bytes = at->bytes.used;
        at->settled.refused = at->refused;
    }
}

/* --- cancellation */

void ww_cancel_init(ww_cancel *cancel)
{
    *cancel = (ww_cancel){0};
}

void ww_cancel_fire(ww_cancel *cancel)
{
    cancel->fired = true;
    while (cancel->watches) {
        ww_cancel_watch *watch = cancel->watches;
        ww_cancel_watch_remove(watch);
        watch->fired(watch);
    }
}

void ww_cancel_watch_add(ww_cancel *cancel, ww_cancel_watch *watch)
{
    watch->next = NULL;
    watch->link = NULL;
    if (cancel->fired) {
        watch->fired(watch);
        return;
    }
    watch->next = cancel->watches;
    watch->link = &cancel->watches;
    if (watch->next) watch->next->link = &watch->next;
    cancel->watches = watch;
}

void ww_cancel_watch_remove(ww_cancel_watch *watch)
{
    if (!watch->link) return;
    *watch->link = watch->next;
    if (watch->next) watch->next->link = watch->link;
    watch->next = NULL;
    watch->link = NULL;
}
