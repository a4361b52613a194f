/* Invariants of a token:
 *   1. A watch is linked (link != NULL) exactly while it waits for the token to fire.
 *   2. A fired token has no watches. */
#include "account/principal.h"

void ww_principal_init(ww_principal *principal, ww_view name)
{
    const ww_budget unlimited = {.max = UINT64_MAX};
    *principal = (ww_principal){.name = name,
                                .calls = unlimited,
                                .bytes = unlimited,
                                .objects = unlimited,
                                .cpu_ns = unlimited,
                                .memory = unlimited};
}

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
