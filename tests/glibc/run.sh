#!/usr/bin/env bash
# Checks what the Linux library asks of the system it is loaded on.
#   tests/glibc/run.sh dist/linux-amd64 gcc
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
library=$1/lib/libnim.so
cc=$2
newest=2.17 # the promise of docs/BUILDING.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

passed=0 failed=0
check() { # title function
	local found
	if found=$("$2" 2>&1); then
		echo "ok      $1${found:+: $found}"
		passed=$((passed + 1))
	else
		echo "not ok  $1"
		printf '%s\n' "$found" | head -20 | sed 's/^/        /'
		failed=$((failed + 1))
	fi
}

# newer_than prints the versioned names that FLOOR does not have.
newer_than() { # floor
	objdump -T "$library" | grep -o 'GLIBC_[0-9.]*).*' | awk -v floor="$1" '
		function number(version,   part) { split(version, part, "."); return part[1] * 1000000 + part[2] * 1000 + part[3] }
		{ v = $1; gsub(/GLIBC_|\)/, "", v); if (number(v) > number(floor)) print $2 " of " v }'
}

old_enough() {
	local found
	found=$(newer_than "$newest")
	printf '%s' "$found"
	[[ -z $found ]] && [[ $(objdump -T "$library" | grep -c GLIBC_) -gt 30 ]]
}

# The gate must be one that can fail.
gate_can_fail() { [[ -n $(newer_than 2.1) ]]; }

# Until 2.34 threads were a library of their own, which the loader must be told of.
needs() {
	local found
	found=$(readelf -d "$library" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | LC_ALL=C sort | tr '\n' ' ')
	echo "$found"
	[[ $found =~ ^(ld-linux-[a-z0-9.-]+ )?libc.so.6\ libpthread.so.0\ $ ]]
}

# Each version is asked of the library that had the name then.
threads_are_asked_of_their_library() {
	readelf --dyn-syms -W "$library" | grep -c ' UND pthread_create@' >/dev/null || return 1
	readelf -V "$library" | grep -c 'File: libpthread.so.0' >/dev/null
}

newer_names_do_not_link() {
	build/glibc.sh "$cc" "$newest" "$work/glibc" || return 1
	echo 'int arc4random(void); int old(void) { return 0; } int f(void) { return arc4random(); }' >"$work/new.c"
	echo 'int rand(void); int f(void) { return rand(); }' >"$work/old.c"
	"$cc" -shared -fPIC -Wl,-z,defs -L"$work/glibc" -o "$work/old.so" "$work/old.c" || return 1
	! "$cc" -shared -fPIC -Wl,-z,defs -L"$work/glibc" -o "$work/new.so" "$work/new.c" 2>/dev/null
}

# Static thread-local storage is scarce for a library that is loaded late.
little_thread_storage() {
	local bytes
	bytes=$((16#$(readelf -lW "$library" | awk '$1 == "TLS" { sub("0x", "", $6); print $6 }')))
	echo "$bytes bytes"
	[[ $bytes -le 128 ]]
}

check "no symbol newer than GLIBC_$newest" old_enough
check "the gate can fail" gate_can_fail
check "needed libraries" needs
check "threads are asked of libpthread" threads_are_asked_of_their_library
check "a name that is newer does not link" newer_names_do_not_link
check "thread-local storage" little_thread_storage
echo "$passed passed, $failed failed"
[[ $failed == 0 ]]
