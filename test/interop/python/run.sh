#!/usr/bin/env bash
# run.sh SERVER:CLIENT with capnp_peer_python on one side: pycapnp in an environment of its own, made once per user.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
environment=${XDG_CACHE_HOME:-$HOME/.cache}/ww/python-$(sha256sum <"$here/requirements.txt" | cut -c1-16)

skip() {
    echo "not run: $*"
    exit 77 # CTest's word for it
}

make_environment() {
    command -v python3 >/dev/null || skip "python3 is not installed"
    rm -rf "$environment"
    python3 -m venv "$environment" || skip "python3-venv is not installed"
    "$environment/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: \
        -r "$here/requirements.txt" || skip "pycapnp cannot be installed"
    touch "$environment/complete"
}

mkdir -p "$(dirname "$environment")"
exec 9>"$environment.lock"
flock 9
[ -e "$environment/complete" ] || make_environment >&2
exec 9>&-

peer=$WW_BUILD/capnp_peer_python
printf '#!/bin/sh\nexec "%s/bin/python" "%s/peer.py" "$@"\n' "$environment" "$here" >"$peer.$$"
chmod +x "$peer.$$"
mv "$peer.$$" "$peer"
exec "$here/../run.sh" "$1"
