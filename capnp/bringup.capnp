# What a node brings up, and in which order: for its owner, behind Operator.bringUp.
@0xd3b1f0a6c2e94857;

struct Target @0xb7e6a1d20c5f9384 {
  # Something with a bootstrap.

  name @0 :Text;
  kind @1 :Kind;
  state @2 :State;
  touches @3 :List(Text);
  # The components that nothing else uses while it runs.

  blockedBy @4 :Text;
  # A waiting one: the target in front of it; empty when that is work outside any bootstrap.

  blockedOn @5 :Text;
  # And the component that both touch; empty when it is the target itself.

  inputs @6 :List(Text);
  # That it needs each time.

  enum Kind {
    module @0;
    component @1;
  }

  enum State {
    idle @0;
    # Nobody asked for it yet.

    queued @1;
    waiting @2;
    # For components, or for its turn in the install order; see blockedBy.

    running @3;
    delayed @4;
    # Failed, and will be tried again.

    needsInput @5;
    # The install order stopped in front of it.

    done @6;
    failed @7;
  }
}

struct Status @0x9c40d7be18f3a265 {
  state @0 :State;
  halted @1 :Bool;
  # A failure stopped the install order.

  targets @2 :List(Target);
  # In the order in which they were installed.

  journal @3 :Text;
  # Why what was installed earlier is not here, or what is installed now is for this time only; empty when all is well.

  enum State {
    idle @0;
    running @1;
    waitingForInput @2;
  }
}

struct Binding @0xe1925f7ac3608bd4 {
  slot @0 :Text;
  wasm @1 :Data;
  # A component that exports the interfaces of wit/ww-contract.

  config @2 :Data;
  # What its bootstrap is told.
}

struct Install @0xc5a37f0e91d2864b {
  artifact @0 :Data;
  bindings @1 :List(Binding);
}

struct Input @0xaf38c61d0b7e5294 {
  name @0 :Text;
  bytes @1 :Data;
}

struct Event @0x9d1f4b73a9e2c650 {
  # What a module emitted.

  number @0 :UInt64;
  # From 1 on, in their order; where numbers are missing, the node had no memory for them.

  unixTimeNs @1 :UInt64;
  module @2 :Text;
  # The function that ran: a module's body or its bootstrap.

  topic @3 :Text;
  bytes @4 :Data;
  # The first 4096 of them.

  size @5 :UInt64;
  # Of all.
}

interface BringUp @0xf20d6b94e8a17c35 {
  status @0 () -> (status :Status);

  install @1 (install :Install) -> (modules :List(Text));
  # Installs every module of an artifact, all or none, and brings up what needs no input.

  bootstrap @2 (target :Text, inputs :List(Input)) -> ();
  # Asks for a module's or a component's bootstrap; again, if it is done. Without a target: for the install order.

  invoke @3 (module :Text, inputs :List(Input)) -> ();
  # Writes inputs of a module, and starts its operations that have none.

  events @4 (after :UInt64, wait :Bool) -> (events :List(Event), last :UInt64);
  # What modules emitted lately and has a number above `after`; `last` is the number of the last one. With `wait` the
  # answer comes when there is one.

  cancel @5 (target :Text) -> (count :UInt32);
  # Ends what is under way of a module's or a component's bootstrap, and drops what waits: all of it fails. Without a
  # target: of all but pid0. `count` says how many that were.
}
