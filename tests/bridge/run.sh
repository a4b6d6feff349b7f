#!/bin/sh
# Builds the C front with a core written in C, and runs its tests: plain, under
# the address and undefined-behaviour sanitizers, and under the thread
# sanitizer of each compiler there is.
#
#   run.sh              all of them
#   run.sh plain|asan|tsan|tsan-clang [test name]
#   run.sh bench        costs, as ratios
set -eu
cd "$(dirname "$0")"
out=${TMPDIR:-/tmp}/libnim-bridge.$$
mkdir -p "$out"
trap 'rm -rf "$out"' EXIT INT TERM

warnings="-Wall -Wextra -Wshadow -Wstrict-prototypes -Werror"
front=$(ls ../../bridge*.c)
passed=0 failed=0

# build NAME COMPILER FLAGS...: the test program $out/NAME
build() {
    name=$1 compiler=$2
    shift 2
    # shellcheck disable=SC2086
    "$compiler" -std=gnu11 $warnings -g "$@" -Wl,--wrap=pthread_create \
        -o "$out/$name" harness.c fake_core.c test_*.c $front -lpthread
}

run() {
    name=$1
    shift
    echo "== $name"
    "$out/$name" "$@" >"$out/log" 2>&1 && status=0 || status=$?
    cat "$out/log"
    set -- $(tail -n 40 "$out/log" | grep -E '^[0-9]+ passed, [0-9]+ failed$' | tail -n 1)
    if [ $# -eq 4 ]; then
        passed=$((passed + $1)) failed=$((failed + $3))
    fi
    # A sanitizer's report, or an end without the last line, fails the build as one test more.
    if [ "$status" -ne 0 ] && { [ $# -ne 4 ] || [ "$3" -eq 0 ]; }; then
        echo "FAIL $name ended with $status"
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

if [ $# -gt 0 ]; then
    only=$1
    shift
    variant "$only"
    run "$only" "$@"
else
    for v in plain asan tsan tsan-clang; do
        case $v in
        tsan) command -v gcc >/dev/null || continue ;;
        tsan-clang) command -v clang >/dev/null || continue ;;
        esac
        variant "$v"
        run "$v"
    done
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
