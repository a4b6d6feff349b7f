#!/usr/bin/env bash
# Runs a 32-bit program for Windows with this machine's Wine, or with the one in
# the root WINE32_ROOT. That sees this project and this machine's devices and
# temporary files: mounts of its own, which end with it.
#
#   wine32.sh program [argument...]
set -euo pipefail
wine=/usr/lib/wine/wine
[[ ${WINE32_ROOT:-} ]] || exec "$wine" "$@"
if [[ ! ${WINE32_MOUNTS:-} ]]; then
	own=(--mount)
	[[ $(id -u) == 0 ]] || own+=(--map-root-user)
	WINE32_MOUNTS=1 exec unshare "${own[@]}" "$0" "$@"
fi
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
for d in /proc /sys /dev /tmp "$project"; do mount --rbind "$d" "$WINE32_ROOT$d"; done
WINESERVER=/usr/lib/wine/wineserver32 exec unshare --root="$WINE32_ROOT" --wd="$PWD" "$wine" "$@"
