# `ww id` and `ww keygen`: keys of one's own, which nobody else sees.
. "$(dirname "$0")/expect.sh"

case_is "the id is made once and stays"
run "$WW" id
expect_code 0
id=$(cat "$tmp/out")
expect grep -qxE '[0-9a-f]{64}' "$tmp/out"
expect [ "$(stat -c %a "$XDG_STATE_HOME/ww/identity")" = 600 ]
run "$WW" id
expect_out "$id"

case_is "the same for machines, with the multihash of peers"
run "$WW" id --json
expect_out "{\"id\":\"$id\",\"multihash\":\"002408011220$id\"}"

case_is "a key that others may read is refused"
chmod 644 "$XDG_STATE_HOME/ww/identity"
run "$WW" id
expect_code 1
expect_err_has "others may read this key"
chmod 600 "$XDG_STATE_HOME/ww/identity"

case_is "a new key on standard output is a node's key file"
run "$WW" keygen
expect_code 0
mkdir -p "$tmp/other/ww" && install -m 600 "$tmp/out" "$tmp/other/ww/identity"
public=$(sed -n 's/^public key: //p' "$tmp/err")
run env XDG_STATE_HOME="$tmp/other" "$WW" id
expect_code 0
expect_out "$public"

case_is "a new key in a file: private, never written over"
run "$WW" keygen "$tmp/key"
expect_code 0
expect grep -qxE '[0-9a-f]{64}' "$tmp/out"
expect [ "$(stat -c %a "$tmp/key")" = 600 ]
run "$WW" keygen "$tmp/key"
expect_code 1
expect_err_has "ww: cannot make $tmp/key: "
expect_err_has "File exists"

case_is "a file of allowed keys that others may write to is refused, with what helps"
umask 022
"$WW" keygen "$tmp/mine" >"$tmp/keys"
chmod 666 "$tmp/keys"
run "$WW" run --allow-key "$tmp/keys" "$BUILD/images/hello"
expect_code 2
expect_err_has "allowed keys: $tmp/keys: others may write to it; run chmod go-w on it"
chmod go-w "$tmp/keys"
run "$WW" run --allow-key "$tmp/keys" "$BUILD/images/hello"
expect_code 0
run env -C "$tmp" "$WW" run --allow-key keys "$BUILD/images/hello"
expect_code 0

case_is "so is one in a folder where others may write"
mkdir -m 777 "$tmp/open" && mv "$tmp/keys" "$tmp/open"
chmod 777 "$tmp/open"
run "$WW" run --allow-key "$tmp/open/keys" "$BUILD/images/hello"
expect_code 2
expect_err_has "allowed keys: $tmp/open: others may write to it; run chmod go-w on it"
finish
