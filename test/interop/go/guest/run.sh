#!/usr/bin/env bash
# A guest that nothing of ours is in, on a node: pid0's part and a child's, before and after the epoch moves. BUILD is
# where ww and capnp_guest_go are.
set -uo pipefail
cd "$(dirname "$0")/../../../.."
WW=$BUILD/ww
. test/e2e/expect.sh
. test/e2e/node.sh
mkdir "$tmp/image"
cp "$BUILD/capnp_guest_go" "$tmp/image/main.wasm"
guest=$tmp/image/main.wasm
id=$("$WW" id)
stale="staleEpoch: session epoch no longer current"
first="pid0: grafted in epoch 0
pid0: host 002408011220$id
pid0: Echo: hello
child: Echo: Hello from call 1
child: Echo: Hello from call 2
child: read this
pid0: child exited with code 0
pid0: session is ok
child: Echo: Hello from call 1
child: Echo: Hello from call 2
pid0: child exited with code 1
child: Echo: Hello from call 1
child: Echo: Hello from call 2"

seen() { run sh -c 'cat "$0.out"; cat "$0.err" >&2' "$tmp/go"; }

case_is "a guest built on go-capnp, without its part: says so"
run "$WW" run "$guest" </dev/null
expect_code 1
expect_err_has "usage: guest pid0 PATH"

case_is "and as pid0: grafts, calls its host, runs children with bytes, input, output and exit codes"
start_node go "$tmp/go" --socket "$tmp/go" --volume "$tmp/image:/image" "$guest" -- pid0 /image/main.wasm
await sh -c '[ "$(grep -c "child: Echo: Hello from call 2" "$1")" = 3 ]' sh "$tmp/go.out"
seen
expect_out "$first"

case_is "and the epoch moves: what it had is stale, the call in flight too; a new graft works; exit code 0"
run "$WW" epoch advance --socket "$tmp/go"
expect_out "epoch 1"
await_node "$node"
expect_code 0
seen
expect_out "$first
pid0: read in flight: $stale
pid0: old host: $stale
pid0: old executor: $stale
pid0: old poller: $stale
pid0: grafted in epoch 1
pid0: host 002408011220$id
pid0: Echo: hello
child: Echo: Hello from call 1
child: Echo: Hello from call 2
child: read this
pid0: child exited with code 0
pid0: session is ok"

finish
