package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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
