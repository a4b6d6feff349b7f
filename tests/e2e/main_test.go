// Package e2e drives the built library through its C ABI against a built nimd.
// A test tells a C program (driver.c) what to call and reads which callbacks
// came, in which order. It runs where ./build.sh test says where the products
// are (NIM_DIST).
package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/libnim/libnim/tests/nimdtest"
)

var (
	products string // what ./build.sh build made
	programs string // the compiled C programs
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	products = os.Getenv("NIM_DIST")
	if products == "" {
		fmt.Println("NIM_DIST is not set: run ./build.sh test e2e")
		return 0
	}
	var err error
	if programs, err = os.MkdirTemp("", "libnim-e2e-"); err != nil {
		fmt.Println(err)
		return 1
	}
	defer func() { _ = os.RemoveAll(programs) }()
	if err := compile("driver", "driver.c", "driver_callbacks.c", "driver_global.c"); err != nil {
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
	args := append(sources, "-o", filepath.Join(programs, name), "-I../abi", "-L"+lib, "-lnim", "-Wl,-rpath,"+lib)
	return nimdtest.Compile(products, args...)
}

// newServer returns a nimd of the test's own.
func newServer(t *testing.T, args ...string) *nimdtest.Server {
	t.Helper()
	s, err := nimdtest.Start(filepath.Join(products, "bin", "nimd"), t.TempDir(), args...)
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
		shared.server, shared.err = nimdtest.Start(filepath.Join(products, "bin", "nimd"), filepath.Join(programs, "nimd"))
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
