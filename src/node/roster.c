#include "node/roster.h"
#include "base/utf8.h"

void ww_roster_init(ww_roster *roster)
{
    *roster = (ww_roster){.last = &roster->first};
}

void ww_roster_join(ww_roster *roster, ww_roster_entry *entry, ww_view name)
{
    size_t size = name.size < sizeof entry->name ? name.size : sizeof entry->name - 1;
    if (size) memcpy(entry->name, name.data, size);
    entry->name[size] = '\0';
    ww_text_make_plain(entry->name, size);
    entry->number = ++roster->last_number;
    entry->next = NULL;
    entry->link = roster->last;
    *roster->last = entry;
    roster->last = &entry->next;
    roster->count++;
}

void ww_roster_leave(ww_roster *roster, ww_roster_entry *entry)
{
    if (!entry->link) return;
    *entry->link = entry->next;
    if (entry->next)
        entry->next->link = entry->link;
    else
        roster->last = entry->link;
    entry->link = NULL;
    roster->count--;
}

ww_roster_entry *ww_roster_find(const ww_roster *roster, uint32_t number)
{
    ww_roster_entry *at = roster->first;
    while (at && at->number != number)
        at = at->next;
    return at;
}
