# Host, Executor, Process and ByteStream: what a cell may do with its node.
@0xbf5147b78c0e6a2f;

struct PeerInfo {
  # A peer that the host knows.

  peerId @0 :Data;
  # The multihash bytes of its id.

  addrs @1 :List(Data);
  # Its multiaddrs in binary form.
}

interface Host {
  # The node itself: its identity, its network, and a way to run code on it.

  id @0 () -> (peerId :Data);
  # The multihash bytes of the node's own id.

  addrs @1 () -> (addrs :List(Data));
  # Every address the node listens on, without /p2p.

  peers @2 () -> (peers :List(PeerInfo));
  # The peers that are connected now, each with one address.

  connect @3 (peerId :Data, addrs :List(Data)) -> ();
  # Dials a peer; done when the connection stands. Connected already is success.

  executor @4 () -> (executor :Executor);
  # What runs code on this node.
}

interface Executor {
  # Runs WebAssembly.

  runBytes @0 (wasm :Data, args :List(Text), env :List(Text)) -> (process :Process);
  # Compiles and starts `wasm`. `args` are passed as they are, `env` holds KEY=VALUE.

  echo @1 (message :Text) -> (response :Text);
  # Answers "Echo: " and the message.
}

interface Process {
  # A running cell.

  stdin @0 () -> (stream :ByteStream);
  # To write to.

  stdout @1 () -> (stream :ByteStream);
  # To read from.

  stderr @2 () -> (stream :ByteStream);
  # To read from.

  wait @3 () -> (exitCode :Int32);
  # The exit code, once it ended. May be asked any number of times.

  bootstrap @4 () -> (cap :AnyPointer);
  # The main object that the cell exports, once the cell has said so. Fails if it exports none, or
  # ends before.

  kill @5 () -> ();
  # Ends it with exit code 137. Success if it ended already.
}

interface ByteStream {
  # One end of a pipe.

  read @0 (maxBytes :UInt32) -> (data :Data);
  # Waits for at least one byte and gives at most `maxBytes`, and no more than 64 KiB; empty at the end.

  write @1 (data :Data) -> ();
  # Done when the pipe took all of it.

  close @2 () -> ();
  # The reader of what was written sees the end; reads from here on are at the end. May be repeated.
}
