#!/usr/bin/env bash
# The one entry to the project; ./build.sh help lists what it does.
#
# Everything it makes is under dist/. GOOS, GOARCH and CC choose another target
# for build and dist; the rest runs on this machine.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
root=$PWD

usage() {
	cat <<'EOF'
./build.sh build           the library, its headers and nimd -> dist/<os>-<arch>/
./build.sh demo            build, then see the library log in to nimd, be kicked, recover, log out
./build.sh test [suite…]   every check, or the suites named (build/suites.sh lists them)
./build.sh bench           build, then measure login, calls, callbacks, size and memory
./build.sh gen             write what is derived from api/*.yaml
./build.sh lint            formatting, vet, staticcheck and the rules of the tree
./build.sh dist [target…]  versioned archives with checksums: linux-amd64 linux-arm64 windows-amd64 windows-386
./build.sh clean           remove dist/
EOF
}

die() {
	echo "build.sh: $*" >&2
	exit 1
}

# ---- build -------------------------------------------------------------------

command -v go >/dev/null || die "needs Go 1.26.8 or later (https://go.dev/dl/)"
version=$(<VERSION)
goos=$(go env GOOS)
goarch=$(go env GOARCH)
out=$root/dist/$goos-$goarch

source build/library.sh
CC=${CC:-$(cross_compiler)}
export CC=${CC:-$(go env CC)}

# inputs_of prints a digest of all that a product is made of.
inputs_of() {
	{
		go version
		go env GOOS GOARCH CC CGO_CFLAGS
		find . \( -path ./dist -o -path ./.git -o -path ./tests -o -path ./bindings \) -prune \
			-o -type f \( -name '*.go' -o -name '*.c' -o -name '*.h' -o -name 'go.*' -o -name exports.map -o -name nim.def -o -name VERSION -o -name build.sh -o -path './build/*' \) \
			! -name '*_test.go' -print0 | LC_ALL=C sort -z | xargs -0 cat
	} | checksum
}

checksum() { if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }

# up_to_date succeeds when the product was made of the present inputs.
up_to_date() { # product digest
	[[ -f $1 && -f $1.inputs && $(<"$1.inputs") == "$2" ]]
}

build() {
	build_client
	local digest bin=$out/bin/nimd
	digest=$(inputs_of)
	[[ $goos != windows ]] || bin+=.exe
	up_to_date "$bin" "$digest" || build_nimd "$bin" "$digest"
}

# build_client builds all but the server.
build_client() {
	mkdir -p "$out/lib" "$out/bin" "$out/include"
	local digest lib
	digest=$(inputs_of)
	lib=$out/lib/$(library_name)
	up_to_date "$lib" "$digest" || build_library "$lib" "$digest"
	copy_headers
	bindings/cpp/install.sh "$out" "$version" "$(library_name)"
}

build_nimd() { # product digest
	echo "building ${1#"$root"/}"
	rm -f "$1.inputs"
	CGO_ENABLED=0 go build -trimpath -buildvcs=false \
		-ldflags "-s -w -buildid= -X main.version=$version" -o "$1" ./cmd/nimd
	echo "$2" >"$1.inputs"
}

copy_headers() {
	cmp -s <(cd include && cat ./*.h) <(cd "$out/include" && cat ./*.h 2>/dev/null) && return
	rm -f "$out"/include/*.h
	cp include/*.h "$out/include/"
}

# ---- test --------------------------------------------------------------------

source build/suites.sh

# ---- commands ----------------------------------------------------------------

# dist makes the archives of the targets named, or of all that cross compilers reach.
dist() {
	[[ $# -gt 0 ]] || set -- "${dist_targets[@]}"
	local target
	for target in "$@"; do
		need_target "$target"
		GOOS=${target%-*} GOARCH=${target#*-} CC='' ./build.sh pack
	done
	(cd dist && shopt -s nullglob && checksum libnim-"$version"-*.{tar.gz,zip} >SHA256SUMS && cat SHA256SUMS)
}

# pack builds one target and makes its archives. The server is for Linux and macOS.
pack() {
	if [[ $goos == windows ]]; then build_client; else build; fi
	env -u GOOS -u GOARCH CGO_ENABLED=0 go run ./build/pack -version "$version" -target "$goos-$goarch" -products "$out" -out dist
}

case ${1:-help} in
build) build ;;
demo)
	build
	exec go run ./tests/demo
	;;
gen) go run ./internal/apigen ;;
test)
	shift
	run_suites "$@"
	;;
run-suite) "suite_$2" ;; # how test runs one
lint) exec build/lint.sh ;;
bench)
	build
	exec go run ./tests/bench
	;;
dist)
	shift
	dist "$@"
	;;
client) build_client ;; # how tests build for another target
pack) pack ;;           # how dist packs one
clean) rm -rf dist ;;
help | -h | --help) usage ;;
*)
	usage >&2
	die "unknown command: $1"
	;;
esac
