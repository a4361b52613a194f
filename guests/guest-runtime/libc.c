/* libc's vsnprintf refers to the stream of errors, for a word about long doubles before it gives up. With that stream
 * came the rest of stdio, preview 1 below it and its adapter: one more core module with its imports for each cell to
 * instantiate. These zeros stand in for it: who writes to them traps, as giving up does. A guest that names stderr has
 * libc's. */
#include <stddef.h>

extern max_align_t __stderr_FILE[];
__attribute__((weak)) max_align_t __stderr_FILE[16]; /* no smaller than libc's */
