/* The library "purse": fills purses. */
#pragma once
#include "purse.capnp.h"

/* A purse with one coin and a gift, as the root of `builder`. */
purse_purse_r purse_fill(ww_capnp_builder *builder);
