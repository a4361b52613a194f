/* Invariant: a watch is linked (link != NULL) exactly while it waits to be told. */
#include "cap/authority.h"

static void link_watch(ww_authority_watch **list, ww_authority_watch *watch)
{
    watch->next = *list;
    watch->link = list;
    if (watch->next) watch->next->link = &watch->next;
    *list = watch;
}

/* Those that begin to watch while others are told wait for the next time. */
void ww_authority_revoke(ww_authority *authority)
{
    authority->generation++;
    ww_authority_watch *now = authority->watches;
    authority->watches = NULL;
    for (ww_authority_watch *watch = now; watch; watch = watch->next)
        if (watch->is_over) *watch->is_over = true;
    if (now) now->link = &now;
    while (now) {
        ww_authority_watch *watch = now;
        ww_authority_watch_remove(watch);
        watch->revoked(watch);
    }
}

void ww_authority_watch_add(ww_authority *authority, ww_authority_watch *watch)
{
    ww_authority_watch_remove(watch);
    link_watch(&authority->watches, watch);
}

void ww_authority_watch_remove(ww_authority_watch *watch)
{
    if (!watch->link) return;
    *watch->link = watch->next;
    if (watch->next) watch->next->link = watch->link;
    watch->next = NULL;
    watch->link = NULL;
}

/* Stands in places that never end: nobody can reach it to revoke it. */
static const ww_authority forever;

void ww_lineage_init(ww_lineage *lineage, const ww_authority *const authorities[WW_LINEAGE_PLACES])
{
    *lineage = (ww_lineage){0};
    for (int i = 0; i < WW_LINEAGE_PLACES; i++) {
        lineage->authorities[i] = authorities[i] ? authorities[i] : &forever;
        lineage->seen[i] = lineage->authorities[i]->generation;
        lineage->sum += lineage->seen[i];
    }
}

ww_lineage_place ww_lineage_ended(const ww_lineage *lineage)
{
    int place = 0;
    while (place < WW_LINEAGE_PLACES &&
           lineage->authorities[place]->generation == lineage->seen[place])
        place++;
    return (ww_lineage_place)place;
}
