# A running node and the commands of its owner.
. "$(dirname "$0")/expect.sh"
. "$(dirname "$0")/node.sh"
waits=$BUILD/guests/lines.wasm

case_is "no node: how to start one"
run "$WW" ps
expect_code 1
expect_err 'ww: no node runs; start one with `ww run --serve IMAGE`'
run "$WW" ps --socket "$tmp/none"
expect_code 1
expect_err_has "no node listens on $tmp/none; start one with"

case_is "without a socket there is no way to a node"
run "$WW" ps --no-socket
expect_code 1
expect_err_has "name one with --socket PATH"

case_is "the only node is the default"
start_node one "" --cells 20 "$waits"
one=$node
await_cell ""
expect [ "$(stat -c %a "$XDG_RUNTIME_DIR/ww/$one.sock")" = 600 ]
run "$WW" ps
expect_code 0
expect_out_has "CELL PARENT STATE"
expect grep -qE '^ +1 +0 running .* lines.wasm$' "$tmp/out"
run "$WW" status
expect_out_has "node       $("$WW" id)"
expect_out_has "process    $one"
expect_out_has "cells      1 of 20"
expect_out_has "operators  1"
expect_out_has "epoch      0 (local)"

case_is "the same for machines"
run "$WW" ps --json
expect [ "$(jq -c '.cells[] | [.cell, .parent, .state, .name, .refused_calls]' "$tmp/out")" = '[1,0,"running","lines.wasm",0]' ]
expect [ "$(jq '.cells[0] | .memory_bytes > 0 and .age_us > 0 and .calls > 0' "$tmp/out")" = true ]
run "$WW" status --json
expect [ "$(jq -c '[.process, .cells, .cells_max, .operators, .epoch.source]' "$tmp/out")" = "[$one,1,20,1,\"local\"]" ]

case_is "standard streams that are closed are like /dev/null"
for closed in '<&-' '>&-' '2>&-' '<&- >&- 2>&-'; do
    run bash -c "\"\$0\" run --no-socket \"\$1\" </dev/null $closed" "$WW" "$waits"
    expect_code 0
    run bash -c "\"\$0\" exec \"\$1\" </dev/null $closed" "$WW" "$waits"
    expect_code 0
done

case_is "a name that would steer the terminal is shown plain"
ln -s "$BUILD/guests/sleep.wasm" "$tmp/$(printf 'evil\033[31m\302\233m.wasm')"
"$WW" exec "$tmp/evil"* -- 60000 </dev/null >"$tmp/evil.out" 2>&1 &
evil=$!
await sh -c '"$0" ps | grep -q evil' "$WW"
run "$WW" ps
expect grep -q ' evil?\[31m??m\.wasm$' "$tmp/out"
echo ps >"$tmp/asks"
run "$WW" shell <"$tmp/asks"
expect grep -q ' running evil?\[31m??m\.wasm$' "$tmp/out"
kill -TERM "$evil"
wait "$evil"

case_is "epochs are advanced one by one"
run "$WW" epoch show
expect_out "epoch 0 (local)"
run "$WW" epoch advance /ipfs/head
expect_out "epoch 1, head /ipfs/head"
run "$WW" epoch advance --json
expect [ "$(jq -c '[.seq, .head]' "$tmp/out")" = '[2,""]' ]
run "$WW" epoch show
expect_out "epoch 2 (local)"
run "$WW" epoch turn
expect_code 2
expect_err_has '"turn" is neither show nor advance [HEAD]'

case_is "two nodes: both are named"
start_node two "" "$waits"
two=$node
await_cell "$XDG_RUNTIME_DIR/ww/$two.sock"
run "$WW" ps
expect_code 1
expect_err_has "2 nodes run, choose one with --socket: "
expect_err_has "$XDG_RUNTIME_DIR/ww/$one.sock"
expect_err_has "$XDG_RUNTIME_DIR/ww/$two.sock"
run "$WW" status --json --socket "$XDG_RUNTIME_DIR/ww/$two.sock"
expect [ "$(jq .process "$tmp/out")" = "$two" ]

case_is "kill ends a cell, and a node that lives for it: 137"
run "$WW" kill 2 --socket "$XDG_RUNTIME_DIR/ww/$two.sock"
expect_code 1
expect_err "ww: no cell 2"
run "$WW" kill one --socket "$XDG_RUNTIME_DIR/ww/$two.sock"
expect_code 1
expect_err_has '"one" is not the number of a cell'
run "$WW" kill 1 --socket "$XDG_RUNTIME_DIR/ww/$two.sock"
expect_code 0
await_node "$two"
expect_code 137
expect [ ! -e "$XDG_RUNTIME_DIR/ww/$two.sock" ]

case_is "two nodes on one path: the second is refused"
run "$WW" run --socket "$XDG_RUNTIME_DIR/ww/$one.sock" "$waits" </dev/null
expect_code 1
expect_err_has "another node listens on $XDG_RUNTIME_DIR/ww/$one.sock"
run "$WW" status
expect_code 0

case_is "a signal ends the node and takes its socket away"
kill -TERM "$one"
await_node "$one"
expect_code 143
expect [ ! -e "$XDG_RUNTIME_DIR/ww/$one.sock" ]

case_is "what a killed node left behind is neither seen nor in the way"
start_node stale "$tmp/s" --socket "$tmp/s" "$waits"
kill -KILL "$node" && wait "$node" 2>/dev/null
expect [ -S "$tmp/s" ]
run "$WW" ps --socket "$tmp/s"
expect_code 1
expect_err_has "no node listens on $tmp/s"
start_node fresh "$tmp/s" --socket "$tmp/s" "$waits"
run "$WW" ps --socket "$tmp/s"
expect_code 0

case_is "nonsense on the socket ends that connection and nothing else"
run perl -MIO::Socket::UNIX -e '
    my $s = IO::Socket::UNIX->new($ARGV[0]) or die;
    syswrite $s, "\xff" x 4096;
    sysread $s, my $answer, 4096;
    print length $answer ? "answered" : "closed"' "$tmp/s"
expect_code 0
run "$WW" ps --socket "$tmp/s"
expect_code 0

case_is "clients that hang on every connection there is do not keep the owner out"
perl -MIO::Socket::UNIX -e '
    my @all = map { IO::Socket::UNIX->new($ARGV[0]) or die } 1 .. 70;
    $| = 1;
    print "there\n";
    sleep 60' "$tmp/s" >"$tmp/hang" &
nodes+=($!)
await grep -q there "$tmp/hang"
for command in ps status "epoch show"; do
    run "$WW" $command --socket "$tmp/s"
    expect_code 0
done
run "$WW" exec --socket "$tmp/s" "$BUILD/images/hello"
expect_code 0
run "$WW" kill 7 --socket "$tmp/s"
expect_err "ww: no cell 7"

case_is "a file that is no socket is left alone"
echo text >"$tmp/file"
run "$WW" run --socket "$tmp/file" "$waits" </dev/null
expect_code 1
expect_err_has "$tmp/file"
expect [ "$(cat "$tmp/file")" = text ]

case_is "an epoch that nobody advances"
start_node static "$tmp/e" --socket "$tmp/e" --epochs static "$waits"
run "$WW" epoch advance --socket "$tmp/e"
expect_code 1
expect_err_has "the static epoch source is not advanced by an operator"
run "$WW" epoch show --socket "$tmp/e"
expect_out "epoch 0 (static)"
stop_nodes

# The child is still compiled when the epoch moves, unless the machine is quicker than the command.
case_is "pid0, the epoch moves under its child: grafts again and runs it again"
for _ in $(seq 20); do
    rm -rf "$XDG_CACHE_HOME"
    "$WW" run --timeout 60s --socket "$tmp/h" "$BUILD/images/default" </dev/null >"$tmp/again.out" 2>"$tmp/again.err" &
    node=$!
    nodes+=("$node")
    await grep -qs "pid0: grafted" "$tmp/again.err"
    run "$WW" epoch advance --socket "$tmp/h"
    await_node "$node"
    expect_code 0
    grep -q "grafted again" "$tmp/again.err" && break
done
expect grep -q "staleEpoch: session epoch no longer current" "$tmp/again.err"
expect grep -q "pid0: grafted again" "$tmp/again.err"
expect grep -q "Hello from call 2" "$tmp/again.err"
expect grep -q "child exited with code 0" "$tmp/again.err"

case_is "pid0 grafts again when the epoch has moved"
mkfifo "$tmp/says"
exec 8<>"$tmp/says"
"$WW" run --timeout 60s --socket "$tmp/g" --volume "$BUILD/guests:/c" "$BUILD/images/default" <"$tmp/says" >"$tmp/pid0.out" 2>"$tmp/pid0.err" 8>&- &
node=$!
nodes+=("$node")
echo 'run /c/exit_with_code.wasm 1' >&8
await grep -q "Error: exit code 1" "$tmp/pid0.err"
run "$WW" epoch advance --socket "$tmp/g"
expect_out "epoch 1"
printf 'run /c/exit_with_code.wasm 2\nexit\n' >&8
await_node "$node"
exec 8>&-
expect_code 0
expect grep -q "Error: exit code 2" "$tmp/pid0.err"
expect [ "$(grep -c staleEpoch "$tmp/pid0.err")" = 0 ]

case_is "--serve: the node stays when its guest is over, until SIGTERM"
start_node serve "" --serve "$BUILD/images/hello"
await grep -q "the node stays" "$tmp/serve.err"
run "$WW" ps
expect_code 0
expect [ "$(wc -l <"$tmp/out")" = 1 ]
kill -TERM "$node"
await_node "$node"
expect_code 143

case_is "--preset minimal has no socket"
run "$WW" run --preset minimal "$BUILD/images/hello"
expect_code 0
"$WW" run --timeout 60s --preset minimal "$waits" <"$tmp/never" >"$tmp/minimal.out" 2>&1 &
nodes+=($!)
run "$WW" ps
expect_code 1
expect_err_has "no node runs"
stop_nodes

# Not a function: in the background that would be a shell more, and the one to be killed.
as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$tmp/nobody"
    XDG_STATE_HOME="$tmp/nobody" XDG_CACHE_HOME="$tmp/nobody" XDG_RUNTIME_DIR="$tmp/nobody")
# Copies: the build may stand where others may not look.
mkdir "$tmp/nobody" && cp "$WW" "$tmp/ww" && cp "$waits" "$tmp/waits.wasm"
chmod 755 "$tmp" "$tmp/ww" "$tmp/waits.wasm"
if chown 65534:65534 "$tmp/nobody" 2>/dev/null && "${as_nobody[@]}" test -x "$tmp/ww" 2>/dev/null; then
    case_is "a foreign user does not get in"
    start_node mine "$tmp/mine" --socket "$tmp/mine" "$waits"
    run "${as_nobody[@]}" "$tmp/ww" ps --socket "$tmp/mine"
    expect_code 1
    expect_err_has "Permission denied"

    case_is "even one whom no file mode stops is turned away, with the reason"
    chmod 666 "$tmp/mine"
    run "${as_nobody[@]}" perl -MIO::Socket::UNIX -e '
        my $s = IO::Socket::UNIX->new($ARGV[0]) or die;
        sysread $s, my $answer, 4096;
        print $answer =~ /(this node is not for user \d+)/' "$tmp/mine"
    expect_out "this node is not for user 65534"
    run "$WW" ps --socket "$tmp/mine"
    expect_code 0

    case_is "a node of another user is not spoken to"
    "${as_nobody[@]}" "$tmp/ww" run --timeout 60s --socket "$tmp/nobody/s" "$tmp/waits.wasm" <"$tmp/never" >"$tmp/theirs.out" 2>&1 &
    nodes+=($!)
    await [ -S "$tmp/nobody/s" ]
    run "$WW" ps --socket "$tmp/nobody/s"
    expect_code 1
    expect_err_has "the node there is of user 65534, not yours"
    stop_nodes
else
    echo "not run: a foreign user (needs root, and a temporary folder that others may enter)"
fi
finish
