package e2e

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
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
	bob := newSpeaker(t, server, "bob", account(t, server), settings{})
	cmd := exec.CommandContext(ctx, filepath.Join(programs, "example"), server.Link, server.AppKey, account(t, server), "secret", bob.value("account"))
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "HOME="+cmd.Dir, "XDG_CONFIG_HOME=") // its data directory is a name only
	in, err := cmd.StdinPipe()
	must(t, err)
	out := &until{}
	cmd.Stdout, cmd.Stderr = out, out
	must(t, cmd.Start())
	out.wait(ctx, `"login_step":3`)
	_, _ = in.Write([]byte("say \"hello\"\n"))
	out.wait(ctx, `acknowledged {`)
	if r := read[received](t, bob.next("receive").Content); r.Content.Body != `say "hello"` {
		t.Errorf("bob heard %+v", r)
	}
	_, _ = in.Write([]byte("\n"))
	if err := cmd.Wait(); err != nil || !strings.Contains(out.all.String(), `logout {"err_code":200`) || !strings.Contains(out.all.String(), `"rescode":200`) {
		t.Errorf("%v\n%s", err, out.all.String())
	}
}

// until is what a program writes; wait returns when a text is in it.
type until struct {
	mu      sync.Mutex
	all     strings.Builder
	changed chan struct{} // closed when more was written
}

func (u *until) Write(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.changed != nil {
		close(u.changed)
		u.changed = nil
	}
	return u.all.Write(p)
}

func (u *until) wait(ctx context.Context, text string) {
	for {
		u.mu.Lock()
		if strings.Contains(u.all.String(), text) {
			u.mu.Unlock()
			return
		}
		if u.changed == nil {
			u.changed = make(chan struct{})
		}
		changed := u.changed
		u.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
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
