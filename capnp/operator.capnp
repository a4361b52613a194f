# What the owner of a node may do with it: the bootstrap of the node's operator socket.
@0x99cc9dafab7196e0;

using Stem = import "stem.capnp";
using Peer = import "peer.capnp";
using Membrane = import "membrane.capnp";
using BringUp = import "bringup.capnp";

struct Cell @0xe56fe3efe9ea2607 {
  # A guest that the node runs.

  number @0 :UInt32;
  # Its name for kill; not used again while the node runs.

  name @1 :Text;
  # What it was started as.

  state @2 :State;
  parent @3 :UInt32;
  # The cell that started it; 0 for those that the node or its operator started.

  ageNs @4 :UInt64;
  cpuNs @5 :UInt64;
  memoryBytes @6 :UInt64;
  # Of its linear memories.

  calls @7 :UInt64;
  refusedCalls @8 :UInt64;

  familyCells @9 :UInt32;
  familyCpuNs @10 :UInt64;
  familyMemoryBytes @11 :UInt64;
  # Of this cell with all that it started, and so on: how many live, the time of the ended ones too. Families deeper than
  # the node counts are told of with their nearest ancestor that is.

  enum State {
    running @0;
    ending @1;
    # It was told to end, or its session is over.
  }
}

struct Status @0x8a43af93e139ed83 {
  # What the node says of itself.

  version @0 :Text;
  nodeId @1 :Data;
  # The 32 bytes of its public key.

  processId @2 :UInt32;
  uptimeNs @3 :UInt64;
  cells @4 :UInt32;
  cellsMax @5 :UInt32;
  operators @6 :UInt32;
  # Connections to the operator socket.

  epoch @7 :Stem.Epoch;
  epochSource @8 :Text;
  # "static", "local", ...
}

interface Operator @0x9e59a30121bebe18 extends(Stem.Membrane(Membrane.WetwareSession)) {
  # A session for the owner's programs is one graft away; the rest is about the node as a whole.

  cells @0 () -> (cells :List(Cell));
  # In the order of their numbers.

  kill @1 (cell :UInt32) -> ();
  # Ends it with exit code 137. Fails for a number that no cell has.

  status @2 () -> (status :Status);

  epoch @3 () -> (epoch :Stem.Epoch, source :Text);
  # The current one, and who moves it on.

  advanceEpoch @4 (head :Data) -> (epoch :Stem.Epoch);
  # The next epoch begins: every session of this one is over. Fails unless the source is "local".

  exec @5 (request :ExecRequest) -> (process :Peer.Process);
  # Runs a component as if the node had been started with it. The process ends with the connection that asked for it.

  bringUp @6 () -> (bringUp :BringUp.BringUp);
  # What the node brings up.
}

struct ExecRequest @0x8edb9a58926d20f8 {
  wasm @0 :Data;
  name @1 :Text;
  # For the list of cells.

  args @2 :List(Text);
  # As they are; the first is the guest's own name.

  env @3 :List(Text);
  # KEY=VALUE.

  grantOperator @4 :Bool;
  # Its bootstrap is this Operator instead of a Membrane.
}
