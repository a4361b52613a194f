# A guest in Go, for preview 1, behind the adapter.
. test/e2e/expect.sh
. test/e2e/guest.sh
export GOTOOLCHAIN=local
need go 1.24 go version
guest=$BUILD/guests/go_hello.wasm
make_guest examples/go "$guest" build/toolchain/bin/ww-componentize || {
    echo "examples/go/build failed"
    exit 1
}

case_is "arguments, given: the guest tells them"
run "$WW" run "$guest" -- one two
expect_code 0
expect_out "Hello from go_hello.wasm, in Go.
argument: one
argument: two"

case_is "input, two lines: both are answered"
printf 'x\ny\n' >"$tmp/in"
run "$WW" run "$guest" -- lines <"$tmp/in"
expect_code 0
expect_out_has "line: y"

case_is "heap, grown beyond what the adapter has touched: keeps its contents"
run "$WW" run "$guest" -- heap
expect_code 0
expect_out_has "heap: 20000 blocks as they were"

case_is "exit code, 3: preview 1's adapter makes it 1"
run "$WW" run "$guest" -- exit
expect_code 1
finish
