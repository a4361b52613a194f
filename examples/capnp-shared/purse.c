#include "purse.h"

purse_purse_r purse_fill(ww_capnp_builder *builder)
{
    purse_purse_b purse = purse_purse_init_root(builder);
    coin_coin_set_value(coin_coin_lb_at(purse_purse_init_coins(purse, 1), 0), 5);
    coin_sealed_of_coin_coin_b gift = purse_purse_init_gift(purse);
    coin_sealed_set_by(gift.of, ww_view_str("a friend"));
    coin_coin_set_value(coin_sealed_of_coin_coin_init_inside(gift), 2);
    return purse_purse_read(purse);
}
