#!/usr/bin/env bash
# Checks a library for Windows: what leaves it, what it needs, and what it does
# under Wine with the server for it.
#
#   tests/windows/run.sh dist/windows-amd64 dist/linux-amd64
#
# Each architecture has a Wine and a prefix of its own: 32-bit programs in a
# prefix for 64 bits would want both.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
products=$(cd "$1" && pwd) server=$(cd "$2" && pwd)
version=$(<VERSION)
case $1 in
*386) arch=i686 wine_arch=win32 wine=$PWD/tests/windows/wine32.sh ;;
*) arch=x86_64 wine_arch=win64 wine=$(command -v wine64 || echo /usr/lib/wine/wine64) ;;
esac
cross=$arch-w64-mingw32
dll=$products/lib/nim.dll
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ---- a look at the library -------------------------------------------------------

passed=0 failed=0
check() { # title function
	local found
	if found=$("$2" 2>&1); then
		echo "ok      $arch: $1"
		passed=$((passed + 1))
	else
		echo "not ok  $arch: $1"
		printf '%s\n' "$found" | head -20 | sed 's/^/        /'
		failed=$((failed + 1))
	fi
}

described() { sed -n 's/^    \(nim[a-z0-9_]*\)$/\1/p' nim.def | LC_ALL=C sort; }
exported() { sed -n '/\[Ordinal\/Name Pointer\] Table/,/^$/s/^\t\[ *[0-9]*\].* \([^ ]*\)$/\1/p' "$work/headers" | LC_ALL=C sort; }

only_ours() { diff <(described) <(exported); }

# A program must not have to bring the runtime of our compiler along.
needs_only_the_system() { ! sed -n 's/.*DLL Name: //p' "$work/headers" | grep -viE '^(kernel32|msvcrt)\.dll$'; }

import_library() {
	local prefix=__imp_
	[[ $arch != i686 ]] || prefix=__imp__
	diff <(described) <("$cross-nm" "$products/lib/nim.lib" | sed -n "s/.* I $prefix//p" | LC_ALL=C sort -u)
}

hardened() {
	local wanted="DYNAMIC_BASE NX_COMPAT"
	[[ $arch != x86_64 ]] || wanted+=" HIGH_ENTROPY_VA"
	for w in $wanted; do grep -q "$w" "$work/headers" || { echo "lacks $w"; return 1; }; done
}

says_its_version() {
	strings -e l "$dll" >"$work/wide"
	for w in libnim FileVersion "$version" nim.dll; do grep -qxF "$w" "$work/wide" || { echo "lacks $w"; return 1; }; done
}

no_traces() { ! grep -aF -e "$PWD" -e "$HOME/" "$dll" || return 1; }

symbols_apart() {
	! "$cross-objdump" -h "$dll" | grep -E '\.debug_|/[0-9]+ ' || return 1
	[[ $("$cross-nm" "$products/symbols/nim.dll.debug" | grep -c ' [tT] ') -gt 1000 ]]
}

# Structures are passed by value: their layout is in tests/headers/layout.c.
links() {
	"$cross-gcc" -std=c99 -Wall -Werror -Iinclude -c tests/headers/layout.c -o "$work/layout.o" &&
		"$cross-gcc" -std=gnu11 -D__USE_MINGW_ANSI_STDIO=1 -Wall -Iinclude -Itests/abi tests/e2e/c/host.c tests/e2e/c/sweep.c \
			"$products/lib/nim.lib" -static -pthread -o "$work/sweep.exe"
}

"$cross-objdump" -p "$dll" >"$work/headers"
check "the functions of nim.def leave the library, and no other" only_ours
check "it needs nothing but the system" needs_only_the_system
check "the import library has every function" import_library
check "structures and a program that calls everything" links
check "address space randomised, data not executable" hardened
check "it says its version" says_its_version
check "no paths of the build machine" no_traces
check "stripped, its symbols beside it" symbols_apart

# ---- what it does, under Wine ----------------------------------------------------

if [[ $arch == i686 && ${NO_32_BIT:-} ]]; then
	echo "skip    $arch: all that runs: this kernel runs no 32-bit programs"
	echo "$passed passed, $failed failed, 1 skipped"
	[[ $failed == 0 ]]
	exit
fi

# start_wine makes a prefix with what Wine 8 lacks, and holds Wine's services up:
# else the first program starts them, and whoever waits for the end of its
# output waits for theirs.
start_wine() {
	export WINEPREFIX=$PWD/dist/test/wine-$wine_arch WINEARCH=$wine_arch WINEDEBUG=-all
	export WINEDLLOVERRIDES="mscoree=;mshtml=;winemenubuilder.exe="
	unset DISPLAY
	mkdir -p dist/test
	[[ -f $WINEPREFIX/system.reg ]] || "$wine" wineboot -i >"$work/boot" 2>&1 || { cat "$work/boot"; exit 1; }
	"$cross-gcc" -O2 -Wall -Wextra -Werror -shared -s -static -o "$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll" \
		tests/windows/c/bcryptprimitives.c -ladvapi32 -Wl,--kill-at
	exec 9> >(exec "$wine" cmd /q >/dev/null 2>&1)
}

# what_runs prints the command that runs a program and ends as the program did.
what_runs() {
	CGO_ENABLED=0 go build -o "$work/under" ./tests/windows/under &&
		"$cross-gcc" -std=c99 -O2 -Wall -Wextra -Werror -static tests/windows/c/outcome.c -o "$work/outcome.exe" &&
		echo "$work/under $wine $work/outcome.exe"
}

# The front alone, with a core written in C.
front_tests() {
	: >"$work/front"
	(
		cd tests/bridge
		# shellcheck disable=SC2046
		"$cross-gcc" -std=gnu11 -O2 -D__USE_MINGW_ANSI_STDIO=1 -Wall -Wextra -Wno-format -Werror -o "$work/front.exe" \
			harness.c fake_core.c $(ls test_*.c | grep -vE 'test_(thread|signals|process)\.c') ../../internal/cabi/*.c -static -lpthread
	) && timeout 120 "$wine" "$work/front.exe" | tr -d '\r' >"$work/front" || true
	grep -v ' passed, ' "$work/front" || true
	local sum
	sum=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$work/front") || sum="0 passed, 1 failed"
	passed=$((passed + ${sum%% *})) failed=$((failed + $(cut -d' ' -f3 <<<"$sum")))
}

# What the end-to-end tests of C do on Linux, but for those that fork, count
# on Linux's thread numbers, or try the server and not the library.
sessions='^Test(LoginStepsAndJSON|LoginRefused|LoginAtARefusedPort|LoginAgain|OtherDevicesAreSeen|Policies|KickOther|KickedByTheServer|PushConfig|CutAndRecovery|KickedWhileAway|PauseAndResume|TokenProvider|Logout(Types|EndsPresence|InsideTheLoginCallback)|LoginInsideTheKickoutCallback|Init(AfterCleanup|Twice|Refused)|DataDirectoryIsLocked|DeviceIDIsKept|OutsideOfInit|ServerTime|Cleanup.*|PullCleanup.*|RegistrationsEndWithCleanup|Unregister|Detach|DetachOnline|OpenIMSite)$'

sessions_tests() {
	local sum runs more='Session|Unload|LeavingWithoutCleanup|Outcome'
	[[ $arch == i686 ]] || more+='|LateEnd|EarlyEnd' # load a library of this machine's into Wine
	runs=$(what_runs)
	# Plain go: CC names the compiler of the programs.
	CGO_ENABLED=0 NIM_DIST=$products NIM_SERVER=$server NIM_RUN=$runs CC=$cross-gcc CXX=$cross-g++-posix \
		go test -json -count=1 -timeout 4m -run "$sessions|^Test($more)\$" ./tests/e2e ./tests/windows |
		CGO_ENABLED=0 go run ./build/testsum >"$work/sessions" || true
	grep -v ' passed, ' "$work/sessions" || true
	sum=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$work/sessions" | tail -1) || sum="0 passed, 1 failed"
	passed=$((passed + ${sum%% *})) failed=$((failed + $(cut -d' ' -f3 <<<"${sum//,/}")))
}

# The store with the database that the library has. What kills a process or
# breaks a disk is tried on Linux.
store_tests() {
	local sum
	GOOS=windows GOARCH=${1##*-} CGO_ENABLED=1 CC=$cross-gcc go test -c -o "$work/store.exe" ./core/store/sqlite &&
		timeout 240 "$wine" "$work/store.exe" -test.v=test2json -test.run '^Test[^KRF]' |
		CGO_ENABLED=0 go tool test2json -p core/store/sqlite | CGO_ENABLED=0 go run ./build/testsum >"$work/store" || true
	grep -v ' passed, ' "$work/store" || true
	sum=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$work/store" | tail -1) || sum="0 passed, 1 failed"
	passed=$((passed + ${sum%% *})) failed=$((failed + $(cut -d' ' -f3 <<<"${sum//,/}")))
}

start_wine
front_tests
store_tests "$1"
sessions_tests
exec 9>&-
echo "$passed passed, $failed failed"
[[ $failed == 0 ]]
