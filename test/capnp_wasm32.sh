#!/usr/bin/env bash
# The Cap'n Proto library, and types that it generated, compile for wasm32-wasi without a warning.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for file in src/base/{alloc,bytes,status}.c src/capnp/*.c gen/capnp/*.c test/support/*.capnp.c; do
    clang-14 --target=wasm32-wasi -O1 -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -Wconversion -Wshadow \
        -Isrc -Iinclude -Igen -Itest -c "$file" -o "$work/object"
done
