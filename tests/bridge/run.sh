#!/bin/sh
# Builds the C front with a core written in C, and runs its tests: plain, under
# the address and undefined-behaviour sanitizers, and under the thread
# sanitizer of each compiler there is.
#
#   run.sh              all of them
#   run.sh plain|asan|tsan|tsan-clang|wine [test name]
#                       wine: the front of Windows, built by mingw-w64
#   run.sh bench        costs, as ratios
set -eu
cd "$(dirname "$0")"
out=${TMPDIR:-/tmp}/libnim-bridge.$$
mkdir -p "$out"
trap 'rm -rf "$out"' EXIT INT TERM

warnings="-Wall -Wextra -Wshadow -Wstrict-prototypes -Werror"
front=$(ls ../../internal/cabi/*.c)
passed=0 failed=0

# build NAME COMPILER FLAGS...: the test program $out/NAME
build() {
    name=$1 compiler=$2
    shift 2
    # shellcheck disable=SC2086
    "$compiler" -std=gnu11 $warnings -g "$@" -Wl,--wrap=pthread_create \
        -o "$out/$name" harness.c fake_core.c test_*.c $front -lpthread
}

# start NAME [test name]: runs it into a log of its own
start() {
    name=$1
    shift
    "$out/$name" "$@" >"$out/$name.log" 2>&1 && echo 0 >"$out/$name.status" || echo $? >"$out/$name.status"
}

# report NAME: shows the log and adds to the sums
report() {
    echo "== $1"
    cat "$out/$1.log"
    status=$(cat "$out/$1.status")
    # shellcheck disable=SC2046
    set -- "$1" $(tr -d '\r' <"$out/$1.log" | grep -E '^[0-9]+ passed, [0-9]+ failed$' | tail -n 1)
    if [ $# -eq 5 ]; then
        passed=$((passed + $2)) failed=$((failed + $4))
    fi
    # A sanitizer's report, or an end without the last line, counts as one test that failed.
    if [ $# -ne 5 ] || { [ "$status" -ne 0 ] && [ "$4" -eq 0 ]; }; then
        echo "FAIL $1 ended with $status"
        failed=$((failed + 1))
    fi
}

export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=0:exitcode=66:atexit_sleep_ms=0

variant() {
    case $1 in
    plain) build plain "${CC:-cc}" -O2 ;;
    asan) build asan "${CC:-cc}" -O1 -DSANITIZED -fsanitize=address,undefined -fno-omit-frame-pointer ;;
    tsan) build tsan gcc -O1 -DSANITIZED -fsanitize=thread ;;
    tsan-clang) build tsan-clang clang -O1 -DSANITIZED -fsanitize=thread ;;
    esac
}

if [ "${1:-}" = bench ]; then
    "${CC:-cc}" -std=gnu11 -O2 -o "$out/bench" bench.c $front -lpthread
    "$out/bench"
    exit
fi

# Processes and threads are another matter there: those tests stay behind.
wine_variant() {
    # shellcheck disable=SC2046
    x86_64-w64-mingw32-gcc -std=gnu11 -O2 -o "$out/wine.exe" harness.c fake_core.c \
        $(ls test_*.c | grep -v -e process -e thread) $front -static -lpthread
    printf '#!/bin/sh\nWINEPREFIX=%s/prefix WINEDEBUG=-all exec wine %s/wine.exe "$@"\n' "$out" "$out" >"$out/wine"
    chmod +x "$out/wine"
}

# pair VARIANT VARIANT: side by side, since much of the time is spent waiting
pair() {
    built=
    for v in "$@"; do variant "$v" & built="$built $!"; done
    for v in $built; do wait "$v"; done
    for v in "$@"; do start "$v" & done
    wait
    for v in "$@"; do report "$v"; done
}

if [ $# -gt 0 ]; then
    only=$1
    shift
    if [ "$only" = wine ]; then wine_variant; else variant "$only"; fi
    start "$only" "$@"
    report "$only"
else
    pair plain asan
    tsan=
    ! command -v gcc >/dev/null || tsan=tsan
    ! command -v clang >/dev/null || tsan="$tsan tsan-clang"
    # shellcheck disable=SC2086
    pair $tsan
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
