#!/bin/bash
# Tests the C++ binding against a built library and a real nimd; the last line
# is "N passed, N failed".
#
#   test.sh            the products are in NIM_DIST, or where ./build.sh build
#                      puts them
set -uo pipefail
cd "$(dirname "$0")"
here=$PWD
dist=$(cd "${NIM_DIST:-../../dist/$(go env GOOS)-$(go env GOARCH)}" && pwd) || exit 1
work=$(mktemp -d "${TMPDIR:-/tmp}/libnim-cpp.XXXXXX")
nimd_pid=
trap '[ -z "$nimd_pid" ] || kill "$nimd_pid"; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
passed=0 failed=0

# check runs a command and counts it; what it prints is shown if it fails.
check() { # name command…
    local name=$1
    shift
    if "$@" >"$work/out" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $name"
        tail -n 60 "$work/out"
    fi
}

# is_empty shows a file, and fails unless it is empty.
is_empty() {
    cat "$1"
    [ ! -s "$1" ]
}

warnings=(-Wall -Wextra -Wshadow -Wpedantic -Wconversion -Werror)
headers=(-I"$here/include" -I"$dist/include")
link=(-L"$dist/lib" -lnim "-Wl,-rpath,$dist/lib" -pthread)

# ---- the headers ---------------------------------------------------------------

umbrella() { # compiler flags…
    local compiler=$1
    shift
    echo '#include "nim_cpp_api.h"' | "$compiler" -x c++ -fsyntax-only "${warnings[@]}" "${headers[@]}" "$@" -
}

# alone compiles one header, twice in a file that has nothing else.
alone() { # header
    printf '#include "%s"\n#include "%s"\n' "$1" "$1" |
        g++ -std=c++17 -x c++ -fsyntax-only "${warnings[@]}" "${headers[@]}" - >"$work/alone-$1" 2>&1 || echo failed >>"$work/alone-$1"
}

list=(include/*.h)
for ((i = 0; i < ${#list[@]}; i += 2)); do
    alone "${list[i]##*/}" &
    [ -z "${list[i + 1]:-}" ] || alone "${list[i + 1]##*/}" &
    wait
done
for header in "${list[@]##*/}"; do
    check "$header compiles alone" is_empty "$work/alone-$header"
done
check "clang, C++17" umbrella clang++ -std=c++17
check "g++, C++20" umbrella g++ -std=c++20
check "without exceptions" umbrella clang++ -std=c++17 -fno-exceptions
if command -v x86_64-w64-mingw32-g++-posix >/dev/null; then
    check "mingw" umbrella x86_64-w64-mingw32-g++-posix -std=c++17 -Wno-conversion
    check "mingw, loading the library" umbrella x86_64-w64-mingw32-g++-posix -std=c++17 -Wno-conversion -Wno-cast-function-type -DNIM_CPP_DYNAMIC
fi

# What a page for programs that come from another SDK shows in C++.
blocks() { awk '/^```cpp$/ { on = 1; next } /^```$/ { on = 0 } on' "$1"; }
for page in ../../docs/MIGRATING-*.md; do
    blocks "$page" >"$work/page.cc"
    check "${page##*/} compiles" g++ -std=c++17 -fsyntax-only -Wall -Wextra -Werror "${headers[@]}" "$work/page.cc"
done

# ---- the tests, in four builds -------------------------------------------------

# One translation unit: the standard headers are read once.
for source in test/*.cc; do echo "#include \"$here/$source\""; done >"$work/all.cc"

compile() { # name compiler flags…
    local name=$1 compiler=$2
    shift 2
    "$compiler" -g -Wall -Wextra -Wshadow -Werror "$@" -Itest "${headers[@]}" "$work/all.cc" -o "$work/$name" "${link[@]}" -ldl
}

asan=(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
export ASAN_OPTIONS=detect_leaks=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export TSAN_OPTIONS=suppressions=$here/test/tsan.supp:atexit_sleep_ms=0

# variant builds and runs all tests and leaves what they say in a file.
variant() { # name compiler flags…
    local name=$1
    compile "$@" >"$work/$name.log" 2>&1 && "$work/$name" "$dist/bin/nimd" >>"$work/$name.log" 2>&1
    echo "status $?" >>"$work/$name.log"
}

variant gcc-asan g++ -std=c++17 "${asan[@]}" &
variant clang-asan clang++ -std=c++20 "${asan[@]}" &
wait
variant clang-tsan clang++ -std=c++17 -fsanitize=thread &
LD_LIBRARY_PATH=$dist/lib variant gcc-loaded g++ -std=c++20 -O1 -DNIM_CPP_DYNAMIC &
wait

for name in gcc-asan clang-asan clang-tsan gcc-loaded; do
    read -r p f < <(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$work/$name.log" | tail -n 1)
    status=$(sed -n 's/^status //p' "$work/$name.log")
    echo "$name: ${p:-0} passed, ${f:-0} failed, exit status $status"
    passed=$((passed + ${p:-0})) failed=$((failed + ${f:-0}))
    if [ "$status" != 0 ]; then
        [ "${f:-0}" -gt 0 ] || failed=$((failed + 1))
        cut -c1-300 "$work/$name.log" | head -n 80
    fi
done

without_library() {
    g++ -std=c++17 -DNIM_CPP_DYNAMIC "${warnings[@]}" "${headers[@]}" test/consumer/unloaded.cc -o "$work/unloaded" -ldl -pthread &&
        env -u LD_LIBRARY_PATH "$work/unloaded"
}
check "a program that finds no library to load" without_library

# ---- installed somewhere else --------------------------------------------------

prefix="$work/moved here"
mkdir -p "$prefix/lib"
cp -r "$dist/include" "$prefix/"
cp "$dist"/lib/libnim.* "$prefix/lib/"
version=$(cat "$here/../../VERSION")
check "install" "$here/install.sh" "$prefix" "$version" "$(basename "$dist"/lib/libnim.*[!s])"

with_cmake() { # version wanted
    cmake -S test/consumer -B "$work/build-$1" -DCMAKE_PREFIX_PATH="$prefix" -DWANTED="$1" -DCMAKE_CXX_FLAGS=-Werror &&
        cmake --build "$work/build-$1" &&
        [ "$("$work/build-$1/consumer_c")" = "$version" ] && [ "$("$work/build-$1/consumer_cpp")" = "$version" ]
}

is_refused() { ! cmake -S test/consumer -B "$work/build-$1" -DCMAKE_PREFIX_PATH="$prefix" -DWANTED="$1"; }

with_pkg_config() { # package source
    local flags
    flags=$(PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config --cflags --libs "$1") || return 1
    eval "${CXX:-g++} -std=c++17 \"$2\" -o \"$work/consumer\" $flags '-Wl,-rpath,$prefix/lib'" && [ "$("$work/consumer")" = "$version" ]
}

if command -v cmake >/dev/null; then
    check "find_package" with_cmake "$version"
    check "find_package of a later version is refused" is_refused 9.9
fi
CXX="gcc -x c -std=gnu11" check "pkg-config, C" with_pkg_config nim test/consumer/consumer.c
check "pkg-config, C++" with_pkg_config nim-cpp test/consumer/consumer.cc

# ---- the example of the README -------------------------------------------------

# example prints the first block of C++ of a text.
example() { awk '/^```cpp$/ { on = 1; next } /^```$/ { if (on) exit } on' "$1"; }

runs_example() {
    mkfifo "$work/ready" || return 1
    "$dist/bin/nimd" --listen 127.0.0.1:0 --data "$work/nimd" --dev >"$work/ready" 2>"$work/nimd.log" &
    nimd_pid=$!
    local ready
    read -r ready <"$work/ready"
    value() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" <<<"$ready"; }
    token() { NIMD_APP_SECRET=$(value app_secret) "$dist/bin/nimd" token --app-key "$(value app_key)" --account "$1" | sed 's/.*"token":"\([^"]*\)".*/\1/'; }
    hello() { (cd "$work" && HOME=$work XDG_CONFIG_HOME='' stdbuf -oL ./hello "$(value link)" "$(value app_key)" "$@"); }
    example README.md >"$work/hello.cc"
    g++ -std=c++17 -Wall -Wextra -Werror "${headers[@]}" "$work/hello.cc" -o "$work/hello" "${link[@]}" || return 1
    local bob line=
    exec {bob}< <(hello bob "$(token bob)")
    until [ "$line" = 'bob is online' ]; do read -r line <&"$bob" || return 1; done
    hello alice "$(token alice)" bob 'hello, bob' >"$work/hello.out" || return 1
    cat "$work/hello.out"
    grep -qx 'alice is online' "$work/hello.out" && grep -qx 'sent: code 200' "$work/hello.out" &&
        [ "$(cat <&"$bob")" = 'alice: hello, bob' ] &&
        ! hello alice wrong
}

check "the example of README.md runs" runs_example
check "both READMEs have the same example" diff <(example README.md) <(example README.zh-CN.md)
check "both READMEs have the same sections" [ "$(grep -c '^#' README.md)" = "$(grep -c '^#' README.zh-CN.md)" ]

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
