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
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/tests/nimdtest"
)

const (
	waitLimit = 30 * time.Second
	exitCode  = 7   // how programs end that are content: Wine tells 0 of a process that was killed
	exits     = 10  // runs of each way to leave
	untold    = 125 // how the runner ends when there is no exit code to end with
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
		{os.Getenv("CC"), "-std=c99", filepath.Join("c", "ends.c"), "-o", filepath.Join(dir, "ends.exe")},
	} {
		args = append(args, "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-I"+include)
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", args, err, out)
		}
	}
	return nil
}

// command prepares a run of a program.
func command(ctx context.Context, program string, args ...string) *exec.Cmd {
	runner := strings.Fields(os.Getenv("NIM_RUN"))
	return exec.CommandContext(ctx, runner[0], append(append(runner[1:], filepath.Join(dir, program)), args...)...)
}

// runProgram runs a program to its end, with an account of its own.
func runProgram(t *testing.T, program, account string, more ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	if err := server.AddAccount(account, "secret"); err != nil {
		t.Fatal(err)
	}
	args := append([]string{server.Link, server.AppKey, account, "secret", t.TempDir()}, more...)
	out, err := command(ctx, program, args...).CombinedOutput()
	if ctx.Err() != nil {
		t.Errorf("%s %v did not end in %v", program, more, waitLimit)
	}
	return string(out), err
}

// checks holds a program to the lines that it prints.
func checks(t *testing.T, out string, err error) {
	t.Helper()
	t.Logf("%s", out)
	if exitCodeOf(err) != exitCode {
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

// A program that leaves while callbacks run, without a cleanup, ends as it wanted to.
func TestLeavingWithoutCleanup(t *testing.T) {
	for _, how := range []string{"exit", "return"} {
		for i := range exits {
			out, err := runProgram(t, "host.exe", fmt.Sprintf("%s-%d", how, i), how)
			if code := exitCodeOf(err); code != exitCode {
				t.Errorf("%s: %v\n%s", how, err, out)
			}
		}
	}
}

// exitCodeOf is 0 for a success and -1 for what is no end of a program.
func exitCodeOf(err error) int {
	var end *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &end):
		return end.ExitCode()
	}
	return -1
}

// What the tests take a program's end from tells a code of the program's own
// from a crash and from no program at all.
func TestOutcome(t *testing.T) {
	for _, c := range []struct {
		program, argument string
		code              int
		says              string
	}{
		{"ends.exe", "7", 7, ""},
		{"ends.exe", "125", untold, "0x7d"},
		{"ends.exe", "crash", untold, "0xc0000005"},
		{"missing.exe", "0", untold, "untold"},
	} {
		out, err := command(t.Context(), c.program, c.argument).CombinedOutput()
		if code := exitCodeOf(err); code != c.code || !strings.Contains(string(out), c.says) {
			t.Errorf("%s %s: %v, wanted %d and %q\n%s", c.program, c.argument, err, c.code, c.says, out)
		}
	}
}

// Wine kills a Linux process that takes half a second to end after its program
// has ended, with or without this library: here one of a program that does
// nothing. The code of the program stands all the same.
func TestLateEnd(t *testing.T) {
	env := "LD_PRELOAD=" + preload(t, "late")
	if err := bare(t, env); err == nil || err.Error() != "signal: killed" {
		t.Errorf("under Wine alone: %v", err)
	}
	if code := outcome(t, env); code != exitCode {
		t.Errorf("its outcome is %d", code)
	}
}

// A Linux process that ends before the program in it begins is no outcome of the
// program, which is started again.
func TestEarlyEnd(t *testing.T) {
	env := []string{"LD_PRELOAD=" + preload(t, "early"), "NIM_EARLY=" + t.TempDir()}
	if err := bare(t, env...); err == nil || err.Error() != "signal: killed" {
		t.Errorf("under Wine alone: %v", err)
	}
	if code := outcome(t, env...); code != exitCode {
		t.Errorf("its outcome is %d", code)
	}
	if left, err := os.ReadDir(env[1][len("NIM_EARLY="):]); err != nil || len(left) != 2 {
		t.Errorf("it ended early %d times, wanted 2: %v", len(left), err)
	}
}

// preload builds a library of this machine's that Wine's own process can load.
func preload(t *testing.T, name string) string {
	library := filepath.Join(t.TempDir(), name+".so")
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-o", library, filepath.Join("c", name+".c")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return library
}

// bare runs the program that does nothing under Wine alone.
func bare(t *testing.T, env ...string) error {
	wine := strings.Fields(os.Getenv("NIM_RUN"))[1]
	cmd := exec.CommandContext(t.Context(), wine, filepath.Join(dir, "ends.exe"), strconv.Itoa(exitCode))
	cmd.Env = append(os.Environ(), env...)
	return cmd.Run()
}

// outcome runs it as the tests do.
func outcome(t *testing.T, env ...string) int {
	cmd := command(t.Context(), "ends.exe", strconv.Itoa(exitCode))
	cmd.Env = append(os.Environ(), env...)
	return exitCodeOf(cmd.Run())
}
