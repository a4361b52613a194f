/* The default image: a greeting, and the arguments it was given. */
#include <stdio.h>

int main(int argc, char **argv)
{
    printf("Hello from %s.\n", argc ? argv[0] : "a cell without a name");
    for (int i = 1; i < argc; i++)
        printf("argument %d: %s\n", i, argv[i]);
    return fflush(stdout) == 0 ? 0 : 1;
}
