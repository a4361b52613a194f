/* node/endings.h - what the log says of cells that ended badly, and no more than that.
 *
 * Model      Of what one cell, or one client, starts, the log tells of the first WW_ENDINGS_TOLD that
 *            end badly, and counts the others. WW_ENDINGS_WINDOW_MS after the first it says how many
 *            those were, and begins anew. So who starts cells that trap, again and again, does not
 *            fill the log of the node, and nobody else's words are lost in it.
 * Bounds     WW_ENDINGS_STARTERS at a time are told apart, of the rest there is but the count. In one
 *            window the log gets at most WW_ENDINGS_STARTERS * (WW_ENDINGS_TOLD + 1) + 1 lines.
 * Time       Passed in. Whoever owns it calls ww_endings_sum_up when the time that ww_endings_due_ns
 *            names has come.
 * Threads    The loop's.
 */
#pragma once
#include "account/account.h"
#include "base/log.h"
#include "os/clock.h"

enum { WW_ENDINGS_STARTERS = 16, WW_ENDINGS_TOLD = 8, WW_ENDINGS_WINDOW_MS = 10000 };

typedef struct ww_ending {
    const ww_account *account; /* of the cell; not looked at later */
    uint32_t cell, starter;    /* their numbers; starter 0: the operator or a client of his */
    bool is_used_up;           /* else it was ended for what `text` says */
    ww_view text;
} ww_ending;

typedef struct ww_endings {
    const ww_log *log;
    struct ww_endings_of {
        const ww_account *root; /* what the operator started; NULL: this place is free */
        uint32_t starter, told, more;
        uint64_t due_ns;
    } of[WW_ENDINGS_STARTERS + 1]; /* the last is everybody else's */
} ww_endings;

void ww_endings_init(ww_endings *endings, const ww_log *log);
void ww_endings_tell(ww_endings *endings, const ww_ending *ending, uint64_t now_ns);
/* Of those whose window is over. */
void ww_endings_sum_up(ww_endings *endings, uint64_t now_ns);
/* When the next window is over; UINT64_MAX: there is none. */
uint64_t ww_endings_due_ns(const ww_endings *endings);
