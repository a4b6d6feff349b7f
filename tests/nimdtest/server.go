// Package nimdtest runs the built products for the tests, the demo and the
// benchmarks: nimd as a child process, and a TCP path to it that can be cut.
package nimdtest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Limits on what a child process may take.
const (
	startLimit = 15 * time.Second
	stopLimit  = 15 * time.Second
)

// Products is where ./build.sh build puts what it builds: NIM_DIST, or the
// directory of this machine's target below root.
func Products(root string) string {
	if dir := os.Getenv("NIM_DIST"); dir != "" {
		return dir
	}
	return filepath.Join(root, "dist", runtime.GOOS+"-"+runtime.GOARCH)
}

// Ready is the line that nimd prints when it takes clients.
type Ready struct {
	Link      string `json:"link"`
	LBS       string `json:"lbs"`
	Admin     string `json:"admin"`
	AdminKey  string `json:"admin_key"`
	AppKey    string `json:"app_key"`
	AppSecret string `json:"app_secret"`
}

// Host is the host:port of the server.
func (r Ready) Host() string {
	u, err := url.Parse(r.Link)
	if err != nil {
		return ""
	}
	return u.Host
}

// Server is a nimd that runs as a child process.
type Server struct {
	Ready

	binary string
	args   []string
	data   string
	cmd    *exec.Cmd
	log    *tail
	exited chan struct{}
	result error // of the process; valid once exited is closed
}

// Start runs nimd on a port that the system chooses, with its data in dir.
func Start(binary, dir string, args ...string) (*Server, error) {
	s := &Server{binary: binary, data: dir, args: args}
	return s, s.run("127.0.0.1:0")
}

// Restart runs it again at the same address, on the same data.
func (s *Server) Restart() error { return s.run(s.Host()) }

func (s *Server) run(listen string) error {
	args := append([]string{"--listen", listen, "--data", s.data, "--dev"}, s.args...)
	s.cmd = exec.Command(s.binary, args...)
	s.log = &tail{}
	s.cmd.Stderr = s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.exited = make(chan struct{})
	line := make(chan []byte, 1)
	go func() {
		in := bufio.NewReader(out)
		first, _ := in.ReadBytes('\n')
		line <- first
		_, _ = io.Copy(io.Discard, in)
		s.result = s.cmd.Wait()
		close(s.exited)
	}()
	select {
	case first := <-line:
		var r Ready
		if err := json.Unmarshal(first, &r); err != nil || r.Link == "" {
			_ = s.Kill()
			return fmt.Errorf("nimd did not get ready: %q\n%s", first, s.log)
		}
		s.Ready = r
		return nil
	case <-time.After(startLimit):
		_ = s.Kill()
		return fmt.Errorf("nimd was not ready after %v\n%s", startLimit, s.log)
	}
}

// PID is the process id of the server.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Dir is its data directory.
func (s *Server) Dir() string { return s.data }

// Log returns the end of what the server has logged.
func (s *Server) Log() string { return s.log.String() }

// Stop asks the server to end and waits for it.
func (s *Server) Stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.exited:
		return s.result
	case <-time.After(stopLimit):
		_ = s.Kill()
		return fmt.Errorf("nimd did not stop in %v\n%s", stopLimit, s.log)
	}
}

// Kill ends the server as a crash would.
func (s *Server) Kill() error {
	err := s.cmd.Process.Kill()
	<-s.exited
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Admin calls the REST API: path under /v1, in and out as JSON; either may be nil.
func (s *Server) Admin(method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.Ready.Admin+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.AdminKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, data)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(data, out)
}

// AddAccount creates an account with a static token.
func (s *Server) AddAccount(account, token string) error {
	return s.Admin("POST", "/accounts", map[string]string{"account": account, "token": token}, nil)
}

// Kick ends the sessions of an account.
func (s *Server) Kick(account, reason string) error {
	return s.Admin("POST", "/kick", map[string]string{"account": account, "reason": reason}, nil)
}

// SetPolicy sets which devices of one account may be on line together: one,
// class or all.
func (s *Server) SetPolicy(mode string) error {
	return s.Admin("PUT", "/policy", map[string]string{"multi_login": mode}, nil)
}

// tail keeps the last 64 KiB written to it.
type tail struct {
	mu   sync.Mutex
	data []byte // guarded by mu
}

func (t *tail) Write(p []byte) (int, error) {
	const limit = 64 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, p...)
	if over := len(t.data) - limit; over > 0 {
		t.data = t.data[over:]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.data)
}
