/* account/allowance.h - how much of this host a cell may hold at a time with all that it started,
 * and a principal with all its cells.
 *
 * Model      An allowance has one budget per thing that can be held: capabilities, children; calls that
 *            wait for an answer are counted with their bytes. Taking from a cell's takes from its
 *            parent's too; what one of them lacks is taken from neither.
 * Bounds     The list; WW_ALLOWANCE_LEVELS_MAX allowances above each other.
 * Ownership  The owner embeds it; a parent outlives its children's use of it.
 * Threads    One loop's thread.
 */
#pragma once
#include "base/blob.h"
#include "base/toll.h"

/*       name        of a cell  of a principal       sentence */
#define WW_ALLOWANCE_LIST(X)                                                                       \
    X(HANDLES, 8192, 65536, "quota: too many open handles")                                        \
    X(CHILDREN, 1024, 4096, "quota: too many children")

enum {
    WW_ALLOWANCE_CALLS_OF_CELL = 2048,
    WW_ALLOWANCE_CALLS_OF_PRINCIPAL = 16384,
    WW_ALLOWANCE_WORDS_OF_CELL = (128 << 20) / 8,
    WW_ALLOWANCE_WORDS_OF_PRINCIPAL = (512 << 20) / 8,
};

#define WW_ALLOWANCE_TEXT_CALLS "quota: too many calls in flight"
#define WW_ALLOWANCE_TEXT_BYTES "quota: too many bytes in flight"

typedef enum ww_allowance_kind {
#define WW_ALLOWANCE_ENUM(name, cell, principal, text) WW_ALLOWANCE_##name,
    WW_ALLOWANCE_LIST(WW_ALLOWANCE_ENUM)
#undef WW_ALLOWANCE_ENUM
        WW_ALLOWANCE_KINDS
} ww_allowance_kind;

enum { WW_ALLOWANCE_LEVELS_MAX = 4 };

typedef struct ww_allowance ww_allowance;
struct ww_allowance {
    ww_budget budgets[WW_ALLOWANCE_KINDS];
    ww_toll calls;        /* that wait for an answer, with their bytes */
    ww_allowance *parent; /* NULL: none */
    uint64_t refused;     /* takings that failed here, and calls that were denied */
};

/* With the bounds of the list above, which may be changed. */
void ww_allowance_init_principal(ww_allowance *allowance);
void ww_allowance_init_cell(ww_allowance *allowance, ww_allowance *parent); /* NULL: nobody's */

/* False, and nothing is taken, when it or a parent has less than `count` left. */
WW_MUST_USE static inline bool ww_allowance_take(ww_allowance *allowance, ww_allowance_kind kind,
                                                 uint64_t count)
{
    ww_allowance *at = allowance;
    while (at && WW_LIKELY(ww_budget_charge(&at->budgets[kind], count)))
        at = at->parent;
    if (WW_LIKELY(!at)) return true;
    at->refused++;
    for (ww_allowance *taken = allowance; taken != at; taken = taken->parent)
        ww_budget_release(&taken->budgets[kind], count);
    return false;
}

static inline void ww_allowance_give(ww_allowance *allowance, ww_allowance_kind kind,
                                     uint64_t count)
{
    for (ww_allowance *at = allowance; at; at = at->parent)
        ww_budget_release(&at->budgets[kind], count);
}

/* The same for a call without a message. */
WW_MUST_USE bool ww_allowance_take_call(ww_allowance *allowance);
void ww_allowance_give_call(ww_allowance *allowance);

/* The sentence of a refusal. */
const char *ww_allowance_text(ww_allowance_kind kind);
