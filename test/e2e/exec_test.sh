# `ww exec` and `ww shell`: guests on a running node, with the streams and the exit code of here.
. "$(dirname "$0")/expect.sh"
. "$(dirname "$0")/node.sh"
guests=$BUILD/guests

case_is "no node: nothing is run"
run "$WW" exec "$BUILD/images/hello"
expect_code 1
expect_err_has "no node runs; start one with"

start_node one "" --serve "$BUILD/images/hello"
one=$node

case_is "arguments, output and exit code"
run "$WW" exec "$BUILD/images/hello" -- one "two three"
expect_code 0
expect_out "Hello from main.wasm.
argument 1: one
argument 2: two three"
run "$WW" exec "$guests/exit_with_code.wasm" -- 42
expect_code 42

case_is "--json: a report on the last line of standard error"
run "$WW" exec --json "$guests/exit_with_code.wasm" -- 42
expect_code 42
expect [ "$(tail -n1 "$tmp/err")" = '{"reason":"exit","exit_code":42,"message":null}' ]
run "$WW" exec --json "$tmp/none"
expect_code 1
expect [ "$(tail -n1 "$tmp/err" | jq -r .reason)" = error ]

case_is "variables: those named here, and none of the node's"
run "$WW" exec --env A=1 --env B=2=3 "$guests/environment.wasm" -- x
expect_code 0
expect_out "arg 0=environment.wasm
arg 1=x
env A=1
env B=2=3"

case_is "standard input arrives, and its end"
run sh -c 'printf "a\nb" | "$0" exec "$1"' "$WW" "$guests/lines.wasm"
expect_code 0
expect_out "1: a
2: b
end 2"

case_is "much data passes both ways unchanged"
head -c 3000000 /dev/urandom >"$tmp/data"
"$WW" exec "$BUILD/images/default-kernel" <"$tmp/data" >"$tmp/copy"
expect cmp "$tmp/data" "$tmp/copy"

case_is "the guest is told when nobody reads any more"
run sh -c 'yes | "$0" exec "$1" | head -n1' "$WW" "$guests/cat.wasm"
expect_out "y"

case_is "a trap: 134"
run "$WW" exec "$guests/trap.wasm" -- unreachable
expect_code 134
why=$("$WW" run --no-socket "$guests/trap.wasm" -- unreachable 2>&1 >/dev/null | head -n1)
expect_err "$why"
expect grep -q '^ww: the guest trapped: ' "$tmp/err"
run "$WW" exec --json "$guests/trap.wasm" -- unreachable
expect [ "$(tail -n1 "$tmp/err" | jq -r '.reason, .exit_code')" = "trap
134" ]

case_is "what is no component, and what is not there"
echo text >"$tmp/text"
run "$WW" exec "$tmp/text"
expect_code 1
expect grep -q '^ww: ' "$tmp/err"
run "$WW" exec "$tmp/none"
expect_code 1
expect_err_has "$tmp/none"

running() { "$WW" ps --json | jq -e --arg n "$1" 'any(.cells[]; .name == $n)' >/dev/null; }
gone() { ! running "$1"; }

interrupted() { # SIGNAL: leaves the exit code of an exec that got it while its guest spins
    "$WW" exec "$guests/spin.wasm" <"$tmp/never" >"$tmp/out" 2>"$tmp/err" &
    local client=$!
    nodes+=("$client")
    await running spin.wasm
    kill "-$1" "$client"
    wait "$client"
    code=$?
}

case_is "SIGTERM ends the guest: 143"
interrupted TERM
expect_code 143
await gone spin.wasm

case_is "the guest ends with a command that is killed"
interrupted KILL 2>/dev/null
await gone spin.wasm

case_is "the guest ends when it is killed: 137"
"$WW" exec "$guests/spin.wasm" <"$tmp/never" >"$tmp/out" 2>"$tmp/err" &
client=$!
nodes+=("$client")
await running spin.wasm
"$WW" kill "$("$WW" ps --json | jq '.cells[] | select(.name == "spin.wasm") | .cell')"
await_node "$client"
expect_code 137
expect_err "ww: the guest was killed"

case_is "an advance of the epoch spares what the operator runs"
mkfifo "$tmp/input"
"$WW" exec "$guests/lines.wasm" <"$tmp/input" >"$tmp/out" 2>"$tmp/err" &
client=$!
nodes+=("$client")
exec 8>"$tmp/input"
await running lines.wasm
"$WW" epoch advance >/dev/null
echo after >&8
exec 8>&-
await_node "$client"
expect_code 0
expect_out "1: after
end 1"

case_is "the shell has the operator's authority"
run sh -c 'printf "echo hi\nps\nstatus\nexit\n" | "$0" shell' "$WW"
expect_code 0
expect_out_has "hi"
expect grep -q "running shell" "$tmp/out"
expect_out_has "$("$WW" id)"

case_is "a node that goes away is told of"
"$WW" exec "$guests/spin.wasm" <"$tmp/never" >"$tmp/out" 2>"$tmp/err" &
client=$!
nodes+=("$client")
await running spin.wasm
kill -KILL "$one"
wait "$one" 2>/dev/null
await_node "$client"
expect_code 1
expect_err_has "the node is gone"
finish
