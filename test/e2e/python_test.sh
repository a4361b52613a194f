# A guest in Python: componentize-py.
. test/e2e/expect.sh
. test/e2e/guest.sh
need python3 3.10 python3 --version
guest=$BUILD/guests/python_hello.wasm
make_guest examples/python "$guest" || {
    [ $? = 77 ] && skip "componentize-py cannot be installed"
    echo "examples/python/build failed"
    exit 1
}

case_is "arguments, given: the guest tells them"
run "$WW" run "$guest" -- one two
expect_code 0
expect_out "Hello from python_hello.wasm, in Python.
argument: one
argument: two"

case_is "input, two lines: both are answered"
printf 'x\ny\n' >"$tmp/in"
run "$WW" run "$guest" -- lines <"$tmp/in"
expect_code 0
expect_out_has "line: x"
expect_out_has "line: y"

case_is "sys.exit, 1: it is the process's"
run "$WW" run "$guest" -- exit 1
expect_code 1

case_is "exception, not caught: a trap with Python's own traceback"
run "$WW" run "$guest" -- raise
expect_code 134
expect_err_has "RuntimeError: as told"
expect_err_has "the guest trapped"
finish
