package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
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
	"github.com/libnim/libnim/server"
	"github.com/libnim/libnim/server/bus/bustest"
	"github.com/libnim/libnim/server/store/storetest"
)

const patience = 20 * time.Second

// TestMain lets the tests run this binary as nimd itself, and as a NATS server.
func TestMain(m *testing.M) {
	if bustest.Main() {
		return
	}
	if os.Getenv("RUN_AS_NIMD") != "" {
		main()
		return
	}
	storetest.Main(m)
}

// process is a nimd of its own.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stderr *bytes.Buffer // read only after the process has ended
	exited chan error
	server.Ready
}

func startProcess(t *testing.T, args ...string) *process {
	t.Helper()
	return startChanged(t, nil, args...)
}

// startChanged is startProcess for a process that change prepares.
func startChanged(t *testing.T, change func(*exec.Cmd), args ...string) *process {
	t.Helper()
	p := &process{t: t, stderr: &bytes.Buffer{}, exited: make(chan error, 1)}
	p.cmd = exec.Command(os.Args[0], args...)
	p.cmd.Env = append(os.Environ(), "RUN_AS_NIMD=1")
	p.cmd.Stderr = p.stderr
	if change != nil {
		change(p.cmd)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make(chan string, 1)
	go func() {
		r := bufio.NewReader(stdout)
		s, _ := r.ReadString('\n')
		line <- s
		_, _ = io.Copy(io.Discard, r)
		p.exited <- p.cmd.Wait()
	}()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	select {
	case s := <-line:
		if err := json.Unmarshal([]byte(s), &p.Ready); err != nil || !p.Ready.Ready {
			t.Fatalf("ready line %q: %v", s, err)
		}
	case <-time.After(patience):
		t.Fatal("no ready line")
	}
	return p
}

// An operator asks which version is installed, in whichever form.
func TestVersion(t *testing.T) {
	for _, arg := range []string{"version", "-version", "--version"} {
		cmd := exec.Command(os.Args[0], arg)
		cmd.Env = append(os.Environ(), "RUN_AS_NIMD=1", "NIMD_VERSION=9") // which a container may have
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != "nimd "+version+"\n" {
			t.Errorf("nimd %s: %q, %v", arg, out, err)
		}
	}
}

// stop sends a signal and returns how the process ended.
func (p *process) stop(s os.Signal) error {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
	select {
	case err := <-p.exited:
		return err
	case <-time.After(patience):
		p.t.Fatal("the process did not end")
		return nil
	}
}

func (p *process) admin(method, path, body string) (map[string]any, error) {
	r, err := http.NewRequest(method, p.Admin+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+p.AdminKey)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s %s: %v", method, path, out)
	}
	return out, nil
}

func (p *process) mustAdmin(method, path, body string) map[string]any {
	p.t.Helper()
	out, err := p.admin(method, path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	return out
}

// login connects and logs in, and returns the connection and the reply.
func (p *process) login(account, device string) (*websocket.Conn, wire.Frame) {
	p.t.Helper()
	return p.loginAs(account, device, 4)
}

func (p *process) loginAs(account, device string, clientType int) (*websocket.Conn, wire.Frame) {
	p.t.Helper()
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}}
	ws, _, err := d.Dial(p.Link, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = ws.Close() })
	next(p.t, ws) // hello
	data, err := wire.Encode(wire.Frame{Op: wire.OpLogin, ID: 1}, wire.Login{
		AppKey: p.AppKey, Account: account, Token: account + "-token", DeviceID: device, ClientType: clientType, Force: true,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	if err := ws.WriteMessage(websocket.TextMessage, data); err != nil {
		p.t.Fatal(err)
	}
	return ws, next(p.t, ws)
}

func next(t *testing.T, ws *websocket.Conn) wire.Frame {
	t.Helper()
	_ = ws.SetReadDeadline(time.Now().Add(patience))
	_, data, err := ws.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	f, err := wire.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestRestartKeepsAccountsAndPolicies(t *testing.T) {
	dir := t.TempDir()
	p := startProcess(t, "--listen", "127.0.0.1:0", "--data", dir)
	if p.AdminKey == "" || p.AppKey == "" || p.AppSecret == "" {
		t.Fatalf("the first start did not print its secrets: %+v", p.Ready)
	}
	first := p.Ready
	p.mustAdmin("POST", "/accounts", `{"account":"alice","token":"alice-token"}`)
	p.mustAdmin("PUT", "/policy", `{"multi_login":"one"}`)
	p.login("alice", "d1")
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Fatalf("SIGTERM: %v\n%s", err, p.stderr)
	}
	if strings.Contains(p.stderr.String(), "alice-token") || strings.Contains(p.stderr.String(), first.AdminKey) {
		t.Error("a secret is in the log")
	}

	p = startProcess(t, "--listen", "127.0.0.1:0", "--data", dir)
	if p.AdminKey != "" || p.AppSecret != "" {
		t.Error("secrets were printed at the second start")
	}
	p.AdminKey, p.AppKey = first.AdminKey, first.AppKey
	if _, f := p.login("alice", "d1"); f.Code != 200 {
		t.Errorf("login after the restart: %d %s", f.Code, f.ErrName)
	}
	if got := p.mustAdmin("GET", "/policy", "")["multi_login"]; got != "one" {
		t.Errorf("policy after the restart: %v", got)
	}
}

func TestLoadTakesFlagsBeforeEnvironmentBeforeFile(t *testing.T) {
	file := t.TempDir() + "/nimd.json"
	if err := os.WriteFile(file, []byte(`{"listen":"f:1","data":"f","origins":"a,b"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"NIMD_LISTEN": "e:1", "NIMD_DATA": "e", "NIMD_LOG_LEVEL": "warn"}[name]
		return v, ok
	}
	cfg, level, err := load([]string{"--config", file, "--listen", "l:1"}, env)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Listen != "l:1" || cfg.DataDir != "e" || fmt.Sprint(cfg.Origins) != "[a b]" || level.String() != "WARN" {
		t.Errorf("got %+v, %v", cfg, level)
	}
	if err := os.WriteFile(file, []byte(`{"lissten":"x"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := load([]string{"--config", file}, env); err == nil || !strings.Contains(err.Error(), "lissten") {
		t.Errorf("unknown key: %v", err)
	}
}

// What an operator gets wrong is told with the name of the flag, where it was
// given, and what it wants.
func TestWrongSettingsAreExplained(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nimd.json")
	for _, tc := range []struct {
		args      []string
		env, json string
		says      []string
	}{
		{args: []string{"--heartbeat", "5"}, says: []string{"-heartbeat", "a duration, such as 5s"}},
		{args: []string{"--heartbeat", "0"}, says: []string{"heartbeat", "1s to 5m"}},
		{args: []string{"--nats-replicas", "x"}, says: []string{"-nats-replicas", "a whole number"}},
		{args: []string{"--nats-replicas", "0"}, says: []string{"nats-replicas", "1 to 5"}},
		{args: []string{"--nats-creds", "x"}, says: []string{"nats-creds", "nats too"}},
		{args: []string{"--nats", "nats://127.0.0.1:1"}, says: []string{"store", "postgres://"}},
		{args: []string{"--store", "mysql://x"}, says: []string{"store", "postgres://"}},
		{args: []string{"--store-password-file", "x"}, says: []string{"store-password-file", "store too"}},
		{args: []string{"--address-rate", "many"}, says: []string{"-address-rate", "want a number"}},
		{args: []string{"--log-level", "loud"}, says: []string{"-log-level", "debug, info, warn or error"}},
		{args: []string{"--dev=maybe"}, says: []string{"-dev", "true or false"}},
		{args: []string{"--trusted-proxies", "10.0.0.0/33"}, says: []string{"-trusted-proxies", "10.0.0.0/8"}},
		{args: []string{"--trusted-proxies", "::ffff:10.0.0.0/104"}, says: []string{"-trusted-proxies", "10.0.0.0/8"}},
		{args: []string{"--bogus"}, says: []string{"-bogus", "nimd -h"}},
		{args: []string{"extra"}, says: []string{`"extra"`}},
		{env: "5", says: []string{"NIMD_HEARTBEAT", "a duration", `"5"`}},
		{json: `{"heartbeat":5}`, says: []string{"nimd.json", "heartbeat", "a duration", `"5"`}},
		{json: `{"heartbeat":["5s"]}`, says: []string{"nimd.json", "heartbeat", "a string"}},
		{json: `{"heartbeat":null}`, says: []string{"nimd.json", "heartbeat", "a string"}},
		{json: `["heartbeat"]`, says: []string{"nimd.json", "a JSON object"}},
		{args: []string{"--config", "none"}, says: []string{"config", "none"}},
	} {
		if tc.json != "" {
			tc.args = []string{"--config", file}
			if err := os.WriteFile(file, []byte(tc.json), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cfg, _, err := load(tc.args, func(name string) (string, bool) { return tc.env, name == "NIMD_HEARTBEAT" && tc.env != "" })
		if err == nil {
			err = cfg.Validate()
		}
		for _, want := range tc.says {
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v %s %s: %v, want %q in it", tc.args, tc.env, tc.json, err, want)
			}
		}
	}
}

func TestSettingsMeanWhatTheySay(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nimd.json")
	if err := os.WriteFile(file, []byte(`{"dev":true,"max-connections":7,"heartbeat":"2s","address-rate":1.5}`), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, _, err := load([]string{"--config", file, "--drain", "0", "--trusted-proxies", "10.1.2.3, fd00::/8"}, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	if !cfg.Dev || cfg.Limits.Connections != 7 || cfg.Heartbeat != 2*time.Second || cfg.Limits.AddressRate != 1.5 {
		t.Errorf("from the file: %+v", cfg)
	}
	if cfg.DrainSpread <= 0 || cfg.DrainSpread >= time.Millisecond { // 0 would be the default
		t.Errorf("drain 0 became %v", cfg.DrainSpread)
	}
	if fmt.Sprint(cfg.Trusted) != "[10.1.2.3/32 fd00::/8]" {
		t.Errorf("trusted: %v", cfg.Trusted)
	}
}

// Help that was asked for is an answer; nothing else is printed with an error.
func TestHelpGoesToStdout(t *testing.T) {
	for _, args := range [][]string{{"-h"}, {"token", "-h"}} {
		cmd := exec.Command(os.Args[0], args...)
		cmd.Env = append(os.Environ(), "RUN_AS_NIMD=1")
		if out, err := cmd.Output(); err != nil || !strings.Contains(string(out), "[flags]") {
			t.Errorf("nimd %v: %q, %v", args, out, err)
		}
	}
}

// Where there are several apps, the ready line names the first one made, whatever
// its key, and says how many there are.
func TestTheReadyLineNamesTheFirstApp(t *testing.T) {
	args := []string{"--listen", "127.0.0.1:0", "--data", t.TempDir(), "--dev"}
	p := startProcess(t, args...)
	first := p.Ready
	if first.AppKey == "" || first.Apps != 0 {
		t.Errorf("%q of %d apps, want one and no number", first.AppKey, first.Apps)
	}
	p.mustAdmin("POST", "/apps", `{"app_key":"0-before-it-by-name"}`)
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Fatalf("SIGTERM: %v\n%s", err, p.stderr)
	}
	p = startProcess(t, args...)
	if p.AppKey != first.AppKey || p.Apps != 2 {
		t.Errorf("%q of %d apps, want %q of 2", p.AppKey, p.Apps, first.AppKey)
	}
}
