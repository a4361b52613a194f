# A client of the upstream schemas, from another library, at the operator socket.
export WW_PYTHON_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}
environment=$("$(dirname "$0")/../interop/python/environment") || exit $?
. "$(dirname "$0")/expect.sh"
. "$(dirname "$0")/node.sh"

case_is "a client grafts, runs components from bytes, and everything it holds goes stale with the epoch"
start_node one "$tmp/s" --socket "$tmp/s" "$BUILD/guests/lines.wasm"
client=("$environment/bin/python" "$(dirname "$0")/membrane_client.py")
run "${client[@]}" all "$tmp/s" "$WW" "$BUILD/guests/exit_with_code.wasm"
expect_code 0
expect_out "all as it should be"
await_cell_gone() { ! "$WW" ps --socket "$tmp/s" | grep -q " lines$"; }
await await_cell_gone
stop_nodes

case_is "with --allow-key a graft needs a signature by one of them"
"$WW" keygen "$tmp/mine" >"$tmp/keys"
"$WW" keygen "$tmp/other" >/dev/null
start_node keys "$tmp/k" --socket "$tmp/k" --allow-key "$tmp/keys" "$BUILD/guests/lines.wasm"
run "${client[@]}" graft "$tmp/k"
expect_out "graft denied: signer required"
run "${client[@]}" graft "$tmp/k" "$tmp/other"
expect_out "graft denied: unknown key"
run "${client[@]}" graft "$tmp/k" "$tmp/mine"
expect_out "Echo: ww-graft-v1:$("$WW" id):0"
stop_nodes

case_is "--preset production needs a key, too, and says that there is none"
start_node production "$tmp/p" --socket "$tmp/p" --preset production "$BUILD/guests/lines.wasm"
expect grep -q "no key is allowed, so nobody can graft on the socket" "$tmp/production.err"
run "${client[@]}" graft "$tmp/p"
expect_out "graft denied: signer required"
finish
