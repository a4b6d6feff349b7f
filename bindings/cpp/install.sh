#!/bin/sh
# Puts the C++ headers, the CMake package and the pkg-config files beside a
# built library.
#
#   install.sh PREFIX VERSION LIBRARY      LIBRARY is its file name, in PREFIX/lib
set -eu
[ $# -eq 3 ] || { echo "usage: install.sh PREFIX VERSION LIBRARY" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
prefix=$1 version=$2 library=$3
import_library=nim.lib # without one, mingw links the DLL itself
[ -f "$prefix/lib/nim.lib" ] || import_library=$library

# put writes standard input to a file, unless that holds it already: a build
# that changes nothing touches nothing.
put() { # target
    cat >"$1.$$"
    if cmp -s "$1.$$" "$1"; then rm "$1.$$"; else mv "$1.$$" "$1"; fi
}

fill() { # template target
    sed -e "s/@VERSION@/$version/g" -e "s/@LIBRARY@/$library/g" -e "s/@IMPORT_LIBRARY@/$import_library/g" "$1" | put "$2"
}

mkdir -p "$prefix/include/nim_cpp" "$prefix/lib/cmake/nim" "$prefix/lib/pkgconfig"
for header in "$here"/include/*.h; do
    put "$prefix/include/nim_cpp/${header##*/}" <"$header"
done
for header in "$prefix"/include/nim_cpp/*.h; do
    [ -f "$here/include/${header##*/}" ] || rm "$header"
done
fill "$here/cmake/nimConfig.cmake.in" "$prefix/lib/cmake/nim/nimConfig.cmake"
fill "$here/cmake/nimConfigVersion.cmake.in" "$prefix/lib/cmake/nim/nimConfigVersion.cmake"
fill "$here/pkgconfig/nim.pc.in" "$prefix/lib/pkgconfig/nim.pc"
fill "$here/pkgconfig/nim-cpp.pc.in" "$prefix/lib/pkgconfig/nim-cpp.pc"
