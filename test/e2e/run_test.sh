# `ww run`: arguments, standard streams, files, ends.
. "$(dirname "$0")/expect.sh"
guests=$BUILD/guests

case_is "the default image greets"
run "$WW" run --log warn "$BUILD/images/hello"
expect_code 0
expect_out "Hello from main.wasm."
expect_err ""

case_is "a directory with bin/main.wasm is an image too"
mkdir -p "$tmp/image/bin" && cp "$BUILD/images/hello/main.wasm" "$tmp/image/bin/"
run "$WW" run "$tmp/image" -- one "two three"
expect_code 0
expect_out "Hello from main.wasm.
argument 1: one
argument 2: two three"

case_is "options after -- are the guest's"
run "$WW" run "$guests/environment.wasm" --env A=1 --env B= -- --env --json
expect_code 0
expect_out "arg 0=environment.wasm
arg 1=--env
arg 2=--json
env A=1
env B="

case_is "an image under a volume's guest path"
run "$WW" run /boot --volume "$tmp/image:/boot"
expect_code 0
expect_out_has "Hello from main.wasm."

case_is "a volume's guest path matches whole names only"
run "$WW" run /boot2 --volume "$tmp/image:/boot"
expect_code 1
expect_err_has "/boot2"

case_is "a C program's exit codes through the adapter: 0 or 1"
run "$WW" run "$guests/exit_code.wasm" -- 0
expect_code 0
run "$WW" run "$guests/exit_code.wasm" -- 3
expect_code 1

case_is "a native guest's exit code arrives whole"
for n in 0 1 2 77 255; do
    run "$WW" run "$guests/exit_with_code.wasm" -- $n
    expect_code $n
done

case_is "a trap: 134, its message and the guest's backtrace"
run "$WW" run "$guests/trap.wasm" -- unreachable
expect_code 134
expect_err_has "the guest trapped: "
expect_err_has "reach_unreachable"

case_is "names in a backtrace do not steer the terminal"
perl -pe 's/reach_unreachable/reach\e[31munreach/g' "$guests/trap.wasm" >"$tmp/evil.wasm"
run "$WW" run "$tmp/evil.wasm" -- unreachable
expect_code 134
expect_err_has "reach?[31munreach"

case_is "stdin reaches the guest line by line"
run sh -c 'printf "a\nb" | "$0" run "$1"' "$WW" "$guests/lines.wasm"
expect_code 0
expect_out "1: a
2: b
end 2"

case_is "stdin at its end from the start"
run sh -c '"$0" run "$1" </dev/null' "$WW" "$guests/lines.wasm"
expect_out "end 0"

case_is "a big output through a pipe arrives whole"
head -c 20000000 /dev/urandom >"$tmp/big"
run sh -c '"$0" run "$1" <"$2" | cmp - "$2"' "$WW" "$guests/cat.wasm" "$tmp/big"
expect_code 0

case_is "a reader that goes away does not kill the node by SIGPIPE"
run bash -c 'set -o pipefail; "$0" run "$1" </dev/zero | head -c 10 >/dev/null; echo "${PIPESTATUS[0]}"' "$WW" "$guests/cat.wasm"
expect_out_has "1"

case_is "a time limit ends a spinning guest: 124"
run "$WW" run --timeout 200ms "$guests/spin.wasm"
expect_code 124
expect_out "spinning"
expect_err_has "time limit"

case_is "a time limit ends a waiting guest: 124"
run "$WW" run --timeout 200ms "$guests/sleep.wasm" -- 60000
expect_code 124

case_is "a quota of CPU time ends a spinning guest: 124"
run "$WW" run --cpu 50ms --json "$guests/spin.wasm"
expect_code 124
expect_err_has "the quota of CPU time is used up"
expect test "$(tail -n1 "$tmp/err" | jq -r .reason)" = quota
expect test "$(tail -n1 "$tmp/err" | jq '.cpu_us >= 50000')" = true

case_is "a quota of CPU time does not count what a guest sleeps"
run "$WW" run --cpu 5s "$guests/sleep.wasm" -- 10
expect_code 0

case_is "memory that is not given is -1 to the guest, and the report tells what it had"
run "$WW" run --memory 4MiB --json "$guests/grow.wasm"
expect_code 0
expect_out "growing
pages 64"
expect test "$(tail -n1 "$tmp/err" | jq .memory_bytes)" = 4194304

case_is "memory that does not suffice to begin with"
run "$WW" run --memory 64KiB "$guests/grow.wasm"
expect_code 1
expect_err_has "memory"

case_is "a guest that sleeps wakes again"
run "$WW" run "$guests/sleep.wasm" -- 10 3
expect_code 0
expect_out "slept 1
slept 2
slept 3"

interrupted() { # SIGNAL GUEST: the exit code of a node that got SIGNAL while GUEST ran
    : >"$tmp/out" # what an earlier case left there must not be taken for the guest's word
    "$WW" run --timeout 60s "$2" <"$tmp/never" >"$tmp/out" 2>"$tmp/err" &
    local node=$!
    for _ in $(seq 100); do
        [ -s "$tmp/out" ] && break
        sleep 0.05
    done
    kill "-$1" $node
    wait $node
}
mkfifo "$tmp/never"
exec 9<>"$tmp/never"

case_is "SIGTERM ends a spinning guest after its grace: 143"
interrupted TERM "$guests/spin.wasm"
code=$?
expect_code 143

case_is "a signal ends the input of a guest, which ends by itself then: 130, 143"
echo one >&9
interrupted INT "$guests/lines.wasm"
code=$?
expect_code 130
expect_out "1: one
end 1"
echo two >&9
interrupted TERM "$guests/lines.wasm"
code=$?
expect_code 143
expect_out "1: two
end 1"

case_is "--json: one object on the last line of stderr"
run "$WW" run --json "$guests/trap.wasm" -- unreachable
expect_code 134
expect test "$(tail -n1 "$tmp/err" | jq -r '.reason + " " + (.exit_code | tostring)')" = "trap 134"
run "$WW" run --json "$tmp/none"
expect_code 1
expect test "$(tail -n1 "$tmp/err" | jq -r .reason)" = error

case_is "a volume over ww's own state is refused"
run "$WW" run --volume "$tmp/state/ww:/state" "$BUILD/images/hello"
expect_code 2
expect_err_has "state"
run "$WW" run --volume "$tmp:/all" "$BUILD/images/hello"
expect_code 2

case_is "a core module is told how to become a component"
run "$WW" run "$guests/core/environment.wasm"
expect_code 1
expect_err_has "ww-componentize new MODULE COMPONENT"

case_is "a volume that is not there is named as such"
run "$WW" run --volume /ww-not-there:/x "$BUILD/images/hello"
expect_code 1
expect_err_has "/ww-not-there: No such file or directory"

case_is "a file that is no WebAssembly"
echo text >"$tmp/text"
run "$WW" run "$tmp/text"
expect_code 1
expect_err_has "$tmp/text"

case_is "a flipped byte anywhere never starts a guest quietly"
for at in 9 40 200 1000; do
    cp "$BUILD/images/hello/main.wasm" "$tmp/flipped.wasm"
    printf '\xff' | dd of="$tmp/flipped.wasm" bs=1 seek=$at conv=notrunc 2>/dev/null
    run "$WW" run --timeout 5s "$tmp/flipped.wasm"
    expect test "$code" -lt 129 -o "$code" -eq 134
done
finish
