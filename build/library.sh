# shellcheck shell=bash
# How the library is compiled and linked for each target; sourced by build.sh,
# which sets root, version, goos, goarch and out.

glibc_floor=2.17 # docs/BUILDING.md says which systems that is
dist_targets=(linux-amd64 linux-arm64 windows-amd64 windows-386)

# cross_compiler prints the C compiler of a target that is not this machine:
# the name that Debian and its like give it.
cross_compiler() {
	case $goos/$goarch in
	"$(go env GOHOSTOS)/$(go env GOHOSTARCH)") ;;
	windows/amd64) echo x86_64-w64-mingw32-gcc ;;
	windows/386) echo i686-w64-mingw32-gcc ;;
	linux/arm64) echo aarch64-linux-gnu-gcc ;;
	linux/amd64) echo x86_64-linux-gnu-gcc ;;
	esac
}

# binutil prints the name of a tool that belongs to the compiler.
binutil() { # objcopy, windres, …
	case $CC in
	*-gcc) echo "${CC%gcc}$1" ;;
	*) echo "$1" ;;
	esac
}

library_name() {
	case $goos in
	windows) echo nim.dll ;;
	darwin) echo libnim.dylib ;;
	*) echo libnim.so ;;
	esac
}

# link_flags prints what the C linker is told: export the public names alone,
# and be found under the name that programs of this ABI ask for (docs/adr/0001).
# Paths must be absolute, since the linker runs elsewhere.
link_flags() { # directory for what the linker reads
	case $goos in
	windows)
		"$(binutil windres)" -D "NIM_NUMBERS=$(version_numbers)" -D "NIM_TEXT=\\\"$version\\\"" build/windows/nim.rc "$1/version.o" || return
		# The runtimes of the compiler go into the library: it must load alone. The
		# pair of options keeps Go from exporting what its side gives to ours, so
		# that nim.def alone says what leaves.
		echo "\"$root/nim.def\" \"$1/version.o\" -static -Wl,--export-all-symbols -Wl,--exclude-all-symbols"
		;;
	darwin)
		sed -n 's/^    \(nim.*\);$/_\1/p' exports.map >"$1/exports.list"
		echo "\"-Wl,-exported_symbols_list,$1/exports.list\" -Wl,-install_name,@rpath/libnim.dylib -Wl,-headerpad_max_install_names"
		;;
	*)
		echo "\"-Wl,--version-script=$root/exports.map\" -Wl,-soname,libnim.so -Wl,-z,now -Wl,-z,relro -Wl,-z,defs -Wl,--as-needed -Wl,--gc-sections -Wl,--build-id=sha1"
		if has_glibc; then
			build/glibc.sh "$CC" "$glibc_floor" "$1/glibc" || return
			echo "\"-L$1/glibc\""
		fi
		;;
	esac
}

# version_numbers prints the version as the four numbers of a Windows resource.
version_numbers() {
	local a b c
	IFS=. read -r a b c <<<"${version%%-*}"
	echo "$a,$b,$c,0"
}

build_library() { # product digest
	echo "building ${1#"$root"/}"
	rm -f "$1.inputs"
	local work status=0
	work=$(mktemp -d "$out/.link-XXXXXX")
	link_library "$work" "$work/$(library_name)" && publish_library "$work" "$1" || status=$?
	rm -rf "$work"
	[[ $status == 0 ]] && echo "$2" >"$1.inputs"
}

# has_glibc says whether the compiler links against glibc.
has_glibc() { [[ $goos == linux && -f $("$CC" -print-file-name=libc.so.6) ]]; }

# quiet_threads writes an overlay of the Go runtime's table of signals in which
# SIGCHLD and SIGPROF are not opened on Go's own threads, and signal 34 is let
# alone, and prints its file. A handler of the host's would run there on the small
# stack of a goroutine; that of 34, with which .NET stops its threads, must stay
# off the alternate stack (internal/cabi/signals.c, docs/adr/0012).
quiet_threads() { # directory
	local table
	table=$(go env GOROOT)/src/runtime/sigtab_linux_generic.go
	sed -E -e '/"SIG(CHLD|PROF):/s/ \+ _SigUnblock//' -e '/"signal 34"/s/_SigSetStack \+ _SigUnblock/0/' "$table" >"$1/sigtab.go" || return
	if [[ $(diff "$table" "$1/sigtab.go" | grep -c '^>') != 3 ]]; then
		echo "build.sh: this Go's table of signals is not the one that docs/adr/0012 knows: $table" >&2
		return 1
	fi
	printf '{"Replace": {"%s": "%s"}}\n' "$table" "$1/sigtab.go" >"$1/overlay.json"
	echo "$1/overlay.json"
}

link_library() { # directory product
	local flags strip= extra= overlay=
	! has_glibc || extra=-DNIM_GLIBC_FLOOR # core/store/sqlite/floor_linux.c
	# What of SQLite nobody calls is left out; no exception passes through it.
	[[ $goos != linux ]] || extra+=" -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables"
	flags=$(link_flags "$1" | tr '\n' ' ') || return
	[[ $goos != linux ]] || overlay=$(quiet_threads "$1") || return
	[[ $goos != darwin ]] || strip="-s -w"
	# cgo writes a header beside the library; it is not ours to ship. The file is
	# named, not its directory: a C file of a user's that stands there is not ours.
	# What the program waits for anyway is compiled without inlining (docs/adr/0009).
	# Not so the runtime: where a host switches stacks, its paths rest on inlining.
	local plain=(github.com net crypto encoding vendor compress fmt time os strconv internal/strconv internal/poll
		strings bytes bufio log mime path sort context math hash text html unicode)
	plain=("${plain[@]/%//...=-l}")
	CGO_ENABLED=1 CGO_CFLAGS="$CGO_CFLAGS $extra -fvisibility=hidden '-DNIM_VERSION=\"$version\"'" \
		go build -v -buildmode=c-shared ${overlay:+"-overlay=$overlay"} -trimpath -buildvcs=false "${plain[@]/#/-gcflags=}" \
		-ldflags "$strip -funcalign=16 -buildid= -X github.com/libnim/libnim/internal/cabi.version=$version '-extldflags=$flags'" -o "$2" export.go 2>&1 | progress
}

# publish_library puts the library in its place, its debugging symbols into
# symbols/, and on Windows the import library beside it.
publish_library() { # directory product
	local name
	name=$(library_name)
	if [[ $goos != darwin ]]; then
		mkdir -p "$out/symbols"
		"$(binutil objcopy)" --only-keep-debug "$1/$name" "$out/symbols/$name.debug" || return
		"$(binutil objcopy)" --strip-all --add-gnu-debuglink="$out/symbols/$name.debug" "$1/$name" || return
	fi
	mv "$1/$name" "$2" || return
	[[ $goos != windows ]] || import_library
}

# import_library writes what MSVC links programs with. llvm-dlltool writes it in
# the form of MSVC's own lib.exe; GNU dlltool's form confuses its linker.
import_library() {
	local machine=i386:x86-64
	[[ $goarch != 386 ]] || machine=i386
	llvm-dlltool -m "$machine" -d nim.def -l "$out/lib/nim.lib" && cp nim.def "$out/lib/nim.def"
}
