//go:build linux

// Command under runs a program for Windows under Wine and ends as it did: with
// the exit code that Windows' functions tell (c/outcome.c asks them). The end of
// the Linux process does not tell it: Wine kills that when the machine is busy.
//
//	under WINE OUTCOME PROGRAM [argument...]
//
// A code that Linux has no room for, such as a crash's, is written to standard
// error and becomes 125.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
)

const noCode = 125

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: under WINE OUTCOME PROGRAM [argument...]")
		os.Exit(noCode)
	}
	code, err := run(os.Args[1], os.Args[2], os.Args[3:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = noCode
	}
	os.Exit(code)
}

func run(wine, outcome string, program []string) (int, error) {
	dir, err := os.MkdirTemp("", "libnim-under-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "outcome")
	cmd := exec.Command(wine, append([]string{outcome, "Z:" + file}, program...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	// Who kills this process means the program, which goes with its parent. The
	// signal is bound to the thread that starts it.
	runtime.LockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	ended := cmd.Run() // only told where nothing was written down
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, fmt.Errorf("%v ended untold: %w", program, ended)
	}
	code, err := strconv.ParseUint(string(text), 10, 32)
	if err != nil {
		return 0, err
	}
	if code >= noCode {
		return 0, fmt.Errorf("%v ended with %#x", program, code)
	}
	return int(code), nil
}
