#!/usr/bin/env bash
# run.sh SERVER:CLIENT: every scenario between two peers of WW_BUILD, over a Unix socket.
set -euo pipefail
server=$WW_BUILD/${1%:*} client=$WW_BUILD/${1#*:}
work=$(mktemp -d)
"$server" serve "unix:$work/socket" >"$work/ready" 2>"$work/errors" &
pid=$!
trap 'kill $pid 2>/dev/null || true; wait $pid 2>/dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 100); do
    if grep -q ready "$work/ready"; then break; fi
    sleep 0.1
done
rc=0
for scenario in ping pipeline embargo promise all fail cancel stream tail; do
    timeout 30 "$client" drive "unix:$work/socket" "$scenario" || rc=1
done
if [ -s "$work/errors" ]; then
    cat "$work/errors" >&2
    rc=1
fi
exit $rc
