/* cli/json.h - answers for machines.
 *
 * Ownership  As jansson's: what is made is the caller's; ww_json_print takes.
 * Errors     What is not UTF-8, not there, or beyond memory becomes null.
 */
#pragma once
#include "base/bytes.h"
#include <jansson.h>
#include <stdio.h>

json_t *ww_json_text(ww_view text);       /* data NULL: null */
json_t *ww_json_string(const char *text); /* NULL and "": null */
json_t *ww_json_hex(ww_view bytes);

/* On one line. */
void ww_json_print(FILE *file, json_t *value);
