/* commands.h - what the shell can do. */
#pragma once
#include "shell.h"
#include "words.h"

typedef struct shell {
    ww_guest *guest;
    session *session;
    bool has_prompt, is_over;
} shell;

void command_run(shell *sh, const words *w);
