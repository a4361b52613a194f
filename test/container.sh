#!/usr/bin/env bash
# What of the Containerfile can be checked without a container engine: that its second stage installs a package for each
# library that ww is linked to, that what it copies and runs is there, and that the installed tree works by itself.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
file=$root/Containerfile
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rc=0
complain() {
    echo "$*"
    rc=1
}

final_stage=$(sed -n '/^FROM .*-slim$/,$p' "$file")
while read -r library; do
    package=$(dpkg-query -S "$(realpath "$library")" 2>/dev/null || dpkg-query -S "$library") || {
        complain "$library is of no package"
        continue
    }
    package=${package%%:*}
    case $package in libc6) continue ;; esac # in every Debian
    grep -qw -- "$package" <<<"$final_stage" || complain "the last stage does not install $package, for $library"
done < <(ldd "$WW_BUILD/ww" | grep -oE '/[^ ]+\.so[^ ]*')

while read -r path; do
    [ -e "$root/$path" ] || complain "COPY $path: not there"
done < <(sed -nE 's/^COPY ([^-. ][^ ]*) .*/\1/p' "$file")

DESTDIR=$work cmake --install "$WW_BUILD" --prefix /usr --component program >/dev/null
image=$(sed -nE 's/^CMD \["run", "([^"]*)"\]/\1/p' "$file")
[ -e "$work$image/main.wasm" ] || complain "CMD runs $image, which is not installed"
export HOME=$work XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state XDG_RUNTIME_DIR=$work/run
"$work/usr/bin/ww" run "$work$image" </dev/null 2>"$work/err" || complain "the installed ww does not run it"
grep -q "child exited with code 0" "$work/err" || complain "the default image does not run its child"
exit $rc
