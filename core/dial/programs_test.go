package dial

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/libnim/libnim/core/proxy"
)

// program returns the path of a proxy from the distribution. CI has them all.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/local/sbin") {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed", name)
	}
	fmt.Printf("skip: %s: %s is not installed\n", t.Name(), name)
	t.Skip(name + " is not installed")
	return ""
}

// startProxy runs a proxy until the test ends. command gets the port to listen
// on; between choosing a free one and using it another process may take it, so
// that is tried again.
func startProxy(t *testing.T, host string, command func(port string) *exec.Cmd) int {
	t.Helper()
	for range 5 {
		l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		if runs(t, command(fmt.Sprint(port)), fmt.Sprintf("%s:%d", bracketed(host), port)) {
			return port
		}
	}
	t.Fatal("the proxy does not start")
	return 0
}

func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// runs starts cmd and waits until it accepts on address, or ended.
func runs(t *testing.T, cmd *exec.Cmd, address string) bool {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM) // danted ends its children by itself
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Logf("%s: %s", cmd.Path, out.String())
		}
	})
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return true
		}
		select {
		case <-tick.C:
		case <-ended:
			return false
		case <-deadline:
			t.Fatalf("%s does not listen on %s", cmd.Path, address)
		}
	}
}

func microsocks(t *testing.T, host string, args ...string) proxy.Config {
	path := program(t, "microsocks")
	port := startProxy(t, host, func(port string) *exec.Cmd {
		return exec.Command(path, append([]string{"-i", host, "-p", port}, args...)...)
	})
	return proxy.Config{Type: proxy.Socks5, Host: host, Port: port}
}

func dante(t *testing.T, host string) proxy.Config {
	path := program(t, "danted")
	port := startProxy(t, host, func(port string) *exec.Cmd {
		conf := filepath.Join(t.TempDir(), "danted.conf")
		text := "logoutput: stderr\ninternal: " + host + " port = " + port + "\nexternal: lo\n" +
			"socksmethod: none\nclientmethod: none\n" +
			"client pass { from: 0/0 to: 0/0 }\n" +
			"socks block { from: 0/0 to: 127.0.0.9/32 }\n" +
			"socks pass { from: 0/0 to: 0/0 command: connect }\n"
		if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return exec.Command(path, "-f", conf, "-p", filepath.Join(t.TempDir(), "pid"), "-N", "1")
	})
	return proxy.Config{Type: proxy.Socks5, Host: host, Port: port}
}

func tinyproxy(t *testing.T, host, more string) proxy.Config {
	path := program(t, "tinyproxy")
	port := startProxy(t, host, func(port string) *exec.Cmd {
		conf := filepath.Join(t.TempDir(), "tinyproxy.conf")
		text := "Port " + port + "\nListen " + host + "\nTimeout 60\nMaxClients 20\n" + more
		if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return exec.Command(path, "-d", "-c", conf)
	})
	return proxy.Config{Type: proxy.HTTP, Host: host, Port: port}
}
