#!/usr/bin/env bash
# Makes libraries to link against that look like those of an older glibc, so
# that what is linked asks a system for no newer symbol.
#
#   glibc.sh COMPILER FLOOR DIRECTORY      e.g. glibc.sh gcc 2.17 dist/linux-amd64/.glibc
#
# The stand-ins hold every name of the compiler's own libc.so.6 that FLOOR had,
# at the version that was the default then: glibc never drops one. What is newer
# is not there, so the link fails and names it. Threads and dlopen were libraries
# of their own until 2.34, and are again here: an old system must be told to
# load them. What runs later are the system's own libraries.
set -euo pipefail
[[ $# == 3 ]] || { echo "usage: glibc.sh COMPILER FLOOR DIRECTORY" >&2; exit 2; }
cc=$1 floor=$2 out=$3

found() { "$cc" -print-file-name="$1"; } # a path, or the bare name where there is none
libc=$(found libc.so.6)
[[ -f $libc ]] || { echo "glibc.sh: $cc links against no glibc" >&2; exit 1; }
mkdir -p "$out"

# symbols prints "NAME VERSION TYPE LIBRARY", the newest version up to the floor.
symbols() {
	readelf --dyn-syms -W "$libc" | awk -v floor="$floor" '
		function number(version,   part) {
			split(version, part, ".")
			return part[1] * 1000000 + part[2] * 1000 + part[3]
		}
		$7 != "UND" && $8 ~ /@@?GLIBC_[0-9.]+$/ {
			name = version = $8
			sub(/@.*/, "", name)
			sub(/.*@GLIBC_/, "", version)
			n = number(version)
			if (n > number(floor) || n < best[name]) next
			best[name] = n
			line[name] = name " GLIBC_" version " " ($4 == "OBJECT" ? "object" : "function") " " \
				(name ~ /^_*(pthread|sem)_/ ? "pthread" : name ~ /^dl[a-z]/ && name != "dl_iterate_phdr" ? "dl" : "c")
		}
		END { for (name in line) print line[name] }' | LC_ALL=C sort
}

# stand_in makes one library of the symbols that are said to be in it.
stand_in() { # library soname
	awk -v library="$1" '$4 == library {
		printf "%s\n.globl %s\n.type %s, %%%s\n.size %s, 8\n%s: .skip 8\n", \
			$3 == "object" ? ".data" : ".text", $1, $1, $3, $1, $1
	}' "$out/symbols" >"$out/$1.s"
	awk -v library="$1" '$4 == library { names[$2] = names[$2] " " $1 ";" }
		END { for (v in names) print v " {" names[v] " };" }' "$out/symbols" | LC_ALL=C sort >"$out/$1.map"
	"$cc" -shared -nostdlib -Wl,-soname,"$2" -Wl,--version-script="$out/$1.map" -o "$out/$2" "$out/$1.s"
	rm "$out/$1.s" "$out/$1.map"
}

symbols >"$out/symbols"
stand_in c libc.so.6
stand_in pthread libpthread.so.0
stand_in dl libdl.so.2
ln -sf libpthread.so.0 "$out/libpthread.so"
ln -sf libdl.so.2 "$out/libdl.so"

loader=$(readelf -d "$libc" | sed -n 's/.*NEEDED.*\[\(ld.*\)\]/\1/p')
cat >"$out/libc.so" <<SCRIPT
GROUP ( "$out/libc.so.6" "$(found libc_nonshared.a)" AS_NEEDED ( "$(found "$loader")" ) )
SCRIPT
