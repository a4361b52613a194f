#!/usr/bin/env bash
# Cells that start cells: who their parents are, who pays for them, and how they end with their session.
. "$(dirname "$0")/expect.sh"
. "$(dirname "$0")/node.sh"
guests=$BUILD/guests

# In the background, as $client, until it is killed; its output is $tmp/NAME.out.
exec_family() { # NAME COMPONENT ARG...
    local name=$1 component=$2
    shift 2
    "$WW" exec "$guests/family.wasm" -- "$@" <"$component" >"$tmp/$name.out" 2>"$tmp/$name.err" &
    client=$!
    nodes+=("$client")
}

cells() { "$WW" ps --json | jq -c "$1"; }
says() { [ "$(cells "$2")" = "$1" ]; } # VALUE FILTER
number_of() { cells ".cells | map(select(.name == \"$1\")) | $2.cell"; }

start_node one "" --cells 20 --log debug --serve "$BUILD/images/hello"
one=$node
"$WW" exec "$BUILD/images/hello" >/dev/null 2>&1
await says 0 '.cells | length'

case_is "a child of a cell has it as its parent, for machines and for people"
exec_family nest "$guests/family.wasm" nest 3
await says 4 '.cells | length'
root=$(number_of family.wasm first)
expect [ "$(cells '[.cells[] | .parent]')" = "[0,$root,$((root + 1)),$((root + 2))]" ]
expect [ "$(cells '[.cells[] | .name]')" = '["family.wasm","family","family","family"]' ]
run "$WW" ps
expect grep -qE "^ +$((root + 2)) +$((root + 1)) running .* family$" "$tmp/out"

case_is "what they use shows with all above"
expect [ "$(cells '[.cells[] | .family.cells]')" = "[4,3,2,1]" ]
expect [ "$(cells '.cells[0].family.memory_bytes == ([.cells[].memory_bytes] | add)')" = true ]
expect [ "$(cells '[.cells | (.[1:] | map(.cpu_us) | add) <= .[0].family.cpu_us] | all')" = true ]

case_is "they end with it, and the time of the ended is still counted"
"$WW" kill "$((root + 3))"
await says 3 '.cells | length'
expect [ "$(cells '[.cells[] | .family.cells]')" = "[3,2,1]" ]
expect [ "$(cells '.cells[2] | .family.cpu_us > .cpu_us')" = true ]
"$WW" kill "$root"
await_node "$client"
expect_code 137
await says 0 '.cells | length'

case_is "a bomb of cells is told where it ends, and its neighbours find room"
exec_family bomb "$guests/family.wasm" bomb
await grep -q "quota" "$tmp/bomb.out"
expect [ "$(cat "$tmp/bomb.out")" = "quota: no room for another cell" ]
expect [ "$(cells '.cells | length > 10 and length < 20')" = true ]
run "$WW" exec "$BUILD/images/hello"
expect_code 0
"$WW" exec "$guests/cat.wasm" <"$tmp/never" >"$tmp/cat.out" 2>&1 &
nodes+=($!)
await says 1 '[.cells[] | select(.name == "cat.wasm")] | length'

case_is "all is given back when it is over"
"$WW" kill "$(number_of family.wasm first)"
await_node "$client"
expect_code 137
await says '["cat.wasm"]' '[.cells[] | .name]'
run "$WW" exec "$BUILD/images/hello"
expect_code 0

case_is "epoch advance: a child that ignores the end of its input goes on for 5 s, then 137"
exec_family stubborn "$guests/sleep.wasm" run sleep 600000
await says '["running"]' '[.cells[] | select(.name == "sleep") | .state]'
parent=$(number_of family.wasm last) child=$(number_of sleep first)
expect [ "$(cells ".cells[] | select(.cell == $child) | .parent")" = "$parent" ]
before=$(date +%s%N)
"$WW" epoch advance >/dev/null
expect [ "$(cells ".cells[] | select(.cell == $child) | .state")" = '"ending"' ]
await_node "$client"
expect_code 0
expect [ "$(cat "$tmp/stubborn.out")" = "staleEpoch: session epoch no longer current" ]
expect [ "$(cells ".cells[] | select(.cell == $child) | .state")" = '"ending"' ]
await says '[]' '[.cells[] | select(.name == "sleep")]'
expect [ "$((($(date +%s%N) - before) / 1000000))" -ge 5000 ]
expect grep -q "cell $child ended with 137" "$tmp/one.err"
expect [ "$(cells '[.cells[] | .name]')" = '["cat.wasm"]' ] # the operator's own goes on

kill -TERM "$one"
await_node "$one"
expect_code 143

case_is "the usual node: one image has a thousand children, each with its link, and its owner is still served"
"$WW" run --timeout 120s --socket "$tmp/crowd" "$guests/family.wasm" -- crowd 1000 <"$guests/family.wasm" >"$tmp/crowd.out" 2>"$tmp/crowd.err" &
crowd=$!
nodes+=("$crowd")
TRIES=2000 await grep -q "of 1000" "$tmp/crowd.out"
expect [ "$(cat "$tmp/crowd.out")" = "1000 of 1000: " ]
run "$WW" status --socket "$tmp/crowd"
expect_out_has "cells      1001 of 1400"
run "$WW" exec --socket "$tmp/crowd" "$BUILD/images/hello"
expect_code 0
expect [ "$("$WW" ps --socket "$tmp/crowd" --json | jq '.cells[0].family.cells')" = 1001 ]
"$WW" kill 2 --socket "$tmp/crowd"
await_node "$crowd"
expect_code 0
finish
