# What the package "coin" owns. Whoever imports it includes its installed header.
@0xa7e04d9c51b8f236;

using C17 = import "/ww/c17.capnp";
$C17.header("coin/coin.capnp.h");

struct Coin {
  value @0 :UInt32;
  minted @1 :Text = "at home";
}

struct Sealed(T) {
  # Something in an envelope.

  inside @0 :T;
  by @1 :Text;
}
