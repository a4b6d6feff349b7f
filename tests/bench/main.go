// Bench measures the built library against nimd and prints what it finds, as
// ratios to what the same machine does without the library in the same run.
// It asserts nothing: machines differ.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/libnim/libnim/tests/nimdtest"
)

// logins is how many logins are measured, and as many bare dials: in a row, and
// each after a rest of both sides, as a user's login comes.
const (
	logins = 500
	rest   = 3 * time.Millisecond // REST_US in c/bench.c
)

// A floor is what a bare dial takes, at the median.
type floor struct{ inARow, rested time.Duration }

// mean is the floor of a run that lies between two measurements: machines drift.
func mean(before, after floor) floor {
	return floor{(before.inARow + after.inARow) / 2, (before.rested + after.rested) / 2}
}

// measureFloor times a dial, which returns what closes the connection.
func measureFloor(dial func() (func(), error)) (f floor, err error) {
	if f.inARow, err = medianOf(dial, 0); err == nil {
		f.rested, err = medianOf(dial, rest)
	}
	return f, err
}

func medianOf(dial func() (func(), error), rest time.Duration) (time.Duration, error) {
	took := make([]time.Duration, 0, logins)
	for range logins {
		if rest > 0 {
			time.Sleep(rest)
		}
		began := time.Now()
		hangUp, err := dial()
		if err != nil {
			return 0, err
		}
		took = append(took, time.Since(began))
		hangUp()
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

// account is who logs in.
const account = "bench"

func main() {
	if len(os.Args) == 2 && os.Args[1] == serveFlag {
		serve()
		return
	}
	if len(os.Args) == 3 && os.Args[1] == dialFlag {
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
	products := nimdtest.Products(".")
	lib := filepath.Join(products, "lib")
	program := filepath.Join(dir, "bench")
	if err := nimdtest.Compile(products, "tests/bench/c/bench.c", "-o", program, "-L"+lib, "-lnim", "-Wl,-rpath,"+lib); err != nil {
		return err
	}
	nimd, err := nimdtest.Start(filepath.Join(products, "bin", "nimd"), filepath.Join(dir, "nimd"), "--log-level", "error")
	if err != nil {
		return err
	}
	defer func() { _ = nimd.Kill() }()
	if err := nimd.AddAccount(account, "secret"); err != nil {
		return err
	}
	inside, across, err := bareDials()
	if err != nil {
		return err
	}
	push, err := measure(program, nimd.Link, nimd.AppKey, "secret", filepath.Join(dir, "push"), "push")
	if err != nil {
		return err
	}
	insideAfter, acrossAfter, err := bareDials()
	if err != nil {
		return err
	}
	pull, err := measure(program, nimd.Link, nimd.AppKey, "secret", filepath.Join(dir, "pull"), "pull")
	if err != nil {
		return err
	}
	size, err := os.Stat(filepath.Join(lib, "libnim.so"))
	if err != nil {
		return err
	}
	printReport(mean(inside, insideAfter), mean(across, acrossAfter), push, pull, size.Size())
	return openIM(program, filepath.Join(dir, "openim"))
}

// figures are the lines of one run of the C program.
type figures struct {
	values      map[string]int64
	diagnostics struct {
		Attempts []map[string]any `json:"attempts"`
	}
}

// measure runs the C program. server is the link, or OpenIM's gateway; app is
// the app key, or OpenIM's API.
func measure(program, server, app, token, data, mode string) (*figures, error) {
	cmd := exec.Command(program, server, app, account, token, data, strconv.Itoa(logins), mode)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", mode, err)
	}
	f := &figures{values: map[string]int64{}}
	scan := bufio.NewScanner(bytes.NewReader(out))
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		name, value, _ := strings.Cut(scan.Text(), " ")
		if name == "json" {
			if err := json.Unmarshal([]byte(value), &f.diagnostics); err != nil {
				return nil, err
			}
			continue
		}
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", scan.Text(), err)
		}
		f.values[name] = n
	}
	return f, scan.Err()
}
