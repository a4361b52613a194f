/* exit_code N: ends with N the way C programs do. Preview 1 has a place for it, but its adapter
 * only tells success from failure: the host sees 0 or 1. */
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    exit(atoi(argv[1]));
}
