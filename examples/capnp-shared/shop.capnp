# Of the library "shop".
@0x9d4c60eb7f2158a3;

using import "coin.capnp".Coin;
using import "coin.capnp".Sealed;
using import "stamp.capnp".Stamp;

interface Shop {
  pay @0 (coin :Coin, gift :Sealed(Coin)) -> (stamp :Stamp);
}
