# Annotations that steer the C17 generator (capnpc-c17). Schemas import it as "/ww/c17.capnp".
@0xe6a1c2f05b7d9348;

annotation prefix @0xa0d3a1c5c1e0b6f1 (file) :Text;
# What the names of this file's C symbols start with; the file's base name without it.

annotation name @0xc4b8f5a2d9e37105 (struct, enum, interface, const, field, enumerant, method, group, union) :Text;
# The C name of this declaration, in snake_case, where the made one does not please or clashes.

annotation header @0xd81e0c6f2a94b7e3 (file) :Text;
# An installed header that declares this file's types: files that import this one include <TEXT>.
