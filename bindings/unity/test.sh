#!/usr/bin/env bash
# Tests the Unity package on Mono, against a stand-in of the engine, the built
# library and a real nimd. NIM_DIST is where the products are; an argument runs
# the tests that it names.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export NIM_DIST=${NIM_DIST:-$(cd ../.. && pwd)/dist/linux-amd64}
export LD_LIBRARY_PATH=$NIM_DIST/lib
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

verdict() { # title status
	if [[ $2 == 0 ]]; then
		echo "ok      $1"
		passed=$((passed + 1))
	else
		echo "not ok  $1"
		failed=$((failed + 1))
	fi
}

# ---- the package -------------------------------------------------------------

mkdir -p "$work/dist/linux-amd64/lib" && cp "$NIM_DIST/lib/libnim.so" "$work/dist/linux-amd64/lib/"
one=$(./pack.sh "$work/one" "$work/dist") && two=$(./pack.sh "$work/two" "$work/dist") && cmp -s "$one" "$two"
verdict "two packages of the same inputs are the same bytes" $?
tar -xzf "$one" -C "$work"
package=$work/package

grep -q "\"version\": \"$(<../../VERSION)\"" "$package/package.json"
verdict "the package has the version of the project" $?

missing=$(cd "$package" && find . -mindepth 1 -not -path './Samples~*' -not -name '*.meta' | while read -r f; do [[ -f $f.meta ]] || echo "$f"; done)
[[ -z $missing ]]
verdict "everything has its .meta${missing:+: $missing}" $?

twice=$(find "$package" -name '*.meta' -exec grep -h '^guid: [0-9a-f]\{32\}$' {} + | sort | uniq -d)
[[ -z $twice && $(find "$package" -name '*.meta' | wc -l) == $(find "$package" -name '*.meta' -exec grep -h '^guid: [0-9a-f]\{32\}$' {} + | wc -l) ]]
verdict "each has a guid of its own" $?

[[ -f $package/Plugins/Linux/x86_64/libnim.so && -f $package/Plugins/Linux/x86_64/libnim.so.meta ]]
verdict "the package holds the library" $?

mkdir -p "$work/mac/darwin-arm64/lib" && echo library >"$work/mac/darwin-arm64/lib/libnim.dylib"
tar -xzf "$(./pack.sh "$work/three" "$work/mac")" -C "$work/mac"
[[ -f $work/mac/package/Plugins/macOS/libnim.dylib && ! -e $work/mac/package/Plugins/Linux ]]
verdict "the package holds the library of a Mac, as it is built there" $?

# ---- what is in it -----------------------------------------------------------

mcs=(mcs -langversion:7 -warn:4 -warnaserror -define:UNITY_5_3_OR_NEWER -define:UNITY_EDITOR)
bin=$work/bin
mkdir "$bin"
"${mcs[@]}" -target:library -out:"$bin/StandIn.dll" tests/StandIn.cs || exit 1

"${mcs[@]}" -target:library -out:"$bin/LibNim.Unity.dll" -r:"$bin/StandIn.dll" \
	$(find "$package/Runtime" -name '*.cs' | sort) tests/Visible.cs
verdict "Runtime compiles without a warning" $?
"${mcs[@]}" -target:library -out:"$bin/LibNim.Unity.Editor.dll" -r:"$bin/StandIn.dll" -r:"$bin/LibNim.Unity.dll" "$package"/Editor/*.cs tests/VisibleEditor.cs
verdict "Editor compiles without a warning" $?
for sample in "$package"/Samples~/*; do
	mcs -langversion:7 -target:library -out:"$bin/Sample.dll" -r:"$bin/StandIn.dll" -r:"$bin/LibNim.Unity.dll" "$sample"/*.cs
	verdict "the sample ${sample##*/} compiles" $?
done
for readme in README.md README.zh-CN.md; do
	awk '/^ *```csharp/ { on = 1; next } /^ *```/ { if (on) exit } on { sub(/^   /, ""); print }' "$readme" >"$work/$readme.cs"
done
cmp -s "$work/README.md.cs" "$work/README.zh-CN.md.cs" && [[ -s $work/README.md.cs && $(wc -l <"$work/README.md.cs") -le 25 ]]
verdict "the READMEs show the same short example" $?

"${mcs[@]}" -out:"$bin/tests.exe" -r:"$bin/StandIn.dll" -r:"$bin/LibNim.Unity.dll" -r:"$bin/LibNim.Unity.Editor.dll" \
	tests/{Program,Scripts,ReloadTests,PlayTests,MessageTests,ExampleTest}.cs "$work/README.md.cs" "$package"/Samples~/Chat/*.cs \
	../csharp/tests/{Harness,Nimd,Children}.cs || failed=$((failed + 1))
mono --debug "$bin/tests.exe" "$@" | tee "$work/log"
[[ ${PIPESTATUS[0]} -le 1 ]] || failed=$((failed + 1))
read -r p _ f _ <<<"$(tail -1 "$work/log")"
echo "$((passed + p)) passed, $((failed + f)) failed"
[[ $((failed + f)) == 0 ]]
