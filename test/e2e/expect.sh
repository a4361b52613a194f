# The words of the end-to-end tests. A case: `case_is "subject, situation: expectation"`, then `run` a command and expect.
# Each test has a home of its own, so that it never meets the user's cache, keys or settings.
set -u
tmp=$(mktemp -d)
# A child that is killed between fork and exec may still run this.
trap '[ "$BASHPID" != $$ ] || rm -rf "$tmp"' EXIT
unset "${!WW_@}" RUST_LOG XDG_RUNTIME_DIR
export XDG_CACHE_HOME=$tmp/cache XDG_STATE_HOME=$tmp/state
mkdir -p "$tmp/cache" "$tmp/state"
failures=0 cases=0 current=

case_is() {
    current=$1
    cases=$((cases + 1))
}

run() { # COMMAND...: leaves $code, $tmp/out, $tmp/err
    "$@" >"$tmp/out" 2>"$tmp/err"
    code=$?
}

wrong() {
    failures=$((failures + 1))
    echo "FAILED: $current: $*"
    sed 's/^/    stdout: /' "$tmp/out"
    sed 's/^/    stderr: /' "$tmp/err"
}

expect_code() { [ "$code" = "$1" ] || wrong "exit code $code instead of $1"; }
expect_out() { [ "$(cat "$tmp/out")" = "$1" ] || wrong "stdout is not \"$1\""; }
expect_out_has() { grep -qF -- "$1" "$tmp/out" || wrong "no \"$1\" on stdout"; }
expect_err_has() { grep -qF -- "$1" "$tmp/err" || wrong "no \"$1\" on stderr"; }
expect_err() { [ "$(cat "$tmp/err")" = "$1" ] || wrong "stderr is not \"$1\""; }
expect() { "$@" || wrong "$*"; } # any other condition

finish() {
    echo "$cases cases, $failures failures"
    [ "$failures" = 0 ]
}
