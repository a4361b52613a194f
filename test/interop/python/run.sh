#!/usr/bin/env bash
# run.sh SERVER:CLIENT with capnp_peer_python on one side: pycapnp in an environment of its own.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
environment=$("$here/environment")
peer=$WW_BUILD/capnp_peer_python
printf '#!/bin/sh\nexec "%s/bin/python" "%s/peer.py" "$@"\n' "$environment" "$here" >"$peer.$$"
chmod +x "$peer.$$"
mv "$peer.$$" "$peer"
exec "$here/../run.sh" "$1"
