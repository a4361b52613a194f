# What the tests and their peers speak: every sort of field, and objects that stretch the protocol.
@0xf1c7b0a5e2d34961;

const answer :Int32 = -42;
const ratio :Float64 = 0.5;
const greeting :Text = "hello";
const primes :List(UInt16) = [2, 3, 5, 7];

struct Point {
  x @0 :Int32;
  y @1 :Int32;
  const origin :Point = (x = 1, y = -1);
}
struct Empty {}

enum Color { red @0; green @1; blueGreen @2; }

struct AllTypes {
  # Every primitive with a default that is not zero, and every sort of pointer.

  b @0 :Bool = true;
  i8 @1 :Int8 = -128;
  i16 @2 :Int16 = -32768;
  i32 @3 :Int32 = -2147483648;
  i64 @4 :Int64 = -9223372036854775808;
  u8 @5 :UInt8 = 255;
  u16 @6 :UInt16 = 65535;
  u32 @7 :UInt32 = 4294967295;
  u64 @8 :UInt64 = 18446744073709551615;
  f32 @9 :Float32 = -0.0;
  f64 @10 :Float64 = nan;
  text @11 :Text = "default";
  data @12 :Data = 0x"01 02 03";
  color @13 :Color = blueGreen;
  point @14 :Point = (x = 3, y = 4);
  points @15 :List(Point) = [(x = 1), (x = 2)];
  bools @16 :List(Bool);
  shorts @17 :List(Int16) = [-1, 2];
  floats @18 :List(Float64);
  texts @19 :List(Text);
  datas @20 :List(Data);
  colors @21 :List(Color);
  nested @22 :List(List(UInt8));
  voids @23 :List(Void);
  any @24 :AnyPointer;
  echo @25 :Echo;
  echoes @26 :List(Echo);
  box @27 :Box(Text);
  self @28 :AllTypes;
  nothing @29 :Void;
  empty @30 :Empty;

  union {
    none @31 :Void;
    number @32 :UInt16 = 7;
    word @33 :Text;
    pair :group { left @34 :UInt8; right @35 :Text; }
    # Two at once.
  }

  shape :union {
    # A named union; /* not the end */ of the comment.
    circle @36 :Float32;
    square @37 :Float32;
  }

  inner :group { default @38 :Bool; list @39 :List(Int32); }
}

struct Box(T) { value @0 :T; struct Lid { of @0 :T; } lid @1 :Lid; }

struct V1 { a @0 :UInt32; list @1 :List(UInt16); }
struct V2 {
  union { a @0 :UInt32; other @4 :Text; }
  list @1 :List(Item);
  b @2 :UInt64 = 5;
  t @3 :Text = "new";
  struct Item { x @0 :UInt16; y @1 :Text; }
}

interface Echo {
  ping @0 (n :UInt64) -> (n :UInt64);
  blob @1 (d :Data) -> (len :UInt32, sum :UInt32);
  back @2 (len :UInt32) -> (d :Data);
  all @3 (v :AllTypes) -> (v :AllTypes);
  fail @4 (type :UInt16, text :Text) -> ();
  never @5 (cap :Echo) -> (cap :Echo);
  order @6 (expected :UInt32) -> (n :UInt32);
  # Counts the calls of this method; fails when `expected` is not the count so far.
  make @7 () -> (cap :Echo);
  take @8 (cap :Echo) -> ();
  swap @9 (cap :Echo) -> (cap :Echo);
  # Returns what it is given.
}

interface Factory extends(Echo) {
  counts @0 () -> (live :UInt32, pending :UInt32);
  hold @1 (cap :Echo) -> ();
  held @2 () -> (cap :Echo);
  callHeld @3 (expected :UInt32) -> (n :UInt32);
  promise @4 () -> (cap :Echo);
  settle @5 (kind :UInt16, cap :Echo) -> ();
  # 0 its own object, 1 `cap`, 2 null, 3 an error, 4 what is held
  tail @6 (target :Echo, expected :UInt32) -> (n :UInt32);
  nest @7 () -> (a :Nest);
  struct Nest { b @0 :Nest; cap @1 :Echo; }
  sink @8 () -> (sink :Sink);
  later @9 () -> (cap :Echo);
  # Answers when settle is called, pipelines wait until then.
  early @10 () -> (cap :Echo);
  # Never answers, but says at once what the capability will be.
}

interface Sink {
  write @0 (chunk :Data) -> stream;
  done @1 () -> (bytes :UInt64);
  stall @2 (on :Bool) -> ();
  failNext @3 () -> ();
}

interface Gen(T) {
  put @0 (value :T) -> ();
  get @1 () -> (value :T);
  conv @2 [U] (x :U) -> (y :U);
}

interface Left extends(Echo) { left @0 () -> (); }
interface Both extends(Left, Factory) { default @0 () -> (); }
