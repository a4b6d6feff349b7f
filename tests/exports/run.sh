#!/usr/bin/env bash
# Checks what leaves the built library: names, SONAME, size, and what must not
# have been linked into it.
#   tests/exports/run.sh dist/linux-amd64
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
out=${1:-$root/dist/$(go env GOOS)-$(go env GOARCH)}
library=$out/lib/libnim.so
max_size=10000000 # bytes, on linux amd64

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

exported() { nm -D --defined-only "$library" | awk '$3 != "NIM_1" { sub("@.*", "", $3); print $3 }' | LC_ALL=C sort -u; }
described() { sed -n 's/^    \(nim.*\);$/\1/p' "$root/exports.map" | LC_ALL=C sort -u; }

only_ours() { ! exported | grep -vE '^nimx?_'; }

# Every described name and no other, and each is code.
all_described() {
	diff <(exported) <(described) || return 1
	! nm -D --defined-only "$library" | grep -v -e ' T nim' -e ' A NIM_1' || return 1
	exported | wc -l
}

soname() {
	local name
	name=$(readelf -d "$library" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
	echo "$name"
	[[ $name == libnim.so ]]
}

stays_loaded() { readelf -d "$library" | grep -q NODELETE; }

size() {
	local bytes
	bytes=$(wc -c <"$library")
	echo "$bytes bytes, at most $max_size"
	[[ $(go env GOARCH) != amd64 || $bytes -le $max_size ]]
}

# Names of Go functions stay in a stripped library: the runtime needs them.
no_heavy_code() { ! grep -aoE 'net/http\.\(\*Client\)\.do\b|text/template\.\(\*Template\)\.Execute|google\.golang\.org/protobuf|github\.com/nats-io' "$library" | sort | uniq -c | grep .; }

# Stripped, and no path of the machine that built it.
no_traces() {
	! readelf -S "$library" | grep -E ' \.(symtab|debug_info)' || return 1
	! grep -aF -e "$root" -e "$HOME/" "$library" || return 1
}

no_cgo_header() { ! find "$out" -name '*.h' | grep -v -e '/include/nim' || return 1; }

check "nothing but nim_* and nimx_* leaves the library" only_ours
check "every described function is exported" all_described
check "the SONAME is the name that programs load" soname
check "the library cannot be unloaded" stays_loaded
check "size" size
check "no HTTP client, templates, protobuf or NATS inside" no_heavy_code
check "stripped, and without paths of the build machine" no_traces
check "the header that cgo writes is not shipped" no_cgo_header
echo "$passed passed, $failed failed"
[[ $failed == 0 ]]
