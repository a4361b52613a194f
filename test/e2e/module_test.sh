# Dataflow modules: what is in them, and bringing them up on a node.
. "$(dirname "$0")/expect.sh"
. "$(dirname "$0")/node.sh"
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

case_is "inspect: a value that nothing writes is no operation that somebody may offer"
printf 'module Odd\nbody (x) > (y)\n  y = PassThrough(z)\n' >"$tmp/dangling.wwm"
compile "$tmp/dangling.wwm" dangling.onnx
run "$WW" module inspect "$tmp/dangling.onnx"
expect_code 1
expect_err_has 'nothing writes the value "z"'

case_is "bad usage"
run "$WW" module
expect_code 2
run "$WW" module inspect
expect_code 2
expect_err_has "inspect takes one FILE"
run "$WW" module explode "$tmp/store.onnx"
expect_code 2
expect_err_has '"explode" is none of install, bootstrap, cancel, invoke, status, events, inspect'
run "$WW" module bootstrap Seeded --bind a=b
expect_code 2
expect_err_has "bootstrap has no --bind"
run "$WW" module status --follow
expect_code 2
expect_err_has "status has no --follow"

state_of() { # TARGET: as `ww status` tells it
    "$WW" status --json | jq -r ".bring_up.targets[] | select(.target == \"$1\").state"
}
state_is() { # TARGET STATE
    [ "$(state_of "$1")" = "$2" ]
}

await_event() { # TEXT: in what modules emitted
    await sh -c '"$0" module events | grep -qF -- "$1"' "$WW" "$1"
    "$WW" module events | grep -qF -- "$1"
}

case_is "a node without modules has pid0 to bring up"
start_node one "" --log ww::bringup=debug --serve "$BUILD/guests/lines.wasm"
one=$node
await_cell ""
expect [ "$(state_of pid0)" = "done" ]
run "$WW" module status
expect_out_has "bring-up   idle"

case_is "install: a target that needs input waits for it, and says for which"
run "$WW" module install "$tmp/seeded.onnx"
expect_code 0
expect grep -q '^Seeded#' "$tmp/out"
run "$WW" status
expect_out_has "bring-up   waiting for input"
expect_out_has "  needs input  Seeded__bootstrap; takes seed, weights"

case_is "install: what is wrong with the artifact comes before what is wrong with its components"
sed 's/^module Odd/&\nbind s Index Any/' "$tmp/dangling.wwm" >"$tmp/worse.wwm"
compile "$tmp/worse.wwm" worse.onnx
run "$WW" module install "$tmp/worse.onnx"
expect_code 1
expect_err_has 'nothing writes the value "z"'

case_is "bootstrap: missing and unknown inputs are named"
run "$WW" module bootstrap Seeded --input seed=42
expect_code 1
expect_err_has "weights"
run "$WW" module bootstrap Seeded --input seed=42 --input weight=1
expect_code 1
expect_err_has "weight"
expect [ "$(state_of Seeded__bootstrap)" = "needs input" ]

case_is "bootstrap with its inputs: it goes on"
printf 12345678 >"$tmp/weights"
run "$WW" module bootstrap Seeded --input seed=42 --input weights=@"$tmp/weights"
expect_code 0
await state_is Seeded__bootstrap "done"
run "$WW" module events
expect_code 0
expect grep -q 'Z  Seeded__bootstrap  boot.seed  2B  "42"$' "$tmp/out"
expect grep -q 'Z  Seeded__bootstrap  boot.weights  8B  "12345678"$' "$tmp/out"
run "$WW" module status --json
expect [ "$(jq -c '[.state, .halted]' "$tmp/out")" = '["idle",false]' ]

case_is "install: a WebAssembly component in a slot"
printf 'module Held\nbind store Index Store\nbody (item: tensor) > (id)\n  id = index.Add(item) @store\n' >"$tmp/held.wwm"
compile "$tmp/held.wwm" held.onnx
run "$WW" module install "$tmp/held.onnx"
expect_code 1
expect_err_has 'slot "store" needs component "Store"'
run "$WW" module install "$tmp/held.onnx" --bind store="$BUILD/guests/cat.wasm"
expect_code 1
expect_err_has 'slot "store": the component does not export bootstrap of ww:contract/component@0.1.0'
run "$WW" module install "$tmp/held.onnx" --bind store="$BUILD/guests/store.wasm" --bind store="$BUILD/guests/store.wasm"
expect_code 1
expect_err_has '--bind store: given twice'
run "$WW" module install "$tmp/held.onnx" --bind store="$BUILD/guests/store.wasm" --bind stone="$BUILD/guests/store.wasm"
expect_code 1
expect_err_has 'no module to install has a slot "stone"'
run "$WW" module install "$tmp/held.onnx" --bind store="$BUILD/guests/store.wasm" --config stone=1
expect_code 1
expect_err_has '--config stone: that slot has no --bind'
run "$WW" module install "$tmp/held.onnx" "$tmp/none.onnx" --bind store="$BUILD/guests/store.wasm"
expect_code 1
expect_err_has "$tmp/none.onnx"
expect [ "$(state_of store)" = "" ]
truncate -s 70M "$tmp/large"
run "$WW" module install "$tmp/held.onnx" --bind store="$tmp/large"
expect_code 1
size=$((70 * 1048576 + $(stat -c %s "$tmp/held.onnx")))
expect_err_has "held.onnx: the artifact and its components have $size bytes; at most 67108864 can be sent"
run "$WW" module bootstrap Seeded --input weights=@"$tmp/large"
expect_code 1
expect_err_has "the call was not sent: at most 67108864 bytes can be"
head -c 40 "$tmp/held.onnx" >"$tmp/torn.onnx"
run "$WW" module install "$tmp/held.onnx" "$tmp/torn.onnx" --bind store="$BUILD/guests/store.wasm"
expect_code 1
expect_err_has "$tmp/torn.onnx: artifact offset "
expect [ "$(state_of store)" = "" ]
run "$WW" module install "$tmp/held.onnx" --bind store="$BUILD/guests/store.wasm" --config store=wait
expect_code 0
await state_is store "done"
run "$WW" ps
expect_out_has " store"

case_is "install: a slot cannot take the name of what the node runs itself"
sed 's/Held/Usurper/; s/store/pid0/g' "$tmp/held.wwm" >"$tmp/usurper.wwm"
compile "$tmp/usurper.wwm" usurper.onnx
run "$WW" module install "$tmp/usurper.onnx" --bind pid0="$BUILD/guests/store.wasm"
expect_code 1
expect_err_has 'slot "pid0": "pid0" is the name of another bootstrap target'
expect [ "$(state_of pid0)" = "done" ]

case_is "the log tells the bring-up: disjoint bootstraps overlap in time, overlapping ones do not"
printf 'module Pair\nbind alpha Index Store\nbind beta Index Store\nbody (item: tensor) > (id, other)\n' >"$tmp/pair.wwm"
printf '  id = index.Add(item) @alpha\n  other = index.Add(item) @beta\nbootstrap ()\n' >>"$tmp/pair.wwm"
printf '  c = Constant() value=u8"x"\n  s = index.Train(c) @alpha\n  t = index.Train(c) @beta\n' >>"$tmp/pair.wwm"
compile "$tmp/pair.wwm" pair.onnx
run "$WW" module install "$tmp/pair.onnx" --bind alpha="$BUILD/guests/store.wasm" --bind beta="$BUILD/guests/store.wasm" \
    --config alpha=wait --config beta=wait
expect_code 0
log_has() { # TEXT
    grep -q "ww::bringup.* $1" "$tmp/one.err"
}
await log_has "Pair__bootstrap \(completed\|failed\)"
line_of() { # TEXT: in the log
    grep -n "ww::bringup.* $1" "$tmp/one.err" | head -1 | cut -d: -f1
}
for name in alpha beta; do
    for other in alpha beta; do
        expect [ "$(line_of "$name started")" -lt "$(line_of "$other completed")" ]
    done
    expect [ "$(line_of "$name completed")" -lt "$(line_of "Pair__bootstrap started")" ]
done
expect log_has "Pair__bootstrap waits for alpha on alpha"

case_is "invoke: the module answers with an event, which whoever follows is told"
"$WW" module events --follow --json >"$tmp/followed" &
follower=$!
await grep -q boot.weights "$tmp/followed"
run "$WW" module invoke Held --input item=abcdefgh
expect_code 0
await grep -q '"topic": *"id"' "$tmp/followed"
kill "$follower" && wait "$follower" 2>/dev/null
expect [ "$(jq -c 'select(.topic == "id") | [.number, .size, .bytes]' "$tmp/followed")" = '[3,8,"0100000000000000"]' ]
expect [ "$(jq -r 'select(.topic == "id").module' "$tmp/followed" | grep -c '^Held#')" = 1 ]
run "$WW" module events
expect_out_has "  id  8B  0x0100000000000000"
run "$WW" module invoke Nobody
expect_code 1
expect_err_has Nobody

case_is "a component's bootstrap that fails is told, and can be asked for again"
sed 's/Held/Bad/; s/store/other/g' "$tmp/held.wwm" >"$tmp/bad.wwm"
compile "$tmp/bad.wwm" bad.onnx
run "$WW" module install "$tmp/bad.onnx" --bind other="$BUILD/guests/store.wasm" --config other=fail
expect_code 0
await state_is other failed
expect grep -q "no room for the index" "$tmp/one.err"
run "$WW" module bootstrap other
expect_code 0
run "$WW" module bootstrap pid0
expect_code 1
expect_err_has "pid0 is brought up once"

case_is "a component that needs input waits for it, and says for which"
printf 'module Taught\nbind taught Index Any\nbody (item: tensor) > (id, known)\n' >"$tmp/taught.wwm"
printf '  n = index.Add(item) @taught\n  id = PassThrough(n)\n' >>"$tmp/taught.wwm"
printf '  known = index.Search(n) @taught\nbootstrap ()\n' >>"$tmp/taught.wwm"
printf '  c = onnx.Constant() value=f32[1]{1}\n  t = index.Train(c) @taught\n' >>"$tmp/taught.wwm"
compile "$tmp/taught.wwm" taught.onnx
run "$WW" module install "$tmp/taught.onnx" --bind taught="$BUILD/guests/learner.wasm"
expect_code 0
await state_is taught "needs input"
expect [ "$(state_of Taught__bootstrap)" = waiting ]
run "$WW" status
expect_out_has "bring-up   waiting for input"
expect_out_has "  needs input  taught; takes seed, weights"
expect_out_has "  waiting      Taught__bootstrap; touches taught; waits for taught"
run "$WW" module bootstrap taught --input seed=41
expect_code 1
expect_err_has '"taught" is missing the input "weights"'
run "$WW" module bootstrap taught --input seed=41 --input weights=@"$tmp/weights" --input bias=1
expect_code 1
expect_err_has '"taught" has no input "bias"; declared: "seed", "weights"'
run "$WW" module bootstrap taught --input seed=41 --input weights=@"$tmp/weights"
expect_code 0
await state_is taught "done"
await state_is Taught__bootstrap "done"

case_is "a backend does what it offers, and the engine the rest"
printf 'module Sums\nbind fast Backend Any\nbody (x: tensor) > (y)\n' >"$tmp/sums.wwm"
printf '  a = onnx.Warp(x) factor=3\n  y = onnx.Abs(a)\n' >>"$tmp/sums.wwm"
compile "$tmp/sums.wwm" sums.onnx
run "$WW" module install "$tmp/sums.onnx" --bind fast="$BUILD/guests/arith.wasm"
expect_code 0
await state_is fast "done"
run "$WW" module invoke Sums --input x=abcd
expect_code 0
expect await_event "  y  "
sed 's/Sums/Bends/; s/Warp/Bend/; s/fast/slow/' "$tmp/sums.wwm" >"$tmp/bends.wwm"
compile "$tmp/bends.wwm" bends.onnx
run "$WW" module install "$tmp/bends.onnx" --bind slow="$BUILD/guests/arith.wasm"
expect_code 1
expect_err_has "(Bend): nothing offers this operation"

case_is "a second node of the same user keeps nothing and says so"
start_node two "$tmp/two" --socket "$tmp/two" --serve "$BUILD/guests/lines.wasm"
expect [ "$("$WW" status --socket "$tmp/two" --json | jq '.bring_up.targets | length')" = 1 ]
taken="process $one, likely another node, has $XDG_STATE_HOME/ww/bringup.journal"
await grep -q "what was installed is not brought up here, and nothing is kept: $taken" "$tmp/two.err"
run "$WW" status --socket "$tmp/two"
expect_out_has "journal    what was installed is not brought up here, and nothing is kept: $taken"
expect [ "$("$WW" status --json --socket "$XDG_RUNTIME_DIR/ww/$one.sock" | jq '.bring_up.journal')" = null ]
kill -KILL "$node" && wait "$node" 2>/dev/null

case_is "status --watch prints changes"
"$WW" module status --watch >"$tmp/watched" &
watcher=$!
await grep -q "bring-up" "$tmp/watched"
kill "$watcher" && wait "$watcher" 2>/dev/null

case_is "kill -9 in the middle of it: the next node goes on with the first target that is not up"
sed 's/Held/Stuck/; s/store/stuck/g' "$tmp/held.wwm" >"$tmp/stuck.wwm"
printf 'bootstrap ()\n  p = Pulse()\n  AppNotify(p) name="late"\n' >>"$tmp/stuck.wwm"
sed 's/Seeded/Second/g' examples/modules/seeded.wwm >"$tmp/second.wwm"
compile "$tmp/second.wwm" second.onnx
run "$WW" module install "$tmp/second.onnx"
expect_code 0
compile "$tmp/stuck.wwm" stuck.onnx
run "$WW" module install "$tmp/stuck.onnx" --bind stuck="$BUILD/guests/store.wasm"
expect_code 0
await state_is stuck "done"
expect [ "$(state_of Second__bootstrap)" = "needs input" ]
expect [ "$(state_of Stuck__bootstrap)" = waiting ]
sh -c 'sleep 0.3; kill -KILL "$0"' "$one" & # the next one begins while it still has the journal
start_node again "" --serve "$BUILD/guests/lines.wasm"
await state_is Second__bootstrap "needs input"
await state_is stuck "done"
expect [ "$(state_of Seeded__bootstrap)" = "done" ]
expect [ "$(state_of store)" = "done" ]
expect [ "$(state_of Stuck__bootstrap)" = waiting ]
await state_is other failed
run "$WW" module bootstrap Second --input seed=1 --input weights=2
expect_code 0
await state_is Stuck__bootstrap "done"

case_is "kill -9: a component that remembers is as its bootstrap and its module's left it"
expect [ "$(state_of taught)" = "done" ]
expect [ "$(state_of Taught__bootstrap)" = "done" ]
run "$WW" module invoke Taught --input item=abcdefgh
expect_code 0
expect await_event "  known  44B  " # 8 weights, and the one that was trained

case_is "a target that waits says for whom and why"
printf 'module Busy\nbind busy Index Store\nbody (item: tensor) > (id)\n  id = index.Add(item) @busy\n' >"$tmp/busy.wwm"
printf 'bootstrap ()\n  p = Constant() value=u8"x"\n  t = index.Train(p) @busy\n' >>"$tmp/busy.wwm"
compile "$tmp/busy.wwm" busy.onnx
run "$WW" module install "$tmp/busy.onnx" --bind busy="$BUILD/guests/store.wasm" --config busy=stay
expect_code 0
await state_is Busy__bootstrap waiting
expect [ "$(state_of busy)" = running ]
run "$WW" status
expect_out_has "bring-up   running"
expect_out_has "  waiting      Busy__bootstrap; touches busy; waits for busy on busy"

case_is "cancel: a bootstrap that runs or waits has failed, and what is behind it goes on"
run "$WW" module cancel nobody
expect_code 1
expect_err_has 'UnknownTarget: "nobody"'
run "$WW" module cancel pid0
expect_code 1
expect_err_has "pid0 ends with the node"
run "$WW" module cancel taught
expect_code 1
expect_err_has '"taught" is neither under way nor waiting'
run "$WW" module cancel Busy --json
expect_code 0
expect [ "$(jq .canceled "$tmp/out")" = 1 ]
await state_is Busy__bootstrap failed
expect [ "$(state_of busy)" = running ]
run "$WW" module bootstrap Busy
expect_code 0
await state_is Busy__bootstrap waiting

case_is "install: each of several files gets the components of its slots"
sed 's/Held/Left/; s/store/left/g' "$tmp/held.wwm" >"$tmp/left.wwm"
sed 's/Held/Right/; s/store/right/g' "$tmp/held.wwm" >"$tmp/right.wwm"
compile "$tmp/left.wwm" left.onnx
compile "$tmp/right.wwm" right.onnx
run "$WW" module install "$tmp/left.onnx" "$tmp/right.onnx" --bind left="$BUILD/guests/store.wasm" --bind right="$BUILD/guests/store.wasm"
expect_code 0
await state_is left "done"
await state_is right "done"
sed 's/Held/Third/; s/store/third/g' "$tmp/held.wwm" >"$tmp/third.wwm"
compile "$tmp/third.wwm" third.onnx
run "$WW" module install "$tmp/third.onnx" "$tmp/left.onnx" --bind third="$BUILD/guests/store.wasm"
expect_code 1
expect_err_has "1 of 2 files are installed, up to $tmp/third.onnx: $tmp/left.onnx: "

case_is "kill -9 while a bootstrap runs: it runs again"
kill -KILL "$node" && wait "$node" 2>/dev/null
start_node third "" --serve "$BUILD/guests/lines.wasm"
await state_is busy running
await state_is Busy__bootstrap waiting
expect [ "$(state_of Stuck__bootstrap)" = "done" ]

case_is "a component that is killed fails its bootstrap; what waited for it goes on"
run "$WW" kill "$("$WW" ps --json | jq '.cells[] | select(.name == "busy").cell')"
expect_code 0
await state_is busy failed
await state_is Busy__bootstrap failed

case_is "a node that ends keeps what came after the bootstraps"
run "$WW" module invoke Taught --input item=abcdefgh
expect_code 0
expect await_event "  known  44B  "
kill "$node" && wait "$node" 2>/dev/null
learned=$(grep -la learned "$XDG_STATE_HOME"/ww/component-*.state)
expect [ "$(od -An -td1 -N1 -j23 "$learned")" -eq 42 ] # the last id; 41 was the seed
start_node fourth "" --serve "$BUILD/guests/lines.wasm"
await state_is taught "done"

case_is "a damaged state: it is not believed, and the component needs its inputs again"
stop_nodes
printf x | dd of="$learned" bs=1 seek=30 conv=notrunc 2>/dev/null
start_node fifth "" --serve "$BUILD/guests/lines.wasm"
await state_is taught "needs input"
expect grep -q 'no state of "taught", which is brought up anew: its file is damaged' "$tmp/fifth.err"

case_is "a torn journal: what is whole counts"
stop_nodes
journal=$XDG_STATE_HOME/ww/bringup.journal
size=$(stat -c %s "$journal")
truncate -s $((size - 3)) "$journal"
start_node torn "" --serve "$BUILD/guests/lines.wasm"
await state_is Stuck__bootstrap "done"
expect grep -q "are not a whole record and are forgotten" "$tmp/torn.err"
stop_nodes
finish
