#!/usr/bin/env bash
# The Cap'n Proto library, and types that it generated, compile for wasm32-wasi without a warning; and a guest
# with a session carries less than 60 KB of code, its own included, libc's not counted.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compile() { # FILE...
    for file in "$@"; do
        clang-14 --target=wasm32-wasi --sysroot=/usr -Os -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -Wconversion \
            -Wshadow -Isrc -Iinclude -Igen -Itest -Iguests/guest-runtime -c "$file" -o "$work/${file//\//_}.o"
    done
}
compile src/base/{alloc,bytes,status}.c src/capnp/*.c gen/capnp/*.c guests/guest-runtime/*.c
llvm-ar-14 crs "$work/library.a" "$work"/*.o
compile test/support/*.capnp.c test/guest/link_echo.c
wasm-ld-14 --no-entry --allow-undefined --strip-all "$work/test_guest_link_echo.c.o" \
    "$work/test_support_interop.capnp.c.o" "$work/library.a" -o "$work/guest.wasm"
size=$((16#$(llvm-objdump-14 -h "$work/guest.wasm" | awk '$2 == "CODE" {print $3}')))
echo "$size bytes of code"
[ "$size" -lt $((60 * 1024)) ]
