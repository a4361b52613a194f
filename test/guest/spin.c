/* Never ends by itself and never calls the host after its first line: only a slice, a limit or a
 * signal stops it. */
#include <unistd.h>

static volatile unsigned turns;

int main(void)
{
    static const char ready[] = "spinning\n";
    if (write(STDOUT_FILENO, ready, sizeof ready - 1) < 0) return 1;
    for (;;)
        turns++;
}
