/* node/roster.h - the cells of a node by their numbers, for whoever looks at the node as a whole.
 *
 * Model      Whoever starts a cell puts an entry on the roster and takes it off when the cell
 *            ended. Numbers count up from 1 and are not used again.
 * Ownership  Entries are embedded in their owners; what they point to lives as long as they are on
 *            the roster.
 * Threads    The loop's.
 */
#pragma once
#include "account/allowance.h"
#include "cell/cell.h"

enum { WW_ROSTER_NAME_MAX = 128 };

typedef struct ww_roster_entry ww_roster_entry;
struct ww_roster_entry {
    ww_roster_entry *next, **link;
    uint32_t number;
    uint32_t parent; /* 0: the node or its operator started it */
    bool is_ending;
    char name[WW_ROSTER_NAME_MAX];
    uint64_t started_ns;
    const ww_cell *cell;
    const ww_principal *principal; /* that pays for this cell, and what it starts */
    const ww_allowance *allowance; /* of its calls of capabilities; NULL: it makes none */
    void (*kill)(
        ww_roster_entry *self); /* ends it with 137, now or soon; it may leave the roster */
};

typedef struct ww_roster {
    ww_roster_entry *first, **last;
    uint32_t count, last_number;
} ww_roster;

void ww_roster_init(ww_roster *roster);
/* Gives the entry its number; the name is copied, cut and as plain text (base/utf8.h). */
void ww_roster_join(ww_roster *roster, ww_roster_entry *entry, ww_view name);
void ww_roster_leave(ww_roster *roster, ww_roster_entry *entry); /* also one that is not on it */
ww_roster_entry *ww_roster_find(const ww_roster *roster, uint32_t number); /* or NULL */
