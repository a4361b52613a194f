/* grow: takes linear memory page by page until no more is given, and tells how many pages it has then.
 * The first line makes libc and the adapter take the memory that they need for the second. */
#include <stdio.h>

int main(void)
{
    puts("growing");
    fflush(stdout);
    while (__builtin_wasm_memory_grow(0, 1) != (__SIZE_TYPE__)-1)
        continue;
    printf("pages %zu\n", __builtin_wasm_memory_size(0));
    return 0;
}
