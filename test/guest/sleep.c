/* sleep MS [COUNT]: sleeps COUNT times (1 if not given) and says so after each. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
    if (argc < 2) return 2;
    long ms = atol(argv[1]);
    int count = argc > 2 ? atoi(argv[2]) : 1;
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    for (int i = 1; i <= count; i++) {
        if (nanosleep(&pause, NULL)) {
            perror("nanosleep");
            return 1;
        }
        printf("slept %d\n", i);
        fflush(stdout);
    }
    return 0;
}
