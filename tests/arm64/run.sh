#!/usr/bin/env bash
# Checks the library for Linux on arm64, its store under qemu, and drives it from
# C against a nimd of this machine.
#   tests/arm64/run.sh dist/linux-arm64 dist/linux-amd64
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
products=$(cd "$1" && pwd) server=$(cd "$2" && pwd)
cross=aarch64-linux-gnu
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# The tests of sessions that do not measure time, which qemu stretches.
sessions='^Test(LoginStepsAndJSON|LoginRefused|LoginAgain|OtherDevicesAreSeen|KickOther|KickedByTheServer|PushConfig|CutAndRecovery|KickedWhileAway|PauseAndResume|TokenProvider|Logout(Types|EndsPresence|InsideTheLoginCallback)|LoginInsideTheKickoutCallback|Init(AfterCleanup|Twice)|DataDirectoryIsLocked|OutsideOfInit|ServerTime|Cleanup2AnswersBeforeItReturns|CleanupAnswersWhatIsOpen|CleanupEndsPresence|Pull|RegistrationsEndWithCleanup|Unregister|DetachOnline|EveryFunctionTakesAnything)$'

names() {
	diff <("$cross-nm" -D --defined-only "$products/lib/libnim.so" | awk '$2 == "T" { sub("@.*", "", $3); print $3 }' | LC_ALL=C sort) \
		<(sed -n 's/^    \(nim.*\);$/\1/p' exports.map | LC_ALL=C sort)
}

{
	if found=$(names); then
		echo "ok      every described function is exported"
		echo "1 passed, 0 failed"
	else
		printf 'not ok  exported names\n%s\n' "$found" | head -20
		echo "0 passed, 1 failed"
	fi
	tests/glibc/run.sh "$products" "$cross-gcc"
	# What kills a process or breaks a disk is tried on this machine.
	GOARCH=arm64 CGO_ENABLED=1 CC=$cross-gcc QEMU_LD_PREFIX=/usr/$cross \
		go test -json -count=1 -timeout 5m -exec qemu-aarch64-static -run '^Test[^KRF]' ./core/store/sqlite | CGO_ENABLED=0 CC='' go run ./build/testsum
	# Plain go: CC names the compiler of the programs.
	CGO_ENABLED=0 NIM_DIST=$products NIM_SERVER=$server NIM_RUN=qemu-aarch64-static QEMU_LD_PREFIX=/usr/$cross CC=$cross-gcc \
		go test -json -count=1 -timeout 5m -run "$sessions" ./tests/e2e | CGO_ENABLED=0 CC='' go run ./build/testsum
} | tee "$log"
awk '/^[0-9]+ passed, [0-9]+ failed/ { passed += $1; failed += $3; rows++ }
	END { if (rows < 4) failed++; print passed " passed, " failed " failed"; exit failed > 0 }' "$log"
