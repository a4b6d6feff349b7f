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
./build.sh check           the checks of every change, in under a minute: gen, format, vet, tests of core and internal
./build.sh test [suite…]   every check, or the suites named (build/suites.sh lists them). It first lists the Debian
                           packages that it will install; with --no-install it leaves the machine alone
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

go_floor=$(sed -n 's/^go //p' go.mod)
command -v go >/dev/null || die "needs Go $go_floor or later (https://go.dev/dl/); there is none in PATH"
found=$(go env GOVERSION 2>&1) || die "needs Go $go_floor or later (https://go.dev/dl/): $(tail -1 <<<"$found")"
[[ $(printf '%s\n' "$go_floor" "${found#go}" | sort -V | head -1) == "$go_floor" ]] ||
	die "needs Go $go_floor or later (https://go.dev/dl/); $(command -v go) is $found"
version=$(<VERSION)
goos=$(go env GOOS)
goarch=$(go env GOARCH)
out=$root/dist/$goos-$goarch

# What the local store needs (docs/BUILDING.md): the search index, no extensions
# from files; and SQLite for size, which is most of the C in the library. The go
# command does not look into sqlite.h, so its digest is among the flags.
export GOFLAGS="${GOFLAGS:+$GOFLAGS }-tags=sqlite_fts5,sqlite_omit_load_extension"
export CGO_CFLAGS="${CGO_CFLAGS:--g -Os} -include '$root/build/sqlite.h' -DNIM_SQLITE_H=$(cksum <build/sqlite.h | cut -d' ' -f1)"

source build/library.sh
CC=${CC:-$(cross_compiler)}
export CC=${CC:-$(go env CC)}

# need_compiler says what is missing before the go command does, at length.
need_compiler() {
	command -v "${CC%% *}" >/dev/null || die "needs a C compiler; there is no $CC in PATH (Debian: gcc libc6-dev)"
	echo '#include <stdlib.h>' | $CC -E - >/dev/null 2>&1 || die "needs the headers of the C library, which $CC does not find (Debian: libc6-dev)"
}

# progress shows the output of go build -v: packages are counted, all else is
# what the compilers have to say.
progress() {
	awk -v tty="$([[ -t 2 ]] && echo 1)" '
		/^[^ :#]+$/ { n++; if (tty) printf "\r  %d packages", n; else if (n % 50 == 0) print "  " n " packages"; next }
		{ print }
		END { if (tty && n) print "" }' >&2
}

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
	need_compiler
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
	CGO_ENABLED=0 go build -v -trimpath -buildvcs=false \
		-ldflags "-s -w -buildid= -X main.version=$version" -o "$1" ./cmd/nimd 2>&1 | progress
	echo "$2" >"$1.inputs"
}

copy_headers() {
	cmp -s <(cd include && cat ./*.h) <(cd "$out/include" && cat ./*.h 2>/dev/null) && return
	rm -f "$out"/include/*.h
	cp include/*.h "$out/include/"
}

# ---- test --------------------------------------------------------------------

source build/suites.sh

# check is what a change must pass before it is committed.
check() {
	go run ./internal/apigen -check
	local unformatted
	unformatted=$(git ls-files -z --cached --others --exclude-standard '*.go' | xargs -0 gofmt -l)
	[[ -z $unformatted ]] || die "not formatted: $unformatted"
	go vet ./...
	go test ./core/... ./internal/...
	echo "check: ok"
}

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
check) check ;;
test)
	shift
	if [[ ${1:-} == --no-install ]]; then
		shift
		export NO_INSTALL=1
	fi
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
