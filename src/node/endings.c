/* Invariants
 *  1. A place is taken, root != NULL, from the first ending in a window until the window is summed up.
 */
#include "node/endings.h"

typedef struct ww_endings_of starter;

static const char target[] = "ww::cell";

void ww_endings_init(ww_endings *endings, const ww_log *log)
{
    *endings = (ww_endings){.log = log};
}

static const ww_account *root_of(const ww_account *account)
{
    while (account->level > 1)
        account = account->parent;
    return account;
}

/* The starter's place, or a free one, or that of everybody else. */
static starter *find(ww_endings *endings, const ww_account *root, uint32_t number)
{
    starter *free = &endings->of[WW_ENDINGS_STARTERS];
    for (size_t i = WW_ENDINGS_STARTERS; i-- > 0;) {
        starter *at = &endings->of[i];
        if (at->root == root && at->starter == number) return at;
        if (!at->root) free = at;
    }
    return free;
}

void ww_endings_tell(ww_endings *endings, const ww_ending *ending, uint64_t now_ns)
{
    ww_endings_sum_up(endings, now_ns);
    const ww_account *root = root_of(ending->account);
    starter *at = find(endings, root, ending->starter);
    bool is_rest = at == &endings->of[WW_ENDINGS_STARTERS];
    if (!at->root)
        *at = (starter){.root = root,
                        .starter = ending->starter,
                        .due_ns = now_ns + (uint64_t)WW_ENDINGS_WINDOW_MS * WW_NS_PER_MS};
    if (is_rest || at->told == WW_ENDINGS_TOLD) {
        at->more++;
        return;
    }
    at->told++;
    ww_log_print(endings->log, WW_LOG_WARN, target, "cell %u %s %.*s", ending->cell,
                 ending->is_used_up ? "has used up its" : "was ended:", WW_VIEW_ARG(ending->text));
}

static void sum_up(const ww_endings *endings, const starter *at)
{
    enum { WINDOW_S = WW_ENDINGS_WINDOW_MS / 1000 };
    if (!at->more) return;
    if (at == &endings->of[WW_ENDINGS_STARTERS])
        ww_log_print(endings->log, WW_LOG_WARN, target,
                     "%u cells of others ended badly in the last %d s", at->more, WINDOW_S);
    else if (at->starter)
        ww_log_print(endings->log, WW_LOG_WARN, target,
                     "%u more cells that cell %u started ended badly in the last %d s", at->more,
                     at->starter, WINDOW_S);
    else
        ww_log_print(endings->log, WW_LOG_WARN, target,
                     "%u more cells that a client started ended badly in the last %d s", at->more,
                     WINDOW_S);
}

void ww_endings_sum_up(ww_endings *endings, uint64_t now_ns)
{
    for (size_t i = 0; i < WW_COUNT_OF(endings->of); i++) {
        starter *at = &endings->of[i];
        if (!at->root || at->due_ns > now_ns) continue;
        sum_up(endings, at);
        *at = (starter){.root = NULL};
    }
}

uint64_t ww_endings_due_ns(const ww_endings *endings)
{
    uint64_t due_ns = UINT64_MAX;
    for (size_t i = 0; i < WW_COUNT_OF(endings->of); i++)
        if (endings->of[i].root && endings->of[i].due_ns < due_ns) due_ns = endings->of[i].due_ns;
    return due_ns;
}
