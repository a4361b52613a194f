# The three objects of the serialization rows: many numeric fields, strings, a nested tree.
@0xbd0f7c2b5f0f6d11;

struct ParkingLot { cars @0 :List(Car); }

struct Car {
  make @0 :Text;
  model @1 :Text;
  color @2 :Color;
  seats @3 :UInt8;
  doors @4 :UInt8;
  wheels @5 :List(Wheel);
  length @6 :UInt16;
  width @7 :UInt16;
  height @8 :UInt16;
  weight @9 :UInt32;
  engine @10 :Engine;
  fuelCapacity @11 :Float32;
  fuelLevel @12 :Float32;
  hasPowerWindows @13 :Bool;
  hasPowerSteering @14 :Bool;
  hasCruiseControl @15 :Bool;
  cupHolders @16 :UInt8;
}

enum Color { black @0; white @1; red @2; green @3; blue @4; silver @5; }
struct Wheel { diameter @0 :UInt16; airPressure @1 :Float32; snowTires @2 :Bool; }
struct Engine { horsepower @0 :UInt16; cylinders @1 :UInt8; cc @2 :UInt32; usesGas @3 :Bool; usesElectric @4 :Bool; }

struct SearchResults { results @0 :List(SearchResult); }
struct SearchResult { url @0 :Text; score @1 :Float64; snippet @2 :Text; }

struct Expression {
  op @0 :Operation;
  left :union { value @1 :Int32; expression @2 :Expression; }
  right :union { value @3 :Int32; expression @4 :Expression; }
}
enum Operation { add @0; subtract @1; multiply @2; }
