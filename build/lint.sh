#!/usr/bin/env bash
# The rules of the tree. Each check prints nothing but what breaks it.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

passed=0 failed=0

# check runs a function that prints what is wrong; silence and success pass.
check() { # title function
	local found
	if found=$("$2" 2>&1) && [[ -z $found ]]; then
		echo "ok      $1"
		passed=$((passed + 1))
	else
		echo "not ok  $1"
		printf '%s\n' "$found" | head -40 | sed 's/^/        /'
		failed=$((failed + 1))
	fi
}

# files lists tracked and new files that are not generated.
files() { # pathspec…
	git ls-files --cached --others --exclude-standard -- "$@" | grep -vE '(_gen\.|/Generated[A-Za-z]*\.cs$|^include/|^tests/abi/)' | while read -r f; do [[ -f $f ]] && echo "$f"; done
}

# among greps the lines of such files; finding none is success.
among() { # regexp pathspec…
	local pattern=$1
	shift
	files "$@" | xargs -r grep -nE -e "$pattern" || true
}

formatted() { files '*.go' | xargs -r gofmt -l; }

vetted() { go vet ./...; }

staticchecked() { go tool staticcheck ./...; }

# The modules are fetched first: what the go command says of a download is no finding.
modules_verified() { go mod download >/dev/null 2>&1 && go mod verify >/dev/null; }

modules_tidy() { go mod tidy -diff 2>/dev/null; }

# The session must run in any host and under test without C and without a server.
# The database is C: it comes in by store.Opener, from internal/cabi.
core_is_pure() {
	local database=github.com/libnim/libnim/core/store/sqlite
	go list -f '{{if .CgoFiles}}{{.ImportPath}} uses cgo{{end}}' ./core/... | grep -v "^$database "
	go list -f '{{$p := .ImportPath}}{{range .Imports}}{{$p}} imports {{.}}{{"\n"}}{{end}}' ./... |
		grep " $database\$" | grep -v '^github.com/libnim/libnim/internal/cabi '
	go list -deps ./core/... | grep -E '^github.com/(nats-io|libnim/libnim/server)' | sed 's/^/core depends on /'
	return 0
}

# The server must not depend on the client, nor either on the tests.
layers_hold() {
	go list -deps ./server/... ./cmd/... | grep '^github.com/libnim/libnim/core' | sed 's/^/server depends on /'
	{ go list -deps export.go && go list -deps ./server/... ./cmd/...; } | grep '^github.com/libnim/libnim/tests' | sed 's/^/the product depends on /'
	return 0
}

# What would make the library large, or leave its own dialer.
library_is_lean() {
	go list -deps export.go | grep -E '^(text/template|html/template|google.golang.org/protobuf|github.com/nats-io|github.com/prometheus)' | sed 's/^/the library links /'
	among 'http\.(Client\b|Get\(|Post\(|Head\(|DefaultClient|DefaultTransport|Transport\b)' 'core/**.go' 'internal/cabi/*.go' ':!*_test.go'
}

# Standard output and error belong to the host.
library_is_quiet() {
	among '\bfmt\.Print|\bprintln\(|\blog\.(Print|Fatal|Panic)|os\.Std(out|err)' 'core/**.go' 'internal/cabi/*.go' ':!*_test.go'
	among '\b(printf|puts|perror)\(|\bstd(out|err)\b' 'internal/cabi/*.c' 'internal/cabi/*.h'
}

# A sleep is fine inside a bubble, where it takes no time: in a package whose
# tests run in bubbles.
tests_wait_for_things() {
	files '*_test.go' | xargs -r grep -lE 'time\.Sleep\(' | while read -r f; do
		grep -qs '"testing/synctest"' "$(dirname "$f")"/*_test.go || grep -nHE 'time\.Sleep\(' "$f"
	done
}

no_machine_names() {
	among '(^|[^A-Za-z0-9_.])/(work|farm|root)/' ':!*.sum'
	among 'proxy\.golang\.org|sum\.golang\.org|registry\.npmjs|deb\.debian\.org'
}

# The root has the one line of Go that the library is built from, by name: beside
# more of it, a C file of a user's would be compiled, or refused.
root_has_one_go_file() { files ':(top,glob)*.go' | grep -vx export.go; grep -n 'import "C"' export.go; return 0; }

nothing_left_over() { among '\b(TODO|FIXME|XXX)\b' '*.go' '*.c' '*.h' '*.cs' '*.sh' '*.md' ':!build/lint.sh'; }

files_are_short() { files '*.go' '*.c' '*.h' '*.cs' '*.sh' | xargs -r wc -l | awk '$2 != "total" && $1 > 500 { print $2 ": " $1 " lines" }'; }

scripts_parse() { files '*.sh' .ci/run | while read -r f; do bash -n "$f"; done; }

front_has_no_warning() {
	local cc
	for cc in gcc clang; do
		command -v $cc >/dev/null || continue
		for f in internal/cabi/*.c; do
			[[ $f == */port_windows.c ]] && continue
			$cc -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Wshadow -Wstrict-prototypes -Werror -fsyntax-only "$f"
		done
	done
}

check "modules are what go.sum says" modules_verified
check "go.mod is tidy" modules_tidy
check "Go is formatted" formatted
check "go vet" vetted
check "staticcheck" staticchecked
check "core imports no C, no NATS, no server" core_is_pure
check "the root holds one Go file, without C" root_has_one_go_file
check "server and core do not meet" layers_hold
check "the library links nothing heavy" library_is_lean
check "the library prints nothing" library_is_quiet
check "no test sleeps" tests_wait_for_things
check "no machine paths, no registry names" no_machine_names
check "nothing is left over" nothing_left_over
check "files are at most 500 lines" files_are_short
check "scripts parse" scripts_parse
check "the C front compiles without a warning" front_has_no_warning
echo "$passed passed, $failed failed"
[[ $failed == 0 ]]
