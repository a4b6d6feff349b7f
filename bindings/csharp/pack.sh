#!/usr/bin/env bash
# Writes the NuGet package with Mono alone: pack.sh OUTPUT-DIRECTORY
#
# It takes the libraries that stand in dist/<os>-<arch>/lib. Where the .NET SDK
# is at hand, `dotnet pack LibNim.csproj` makes the same package from source.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
out=${1:?usage: pack.sh OUTPUT-DIRECTORY}
version=$(<../../VERSION)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"

echo "[assembly: System.Reflection.AssemblyVersion(\"${version%%-*}.0\")]" >"$work/Version.cs"
mcs -langversion:7 -target:library -optimize -out:"$work/LibNim.dll" -doc:"$work/LibNim.xml" src/*.cs "$work/Version.cs"
mcs -out:"$work/Pack.exe" -r:System.IO.Compression.dll tools/Pack.cs

files=(
	"lib/netstandard2.0/LibNim.dll=$work/LibNim.dll"
	"lib/netstandard2.0/LibNim.xml=$work/LibNim.xml"
	"LICENSE=../../LICENSE"
	"README.md=README.md"
)
while read -r platform rid file; do
	native=../../dist/$platform/lib/$file
	[[ ! -f $native ]] || files+=("runtimes/$rid/native/$file=$native")
done <<'PLATFORMS'
linux-amd64 linux-x64 libnim.so
linux-arm64 linux-arm64 libnim.so
windows-amd64 win-x64 nim.dll
windows-386 win-x86 nim.dll
darwin-amd64 osx-x64 libnim.dylib
darwin-arm64 osx-arm64 libnim.dylib
PLATFORMS
mono "$work/Pack.exe" "$out/LibNim.$version.nupkg" "$version" "${files[@]}"
echo "$out/LibNim.$version.nupkg"
