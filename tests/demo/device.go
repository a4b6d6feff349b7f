package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"sync"
	"time"
)

// stepLimit is how long the demo waits for one line of a program.
const stepLimit = 10 * time.Second

// screen prints the lines of all programs, each whole.
type screen struct {
	start time.Time
	mu    sync.Mutex
}

func (s *screen) print(who, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Printf("%7.3f  %-6s %s\n", time.Since(s.start).Seconds(), who, text)
}

// device is one C program: it is told commands, and heard.
type device struct {
	name  string
	out   *screen
	ctx   context.Context
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string // all it printed, in order; closed when it has ended
	done  chan error  // how it ended, once
}

func (d *device) start(ctx context.Context, cmd *exec.Cmd) error {
	d.ctx, d.cmd = ctx, cmd
	cmd.Stderr = nil
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	d.in, d.lines, d.done = in, make(chan string, 10000), make(chan error, 1)
	go func() {
		scan := bufio.NewScanner(out)
		scan.Buffer(nil, 1<<20)
		for scan.Scan() {
			d.out.print(d.name, scan.Text())
			d.lines <- scan.Text()
		}
		close(d.lines)
		d.done <- cmd.Wait()
	}()
	return d.hears(`nim_client_init`)()
}

// says returns an action that gives the program a command.
func (d *device) says(command string) func() error {
	return func() error {
		_, err := fmt.Fprintln(d.in, command)
		return err
	}
}

// hears returns an action that waits for a line of the program. Lines that do
// not match are passed over.
func (d *device) hears(pattern string) func() error {
	want := regexp.MustCompile(pattern)
	return func() error {
		limit := time.After(stepLimit)
		for {
			select {
			case l, ok := <-d.lines:
				if !ok {
					return fmt.Errorf("%s ended; waited for %s", d.name, pattern)
				}
				if want.MatchString(l) {
					return nil
				}
			case <-limit:
				return fmt.Errorf("%s did not print %s in %v", d.name, pattern, stepLimit)
			case <-d.ctx.Done():
				return errors.New("interrupted")
			}
		}
	}
}

// ends waits until the program has exited with success.
func (d *device) ends() error {
	select {
	case err := <-d.done:
		d.cmd = nil
		if err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
		return nil
	case <-time.After(stepLimit):
		return fmt.Errorf("%s did not exit in %v", d.name, stepLimit)
	}
}

// end kills the program if it still runs.
func (d *device) end() {
	if d.cmd != nil && d.cmd.Process != nil {
		_ = d.cmd.Process.Kill()
		<-d.done
	}
}
