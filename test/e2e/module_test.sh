# Dataflow modules: what is in them.
. "$(dirname "$0")/expect.sh"
compile() { "$BUILD/ww-modulec" "$1" "$tmp/$2"; } # TEXT NAME

case_is "inspect: functions, slots, bootstraps with what they touch"
compile examples/modules/vector_store.wwm store.onnx
run "$WW" module inspect "$tmp/store.onnx" --json
expect_code 0
expect [ "$(jq -c '[.functions[] | [.nodes, .phase]]' "$tmp/out")" = '[[2,"body"],[3,"bootstrap"]]' ]
expect [ "$(jq -c '[.slots[] | [.component, .slot, .type]]' "$tmp/out")" = '[[0,"data","Loader"],[1,"store","FlatIndex"]]' ]
expect [ "$(jq -c .install_order "$tmp/out")" = '[{"target":"VectorStore__bootstrap","inputs":[],"touch_set":[0,1]}]' ]
expect [ "$(jq .unresolved "$tmp/out")" = 0 ]

case_is "inspect, for people"
run "$WW" module inspect "$tmp/store.onnx"
expect_code 0
expect_out_has "      3  bootstrap  VectorStore__bootstrap"
expect_out_has "        1  store: FlatIndex"
expect_out_has "  VectorStore__bootstrap; touches 0, 1"

case_is "inspect: the inputs that the operator must give"
compile examples/modules/seeded.wwm seeded.onnx
run "$WW" module inspect "$tmp/seeded.onnx"
expect_code 0
expect_out_has "  Seeded__bootstrap; needs seed, weights"

case_is "inspect: shared functions have no phase, modules without a bootstrap are not in the order"
compile examples/modules/mean.wwm mean.onnx
run "$WW" module inspect "$tmp/mean.onnx" --json
expect_code 0
expect [ "$(jq -c '[.functions[].phase, .install_order]' "$tmp/out")" = '["","body","body",[]]' ]

case_is "inspect: what nothing offers is counted"
printf 'module Odd\nbody (x) > (y)\n  y = NoSuchThing(x)\n' >"$tmp/odd.wwm"
compile "$tmp/odd.wwm" odd.onnx
run "$WW" module inspect "$tmp/odd.onnx"
expect_code 0
expect_out_has "1 unresolved"

case_is "inspect of a bad artifact: place and cause"
head -c 200 "$tmp/store.onnx" >"$tmp/half.onnx"
run "$WW" module inspect "$tmp/half.onnx"
expect_code 1
expect_err_has "ww: $tmp/half.onnx: artifact offset "
expect_out ""
: >"$tmp/empty.onnx"
run "$WW" module inspect "$tmp/empty.onnx" --json
expect_code 1
expect_err_has "NotCompiled"
run "$WW" module inspect "$tmp/none.onnx"
expect_code 1
expect_err_has "$tmp/none.onnx"

case_is "bad usage"
run "$WW" module
expect_code 2
run "$WW" module inspect
expect_code 2
expect_err_has "inspect takes one FILE"
run "$WW" module explode "$tmp/store.onnx"
expect_code 2
expect_err_has '"explode" is not inspect'
finish
