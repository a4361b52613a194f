#!/usr/bin/env bash
# The default image: pid0 grafts, runs child-echo, and is a shell until its input ends.
. "$(dirname "$0")/expect.sh"
image=$BUILD/images/default
"$WW" run "$image" </dev/null >/dev/null 2>&1 # compiled from here on: a slow machine says so on stderr

case_is "pid0, no input: runs its child, passes on both replies, ends with its code"
run "$WW" run --log warn "$image" </dev/null
expect_code 0
expect_out ""
expect_err "[INFO] pid0: start
[INFO] pid0: grafted
[TRACE] child-echo: Echo: Hello from call 1
[TRACE] child-echo: Echo: Hello from call 2
[INFO] pid0: child exited with code 0
[INFO] pid0: cleanup complete"

case_is "pid0, commands from a pipe: a shell without a prompt"
printf 'echo a  "b c" '"'"'d"e'"'"' f\\ g # h\n\nbogus\necho "x\necho last' >"$tmp/in"
run "$WW" run "$image" <"$tmp/in"
expect_code 0
expect_out 'a b c d"e f g
Unknown command: bogus
Error: Invalid command syntax
last'

case_is "pid0, what its session does not grant: says so and goes on"
printf 'ps\nstatus\nrun /etc/passwd\necho on\nexit\necho never\n' >"$tmp/in"
run "$WW" run "$image" <"$tmp/in"
expect_code 0
expect_out "on"
expect_err_has "Error: not granted
Error: not granted
Error: not granted: /etc/passwd"

case_is "pid0, run with a volume: starts a component with the session's executor"
mkdir "$tmp/c" && cp "$BUILD"/guests/{exit_with_code,environment,cat}.wasm "$tmp/c/"
printf 'run /c/exit_with_code.wasm 7\nrun /c/none.wasm\nrun /c/cat.wasm\nrun /c/environment.wasm x\n' >"$tmp/in"
run "$WW" run --volume "$tmp/c:/c" "$image" <"$tmp/in"
expect_code 0
expect_err_has "Error: exit code 7"
expect_err_has "Error: no such file: /c/none.wasm"
expect_out_has "/c/environment.wasm"

case_is "pid0, a child that spins: has the quota of a cell, and pid0 goes on"
cp "$BUILD/guests/spin.wasm" "$tmp/c/"
printf 'run /c/spin.wasm\necho on\n' >"$tmp/in"
run "$WW" run --cpu 2s --volume "$tmp/c:/c" "$image" <"$tmp/in"
expect_code 0
expect_err_has "has used up its CPU time"
expect_err_has "Error: exit code 124"
expect_out_has "on"

case_is "pid0, a terminal: prompts"
run script -qec "$WW run $image" /dev/null </dev/null
expect_code 0
expect_out_has "ww> "

case_is "shell: prompts for whoever it talks with, help lists what it can do"
printf 'help\nexit\n' >"$tmp/in"
run "$WW" run "$BUILD/images/shell" <"$tmp/in"
expect_code 0
expect_out_has "ww> Available commands:"
expect_out_has "- echo TEXT"
expect_out_has "- exit"

case_is "default-kernel: gives back what it is told"
printf 'Hello, Wetware!' >"$tmp/in"
run "$WW" run "$BUILD/images/default-kernel" <"$tmp/in"
expect_code 0
expect_out "Hello, Wetware!"

case_is "default-kernel: ends when nobody takes what it gives back"
run bash -c 'yes | timeout 20 "$1" run "$2" | head -n1; echo "${PIPESTATUS[1]}"' bash "$WW" "$BUILD/images/default-kernel"
expect_out "y
1"

case_is "pid0: asks for the operator, and without --operator has none"
printf 'ps\n' >"$tmp/in"
run "$WW" run "$BUILD/images/pid0" <"$tmp/in"
expect_code 0
expect_out ""
expect_err_has "Error: not granted"

case_is "pid0: with --operator its shell sees the node"
run "$WW" run --operator --no-socket "$BUILD/images/pid0" <"$tmp/in"
expect_code 0
expect_out_has "running pid0"

case_is "an image that does not ask: --operator gives it nothing"
run "$WW" run --operator "$BUILD/images/shell" <"$tmp/in"
expect_code 0
expect_err_has "does not ask for the operator"
expect_err_has "Error: not granted"

case_is "child-echo as pid0: a membrane is no host, and the code says so"
run "$WW" run "$BUILD/images/child-echo" </dev/null
expect_code 1
expect_err_has "[ERROR] child-echo: "

finish
