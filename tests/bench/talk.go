package main

import (
	"bufio"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/tests/nimdtest"
)

// How many texts are sent one after the other, at full speed, and to somebody
// who is away.
const (
	inTurn    = 400
	atOnce    = 3000
	whileAway = 10000
)

// speakers run the C program that measures messages.
type speakers struct {
	program, dir string
	nimd         *nimdtest.Server
}

// start runs the program for an account; heard gives its lines.
func (k speakers) start(account string, args ...string) (*exec.Cmd, *bufio.Scanner, error) {
	cmd := exec.Command(k.program, append([]string{k.nimd.Link, k.nimd.AppKey, account, "secret", filepath.Join(k.dir, account)}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 4<<20)
	return cmd, lines, cmd.Start()
}

// figuresOf reads what a program prints until it ends.
func figuresOf(cmd *exec.Cmd, lines *bufio.Scanner) (map[string][]time.Duration, error) {
	all := map[string][]time.Duration{}
	for lines.Scan() {
		name, values, _ := strings.Cut(lines.Text(), " ")
		for _, v := range strings.Fields(values) {
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", lines.Text(), err)
			}
			all[name] = append(all[name], time.Duration(n))
		}
	}
	return all, cmd.Wait()
}

// talk measures texts between two C programs.
func talk(products, dir string) error {
	lib := filepath.Join(products, "lib")
	k := speakers{program: filepath.Join(dir, "messages"), dir: filepath.Join(dir, "talk")}
	if err := nimdtest.Compile(products, "tests/bench/c/messages.c", "-o", k.program, "-L"+lib, "-lnim", "-Wl,-rpath,"+lib); err != nil {
		return err
	}
	var err error
	if k.nimd, err = nimdtest.Start(filepath.Join(products, "bin", "nimd"), filepath.Join(dir, "nimd-talk"), "--log-level", "error", "--send-rate", "0", "--conversation-rate", "0"); err != nil {
		return err
	}
	defer func() { _ = k.nimd.Kill() }()
	for _, name := range []string{"alice", "bob", "carol"} {
		if err := k.nimd.AddAccount(name, "secret"); err != nil {
			return err
		}
	}
	floor, err := messageFloor(dir)
	if err != nil {
		return err
	}
	fmt.Println("messages between two C programs, loopback, store in SQLite on both sides")
	row("floor: bare echo + WAL commit + synced commit", floor)
	sent, heard, err := k.conversation("send", "bob", inTurn)
	if err != nil {
		return err
	}
	ack := median(sent["ack"])
	fmt.Printf("  %-44s %v, %.1f times the floor; p99 %v\n", "send to acknowledgement, idle", ack, float64(ack)/float64(floor), quantile(sent["ack"], 0.99))
	delay := median(heard["delay"])
	fmt.Printf("  %-44s %v, %.1f times send to acknowledgement; p99 %v\n", "send to the other program's callback", delay, float64(delay)/float64(ack), quantile(heard["delay"], 0.99))
	if sent, heard, err = k.conversation("flood", "bob", atOnce); err != nil {
		return err
	}
	fmt.Printf("  %-44s %.0f acknowledged, %.0f delivered\n", fmt.Sprintf("a second, one conversation, %d at once", atOnce),
		atOnce/sent["flood"][0].Seconds(), atOnce/heard["span"][0].Seconds())
	return k.catchingUp()
}

// conversation has alice send to a peer that listens.
func (k speakers) conversation(how, peer string, n int) (sent, heard map[string][]time.Duration, err error) {
	listener, lines, err := k.start(peer, "hear", strconv.Itoa(n))
	if err != nil {
		return nil, nil, err
	}
	for lines.Scan() && lines.Text() != "ready 1" {
	}
	speaker, said, err := k.start("alice", how, peer, strconv.Itoa(n))
	if err != nil {
		return nil, nil, err
	}
	if sent, err = figuresOf(speaker, said); err != nil {
		return nil, nil, err
	}
	heard, err = figuresOf(listener, lines)
	return sent, heard, err
}

// catchingUp measures a login with messages waiting, on a device that was here
// before.
func (k speakers) catchingUp() error {
	if _, _, err := k.conversation("send", "carol", 1); err != nil {
		return err
	}
	speaker, said, err := k.start("alice", "flood", "carol", strconv.Itoa(whileAway))
	if err != nil {
		return err
	}
	if _, err := figuresOf(speaker, said); err != nil {
		return err
	}
	listener, lines, err := k.start("carol", "hear", strconv.Itoa(whileAway))
	if err != nil {
		return err
	}
	got, err := figuresOf(listener, lines)
	if err != nil {
		return err
	}
	fmt.Printf("  %-44s list after %v, all told after %v\n", fmt.Sprintf("login with %d messages waiting", whileAway), got["list"][0], got["told"][0])
	return nil
}

// messageFloor is what a message cannot do without: a round trip, a commit to a
// write-ahead log at the client, and one that is synced at the server.
func messageFloor(dir string) (time.Duration, error) {
	l, err := echoServer()
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	c, _, err := websocket.DefaultDialer.Dial("ws://"+l.Addr().String(), nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = c.Close() }()
	quick, err := openTable(filepath.Join(dir, "talk-quick.db"), "NORMAL")
	if err != nil {
		return 0, err
	}
	defer func() { _ = quick.Close() }()
	synced, err := openTable(filepath.Join(dir, "talk-synced.db"), "FULL")
	if err != nil {
		return 0, err
	}
	defer func() { _ = synced.Close() }()
	text := []byte(strings.Repeat("x", 300))
	var all []time.Duration
	for range inTurn {
		began := time.Now()
		if err := c.WriteMessage(websocket.TextMessage, text); err != nil {
			return 0, err
		}
		if _, r, err := c.NextReader(); err != nil {
			return 0, err
		} else if _, err := io.Copy(io.Discard, r); err != nil {
			return 0, err
		}
		for _, db := range []*sql.DB{quick, synced} {
			if _, err := db.Exec("INSERT INTO t (body) VALUES (?)", text); err != nil {
				return 0, err
			}
		}
		all = append(all, time.Since(began))
	}
	return median(all), nil
}
