# What a guest reaches through --volume, and what it never does.
. "$(dirname "$0")/expect.sh"
guests=$BUILD/guests

case_is "a volume is read-only unless it says rw"
mkdir "$tmp/data" && echo text >"$tmp/data/file"
run "$WW" run --volume "$tmp/data:/data" "$guests/files.wasm" -- read /data/file
expect_code 0
expect_out "text"
run "$WW" run --volume "$tmp/data:/data" "$guests/files.wasm" -- write /data/new text
expect_code 1
expect test ! -e "$tmp/data/new"
run "$WW" run --volume "$tmp/data:/data:rw" "$guests/files.wasm" -- write /data/new text
expect_code 0
expect test "$(cat "$tmp/data/new")" = text

case_is "no path leads out of a volume"
echo secret >"$tmp/secret"
ln -s ../secret "$tmp/data/link"
for path in /data/../secret /data/link "/data/./../secret" "$tmp/secret"; do
    run "$WW" run --volume "$tmp/data:/data" "$guests/files.wasm" -- read "$path"
    expect_code 1
    expect test ! -s "$tmp/out"
done

finish
