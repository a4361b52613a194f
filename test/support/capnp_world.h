/* test/support/capnp_world.h - two vats and a link: b offers a factory to a. */
#pragma once
#include "support/capnp_link.h"

/* Vat b offers a factory; `root` is a's reference to it. */
typedef struct world {
    two_vats l;
    uint32_t live; /* objects of b */
    factory *f;
    ww_capnp_cap *root;
} world;

void world_init(world *w);
/* A last call must succeed, and everything have been given back, on both ends and in both tables. */
void world_deinit(world *w);
bool world_is_alive(world *w);

/* An object of vat a; owned. `f` may be NULL. */
ww_capnp_cap *world_mine(world *w, factory **f);
