# Load once, spawn many times, and hand on exactly what a child needs. The executor of a session is a Runtime too.
@0xcd935cc430854798;

using Peer = import "peer.capnp";

struct Grant @0xe7b2d58adac29ce3 {
  # A capability under a name.

  name @0 :Text;
  cap @1 :AnyPointer;

  methods @2 :List(Methods);
  # All that may be called on it, and on whatever is reached through it; none given: everything. At most 16 interfaces.
}

struct Methods @0xfe1955f67fe1d5ca {
  # Of one interface.

  interface @0 :UInt64;
  ordinals @1 :List(UInt16);
  # Below 64; none given: all of them.
}

interface Runtime @0xd39e55f29e8f7fb7 extends(Peer.Executor) {
  # What a session's executor is as well.

  load @0 (wasm :Data) -> (program :Program);
  # Compiles `wasm`, or finds it compiled.
}

interface Job @0x8fa3c9b3badfa936 extends(Peer.Process) {
  # What every process of a session is as well.

  ending @0 () -> (ending :Ending);
  # How it ended, once it did. May be asked any number of times.
}

struct Ending @0x924bbceb535c4888 {
  cause @0 :Cause;
  exitCode @1 :Int32;
  # As of `wait`.

  message @2 :Text;
  # One line, for people: why it trapped, or what it used up. At most 256 bytes.

  enum Cause {
    exited @0;
    # It returned, or said so.

    trapped @1;
    timedOut @2;
    usedUp @3;
    killed @4;
  }
}

interface Program @0xa4da826627e3d3c0 {
  # Code that is ready to run.

  spawn @0 (args :List(Text), env :List(Text), grants :List(Grant)) -> (process :Peer.Process);
  # Starts a cell whose bootstrap capability is a Grants of exactly `grants`: neither a host nor an executor unless one
  # of them is. Names are not empty and differ; one capability may have several. A capability that the caller has with
  # some methods only stays limited to those, whatever the grant says.
}

interface Grants @0xb7fe7f109050ed33 {
  # What a cell was given by whoever started it.

  get @0 (name :Text) -> (cap :AnyPointer);
  # Fails for a name that was not granted.

  list @1 () -> (names :List(Text));
  # In the order in which they were granted.
}
