# Nodes for the tests of operator commands. expect.sh comes first.
export XDG_RUNTIME_DIR=$tmp/run
mkdir -p "$XDG_RUNTIME_DIR"
mkfifo "$tmp/never"
exec 9<>"$tmp/never"
nodes=()
trap 'stop_nodes; rm -rf "$tmp"' EXIT

# Starts a node in the background whose guest waits on its input, as $node; its output is $tmp/NAME.out. What it
# starts in the background is a program itself, no function: else the test could not end it.
start_node() { # NAME SOCKET OPTION...
    local name=$1 socket=$2
    shift 2
    "$WW" run --timeout 120s "$@" <"$tmp/never" >"$tmp/$name.out" 2>"$tmp/$name.err" &
    node=$!
    nodes+=("$node")
    await "$WW" status --socket "${socket:-$XDG_RUNTIME_DIR/ww/$node.sock}"
}

# Until the guest of a node runs.
await_cell() { # SOCKET, "" for the only node's
    await sh -c '"$0" ps ${1:+--socket "$1"} | grep -q running' "$WW" "$1"
}

await() { # COMMAND...: until it succeeds, for 10 s; more with TRIES=n
    for _ in $(seq "${TRIES:-200}"); do
        "$@" >"$tmp/await" 2>&1 && return
        sleep 0.05
    done
    failures=$((failures + 1))
    echo "FAILED: $current: never came true: $*" && cat "$tmp/await"
}

# Leaves the exit code of a node that was signaled, or ends by itself.
await_node() { # PID
    wait "$1"
    code=$?
}

stop_nodes() {
    for node in "${nodes[@]}"; do
        kill -KILL "$node" 2>/dev/null
        wait "$node" 2>/dev/null
    done
    nodes=()
}
