// Demo shows the library at work: C programs, some that link it and one that
// loads it, meet and talk at a real nimd. It checks each step and says which one
// failed.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/libnim/libnim/tests/nimdtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Printf("\ndemo: failed: %v\n", err)
		os.Exit(1)
	}
	fmt.Println("\ndemo: ok")
}

// demo is what the steps share.
type demo struct {
	ctx   context.Context
	out   *screen
	nimd  *nimdtest.Server
	path  *nimdtest.Path // the desk's way to nimd
	desk  *device        // a PC; its program links the library
	phone *device        // a phone of the same account; its program loads the library
	bob   *device        // another account's PC
}

type step struct {
	title string
	run   func(*demo) error
}

func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "libnim-demo-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	d := &demo{ctx: ctx, out: &screen{start: time.Now()}}
	defer d.close()
	if err := d.setUp(dir); err != nil {
		return fmt.Errorf("set-up: %w", err)
	}
	for i, s := range steps {
		fmt.Printf("\n%d. %s\n", i+1, s.title)
		if err := s.run(d); err != nil {
			return fmt.Errorf("step %d, %s: %w", i+1, s.title, err)
		}
	}
	return nil
}

// setUp compiles the programs, starts nimd with its embedded engine, makes two
// accounts and starts the programs.
func (d *demo) setUp(dir string) error {
	products := nimdtest.Products(".")
	linked, loaded := filepath.Join(dir, "demo-linked"), filepath.Join(dir, "demo-loaded")
	lib := filepath.Join(products, "lib")
	for _, args := range [][]string{
		{"-o", linked, "-L" + lib, "-lnim", "-Wl,-rpath," + lib},
		{"-o", loaded, "-DDEMO_DLOPEN", "-ldl"},
	} {
		if err := nimdtest.Compile(products, append([]string{"bindings/c/demo.c"}, args...)...); err != nil {
			return err
		}
	}
	var err error
	if d.nimd, err = nimdtest.Start(filepath.Join(products, "bin", "nimd"), filepath.Join(dir, "nimd")); err != nil {
		return err
	}
	if d.path, err = nimdtest.NewPath(d.nimd.Host()); err != nil {
		return err
	}
	fmt.Printf("nimd, one binary with its engine inside: %s\n", d.nimd.Link)
	for _, name := range []string{"alice", "bob"} {
		if err := d.nimd.AddAccount(name, name+"-token"); err != nil {
			return err
		}
		fmt.Println("POST /v1/accounts:", name)
	}
	d.bob = &device{name: "bob", out: d.out}
	if err := d.bob.start(d.ctx, exec.CommandContext(d.ctx, linked, d.nimd.Link, d.nimd.AppKey, filepath.Join(dir, "bob"),
		`{"device_id":"bob-1","client_os":"bob"}`)); err != nil {
		return err
	}
	d.desk = &device{name: "desk", out: d.out}
	if err := d.desk.start(d.ctx, exec.CommandContext(d.ctx, linked, d.path.Link(), d.nimd.AppKey, filepath.Join(dir, "desk"),
		`{"device_id":"desk-1","client_os":"desk"}`)); err != nil {
		return err
	}
	d.phone = &device{name: "phone", out: d.out}
	phone := exec.CommandContext(d.ctx, loaded, d.nimd.Link, d.nimd.AppKey, filepath.Join(dir, "phone"),
		`{"device_id":"phone-1","client_os":"phone","client_type":2}`)
	phone.Env = append(os.Environ(), "LIBNIM="+filepath.Join(lib, "libnim.so"))
	return d.phone.start(d.ctx, phone)
}

func (d *demo) close() {
	for _, dev := range []*device{d.desk, d.phone, d.bob} {
		if dev != nil {
			dev.end()
		}
	}
	if d.path != nil {
		_ = d.path.Close()
	}
	if d.nimd != nil {
		_ = d.nimd.Kill()
	}
}
