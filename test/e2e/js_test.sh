# A guest in JavaScript: componentize-js with its default features.
. test/e2e/expect.sh
. test/e2e/guest.sh
need node 20.0 node --version
need npm 9.0 npm --version
guest=$BUILD/guests/js_hello.wasm
make_guest examples/js "$guest" || {
    [ $? = 77 ] && skip "the packages of componentize-js cannot be installed"
    echo "examples/js/build failed"
    exit 1
}

case_is "arguments, given: the guest tells them"
run "$WW" run "$guest" -- one two
expect_code 0
expect_out "Hello from js_hello.wasm, in JavaScript.
argument: one
argument: two"

case_is "input, two lines: both are answered"
printf 'x\ny\n' >"$tmp/in"
run "$WW" run "$guest" -- lines <"$tmp/in"
expect_code 0
expect_out_has "line: x"
expect_out_has "line: y"

case_is "exit code, 7: it is the process's"
run "$WW" run "$guest" -- exit 7
expect_code 7

case_is "fetch, without the network: the promise is rejected, the guest goes on"
run "$WW" run "$guest" -- fetch http://example.com/
expect_code 0
expect_out_has "fetch: "

case_is "exception, not caught: exit code 1"
run "$WW" run "$guest" -- throw
expect_code 1
finish
