/* The library "shop": takes coins, whoever made them. */
#pragma once
#include "shop.capnp.h"

uint32_t shop_worth(coin_coin_r coin, coin_sealed_of_coin_coin_r gift);
