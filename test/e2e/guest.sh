# For the tests of guests in other languages, which run where their toolchain is: skip names it in ctest's summary.
skip() {
    echo "not run: $*"
    exit 77 # CTest's word for it, see cmake/programs.cmake
}

# TOOL's version, as VERSION prints it, is at least MINIMUM.
need() { # TOOL MINIMUM VERSION...
    local tool=$1 minimum=$2 found
    shift 2
    found=$("$@" 2>/dev/null | grep -oE '[0-9]+(\.[0-9]+)+' | head -n1)
    [ -n "$found" ] || skip "$tool is not installed"
    [ "$(printf '%s\n' "$minimum" "$found" | sort -V | head -n1)" = "$minimum" ] || skip "$tool $found is older than $minimum"
}

# Makes OUT with the example's own script, unless it is newer than all of the example.
make_guest() { # EXAMPLE OUT ARGUMENT...
    local example=$1 out=$2
    shift 2
    [ -e "$out" ] && [ -z "$(find -L "$example" -newer "$out" -type f -print -quit)" ] && return
    "$example/build" "$out" "$@"
}
