#include "shop.h"

uint32_t shop_worth(coin_coin_r coin, coin_sealed_of_coin_coin_r gift)
{
    return coin_coin_value(coin) + coin_coin_value(coin_sealed_of_coin_coin_inside(gift));
}
