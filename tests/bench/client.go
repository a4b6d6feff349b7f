package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A client is the C program with what it logs in to.
type client struct {
	program, backend string
	server, app      string // nimd's link and the app key, or OpenIM's gateway and API
	token, data      string
}

// figures are the lines of one run of the C program.
type figures struct {
	values      map[string][]int64
	diagnostics struct {
		Attempts []map[string]any `json:"attempts"`
	}
}

// value is the only number of a line.
func (f *figures) value(name string) int64 {
	if v := f.values[name]; len(v) == 1 {
		return v[0]
	}
	return 0
}

// durations are the numbers of a line as times.
func (f *figures) durations(name string) []time.Duration {
	var list []time.Duration
	for _, v := range f.values[name] {
		list = append(list, time.Duration(v))
	}
	return list
}

// run runs the program with what follows the data directory on its command line.
func (c client) run(args ...string) (*figures, error) {
	cmd := exec.Command(c.program, append([]string{c.backend, c.server, c.app, account, c.token, c.data}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.backend, err)
	}
	f := &figures{values: map[string][]int64{}}
	scan := bufio.NewScanner(bytes.NewReader(out))
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		name, values, _ := strings.Cut(scan.Text(), " ")
		if name == "json" {
			if err := json.Unmarshal([]byte(values), &f.diagnostics); err != nil {
				return nil, err
			}
			continue
		}
		for _, v := range strings.Fields(values) {
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", scan.Text(), err)
			}
			f.values[name] = append(f.values[name], n)
		}
	}
	return f, scan.Err()
}
