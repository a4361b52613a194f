@0xd5f0a8c1b7e64293;

struct Greeting {
  # What a greeter says, and how often it said something before.

  text @0 :Text;
  before @1 :UInt32;
}

interface Greeter {
  greet @0 (name :Text) -> (greeting :Greeting);
  # Says hello.

  another @1 () -> (greeter :Greeter);
  # A greeter of one's own.
}
