// Package build_test holds build.sh to what it promises a newcomer.
package build_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A machine that lacks what the build needs is told so in one sentence, which names
// what is missing and where it comes from, before anything is built.
func TestWhatIsMissingIsOneSentence(t *testing.T) {
	old := "#!/bin/sh\necho go1.22.12\n"
	for _, c := range []struct {
		name, tool, text string // a tool of another kind, or none
		without          *regexp.Regexp
		want             string
	}{
		{"no Go", "", "", regexp.MustCompile(`^go$`), `^build\.sh: needs Go 1\.[0-9.]+ or later \(https://go\.dev/dl/\); there is none in PATH\n$`},
		{"an old Go", "go", old, nil, `^build\.sh: needs Go 1\.[0-9.]+ or later \(https://go\.dev/dl/\); \S+/go is go1\.22\.12\n$`},
		{"no C compiler", "", "", regexp.MustCompile(`(gcc|clang|cc)(-[0-9]+)?$`), `^build\.sh: needs a C compiler; there is no \S+ in PATH \(Debian: gcc libc6-dev\)\n$`},
	} {
		t.Run(c.name, func(t *testing.T) {
			bin := t.TempDir()
			for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
				entries, _ := os.ReadDir(dir) // some of PATH need not be there
				for _, e := range entries {
					if c.without == nil || !c.without.MatchString(e.Name()) {
						_ = os.Symlink(filepath.Join(dir, e.Name()), filepath.Join(bin, e.Name())) // the first of a name counts
					}
				}
			}
			if c.tool != "" {
				_ = os.Remove(filepath.Join(bin, c.tool))
				if err := os.WriteFile(filepath.Join(bin, c.tool), []byte(c.text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command(filepath.Join(bin, "bash"), "../build.sh", "build")
			for _, v := range os.Environ() {
				if !strings.HasPrefix(v, "PATH=") && !strings.HasPrefix(v, "CC=") && !strings.HasPrefix(v, "GOFLAGS=") {
					cmd.Env = append(cmd.Env, v)
				}
			}
			cmd.Env = append(cmd.Env, "PATH="+bin)
			out, err := cmd.CombinedOutput()
			if err == nil || !regexp.MustCompile(c.want).Match(out) {
				t.Errorf("%v, says %q, want %s", err, out, c.want)
			}
		})
	}
}

// What the README's commands make is left out of what git shows.
func TestWhatTheReadmeMakesIsIgnored(t *testing.T) {
	for _, made := range []string{"dist/linux-amd64/lib/libnim.so", "nimd", "nimd-data/admin.key", "example", "example.exe", "bindings/node/node_modules/x"} {
		if out, err := exec.Command("git", "-C", "..", "check-ignore", "-q", made).CombinedOutput(); err != nil {
			t.Errorf("%s is not ignored: %v %s", made, err, out)
		}
	}
}
