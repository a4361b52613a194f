#!/usr/bin/env bash
# Every #include "FOLDER/..." of src/ and gen/ must stand in test/edges.txt; only os may know libuv, only wasm Wasmtime.
set -euo pipefail
cd "$(dirname "$0")/.."
rc=0
complain() {
    echo "$*"
    rc=1
}
allowed() { # FOLDER INCLUDED
    [ "$1" = "$2" ] || grep -qE "^$1:(.* )?$2( |\$)" test/edges.txt
}
layer_of() {
    case $1 in
    gen/wit/*) echo abi ;;
    gen/capnp/*) echo capnp ;;
    src/*) cut -d/ -f2 <<<"$1" ;;
    esac
}
while IFS=: read -r file line text; do
    from=$(layer_of "$file")
    to=$(sed -E 's/.*"([a-z0-9_]+)\/.*/\1/' <<<"$text")
    case $to in wit) to=abi ;; ww) continue ;; esac
    grep -q "^$to:" test/edges.txt || complain "$file:$line: no folder \"$to\""
    allowed "$from" "$to" || complain "$file:$line: $from may not include $to"
done < <(grep -rnE '^#include "[a-z0-9_]+/' src $(ls -d gen 2>/dev/null))
for outside in os:uv.h wasm:wasmtime wasm:wasm.h; do
    while IFS=: read -r file line _; do
        [ "$(layer_of "$file")" = "${outside%%:*}" ] || complain "$file:$line: only src/${outside%%:*} may include <${outside#*:}>"
    done < <(grep -rnE "^#include <${outside#*:}" src $(ls -d gen 2>/dev/null) || true)
done
exit $rc
