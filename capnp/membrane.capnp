# The session that a cell of this system is given: its bootstrap capability is Stem.Membrane(WetwareSession).
@0xa59e04af26eca82f;

using Stem = import "stem.capnp";
using Peer = import "peer.capnp";

struct WetwareSession {
  # What a grafted cell may use.

  host @0 :Peer.Host;
  executor @1 :Peer.Executor;
}
