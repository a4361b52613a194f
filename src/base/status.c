#include "base/status.h"
#include "base/utf8.h"
#include <stdio.h>

const char *ww_status_name(ww_status status)
{
    static const char *const names[] = {
#define WW_STATUS_NAME(name, text) #name,
        WW_STATUS_LIST(WW_STATUS_NAME)
#undef WW_STATUS_NAME
    };
    return (unsigned)status < WW_STATUS_COUNT ? names[status] : "?";
}

const char *ww_status_text(ww_status status)
{
    static const char *const texts[] = {
#define WW_STATUS_TEXT(name, text) text,
        WW_STATUS_LIST(WW_STATUS_TEXT)
#undef WW_STATUS_TEXT
    };
    return (unsigned)status < WW_STATUS_COUNT ? texts[status] : "?";
}

/* Names from foreign files end up in these texts and then on a terminal. */
static void make_plain(ww_diag *diag)
{
    ww_text_make_plain(diag->text, strlen(diag->text));
}

ww_status ww_vfail(ww_diag *diag, ww_status status, const char *format, va_list args)
{
    if (!diag) return status;
    diag->status = status;
    vsnprintf(diag->text, sizeof diag->text, format, args);
    make_plain(diag);
    return status;
}

ww_status ww_fail(ww_diag *diag, ww_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    ww_vfail(diag, status, format, args);
    va_end(args);
    return status;
}

ww_status ww_fail_in(ww_diag *diag, const char *format, ...)
{
    if (!diag) return WW_E_INVALID;
    char inner[WW_DIAG_TEXT_MAX];
    memcpy(inner, diag->text, sizeof inner);
    va_list args;
    va_start(args, format);
    int used = vsnprintf(diag->text, sizeof diag->text, format, args);
    va_end(args);
    size_t at = used < 0 ? 0 : (size_t)used;
    for (const char *part = ": "; *part && at + 1 < sizeof diag->text; part++)
        diag->text[at++] = *part;
    for (const char *part = inner; *part && at + 1 < sizeof diag->text; part++)
        diag->text[at++] = *part;
    if (at < sizeof diag->text) diag->text[at] = '\0';
    make_plain(diag);
    return diag->status;
}
