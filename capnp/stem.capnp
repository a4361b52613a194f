# Membranes and the epochs that their sessions belong to.
@0x9bce094a026970c4;

struct Epoch {
  # A span of time between two advances.

  seq @0 :UInt64;
  # Counts up by one.

  head @1 :Data;
  # What the epoch stands for: bytes that its source defines.

  adoptedBlock @2 :UInt64;
  # The block that announced it, where there is a chain.
}

enum Status {
  # What a status poller says of its session.

  ok @0;
  unauthorized @1;
  internalError @2;
}

interface Signer {
  # Proves an identity.

  sign @0 (domain :Text, nonce :UInt64) -> (sig :Data);
  # Signs `nonce` within `domain`.
}

interface StatusPoller {
  # Tells whether a session still holds.

  pollStatus @0 () -> (status :Status);
  # Fails once the epoch of the session is over.
}

struct Session(Extension) {
  # What grafting onto a membrane gives.

  issuedEpoch @0 :Epoch;
  # The epoch that it was issued in, and ends with.

  statusPoller @1 :StatusPoller;

  extension @2 :Extension;
  # The authority itself.
}

interface Membrane(SessionExt) {
  # Where authority is asked for.

  graft @0 (signer :Signer) -> (session :Session(SessionExt));
  # A new session of the current epoch.
}
