# Of the library "purse".
@0xc19f27d84be3a605;

using import "coin.capnp".Coin;
using import "coin.capnp".Sealed;

struct Purse {
  coins @0 :List(Coin);
  gift @1 :Sealed(Coin);
}
