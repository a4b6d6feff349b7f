package e2e

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libnim/libnim/tests/openimsite"
)

// The example in the READMEs is the file that is compiled and run.
func TestReadmeExample(t *testing.T) {
	source := filepath.Join("..", "..", "bindings", "c", "example.c")
	code, err := os.ReadFile(source)
	must(t, err)
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", name))
		must(t, err)
		if !strings.Contains(string(text), "```c\n"+string(code)+"```\n") {
			t.Errorf("%s does not show bindings/c/example.c as it is", name)
		}
	}
	must(t, compile("example", filepath.Join("..", source)))
	server := theServer(t)
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(programs, "example"), server.Link, server.AppKey, account(t, server), "secret")
	cmd.Dir = t.TempDir()
	in, err := cmd.StdinPipe()
	must(t, err)
	seen := make(chan string, 1)
	out := &until{text: `"login_step":3`, seen: seen}
	cmd.Stdout, cmd.Stderr = out, out
	must(t, cmd.Start())
	select {
	case <-seen:
	case <-ctx.Done():
	}
	_, _ = in.Write([]byte("\n"))
	if err := cmd.Wait(); err != nil || !strings.Contains(out.all.String(), `logout {"err_code":200`) {
		t.Errorf("%v\n%s", err, out.all.String())
	}
}

// until tells once when a text has been written to it.
type until struct {
	text string
	seen chan<- string
	all  strings.Builder
}

func (u *until) Write(p []byte) (int, error) {
	before := strings.Contains(u.all.String(), u.text)
	u.all.Write(p)
	if !before && strings.Contains(u.all.String(), u.text) {
		u.seen <- u.text
	}
	return len(p), nil
}

// docs/OPENIM.md as somebody follows it who runs a deployment: a token by REST,
// the program as it stands there, a phone that comes and a login elsewhere.
func TestOpenIMPage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "OPENIM.md"))
	must(t, err)
	_, after, found := strings.Cut(string(text), "```c\n")
	code, _, closed := strings.Cut(after, "```\n")
	if !found || !closed {
		t.Fatal("docs/OPENIM.md shows no program")
	}
	source := filepath.Join(t.TempDir(), "login.c")
	must(t, os.WriteFile(source, []byte(code), 0o600))
	here, err := filepath.Abs("c") // where compile looks for sources
	must(t, err)
	source, err = filepath.Rel(here, source)
	must(t, err)
	must(t, compile("openim-login", source))

	fake := newOpenIM(t)
	s := openimsite.New(t, fake.WSAddr(), fake.APIAddr(), "openIM123", "alice")
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	cmd := program(ctx, "openim-login", s.Gateway, s.API, s.User, s.Token(linux))
	cmd.Dir, cmd.Stderr = t.TempDir(), os.Stderr
	cmd.Env = append(os.Environ(), "HOME="+cmd.Dir, "XDG_CONFIG_HOME=") // its data directory is a name only
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	lines := bufio.NewScanner(out)
	seen := func(what string) {
		t.Helper()
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), what) {
				return
			}
		}
		t.Fatalf("no line begins with %s", what)
	}
	for !strings.Contains(lines.Text(), `"login_step":3`) {
		seen(`login {"err_code":200,`)
	}
	phone(t, fake, 2)
	seen("device {")
	phone(t, fake, linux)
	seen("kicked {")
	_, err = in.Write([]byte("\n"))
	must(t, err)
	seen(`logout {"err_code":200`)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
