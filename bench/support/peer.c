#include "support/peer.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool path_beside_self(const char *program, char path[PATH_MAX])
{
    ssize_t size = readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (size < 0) return false;
    path[size] = '\0';
    char *slash = strrchr(path, '/');
    size_t room = (size_t)(path + PATH_MAX - slash) - 1;
    return slash && (size_t)snprintf(slash + 1, room, "%s", program) < room;
}

void bench_peer_rows(const char *program, bench_row *rows, size_t count)
{
    char path[PATH_MAX], name[64];
    double figure;
    FILE *peer = path_beside_self(program, path) ? popen(path, "r") : NULL;
    while (peer && fscanf(peer, "%63s %lf", name, &figure) == 2)
        for (size_t i = 0; i < count; i++)
            if (rows[i].bound <= 0 && strcmp(rows[i].name, name) == 0) rows[i].bound = figure;
    if (peer) pclose(peer);
}
