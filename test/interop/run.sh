#!/usr/bin/env bash
# run.sh SERVER:CLIENT [tcp]: every scenario between two peers of WW_BUILD, over a Unix socket or TCP. A peer's quirk that
# shows in a scenario is named here, see doc/compat/capnp.md.
set -euo pipefail
server=$WW_BUILD/${1%:*} client=$WW_BUILD/${1#*:}
work=$(mktemp -d)
address=unix:$work/socket
[ "${2:-unix}" = unix ] || address=tcp:127.0.0.1:0
"$server" serve "$address" >"$work/ready" 2>"$work/errors" &
pid=$!
trap 'kill $pid 2>/dev/null || true; wait $pid 2>/dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 100); do
    if grep -q ready "$work/ready"; then break; fi
    sleep 0.1
done
address=$(sed -n 's/^ready //p' "$work/ready")

# What the server never gives back: capnp-rpc for Rust does not answer calls that were cancelled.
left() { # SCENARIO
    case ${server##*/}:$1 in
    capnp_peer_rust:cancel) echo 10 ;;
    *) echo 0 ;;
    esac
}

# Handlers of pycapnp fail with one kind only. The Go library waits for itself in these three, whoever its peer is.
can_run() { # SCENARIO
    case ${server##*/}:${client##*/}:$1 in
    capnp_peer_python:*:fail | *:capnp_peer_go:pipeline | *:capnp_peer_go:embargo | *:capnp_peer_go:cancel) false ;;
    esac
}

rc=0
for scenario in ping pipeline embargo promise all fail cancel stream tail; do
    can_run "$scenario" || continue
    timeout 30 "$client" drive "$address" "$scenario" "$(left "$scenario")" || rc=1
done
if [ -s "$work/errors" ]; then
    cat "$work/errors" >&2
    rc=1
fi
exit $rc
