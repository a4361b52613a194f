/* What one library made, the other one takes: both know the coin from the package that owns it. */
#include "purse.h"
#include "shop.h"
#include <stdio.h>

int main(void)
{
    ww_capnp_builder builder;
    ww_capnp_builder_init(&builder, ww_allocator_libc(), NULL);
    purse_purse_r purse = purse_fill(&builder);
    coin_coin_r coin = coin_coin_l_at(purse_purse_coins(purse), 0);
    ww_view minted = coin_coin_minted(coin);
    printf("worth %u, minted %.*s\n", shop_worth(coin, purse_purse_gift(purse)),
           WW_VIEW_ARG(minted));
    ww_capnp_builder_deinit(&builder);
    return 0;
}
