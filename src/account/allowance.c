#include "account/allowance.h"

void ww_allowance_init_principal(ww_allowance *allowance)
{
#define WW_ALLOWANCE_BOUND(name, cell, principal, text) {.max = (principal)},
    *allowance = (ww_allowance){.budgets = {WW_ALLOWANCE_LIST(WW_ALLOWANCE_BOUND)}};
#undef WW_ALLOWANCE_BOUND
}

void ww_allowance_init_cell(ww_allowance *allowance, ww_allowance *parent)
{
#define WW_ALLOWANCE_BOUND(name, cell, principal, text) {.max = (cell)},
    *allowance =
        (ww_allowance){.budgets = {WW_ALLOWANCE_LIST(WW_ALLOWANCE_BOUND)}, .parent = parent};
#undef WW_ALLOWANCE_BOUND
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
