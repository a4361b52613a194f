/* Copies standard input to standard output through one buffer of 64 KiB; `cat N` through one of N
 * bytes, so that small N answers every piece of input at once. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char buffer[64 * 1024];

static int write_all(const char *data, size_t size)
{
    while (size) {
        ssize_t written = write(STDOUT_FILENO, data, size);
        if (written < 0) {
            perror("write");
            return 1;
        }
        data += written;
        size -= (size_t)written;
    }
    return 0;
}

int main(int argc, char **argv)
{
    size_t size = argc > 1 ? strtoul(argv[1], NULL, 10) : sizeof buffer;
    if (size == 0 || size > sizeof buffer) return 2;
    for (;;) {
        ssize_t count = read(STDIN_FILENO, buffer, size);
        if (count < 0) {
            perror("read");
            return 1;
        }
        if (count == 0) return 0;
        if (write_all(buffer, (size_t)count)) return 1;
    }
}
