/* os/wait.h - who is to be woken when something happens.
 *
 * Model      A waker stands for somebody who can be told "look again": a cell, a flush in progress.
 *            A waiter puts one waker into the list of one source. Waking takes the waiter out of
 *            the list: one registration gives at most one wake, which is a hint and may be spurious.
 * Ownership  Waiters are embedded in what waits and must be removed before that goes away. Lists
 *            are embedded in sources, which detach all waiters when they go. Zeroed ones are valid.
 * Threads    One loop's thread.
 * Contract   `wake` only marks (posts a task, sets a flag): it never runs a guest, and it may add
 *            and remove any waiter.
 */
#pragma once
#include "base/status.h"

typedef struct ww_waker ww_waker;
struct ww_waker {
    void (*wake)(ww_waker *self);
};

typedef struct ww_waiter ww_waiter;
struct ww_waiter {
    ww_waiter *next, **link; /* link: what points to this one; NULL while in no list */
    ww_waker *waker;
};

typedef struct ww_waiters {
    ww_waiter *first;
} ww_waiters;

static inline bool ww_waiter_waits(const ww_waiter *waiter)
{
    return waiter->link != NULL;
}

static inline void ww_waiter_remove(ww_waiter *waiter)
{
    if (!waiter->link) return;
    *waiter->link = waiter->next;
    if (waiter->next) waiter->next->link = waiter->link;
    waiter->next = NULL;
    waiter->link = NULL;
}

/* Moves the waiter here if it waits elsewhere. */
static inline void ww_waiters_add(ww_waiters *list, ww_waiter *waiter, ww_waker *waker)
{
    ww_waiter_remove(waiter);
    waiter->waker = waker;
    waiter->next = list->first;
    waiter->link = &list->first;
    if (waiter->next) waiter->next->link = &waiter->next;
    list->first = waiter;
}

static inline bool ww_waiters_any(const ww_waiters *list)
{
    return list->first != NULL;
}

/* `to` is empty. */
static inline void ww_waiters_move(ww_waiters *from, ww_waiters *to)
{
    to->first = from->first;
    if (to->first) to->first->link = &to->first;
    from->first = NULL;
}

/* Wakes those that wait now; those added meanwhile wait for the next time. The list itself may go
 * away meanwhile. */
static inline void ww_waiters_wake(ww_waiters *list)
{
    ww_waiters now;
    ww_waiters_move(list, &now);
    while (now.first) {
        ww_waiter *waiter = now.first;
        ww_waiter_remove(waiter);
        waiter->waker->wake(waiter->waker);
    }
}

static inline void ww_waiters_detach(ww_waiters *list)
{
    while (list->first)
        ww_waiter_remove(list->first);
}
