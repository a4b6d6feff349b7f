#!/usr/bin/env bash
# Tests the C# binding on Mono against the built library and a real nimd.
# NIM_DIST is where the products are; an argument runs the tests that it names.
# Where DOTNET names a dotnet program, the same tests run on .NET as well.
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

mcs=(mcs -langversion:7 -warn:4 -warnaserror)

# The library alone, as programs get it, with a comment on everything public.
"${mcs[@]}" -target:library -out:"$work/LibNim.dll" -doc:"$work/LibNim.xml" src/*.cs
verdict "the library compiles without a warning" $?

# The example of each README, as it stands there.
for readme in README.md README.zh-CN.md; do
	awk '/^ *```csharp/ { on = 1; next } /^ *```/ { if (on) exit } on { sub(/^   /, ""); print }' "$readme" >"$work/Example.cs"
	"${mcs[@]}" -out:"$work/Example.exe" -r:"$work/LibNim.dll" "$work/Example.cs"
	verdict "the example of $readme compiles" $?
	cp "$work/Example.cs" "$work/$readme.cs"
done
cmp -s "$work/README.md.cs" "$work/README.zh-CN.md.cs"
verdict "the READMEs show the same example" $?
[[ $(wc -l <"$work/Example.cs") -le 25 ]]
verdict "the example is short" $?

package=$(./pack.sh "$work") && unzip -tq "$package" >/dev/null
verdict "the package is a sound archive" $?
listed=$(unzip -l "$package")
[[ $listed == *runtimes/linux-x64/native/libnim.so* && $listed == *lib/netstandard2.0/LibNim.dll* ]]
verdict "the package holds the library" $?

# .NET and .NET Framework have these elsewhere than Mono's mscorlib: an assembly that mcs made would not load there.
unzip -qo "$package" -d "$work/package"
! grep -aqE '(Queue|Stack|SortedDictionary|LinkedList|SortedSet|HashSet)`1' "$work/package/lib/netstandard2.0/LibNim.dll"
verdict "the packaged assembly asks mscorlib for nothing that only Mono has there" $?

"${mcs[@]}" -out:"$work/tests.exe" src/*.cs tests/*.cs || failed=$((failed + 1))

run() { # runtime…
	EXAMPLE=$work/Example.exe "$@" | tee "$work/log"
	[[ ${PIPESTATUS[0]} -le 1 ]] || failed=$((failed + 1))
	local p f
	read -r p _ f _ <<<"$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$work/log" | tail -1)" # none where the runtime has crashed
	passed=$((passed + ${p:-0})) failed=$((failed + ${f:-0}))
}
run mono --debug "$work/tests.exe" "$@"
if [[ -n ${DOTNET:-} ]]; then
	echo "on $DOTNET:"
	for program in tests Example; do
		cat >"$work/$program.runtimeconfig.json" <<-'CONFIG'
			{"runtimeOptions": {"framework": {"name": "Microsoft.NETCore.App", "version": "2.0.0"},
			  "rollForward": "LatestMajor", "configProperties": {"System.Globalization.Invariant": true}}}
		CONFIG
	done
	run "$DOTNET" "$work/tests.exe" "$@"
	echo "$passed passed, $failed failed"
else
	echo "skipped on .NET: DOTNET names no dotnet program"
	echo "$passed passed, $failed failed, 1 skipped"
fi
[[ $failed == 0 ]]
