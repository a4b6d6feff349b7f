#!/usr/bin/env bash
# Checks the generated headers and the generated front. Prints what failed and,
# last, "N passed, M failed".
set -u
cd "$(dirname "$0")/../.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
started=0
cores=$(nproc)

# check NAME COMMAND...: one test, beside as many others as there are cores.
check() {
    while [ "$(jobs -rp | wc -l)" -ge "$cores" ]; do wait -n; done
    started=$((started + 1))
    one "$tmp/result-$started" "$@" &
}

# in_turn NAME COMMAND...: one test that needs what those before it made.
in_turn() {
    wait
    started=$((started + 1))
    one "$tmp/result-$started" "$@"
}

one() { # result name command...
    local result=$1 name=$2 said
    shift 2
    if said=$("$@" 2>&1); then
        echo passed >"$result"
    else
        printf 'FAIL %s\n%s\n' "$name" "$(head -20 <<<"$said")" >"$result"
    fi
}

have() { command -v "$1" >/dev/null; }

warn="-pedantic -Wall -Wextra -Werror -Iinclude -fsyntax-only"

# Every header alone and twice, oldest and newest standard.
for header in include/*.h; do
    name=$(basename "$header")
    twice=$tmp/twice-${name%.h}
    printf '#include "%s"\n#include "%s"\nextern int used;\n' "$name" "$name" >"$twice.c"
    cp "$twice.c" "$twice.cc"
    for cc in gcc clang; do
        have "$cc" || continue
        for std in c89 c17; do
            check "$name $cc $std" "$cc" -std=$std $warn "$twice.c"
        done
    done
    for cxx in g++ clang++; do
        have "$cxx" || continue
        for std in c++98 c++20; do
            check "$name $cxx $std" "$cxx" -std=$std $warn "$twice.cc"
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
front="-std=c99 -Wall -Wextra -Werror -Wmissing-prototypes -Iinternal/cabi"
for cc in gcc clang; do
    have "$cc" || continue
    for opt in -O0 -O2; do
        in_turn "front $cc $opt builds" "$cc" $front $opt -fPIC -shared -Wl,--version-script=exports.map \
            -o "$tmp/front.so" internal/cabi/front_gen.c internal/cabi/pack.c internal/cabi/check.c tests/headers/front_stub.c -D_POSIX_C_SOURCE=200809L
        in_turn "front $cc $opt test builds" "$cc" -std=gnu11 -Wall -Wextra -Werror -Wno-cast-function-type -Iinclude -Iinternal/cabi $opt \
            -D_POSIX_C_SOURCE=200809L -o "$tmp/front_test" tests/headers/front_test.c internal/cabi/front_gen.c internal/cabi/pack.c internal/cabi/check.c tests/headers/front_stub.c
        in_turn "front $cc $opt" "$tmp/front_test"
    done
done
for cc in x86_64-w64-mingw32-gcc aarch64-linux-gnu-gcc; do
    have "$cc" && in_turn "front $cc builds" "$cc" $front -O2 -c -o "$tmp/front.o" internal/cabi/front_gen.c
done
if have aarch64-linux-gnu-gcc && have qemu-aarch64-static; then
    in_turn "front arm64 test builds" aarch64-linux-gnu-gcc -static -std=gnu11 -Wall -Wextra -Werror -Wno-cast-function-type \
        -Iinclude -Iinternal/cabi -O2 -D_POSIX_C_SOURCE=200809L -o "$tmp/front_arm64" tests/headers/front_test.c internal/cabi/front_gen.c internal/cabi/pack.c internal/cabi/check.c tests/headers/front_stub.c
    in_turn "front arm64" qemu-aarch64-static "$tmp/front_arm64"
fi
nm -D --defined-only "$tmp/front.so" | awk '$2 == "T" {sub(/@.*/, "", $3); print $3}' | sort >"$tmp/have"
sed -n 's/^    \(nim[a-z0-9_]*\);$/\1/p' exports.map | sort >"$tmp/want"
in_turn "exported names" diff "$tmp/want" "$tmp/have"
sed -n 's/^    \(nim[a-z0-9_]*\)$/\1/p' nim.def | sort >"$tmp/def"
in_turn "nim.def has the same names" diff "$tmp/want" "$tmp/def"

wait
cat "$tmp"/result-* | grep -v '^passed$'
passed=$(cat "$tmp"/result-* | grep -c '^passed$')
failed=$((started - passed))
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
