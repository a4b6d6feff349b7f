#!/usr/bin/env bash
# Installs what the package needs, builds it, and runs its tests against the library and nimd of
# ./build.sh build (NIM_DIST, or dist/ of the checkout). The last line is "N passed, N failed".
# A test that hangs ends the run after ten minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

npm ci --no-fund --no-audit --loglevel=error
npm run --silent build
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0
timeout 600 node --test --test-reporter=spec test/*.test.mjs | tee "$log" || failed=1
p=$(sed -n 's/^ℹ pass \([0-9]*\)$/\1/p' "$log") f=0
for kind in fail cancelled; do
	f=$((f + $(sed -n "s/^ℹ $kind \([0-9]*\)\$/\1/p" "$log")))
done
[[ $failed == 0 || $f -gt 0 ]] || f=1
echo
if node bench/bench.mjs; then p=$((p + 1)); else f=$((f + 1)); fi
echo "$p passed, $f failed"
[[ $f == 0 ]]
