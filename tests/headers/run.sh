#!/usr/bin/env bash
# Checks the generated headers and the generated front. Prints what failed and,
# last, "N passed, M failed".
set -u
cd "$(dirname "$0")/../.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
passed=0
failed=0

# check NAME COMMAND...: one test.
check() {
    local name=$1
    shift
    if "$@" >"$tmp/out" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $name"
        head -20 "$tmp/out"
    fi
}

have() { command -v "$1" >/dev/null; }

warn="-pedantic -Wall -Wextra -Werror -Iinclude -fsyntax-only"

# Every header alone and twice, oldest and newest standard.
for header in include/*.h; do
    name=$(basename "$header")
    printf '#include "%s"\n#include "%s"\nextern int used;\n' "$name" "$name" >"$tmp/twice.c"
    cp "$tmp/twice.c" "$tmp/twice.cc"
    for cc in gcc clang; do
        have "$cc" || continue
        for std in c89 c17; do
            check "$name $cc $std" "$cc" -std=$std $warn "$tmp/twice.c"
        done
    done
    for cxx in g++ clang++; do
        have "$cxx" || continue
        for std in c++98 c++20; do
            check "$name $cxx $std" "$cxx" -std=$std $warn "$tmp/twice.cc"
        done
    done
done

# Everything together, every standard.
printf '#include "nim_c_api.h"\n#include "nimx.h"\nextern int used;\n' >"$tmp/all.c"
cp "$tmp/all.c" "$tmp/all.cc"
for std in c89 c99 c11 c17 c2x; do
    check "all gcc $std" gcc -std=$std $warn -Wshadow -Wstrict-prototypes -Wc++-compat "$tmp/all.c"
    have clang && check "all clang $std" clang -std=$std $warn -Weverything -Wno-padded "$tmp/all.c"
done
for std in c++98 c++11 c++14 c++17 c++20 c++2b; do
    check "all g++ $std" g++ -std=$std $warn -Wshadow "$tmp/all.cc"
    have clang++ && check "all clang++ $std" clang++ -std=$std $warn "$tmp/all.cc"
done
have x86_64-w64-mingw32-gcc && check "all mingw" x86_64-w64-mingw32-gcc -std=c89 $warn "$tmp/all.c"
have aarch64-linux-gnu-gcc && check "all arm64" aarch64-linux-gnu-gcc -std=c89 $warn "$tmp/all.c"
have clang && check "all as MSVC" clang --target=x86_64-pc-windows-msvc -fms-compatibility -ffreestanding $warn -Wno-language-extension-token "$tmp/all.c"

# What programs write.
for std in c99 c17; do
    check "use.c $std" gcc -std=$std $warn tests/headers/use.c
done
for std in c++98 c++20; do
    for cxx in g++ clang++; do
        have "$cxx" || continue
        check "use.cc $cxx $std" "$cxx" -std=$std $warn tests/headers/use.cc
        check "reference.cc $cxx $std" "$cxx" -std=$std $warn tests/headers/reference.cc
    done
done

# The layout of structs, per target.
if have clang; then
    for target in x86_64-linux-gnu i386-linux-gnu aarch64-linux-gnu x86_64-w64-windows-gnu i686-w64-windows-gnu \
        x86_64-pc-windows-msvc arm64-apple-macos; do
        check "layout $target" clang --target=$target -ffreestanding -std=c99 -Wall -Werror -Iinclude -fsyntax-only tests/headers/layout.c
    done
fi
check "layout native gcc" gcc -std=c89 -Wall -Werror -Iinclude -fsyntax-only tests/headers/layout.c

# The front: definitions match prototypes, the exported names are the list.
front="-std=c99 -Wall -Wextra -Werror -Wmissing-prototypes -I."
for cc in gcc clang; do
    have "$cc" || continue
    for opt in -O0 -O2; do
        check "front $cc $opt builds" "$cc" $front $opt -fPIC -shared -Wl,--version-script=exports.map \
            -o "$tmp/front.so" bridge_gen.c tests/headers/front_stub.c -D_POSIX_C_SOURCE=200809L
        check "front $cc $opt test builds" "$cc" -std=gnu11 -Wall -Wextra -Werror -Wno-cast-function-type -Iinclude -I. $opt \
            -D_POSIX_C_SOURCE=200809L -o "$tmp/front_test" tests/headers/front_test.c bridge_gen.c tests/headers/front_stub.c
        check "front $cc $opt" "$tmp/front_test"
    done
done
for cc in x86_64-w64-mingw32-gcc aarch64-linux-gnu-gcc; do
    have "$cc" && check "front $cc builds" "$cc" $front -O2 -c -o "$tmp/front.o" bridge_gen.c
done
if have aarch64-linux-gnu-gcc && have qemu-aarch64-static; then
    check "front arm64 test builds" aarch64-linux-gnu-gcc -static -std=gnu11 -Wall -Wextra -Werror -Wno-cast-function-type \
        -Iinclude -I. -O2 -D_POSIX_C_SOURCE=200809L -o "$tmp/front_arm64" tests/headers/front_test.c bridge_gen.c tests/headers/front_stub.c
    check "front arm64" qemu-aarch64-static "$tmp/front_arm64"
fi
nm -D --defined-only "$tmp/front.so" | awk '$2 == "T" {sub(/@.*/, "", $3); print $3}' | sort >"$tmp/have"
sed -n 's/^    \(nim[a-z0-9_]*\);$/\1/p' exports.map | sort >"$tmp/want"
check "exported names" diff "$tmp/want" "$tmp/have"
sed -n 's/^    \(nim[a-z0-9_]*\)$/\1/p' nim.def | sort >"$tmp/def"
check "nim.def has the same names" diff "$tmp/want" "$tmp/def"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
