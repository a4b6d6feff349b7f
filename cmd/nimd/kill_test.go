package main

import (
	"flag"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/libnim/libnim/server"
	"github.com/libnim/libnim/server/store/storetest"
)

var (
	nimdKills = flag.Int("nimd-kills", 3, "how often nimd is killed under load")
	people    = flag.Int("people", 40, "how many clients are on line while servers are killed")
)

// nimd is killed again and again while clients log in and send and accounts are
// made. What it answered is there at the next start, everybody comes back, and no
// row is damaged.
func TestKilledUnderLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("starts nimd several times")
	}
	for name, stored := range map[string]func(*testing.T) string{
		"sqlite":   func(*testing.T) string { return "" },
		"postgres": func(t *testing.T) string { return storetest.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) { killUnderLoad(t, stored(t)) })
	}
}

func killUnderLoad(t *testing.T, stored string) {
	dir, address := filepath.Join(t.TempDir(), "data"), freeAddress(t)
	args := []string{"--listen", address, "--data", dir, "--dev", "--heartbeat", "1m", "--send-rate", "0", "--conversation-rate", "0", "--frame-rate", "0"}
	if stored != "" {
		args = append(args, "--store", stored)
	}
	p := startProcess(t, args...)
	crowd := newCrowd(t, p, *people, 0)
	crowd.begin(func(int) *process { return p })
	back, made := crowd.since(), 0
	for round := range *nimdKills {
		back("everybody to be on line")
		back = crowd.since()
		accounts := makeAccounts(p, fmt.Sprintf("r%d", round), 20+round)
		if err := p.stop(syscall.SIGKILL); err == nil {
			t.Error("killed, but exited with success")
		}
		start := time.Now()
		p = startProcess(t, args...)
		up := time.Since(start)
		back(fmt.Sprintf("round %d: everybody to come back", round))
		t.Logf("round %d: up after %v, %d clients are back and sending after %v", round, up.Round(time.Millisecond), *people, time.Since(start).Round(time.Millisecond))
		for _, account := range accounts() {
			made++
			if _, err := p.admin("GET", "/accounts/"+account, ""); err != nil {
				t.Errorf("round %d: %s was acknowledged: %v", round, account, err)
			}
		}
	}
	sent := crowd.end(p)
	t.Logf("%d accounts and %d messages were acknowledged", made, sent)
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	found := server.Check(t.Context(), server.Config{Listen: "127.0.0.1:0", DataDir: dir, Store: stored})
	if !slices.ContainsFunc(found, func(f server.Finding) bool { return strings.HasSuffix(f.Says, " rows, none damaged") }) {
		t.Errorf("after all: %+v", found)
	}
}

// makeAccounts returns once so many accounts are made, and goes on until nimd is
// gone. The function that it returns says which were acknowledged.
func makeAccounts(p *process, prefix string, enough int) func() []string {
	var mu sync.Mutex
	var made []string
	var all sync.WaitGroup
	var count atomic.Int64
	reached := make(chan struct{})
	for w := range 5 {
		all.Go(func() {
			for i := 0; ; i++ {
				account := fmt.Sprintf("%s-%d-%d", prefix, w, i)
				if _, err := p.admin("POST", "/accounts", fmt.Sprintf(`{"account":%q,"token":"%s-token"}`, account, account)); err != nil {
					return
				}
				mu.Lock()
				made = append(made, account)
				mu.Unlock()
				if count.Add(1) == int64(enough) {
					close(reached)
				}
			}
		})
	}
	<-reached
	return func() []string { all.Wait(); return made }
}

// freeAddress is one that a nimd can come back to.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
