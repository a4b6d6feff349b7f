#!/usr/bin/env bash
# Makes the archives of one target in two directories and compares them; looks
# at what is in them.
#   tests/dist/run.sh linux-amd64
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
target=$1
version=$(<VERSION)
name=libnim-$version-$target
copy=$(mktemp -d "${TMPDIR:-/tmp}/another place XXXXXX")
trap 'rm -rf "$copy"' EXIT

passed=0 failed=0
check() { # title function
	local found
	if found=$("$2" 2>&1); then
		echo "ok      $1"
		passed=$((passed + 1))
	else
		echo "not ok  $1"
		printf '%s\n' "$found" | tail -20 | sed 's/^/        /'
		failed=$((failed + 1))
	fi
}

made() { ./build.sh dist "$target"; }

# The copy has another name, other times, and nothing that was built here.
same_bytes_elsewhere() {
	git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' f; do [[ ! -f $f ]] || printf '%s\0' "$f"; done |
		tar --null -T - -cf - | tar -C "$copy" -xmf - || return 1
	(cd "$copy" && ./build.sh dist "$target") >/dev/null || return 1
	local f
	for f in dist/"$name"*.tar.gz; do cmp "$f" "$copy/$f" || return 1; done
}

sums_are_right() { (cd dist && sha256sum --check --ignore-missing SHA256SUMS); }

complete() {
	tar -xzf "dist/$name.tar.gz" -C "$copy" || return 1
	local f
	for f in LICENSE README.md $(grep -o 'docs/[A-Z-]*\.md' README.md) bindings/cpp/README.md THIRD_PARTY_LICENSES.txt sbom.cdx.json include/nim_c_api.h include/nimx.h lib/libnim.so bin/nimd; do
		[[ -s $copy/$name/$f ]] || { echo "no $f"; return 1; }
	done
	tar -tzf "dist/$name-symbols.tar.gz" | grep -x "$name-symbols/symbols/libnim.so.debug"
}

# The bill names each binary by its digest, and each module with its license.
bill_is_right() {
	local bill=$copy/$name/sbom.cdx.json f module
	for f in lib/libnim.so bin/nimd; do
		grep -q "$(sha256sum "$copy/$name/$f" | cut -d' ' -f1)" "$bill" || { echo "$f is not in the bill"; return 1; }
	done
	for module in $(go version -m "$copy/$name/bin/nimd" | awk '$1 == "dep" { print $2 }'); do
		grep -qF "pkg:golang/$module@" "$bill" || { echo "$module is not in the bill"; return 1; }
		grep -qF "==== $module " "$copy/$name/THIRD_PARTY_LICENSES.txt" || { echo "no license of $module"; return 1; }
	done
}

check "archives are made" made
check "another directory gives the same bytes" same_bytes_elsewhere
check "the sums are right" sums_are_right
check "everything is in them" complete
check "the bill of materials is right" bill_is_right
echo "$passed passed, $failed failed"
[[ $failed == 0 ]]
