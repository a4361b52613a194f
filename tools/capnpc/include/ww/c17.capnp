# Annotations that steer the C17 generator (capnpc-c17). Schemas import it as "/ww/c17.capnp".
@0xe6a1c2f05b7d9348;

annotation prefix @0xa0d3a1c5c1e0b6f1 (file) :Text;
# What the names of this file's C symbols start with; the file's base name without it.

annotation name @0xc4b8f5a2d9e37105 (struct, enum, interface, const, field, enumerant, method, group, union) :Text;
# The C name of this declaration, in snake_case, where the made one does not please or clashes.

annotation header @0xd81e0c6f2a94b7e3 (file) :Text;
# An installed header that declares this file's types: files that import this one include <TEXT>.

annotation omit @0xb07f4d1e83a6c529 (field, const, method) :Void;
# No accessors are made for it. A method keeps its place in the server's table, where NULL answers "not implemented".

annotation argument @0x9b6e20d4f7183ca5 (struct, enum, interface) :Text;
# What this declaration is called where it stands for a parameter: Box(Point) with $argument("p") is FILE_box_of_p.

struct Of(Type) {
  # For a file that names a generic type with its parameters nowhere else: $C17.Of(Membrane(Session)).views makes the
  # C types that know what the parameters stand for.

  annotation views @0xe9c35a7d1f60b824 (file) :Void;
}
