# Generic types with concrete parameters, of this file and of another.
@0xd3c1f5a08e7b6249;

using C17 = import "/ww/c17.capnp";
using Interop = import "interop.capnp";
$C17.Of(Interop.Gen(Interop.Box(Text))).views;

struct Pair(A, B) {
  # Two of whatever they are.

  first @0 :A;
  # The one.

  second @1 :B;
  swapped @2 :Pair(B, A);
  note @3 :Text;
  way :union { in @4 :A; out @5 :UInt8; }
}

struct User {
  words @0 :Pair(Text, Data);
  points @1 :List(Interop.Box(Interop.Point));
  lid @2 :Interop.Box(Interop.Echo).Lid;
  numbers @3 :Interop.Box(List(UInt16));
  half @4 :Interop.Box(Pair(Text, AnyPointer));
  gen @5 :Interop.Gen(Interop.Point);
  gens @6 :List(Interop.Gen(Interop.Point));
  open @7 :Interop.Box;
  caps @8 :List(Capability);
  cap @9 :Capability;
  secret @10 :Text $C17.omit;
}

interface PointGen extends(Interop.Gen(Interop.Point)) {
  both @0 Interop.Box(Text) -> Pair(Text, Data);
  hidden @1 () -> () $C17.omit;
}

const boxed :Interop.Box(Text) = (value = "constant");
const unseen :Text = "never" $C17.omit;
