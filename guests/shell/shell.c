#include "shell.h"
#include "commands.h"
#include "words.h"

enum { LINE_MAX = 64 << 10, PIECE = 4096 };

typedef struct lines {
    uint8_t bytes[LINE_MAX];
    size_t size;
    bool is_too_long; /* the rest of this line is dropped */
} lines;

static void say(const shell *sh, const char *text)
{
    ww_guest_write(sh->guest, WW_GUEST_OUTPUT, ww_view_str(text));
}

static void carry_out(shell *sh, uint8_t *line, size_t size)
{
    words w;
    if (!words_split(line, size, &w))
        say(sh, "Error: Invalid command syntax\n");
    else if (w.count)
        command_run(sh, &w);
}

static void end_line(shell *sh, lines *l)
{
    if (l->is_too_long)
        ww_guest_fail(sh->guest, "Error: a line of more than %d bytes", LINE_MAX);
    else
        carry_out(sh, l->bytes, l->size);
    l->size = 0;
    l->is_too_long = false;
    if (sh->has_prompt && !sh->is_over) say(sh, "ww> ");
}

static void add(shell *sh, lines *l, uint8_t byte)
{
    if (byte == '\n')
        end_line(sh, l);
    else if (l->size < LINE_MAX)
        l->bytes[l->size++] = byte;
    else
        l->is_too_long = true;
}

void shell_run(ww_guest *guest, session *s, bool has_prompt)
{
    static lines l;
    uint8_t piece[PIECE];
    size_t got;
    shell sh = {.guest = guest, .session = s, .has_prompt = has_prompt};
    l.size = 0;
    if (has_prompt) say(&sh, "ww> ");
    while (!sh.is_over && ww_guest_read(guest, piece, sizeof piece, &got) == WW_OK)
        for (size_t i = 0; i < got && !sh.is_over; i++)
            add(&sh, &l, piece[i]);
    if (l.size && !sh.is_over) carry_out(&sh, l.bytes, l.size); /* a last line without its end */
}
