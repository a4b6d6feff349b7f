package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/wire"
)

// smallDisk asks a process of the tests to mount a disk of its own.
const smallDisk = "NIMD_TEST_SMALL_DISK"

func init() {
	if dir := os.Getenv(smallDisk); dir != "" {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m,mode=0700"); err != nil {
			fmt.Fprintln(os.Stderr, "mount:", err)
			os.Exit(1)
		}
	}
}

// onASmallDisk runs nimd with a disk of 24 MiB that nobody else sees at dir, as
// root of this machine or of a user namespace.
func onASmallDisk(dir string) func(*exec.Cmd) {
	return func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, smallDisk+"="+dir)
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
		if os.Getuid() != 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{
				Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
				UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
				GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
			}
		}
	}
}

// needSmallDisks skips the test where this machine does not let it mount.
func needSmallDisks(t *testing.T) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "version")
	cmd.Env = append(os.Environ(), "RUN_AS_NIMD=1")
	onASmallDisk(t.TempDir())(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("no disk of its own can be mounted here: %v\n%s", err, out)
	}
}

// A disk that is really full, with the store and the clients' logs on it: changes
// and logs are refused for now and at once, /readyz says so, what only reads goes
// on, nobody is closed; and all of it comes back by itself when there is room.
func TestAFullDisk(t *testing.T) {
	needSmallDisks(t)
	dir := t.TempDir()
	p := startChanged(t, onASmallDisk(dir), "--listen", "127.0.0.1:0", "--data", dir, "--dev", "--heartbeat", "1m",
		"--send-rate", "0", "--conversation-rate", "0", "--frame-rate", "0")
	for _, account := range []string{"alice", "bob"} {
		p.mustAdmin("POST", "/accounts", fmt.Sprintf(`{"account":%q,"token":"%s-token"}`, account, account))
	}
	alice, f := p.login("alice", "d")
	if f.Code != 200 {
		t.Fatalf("login: %d %s", f.Code, f.ErrName)
	}
	disk := fmt.Sprintf("/proc/%d/root%s", p.cmd.Process.Pid, dir)
	sent := 0
	for round := range 3 {
		sent++
		if _, ok := send(t, alice, "bob", fmt.Sprint("m", sent)); !ok {
			t.Fatalf("round %d: the connection ended", round)
		}
		if f := upload(t, alice, "before"); f.Code != 200 {
			t.Errorf("round %d: a log while there is room: %d %s", round, f.Code, f.ErrMsg)
		}
		ballast := fill(t, disk)
		// What SQLite still has room for in its own files may be stored.
		for full := false; !full; {
			var done wire.Sent
			start := time.Now()
			f := ask(t, alice, wire.OpSend, wire.Send{Conversation: "p:bob", Messages: []wire.Message{{
				ClientMsgID: fmt.Sprint("m", sent+1), Body: strings.Repeat("x", 4000)}}}, &done)
			if f.Op == "" {
				t.Fatalf("round %d: the connection ended", round)
			}
			if full = f.Code == 503; !full {
				sent++
			} else if f.RetryAfterMS == 0 || time.Since(start) > 5*time.Second {
				t.Errorf("round %d: refused after %v with %+v", round, time.Since(start), f)
			}
		}
		if status := p.status(t, "/readyz"); status != http.StatusServiceUnavailable {
			t.Errorf("round %d: /readyz is %d while nothing can be stored", round, status)
		}
		for i := range 3 {
			if _, err := p.admin("POST", "/accounts", fmt.Sprintf(`{"account":"c%d","token":"t"}`, i)); err == nil || !strings.Contains(err.Error(), "503") {
				t.Errorf("round %d: an account is made on a full disk: %v", round, err)
			}
		}
		if f := upload(t, alice, "full"); f.Code != 503 || f.RetryAfterMS == 0 {
			t.Errorf("round %d: a log on a full disk: %d %s", round, f.Code, f.ErrMsg)
		}
		if _, f := p.login("bob", "d"); f.Code != 200 {
			t.Errorf("round %d: a login on a full disk: %d %s", round, f.Code, f.ErrMsg)
		}
		// It is tried again once a second, and stays as it is.
		for end := time.Now().Add(2500 * time.Millisecond); round == 0 && time.Now().Before(end); <-time.After(50 * time.Millisecond) {
			if status := p.status(t, "/readyz"); status != http.StatusServiceUnavailable {
				t.Fatalf("/readyz is %d while the disk is still full", status)
			}
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		waitUntil(t, "the store to work again", func() bool { return p.status(t, "/readyz") == http.StatusOK })
		p.mustAdmin("POST", "/accounts", `{"account":"c0","token":"t"}`)
		if f := upload(t, alice, "after"); f.Code != 200 {
			t.Errorf("round %d: a log after room was made: %d %s", round, f.Code, f.ErrMsg)
		}
	}
	var pulled wire.Pulled
	bob, _ := p.login("bob", "d")
	if f := ask(t, bob, wire.OpPull, wire.Pull{Conversation: "p:alice", From: uint64(sent)}, &pulled); f.Code != 200 || len(pulled.Entries) != 1 ||
		pulled.Entries[0].ClientMsgID != fmt.Sprint("m", sent) {
		t.Errorf("the last message is %+v", pulled)
	}
	// It also ends in order.
	fill(t, disk)
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Errorf("stopped on a full disk: %v\n%s", err, p.stderr)
	}
}

// upload sends a log of one part.
func upload(t *testing.T, ws *websocket.Conn, name string) wire.Frame {
	t.Helper()
	f := ask(t, ws, wire.OpUploadLog, wire.UploadLog{Name: name, Last: true, Data: []byte("log")}, nil)
	if f.Op == "" {
		t.Fatal("the connection ended")
	}
	return f
}

// fill leaves no byte free on the disk of dir, and returns what takes it.
func fill(t *testing.T, dir string) (name string) {
	t.Helper()
	name = filepath.Join(dir, "ballast")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	piece := make([]byte, 4096)
	for {
		if _, err := f.Write(piece); errors.Is(err, syscall.ENOSPC) {
			return name
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// status is that of a page of the address that clients reach.
func (p *process) status(t *testing.T, page string) int {
	t.Helper()
	resp, err := http.Get(strings.TrimSuffix(p.LBS, "/lbs") + page)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func waitUntil(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
