// Bench measures the built library against nimd and prints what it finds, as
// ratios to what the same machine does without the library in the same run.
// It asserts nothing: machines differ.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/libnim/libnim/tests/nimdtest"
)

// account is who logs in.
const account = "bench"

func main() {
	switch {
	case len(os.Args) == 2 && os.Args[1] == serveFlag:
		serve()
		return
	case len(os.Args) == 2 && os.Args[1] == relayFlag:
		relay()
		return
	case len(os.Args) == 3 && os.Args[1] == dialFlag:
		dialAway(os.Args[2])
		return
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "libnim-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if len(os.Args) > 3 && os.Args[1] == besideFlag {
		return beside(dir, os.Args[2], os.Args[3:])
	}
	products := nimdtest.Products(".")
	if len(os.Args) == 2 && os.Args[1] == messagesFlag {
		return messages(products, dir)
	}
	lib := filepath.Join(products, "lib")
	program := filepath.Join(dir, "bench")
	if err := nimdtest.Compile(products, "tests/bench/c/bench.c", "-o", program, "-L"+lib, "-lnim", "-Wl,-rpath,"+lib); err != nil {
		return err
	}
	if err := gateway(products, program, dir); err != nil {
		return err
	}
	if err := messages(products, dir); err != nil {
		return err
	}
	if err := talk(products, dir); err != nil {
		return err
	}
	size, err := os.Stat(filepath.Join(lib, "libnim.so"))
	if err != nil {
		return err
	}
	fmt.Printf("size\n  %-44s %d bytes\n", "libnim.so", size.Size())
	return openIM(client{program: program, backend: "openim", data: filepath.Join(dir, "openim")})
}

// gateway measures the library with nimd.
func gateway(products, program, dir string) error {
	nimd, err := nimdtest.Start(filepath.Join(products, "bin", "nimd"), filepath.Join(dir, "nimd"), "--log-level", "error")
	if err != nil {
		return err
	}
	defer func() { _ = nimd.Kill() }()
	if err := nimd.AddAccount(account, "secret"); err != nil {
		return err
	}
	c := client{
		program: program, backend: "nimd", server: nimd.Link, app: nimd.AppKey, token: "secret",
		data: filepath.Join(dir, "data"),
	}
	if err := nimdLogins(c); err != nil {
		return err
	}
	push, err := c.run("push")
	if err != nil {
		return err
	}
	pull, err := c.run("pull")
	if err != nil {
		return err
	}
	reportCalls(push, pull)
	return nil
}
