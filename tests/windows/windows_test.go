// Package windows runs a C++ program for Windows on the built nim.dll, under
// Wine, against a nimd of this machine. tests/windows/run.sh prepares both.
package windows

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/tests/nimdtest"
)

const (
	waitLimit = 30 * time.Second
	exitCode  = 7  // how the program ends when it leaves without a cleanup
	exits     = 10 // runs of each way to leave
)

var (
	dir    string // of the programs and of the DLL
	server *nimdtest.Server
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Getenv("NIM_RUN") == "" {
		fmt.Println("NIM_RUN is not set: run ./build.sh test windows")
		return 0
	}
	var err error
	if dir, err = os.MkdirTemp("", "libnim-windows-"); err != nil {
		fmt.Println(err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err = compile(); err != nil {
		fmt.Println(err)
		return 1
	}
	server, err = nimdtest.Start(filepath.Join(os.Getenv("NIM_SERVER"), "bin", "nimd"), filepath.Join(dir, "nimd"))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer func() { _ = server.Kill() }()
	return m.Run()
}

// compile builds the programs beside the DLL. The C++ one is linked with the
// import library, the C one loads the DLL by itself.
func compile() error {
	products := os.Getenv("NIM_DIST")
	if err := os.Symlink(filepath.Join(products, "lib", "nim.dll"), filepath.Join(dir, "nim.dll")); err != nil {
		return err
	}
	include := filepath.Join(products, "include")
	for _, args := range [][]string{
		{os.Getenv("CXX"), "-std=c++17", filepath.Join("c", "host.cc"), "-o", filepath.Join(dir, "host.exe"),
			filepath.Join(products, "lib", "nim.lib"), "-I" + filepath.Join(include, "nim_cpp")},
		{os.Getenv("CC"), "-std=c99", filepath.Join("c", "unload.c"), "-o", filepath.Join(dir, "unload.exe")},
	} {
		args = append(args, "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-I"+include)
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", args, err, out)
		}
	}
	return nil
}

// runProgram runs a program to its end, with an account of its own.
func runProgram(t *testing.T, program, account string, more ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	if err := server.AddAccount(account, "secret"); err != nil {
		t.Fatal(err)
	}
	args := append([]string{filepath.Join(dir, program), server.Link, server.AppKey, account, "secret", t.TempDir()}, more...)
	out, err := exec.CommandContext(ctx, os.Getenv("NIM_RUN"), args...).CombinedOutput()
	if ctx.Err() != nil {
		t.Errorf("%s %v did not end in %v", program, more, waitLimit)
	}
	return string(out), err
}

// checks holds a program to the lines that it prints.
func checks(t *testing.T, out string, err error) {
	t.Helper()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "ok ") {
			t.Error(line)
		}
	}
}

func TestSession(t *testing.T) {
	out, err := runProgram(t, "host.exe", "cpp", "session")
	checks(t, out, err)
}

func TestUnload(t *testing.T) {
	out, err := runProgram(t, "unload.exe", "unload")
	checks(t, out, err)
}

// A program that leaves while callbacks run, without a cleanup, ends as it wanted
// to. On a busy machine about one process in a hundred was ended by a signal after
// main had returned. That is not traced: it may be Wine or this library. One such
// end is let pass, more are a failure.
func TestLeavingWithoutCleanup(t *testing.T) {
	for _, how := range []string{"exit", "return"} {
		signalled := 0
		for i := range exits {
			out, err := runProgram(t, "host.exe", fmt.Sprintf("%s-%d", how, i), how)
			var end *exec.ExitError
			switch {
			case !errors.As(err, &end):
				t.Errorf("%s: %v\n%s", how, err, out)
			case strings.HasPrefix(end.Error(), "signal: "):
				signalled++
			case end.ExitCode() != exitCode:
				t.Errorf("%s: %v\n%s", how, err, out)
			}
		}
		if signalled > 1 {
			t.Errorf("%s: %d of %d ended by a signal", how, signalled, exits)
		}
	}
}
