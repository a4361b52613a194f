/* base/status.h - one list of outcomes for the whole system.
 *
 * Model      A function that can fail returns ww_status. The class of a status says who is at
 *            fault, and with it what the caller does: local trouble fails the operation, foreign
 *            trouble (a component, a guest, a peer) ends that input and nothing else, a refusal
 *            goes back to whoever asked.
 * Text       Sentences are made where the fault is found and travel in a ww_diag; no code matches
 *            on them.
 */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*       name            text                                   */
#define WW_STATUS_LIST(X)                                                                          \
    X(OK, "ok")                                                                                    \
    X(AGAIN, "not yet")               /* wait for the next event */                                \
    X(E_INVALID, "malformed input")   /* foreign bytes break their format */                       \
    X(E_UNSUPPORTED, "not supported") /* well formed, but not for this host */                     \
    X(E_LIMIT, "limit exceeded")      /* a bound of this host was reached */                       \
    X(E_MISSING, "missing import")    /* something needed is not offered */                        \
    X(E_MISMATCH, "type mismatch")    /* offered, with another shape */                            \
    X(E_TRAP, "trap")                 /* a guest broke a rule and is dead */                       \
    X(E_EXIT, "exit")                 /* a guest asked to end */                                   \
    X(E_DENIED, "denied")             /* authority is missing */                                   \
    X(E_STALE, "stale")               /* authority was revoked */                                  \
    X(E_QUOTA, "quota exceeded")      /* the principal's budget is used up */                      \
    X(E_CANCELED, "canceled")                                                                      \
    X(E_TIMEOUT, "timed out")                                                                      \
    X(E_BUSY, "busy")                                                                              \
    X(E_CLOSED, "closed")                                                                          \
    X(E_NOT_FOUND, "not found")                                                                    \
    X(E_EXISTS, "already exists")                                                                  \
    X(E_USAGE, "bad usage")                                                                        \
    X(E_IO, "input or output error") /* the operating system said no */                            \
    X(E_MEMORY, "out of memory")

typedef enum ww_status {
#define WW_STATUS_ENUM(name, text) WW_##name,
    WW_STATUS_LIST(WW_STATUS_ENUM)
#undef WW_STATUS_ENUM
        WW_STATUS_COUNT
} ww_status;

#define WW_MUST_USE                        __attribute__((warn_unused_result))
#define WW_PRINTF(f, a)                    __attribute__((format(printf, f, a)))
#define WW_UNLIKELY(x)                     __builtin_expect(!!(x), 0)
#define WW_LIKELY(x)                       __builtin_expect(!!(x), 1)
#define WW_COUNT_OF(a)                     (sizeof(a) / sizeof((a)[0]))
#define WW_CONTAINER_OF(ptr, type, member) ((type *)((uintptr_t)(ptr)-offsetof(type, member)))

/* Stays on in every build: a host that goes on after a broken invariant of its own is an exploit
 * waiting. For our own bugs only; what comes from outside is checked, never asserted. */
#define WW_ASSERT(cond) ((cond) ? (void)0 : ww_assert_failed(#cond, __FILE__, __LINE__))
_Noreturn void ww_assert_failed(const char *cond, const char *file, int line);

enum { WW_DIAG_TEXT_MAX = 480 };

/* Where a fault explains itself: one line without a newline, cut at WW_DIAG_TEXT_MAX bytes, plain
 * text (base/utf8.h). */
typedef struct ww_diag {
    ww_status status;
    char text[WW_DIAG_TEXT_MAX];
} ww_diag;

const char *ww_status_name(ww_status status); /* "E_LIMIT" */
const char *ww_status_text(ww_status status); /* "limit exceeded" */

/* Fills `diag` (which may be NULL) and returns `status`, so that a check reads: return ww_fail(d,
 * ...). */
ww_status ww_fail(ww_diag *diag, ww_status status, const char *format, ...) WW_PRINTF(3, 4);
ww_status ww_vfail(ww_diag *diag, ww_status status, const char *format, va_list args)
    WW_PRINTF(3, 0);

/* Puts "format: " before the text that is there already. Returns diag's status. */
ww_status ww_fail_in(ww_diag *diag, const char *format, ...) WW_PRINTF(2, 3);
