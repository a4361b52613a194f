/* exit_with_code N: ends with N itself, 0 to 255, by the interface that has room for it. */
#include <stdint.h>
#include <stdlib.h>

__attribute__((import_module("wasi:cli/exit@0.2.12"), import_name("exit-with-code"))) void
exit_with_code(uint32_t code);

int main(int argc, char **argv)
{
    if (argc != 2) return 1;
    exit_with_code((uint32_t)strtoul(argv[1], NULL, 10) & 0xff);
    return 1;
}
