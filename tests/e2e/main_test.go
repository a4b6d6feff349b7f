// Package e2e drives the built library through its C ABI against a built nimd.
// A test tells a C program (driver.c) what to call and reads which callbacks
// came, in which order. It runs where ./build.sh test says where the products
// are (NIM_DIST).
package e2e

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/libnim/libnim/tests/nimdtest"
)

var (
	products string   // what ./build.sh build made
	programs string   // the compiled C programs
	nimd     string   // the server; it runs on this machine
	runner   []string // the command that runs the programs, if this machine cannot
	suffix   string   // of the file names of programs
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	products = os.Getenv("NIM_DIST")
	if products == "" {
		fmt.Println("NIM_DIST is not set: run ./build.sh test e2e")
		return 0
	}
	nimd = filepath.Join(cmp.Or(os.Getenv("NIM_SERVER"), products), "bin", "nimd")
	runner = strings.Fields(os.Getenv("NIM_RUN"))
	if _, err := os.Stat(filepath.Join(products, "lib", "nim.dll")); err == nil {
		suffix = ".exe"
	}
	var err error
	if programs, err = os.MkdirTemp("", "libnim-e2e-"); err != nil {
		fmt.Println(err)
		return 1
	}
	defer func() { _ = os.RemoveAll(programs) }()
	if err := compile("driver", "driver.c", "driver_callbacks.c", "driver_global.c", "driver_messages.c", "driver_log.c", "driver_talk.c"); err != nil {
		fmt.Println(err)
		return 1
	}
	code := m.Run()
	if shared.server != nil {
		if err := shared.server.Stop(); err != nil {
			fmt.Println(err)
			return 1
		}
	}
	return code
}

// compile builds a C program against the library and puts it into programs.
func compile(name string, sources ...string) error {
	lib := filepath.Join(products, "lib")
	for i := range sources {
		sources[i] = filepath.Join("c", sources[i])
	}
	args := append(sources, "-o", filepath.Join(programs, name+suffix), "-I../abi", "-L"+lib, "-lnim")
	if suffix == ".exe" {
		return compileWindows(lib, args)
	}
	return nimdtest.Compile(products, append(args, "-Wl,-rpath,"+lib)...)
}

// compileWindows makes programs that load alone; the DLL is looked for beside
// them. printf of the compiler's own library knows the formats of C99.
func compileWindows(lib string, args []string) error {
	dll := filepath.Join(programs, "nim.dll")
	if _, err := os.Lstat(dll); os.IsNotExist(err) {
		if err := os.Symlink(filepath.Join(lib, "nim.dll"), dll); err != nil {
			return err
		}
	}
	return nimdtest.Compile(products, append(args, "-static", "-D__USE_MINGW_ANSI_STDIO=1", "-Wno-format")...)
}

// program prepares a run of a compiled program.
func program(ctx context.Context, name string, args ...string) *exec.Cmd {
	command := append(append(runner[:len(runner):len(runner)], filepath.Join(programs, name+suffix)), args...)
	return exec.CommandContext(ctx, command[0], command[1:]...)
}

// newServer returns a nimd of the test's own.
func newServer(t *testing.T, args ...string) *nimdtest.Server {
	t.Helper()
	s, err := nimdtest.Start(nimd, t.TempDir(), args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Kill() })
	return s
}

var shared struct {
	once   sync.Once
	server *nimdtest.Server
	err    error
}

// theServer returns the nimd that tests share which change nothing but their
// own accounts.
func theServer(t *testing.T) *nimdtest.Server {
	t.Helper()
	shared.once.Do(func() {
		shared.server, shared.err = nimdtest.Start(nimd, filepath.Join(programs, "nimd"))
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}

// account creates an account with a name of its own and the token "secret".
func account(t *testing.T, s *nimdtest.Server) string {
	t.Helper()
	name := fmt.Sprintf("user-%d", accounts.next())
	must(t, s.AddAccount(name, "secret"))
	return name
}

var accounts counter

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) next() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return c.n
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newPath returns a way to the server that can be cut.
func newPath(t *testing.T, s *nimdtest.Server) *nimdtest.Path {
	t.Helper()
	p, err := nimdtest.NewPath(s.Host())
	must(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return p
}
