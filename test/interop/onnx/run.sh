#!/usr/bin/env bash
# run.sh [ROUNDS]: what the engine computes against the reference evaluator of the onnx package, in an environment of its
# own.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
environment=$("$here/../python/environment" "$here/requirements.txt")
exec "$environment/bin/python" "$here/reference.py" "$WW_BUILD/onnx_peer" "$@"
