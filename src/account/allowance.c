#include "account/allowance.h"

void ww_allowance_init_principal(ww_allowance *allowance)
{
#define WW_ALLOWANCE_BOUND(name, cell, principal, text) {.max = (principal)},
    *allowance = (ww_allowance){
        .budgets = {WW_ALLOWANCE_LIST(WW_ALLOWANCE_BOUND)},
        .calls = ww_toll_new(WW_ALLOWANCE_CALLS_OF_PRINCIPAL, WW_ALLOWANCE_WORDS_OF_PRINCIPAL)};
#undef WW_ALLOWANCE_BOUND
}

void ww_allowance_init_cell(ww_allowance *allowance, ww_allowance *parent)
{
#define WW_ALLOWANCE_BOUND(name, cell, principal, text) {.max = (cell)},
    *allowance =
        (ww_allowance){.budgets = {WW_ALLOWANCE_LIST(WW_ALLOWANCE_BOUND)},
                       .calls = ww_toll_new(WW_ALLOWANCE_CALLS_OF_CELL, WW_ALLOWANCE_WORDS_OF_CELL),
                       .parent = parent};
#undef WW_ALLOWANCE_BOUND
}

bool ww_allowance_take_call(ww_allowance *allowance)
{
    ww_allowance *at = allowance;
    while (at && ww_toll_charge(&at->calls, ww_toll_price(0)))
        at = at->parent;
    if (!at) return true;
    at->refused++;
    for (ww_allowance *taken = allowance; taken != at; taken = taken->parent)
        ww_toll_release(&taken->calls, ww_toll_price(0));
    return false;
}

void ww_allowance_give_call(ww_allowance *allowance)
{
    for (ww_allowance *at = allowance; at; at = at->parent)
        ww_toll_release(&at->calls, ww_toll_price(0));
}

const char *ww_allowance_text(ww_allowance_kind kind)
{
    static const char *const texts[] = {
#define WW_ALLOWANCE_TEXT(name, cell, principal, text) text,
        WW_ALLOWANCE_LIST(WW_ALLOWANCE_TEXT)
#undef WW_ALLOWANCE_TEXT
    };
    return texts[kind];
}
