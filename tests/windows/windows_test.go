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
	host   string // the program
	server *nimdtest.Server
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Getenv("NIM_RUN") == "" {
		fmt.Println("NIM_RUN is not set: run ./build.sh test windows")
		return 0
	}
	dir, err := os.MkdirTemp("", "libnim-windows-")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if host, err = compile(dir); err != nil {
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

// compile builds the program against the import library, beside the DLL.
func compile(dir string) (string, error) {
	products := os.Getenv("NIM_DIST")
	if err := os.Symlink(filepath.Join(products, "lib", "nim.dll"), filepath.Join(dir, "nim.dll")); err != nil {
		return "", err
	}
	program := filepath.Join(dir, "host.exe")
	include := filepath.Join(products, "include")
	out, err := exec.Command(os.Getenv("CXX"), "-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror",
		"-I"+include, "-I"+filepath.Join(include, "nim_cpp"), filepath.Join("c", "host.cc"), "-o", program,
		filepath.Join(products, "lib", "nim.lib"), "-static").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("compile host.cc: %w\n%s", err, out)
	}
	return program, nil
}

// runHost runs the program to its end.
func runHost(t *testing.T, account, how string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	if err := server.AddAccount(account, "secret"); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(ctx, os.Getenv("NIM_RUN"), host,
		server.Link, server.AppKey, account, "secret", t.TempDir(), how).CombinedOutput()
	if ctx.Err() != nil {
		t.Errorf("%s did not end in %v", how, waitLimit)
	}
	return string(out), err
}

func TestSession(t *testing.T) {
	out, err := runHost(t, "cpp", "session")
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

// A program that leaves while callbacks run, without a cleanup, ends as it wanted to.
func TestLeavingWithoutCleanup(t *testing.T) {
	for _, how := range []string{"exit", "return"} {
		for i := range exits {
			out, err := runHost(t, fmt.Sprintf("%s-%d", how, i), how)
			var end *exec.ExitError
			if !errors.As(err, &end) || end.ExitCode() != exitCode {
				t.Errorf("%s: %v\n%s", how, err, out)
			}
		}
	}
}
