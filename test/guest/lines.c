/* Reads standard input by lines and answers each at once as "N: LINE"; says "end N" at its end. */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    char *line = NULL;
    size_t capacity = 0;
    unsigned count = 0;
    ssize_t size;
    while ((size = getline(&line, &capacity, stdin)) >= 0) {
        if (size && line[size - 1] == '\n') line[size - 1] = 0;
        printf("%u: %s\n", ++count, line);
        fflush(stdout);
    }
    free(line);
    printf("end %u\n", count);
    return ferror(stdin) ? 1 : 0;
}
