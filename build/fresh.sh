#!/usr/bin/env bash
# Runs the demo and the tests as a newcomer's machine would: in a root of its own
# that holds Debian 12's smallest system, git, a C compiler, curl and this
# machine's Go, from a clone of what is committed here.
#
#   build/fresh.sh [suite…]     all suites, by .ci/run, unless some are named
#
# It needs root and mmdebstrap. It takes this machine's settings of apt, npm and
# the go command. KEEP=1 leaves the root in dist/fresh for a look.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
project=$PWD
fresh=${FRESH_ROOT:-$project/dist/fresh}

die() {
	echo "fresh.sh: $*" >&2
	exit 1
}

[[ $(id -u) == 0 ]] || die "needs root, for the system that it makes"
command -v mmdebstrap >/dev/null || die "needs mmdebstrap (Debian: mmdebstrap)"
[[ -z $(git status --porcelain --untracked-files=no) ]] || die "commit first: it tests a clone"

# One mount namespace holds /proc, /sys and /dev of the root, and ends with it.
if [[ ! ${FRESH_MOUNTS:-} ]]; then
	[[ ! -e $fresh ]] || rm -rf --one-file-system "$fresh"
	status=0
	FRESH_MOUNTS=1 unshare --mount --propagation private "$0" "$@" || status=$?
	[[ ${KEEP:-} ]] || rm -rf --one-file-system "$fresh"
	exit "$status"
fi

echo "making a root with Debian 12 in $fresh"
mkdir -p "$(dirname "$fresh")"
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Component: main' 'Codename: bookworm' | sed 1q)
mmdebstrap --quiet --variant=minbase --include=git,gcc,libc6-dev,curl,ca-certificates bookworm "$fresh" "${mirror:-}"

copy() { # file or directory of this machine, at the same place
	local f
	for f; do
		[[ ! -e $f ]] || { mkdir -p "$fresh$(dirname "$f")" && cp -aT "$f" "$fresh$f"; }
	done
}
rm -f "$fresh/etc/apt/sources.list"
copy /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/keyrings /etc/apt/auth.conf.d /etc/resolv.conf /etc/hosts /etc/npmrc /usr/etc/npmrc
for f in /etc/apt/apt.conf.d/*; do
	[[ -e $fresh$f || $f == */docker-* ]] || copy "$f"
done
copy /etc/ssl/certs /usr/local/share/ca-certificates /usr/share/ca-certificates
copy "$HOME/.npmrc" "$HOME/.config/go/env"
mkdir -p "$fresh/usr/local/go"
cp -a "$(go env GOROOT)/." "$fresh/usr/local/go/"
[[ ! ${FRESH_MODULES:-} ]] || { mkdir -p "$fresh$HOME/go/pkg" && cp -a "$(go env GOMODCACHE)" "$fresh$HOME/go/pkg/mod"; }

for d in proc sys dev; do mount --rbind "/$d" "$fresh/$d"; done
git bundle create --quiet "$fresh/newcomer.bundle" HEAD
inside() {
	env -i HOME="$HOME" TERM="${TERM:-dumb}" LANG=C.UTF-8 \
		${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} ${no_proxy:+no_proxy="$no_proxy"} \
		GOPROXY="$(go env GOPROXY)" GOSUMDB="$(go env GOSUMDB)" GOFLAGS="$(go env GOFLAGS)" \
		PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		unshare --root="$fresh" --wd=/ "$@"
}
inside git clone --quiet --branch HEAD /newcomer.bundle /newcomer 2>/dev/null || inside git clone --quiet /newcomer.bundle /newcomer
inside git -C /newcomer checkout --quiet --detach "$(git rev-parse HEAD)"

echo "== demo, in the fresh root"
inside bash -c 'cd /newcomer && ./build.sh demo'
echo "== tests, in the fresh root"
if [[ $# -gt 0 ]]; then
	inside env CI=true bash -c 'cd /newcomer && ./build.sh test "$@"' - "$@"
else
	inside bash -c 'cd /newcomer && bash .ci/run'
fi
