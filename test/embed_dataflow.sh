#!/usr/bin/env bash
# What `make install` installs is enough for a host of dataflow modules: its headers need no others,
# and the example built from it does what it says.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
DESTDIR=$work cmake --install "$WW_BUILD" --prefix /usr >/dev/null
export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$work" -name ww-dataflow.pc)")
read -ra flags <<<"$(pkg-config --cflags --libs ww-dataflow)"
for header in ww/dataflow.h bootstrap/bootstrap.h dataflow/text.h; do
    printf '#include <%s>\nint main(void) { return 0; }\n' "$header" >"$work/one.c"
    cc -std=gnu17 -Wall -Wextra -Wconversion -Werror "$work/one.c" "${flags[@]}" -o "$work/one"
done
cc -std=gnu17 -Wall -Wextra -Wconversion -Wshadow -Werror examples/dataflow/main.c "${flags[@]}" -o "$work/store"
"$work/usr/bin/ww-modulec" examples/modules/vector_store.wwm "$work/store.bb"
"$work/store" "$work/store.bb" >"$work/said"
diff "$work/said" - <<'END'
the bootstrap will lock 2 components
bring-up started
bring-up completed
trained: 0 bytes
hits: 8 bytes
END
