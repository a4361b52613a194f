#include "wasm/engine.h"

/* The engine's debug text of an error is, when guest code ran,
 *
 *     error while executing at wasm backtrace:
 *         0:     0x1f - name!function
 *                         at file:line:column
 *     note: ...
 *
 *     Caused by:
 *         wasm trap: ...
 *
 * with the frames' names demangled, which its frame objects do not offer; otherwise the causes
 * alone, the outermost first. A test pins this form. */
static const char frames_head[] = "error while executing at wasm backtrace:\n";
static const char causes_head[] = "\n\nCaused by:\n";

/* "    0: text" or "    text": what comes before the text of a cause. */
static char *skip_indent(char *at, const char *end)
{
    while (at < end && *at == ' ')
        at++;
    char *digits = at;
    while (digits < end && *digits >= '0' && *digits <= '9')
        digits++;
    return digits > at && digits + 1 < end && digits[0] == ':' && digits[1] == ' ' ? digits + 2
                                                                                   : at;
}

/* Several causes become one line in place: "outer; inner". */
static ww_view join_causes(char *from, const char *end)
{
    char *const first = skip_indent(from, end);
    char *to = first;
    for (char *at = first; at < end;) {
        if (*at != '\n') {
            *to++ = *at++;
            continue;
        }
        while (at < end && *at == '\n')
            at++;
        at = skip_indent(at, end);
        if (at < end) *to++ = ';', *to++ = ' ';
    }
    return ww_view_of(first, (size_t)(to - first));
}

/* Removes the indentation and the engine's hints from the frames, in place. */
static ww_view trim_frames(char *from, const char *end)
{
    char *to = from;
    for (char *at = from; at < end;) {
        char *line = at;
        while (line < end && *line == ' ')
            line++;
        char *line_end = memchr(line, '\n', (size_t)(end - line));
        at = line_end ? line_end + 1 : from + (end - from);
        if (end - line >= 5 && memcmp(line, "note:", 5) == 0) continue;
        size_t size = (size_t)(at - line);
        memmove(to, line, size);
        to += size;
    }
    while (to > from && to[-1] == '\n')
        to--;
    return ww_view_of(from, (size_t)(to - from));
}

ww_message_parts ww_message_split(char *message, size_t size)
{
    char *end = message + size;
    char *causes = memmem(message, size, causes_head, sizeof causes_head - 1);
    if (!ww_view_starts(ww_view_of(message, size), frames_head)) {
        ww_view cause = join_causes(message, end);
        char *word = memmem(message, cause.size, "Caused by:; ", 12);
        if (!word) return (ww_message_parts){.cause = cause};
        memmove(word, word + 12, (size_t)(message + cause.size - word - 12));
        return (ww_message_parts){.cause = ww_view_of(cause.data, cause.size - 12)};
    }
    char *frames = message + sizeof frames_head - 1;
    if (!causes) return (ww_message_parts){.frames = trim_frames(frames, end)};
    return (ww_message_parts){
        .frames = trim_frames(frames, causes),
        .cause = join_causes(causes + sizeof causes_head - 1, end),
    };
}

ww_status ww_fail_of_error(ww_diag *diag, ww_status status, wasmtime_error_t *error)
{
    wasm_name_t message;
    wasmtime_error_message(error, &message);
    wasmtime_error_delete(error);
    ww_view cause = ww_message_split(message.data, message.size).cause;
    ww_fail(diag, status, "%.*s", WW_VIEW_ARG(cause));
    wasm_byte_vec_delete(&message);
    return status;
}

static ww_status fail_of_trap(ww_diag *diag, wasm_trap_t *trap)
{
    wasm_message_t message;
    wasm_trap_message(trap, &message);
    wasm_trap_delete(trap);
    ww_view cause = ww_message_split(message.data, message.size ? message.size - 1 : 0).cause;
    ww_fail(diag, WW_E_TRAP, "%.*s", WW_VIEW_ARG(cause));
    wasm_byte_vec_delete(&message);
    return WW_E_TRAP;
}

ww_status ww_fail_of_instantiation(ww_diag *diag, wasmtime_error_t *error, wasm_trap_t *trap)
{
    if (trap) return fail_of_trap(diag, trap);
    if (!error) return WW_OK;
    /* The engine tells a full pool from a wrong import by its text only. */
    ww_diag scratch;
    ww_fail_of_error(&scratch, WW_E_LIMIT, error);
    bool mismatch =
        strstr(scratch.text, "incompatible import type") || strstr(scratch.text, "expected");
    return ww_fail(diag, mismatch ? WW_E_MISMATCH : WW_E_LIMIT, "%s", scratch.text);
}
