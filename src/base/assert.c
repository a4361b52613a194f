/* Apart from status.c: a guest has its own. */
#include "base/status.h"
#include <stdio.h>
#include <stdlib.h>

void ww_assert_failed(const char *cond, const char *file, int line)
{
    fprintf(stderr, "ww: internal error: %s does not hold (%s:%d)\n", cond, file, line);
    abort();
}
