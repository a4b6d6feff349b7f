#!/usr/bin/env bash
# Writes the Unity package, a tarball for "Install package from tarball":
#   pack.sh OUTPUT-DIRECTORY [DIST-DIRECTORY]
#
# It puts together what Unity wants in one place: this directory, the sources of
# the C# binding as Runtime/Core, the libraries that stand in dist/, and a .meta
# file for everything. The same inputs give the same bytes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
out=$(mkdir -p "${1:?usage: pack.sh OUTPUT-DIRECTORY [DIST-DIRECTORY]}" && cd "$1" && pwd)
dist=${2:-../../dist}
version=$(<../../VERSION)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
package=$work/package

mkdir -p "$package"
cp -r package.json link.xml README.md README.zh-CN.md Runtime Editor 'Samples~' "$package/"
cp ../../LICENSE "$package/LICENSE.md"
mkdir "$package/Runtime/Core"
cp ../csharp/src/*.cs "$package/Runtime/Core/"

plugin() { # platform library path; false where that was not built
	local native=$dist/$1/lib/$2
	[[ -f $native ]] || return
	mkdir -p "$package/Plugins/$3"
	cp "$native" "$package/Plugins/$3/"
	cp "Plugins/$3/$2.meta" "$package/Plugins/$3/"
}
plugin linux-amd64 libnim.so Linux/x86_64 || true
plugin windows-amd64 nim.dll Windows/x86_64 || true
plugin darwin-universal libnim.dylib macOS || # made with lipo: docs/BUILDING.md
	plugin darwin-arm64 libnim.dylib macOS || plugin darwin-amd64 libnim.dylib macOS || true

# importer prints what a .meta file says of a path.
importer() {
	if [[ -d $package/$1 ]]; then
		printf 'folderAsset: yes\nDefaultImporter:\n'
		return
	fi
	case $1 in
	*.cs) printf 'MonoImporter:\n  serializedVersion: 2\n  defaultReferences: []\n  executionOrder: 0\n  icon: {instanceID: 0}\n' ;;
	*.asmdef) printf 'AssemblyDefinitionImporter:\n' ;;
	package.json) printf 'PackageManifestImporter:\n' ;;
	*) printf 'TextScriptImporter:\n' ;;
	esac
}

# A guid must never change: it is made of the path.
(cd "$package" && find . -mindepth 1 -not -path './Samples~*' -not -name '*.meta' | sed 's|^\./||' | LC_ALL=C sort) |
	while read -r path; do
		[[ -f $package/$path.meta ]] && continue
		guid=$(printf 'com.libnim.unity/%s' "$path" | md5sum | cut -c1-32)
		{
			printf 'fileFormatVersion: 2\nguid: %s\n' "$guid"
			importer "$path"
			printf '  externalObjects: {}\n  userData: \n  assetBundleName: \n  assetBundleVariant: \n'
		} >"$package/$path.meta"
	done

tar --sort=name --owner=0 --group=0 --numeric-owner --mode=go-w --mtime='2000-01-01 UTC' -C "$work" -cf - package |
	gzip -9n >"$out/com.libnim.unity-$version.tgz"
echo "$out/com.libnim.unity-$version.tgz"
