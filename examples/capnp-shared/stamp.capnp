# What the package "stamp" owns. It knows nothing of C, and is not ours to change.
@0xd5b3f8102c6e974a;

struct Stamp {
  text @0 :Text;
}
