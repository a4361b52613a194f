# The session that a cell of this system is given: its bootstrap capability is Stem.Membrane(WetwareSession).
@0xa59e04af26eca82f;

using Stem = import "stem.capnp";
using Peer = import "peer.capnp";
using C17 = import "/ww/c17.capnp";
$C17.Of(Stem.Membrane(WetwareSession)).views;

struct WetwareSession $C17.argument("wetware") {
  # What a grafted cell may use.

  host @0 :Peer.Host;
  executor @1 :Peer.Executor;
}
