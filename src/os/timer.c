/* Timers as an intrusive pairing heap: starting allocates nothing and so cannot fail.
 *
 * Invariants
 *  1. No timer's deadline is before its parent's; the root has neither sibling nor prev.
 *  2. prev of a first child is its parent, of any other child its left sibling.
 *  3. A timer is in the heap exactly while `running`.
 *  4. A timer started while timers fire is due after all that were due before, and in the next turn
 *     at the earliest: its deadline is not before the turn's time, and `turn` decides among equals.
 */
#include "os/loop_inside.h"

static bool is_before(const ww_timer *a, const ww_timer *b)
{
    if (a->deadline_ns != b->deadline_ns) return a->deadline_ns < b->deadline_ns;
    return (int32_t)(a->turn - b->turn) < 0;
}

static ww_timer *meld(ww_timer *a, ww_timer *b)
{
    if (!a) return b;
    if (!b) return a;
    if (is_before(b, a)) {
        ww_timer *t = a;
        a = b;
        b = t;
    }
    b->sibling = a->child;
    if (b->sibling) b->sibling->prev = b;
    b->prev = a;
    a->child = b;
    return a;
}

/* Melds neighbours pairwise from the left, then all pairs from the right. */
static ww_timer *meld_siblings(ww_timer *first)
{
    ww_timer *pairs = NULL; /* newest first, linked by sibling */
    while (first) {
        ww_timer *a = first, *b = a->sibling;
        first = b ? b->sibling : NULL;
        a->sibling = a->prev = NULL;
        if (b) b->sibling = b->prev = NULL;
        a = meld(a, b);
        a->sibling = pairs;
        pairs = a;
    }
    ww_timer *root = NULL;
    while (pairs) {
        ww_timer *next = pairs->sibling;
        pairs->sibling = NULL;
        root = meld(root, pairs);
        pairs = next;
    }
    return root;
}

static void detach(ww_timer *timer)
{
    if (timer->prev->child == timer)
        timer->prev->child = timer->sibling;
    else
        timer->prev->sibling = timer->sibling;
    if (timer->sibling) timer->sibling->prev = timer->prev;
    timer->sibling = timer->prev = NULL;
}

void ww_timer_stop(ww_loop *loop, ww_timer *timer)
{
    if (!timer->running) return;
    timer->running = false;
    bool is_root = loop->timers == timer;
    if (!is_root) detach(timer);
    ww_timer *rest = meld_siblings(timer->child);
    timer->child = NULL;
    loop->timers = is_root ? rest : meld(loop->timers, rest);
}

void ww_timer_start(ww_loop *loop, ww_timer *timer, uint64_t deadline_ns)
{
    ww_timer_stop(loop, timer);
    timer->deadline_ns = deadline_ns < loop->turn_ns ? loop->turn_ns : deadline_ns;
    timer->turn = loop->timer_turn;
    timer->child = timer->sibling = timer->prev = NULL;
    timer->running = true;
    loop->timers = meld(loop->timers, timer);
}

void ww_timers_fire(ww_loop *loop)
{
    if (!loop->timers) return;
    uint64_t now = loop->turn_ns;
    uint32_t turn = ++loop->timer_turn;
    while (loop->timers && loop->timers->deadline_ns <= now && loop->timers->turn != turn) {
        ww_timer *timer = loop->timers;
        ww_timer_stop(loop, timer);
        timer->fire(timer);
    }
}
