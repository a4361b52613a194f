#include "os/random.h"
#include <errno.h>
#include <string.h>
#include <sys/random.h>

/* The kernel refuses nothing here once it has booted; a host without randomness must not go on. */
static void kernel_fill(uint8_t *out, size_t size)
{
    while (size) {
        ssize_t got = getrandom(out, size, 0);
        if (got < 0) {
            WW_ASSERT(errno == EINTR);
            continue;
        }
        out += got;
        size -= (size_t)got;
    }
}

static void system_fill(ww_random *base, void *out, size_t size)
{
    ww_random_system *random = WW_CONTAINER_OF(base, ww_random_system, base);
    if (size > sizeof random->portion / 2) {
        kernel_fill(out, size);
        return;
    }
    if (size > random->left) {
        kernel_fill(random->portion, sizeof random->portion);
        random->left = sizeof random->portion;
    }
    uint8_t *next = random->portion + sizeof random->portion - random->left;
    memcpy(out, next, size);
    explicit_bzero(next, size);
    random->left -= size;
}

void ww_random_system_init(ww_random_system *random)
{
    *random = (ww_random_system){.base.fill = system_fill};
}

void ww_random_system_deinit(ww_random_system *random)
{
    explicit_bzero(random->portion, sizeof random->portion);
    random->left = 0;
}

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void seeded_fill(ww_random *base, void *out, size_t size)
{
    ww_random_seeded *random = WW_CONTAINER_OF(base, ww_random_seeded, base);
    uint8_t *bytes = out;
    for (size_t i = 0; i < size; i++) {
        if (random->left == 0) {
            random->word = splitmix64(&random->state);
            random->left = sizeof random->word;
        }
        bytes[i] = (uint8_t)random->word;
        random->word >>= 8;
        random->left--;
    }
}

void ww_random_seeded_init(ww_random_seeded *random, uint64_t seed)
{
    *random = (ww_random_seeded){.base.fill = seeded_fill, .state = seed};
}
