/* Prints what the guest was started with: "arg I=TEXT" for every argument, argv[0] included, then
 * "env NAME=VALUE" for every variable in the order given. */
#include <stdio.h>

extern char **environ;

int main(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        printf("arg %d=%s\n", i, argv[i]);
    for (char **variable = environ; variable && *variable; variable++)
        printf("env %s\n", *variable);
    return 0;
}
