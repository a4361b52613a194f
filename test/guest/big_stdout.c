/* big_stdout BYTES: that many bytes of output, byte i being i modulo 251, so that a lost, doubled
 * or moved piece shows. */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    unsigned long long total = strtoull(argv[1], NULL, 10);
    for (unsigned long long i = 0; i < total; i++)
        if (putchar((int)(i % 251)) == EOF) return 1;
    return fflush(stdout) == 0 ? 0 : 1;
}
