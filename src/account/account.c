#include "account/account.h"

static ww_account *new_account(const ww_allocator *allocator, ww_account *parent)
{
    ww_account *account = ww_alloc_zeroed(allocator, sizeof *account);
    if (!account) return NULL;
    account->allocator = allocator;
    account->refs = 1;
    ww_principal_init(&account->principal, WW_VIEW_LITERAL("node"));
    if (!parent) return account;
    account->parent = ww_account_ref(parent);
    account->level = parent->level + 1;
    account->principal.parent = &parent->principal;
    return account;
}

ww_account *ww_account_new(const ww_allocator *allocator)
{
    return new_account(allocator, NULL);
}

ww_account *ww_account_open(ww_account *node, const ww_account_limits *limits)
{
    WW_ASSERT(node->level == 0);
    ww_account *account = new_account(node->allocator, node);
    if (!account) return NULL;
    ww_budget *budgets = account->principal.budgets;
    account->principal.name = WW_VIEW_LITERAL("operator");
    ww_allowance_init_principal(&account->allowance);
    budgets[WW_PRINCIPAL_OBJECTS].max = WW_ACCOUNT_OBJECTS_MAX;
    budgets[WW_PRINCIPAL_COMPILATIONS].max = WW_ACCOUNT_COMPILATIONS_MAX;
    if (limits->cpu_ns_max) budgets[WW_PRINCIPAL_CPU_NS].max = limits->cpu_ns_max;
    if (limits->memory_bytes_max) budgets[WW_PRINCIPAL_MEMORY].max = limits->memory_bytes_max;
    return account;
}

ww_account *ww_account_below(ww_account *parent)
{
    WW_ASSERT(parent->level);
    if (parent->level == WW_ALLOWANCE_LEVELS_MAX) return ww_account_ref(parent);
    ww_account *account = new_account(parent->allocator, parent);
    if (!account) return NULL;
    account->principal.name = WW_VIEW_LITERAL("cell");
    ww_allowance_init_cell(&account->allowance, &parent->allowance);
    return account;
}

ww_account *ww_account_ref(ww_account *account)
{
    account->refs++;
    return account;
}

void ww_account_unref(ww_account *account)
{
    while (account && --account->refs == 0) {
        ww_account *parent = account->parent;
        ww_free(account->allocator, account, sizeof *account);
        account = parent;
    }
}
