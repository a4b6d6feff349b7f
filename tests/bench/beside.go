package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/tests/nimdtest"
)

// besideFlag measures several builds of nimd in turn, without the library:
//
//	go run ./tests/bench -beside ACCOUNTS NIMD…
//
// ACCOUNTS is how many each lists.
const besideFlag = "-beside"

// What is done to each build in a round.
const (
	besideRounds  = 10
	besideLogins  = 150 // one after the other
	besideClients = 16  // at the same time
	besideFor     = 700 * time.Millisecond
	besideSettle  = 3 * time.Second // before the memory of an idle server is read
)

// A build is a nimd and what was measured of it.
type build struct {
	*nimdtest.Server
	name         string
	idle, used   int // KiB
	hello, login []time.Duration
	perSecond    []time.Duration // how long a login took, of many at once
	processor    []time.Duration // of nimd, for one of these
	made, listed time.Duration
}

// beside measures builds of nimd in turn.
func beside(dir, accounts string, binaries []string) error {
	count, err := strconv.Atoi(accounts)
	if err != nil {
		return err
	}
	bare, err := startBare()
	if err != nil {
		return err
	}
	defer bare.close()
	var builds []*build
	for i, binary := range binaries {
		nimd, err := nimdtest.Start(binary, filepath.Join(dir, fmt.Sprint("nimd", i)), "--log-level", "error", "--frame-rate", "0")
		if err != nil {
			return err
		}
		defer func() { _ = nimd.Kill() }()
		builds = append(builds, &build{Server: nimd, name: filepath.Base(binary)})
	}
	time.Sleep(besideSettle)
	for _, b := range builds {
		b.idle = residentKiB(b.PID())
		for i := range besideClients {
			if err := b.AddAccount(fmt.Sprint(account, i), "secret"); err != nil {
				return err
			}
		}
	}
	var across samples
	for range besideRounds {
		s, err := bareDials(bare.across)
		if err != nil {
			return err
		}
		across.add(s)
		for _, b := range builds {
			if err := b.loginsInTurn(); err != nil {
				return err
			}
			if err := b.loginsAtOnce(); err != nil {
				return err
			}
		}
	}
	for _, b := range builds {
		b.used = residentKiB(b.PID())
		if err := b.list(count); err != nil {
			return err
		}
	}
	fmt.Println("builds of nimd side by side, without the library")
	printFloor("bare gorilla dial + echo, two processes", across)
	for _, b := range builds {
		b.print(median(across.InARow), count)
	}
	return nil
}

func (b *build) print(bare time.Duration, accounts int) {
	whole := median(b.hello) + median(b.login)
	fmt.Printf("  %s\n", b.name)
	row("  dial to greeting, median", median(b.hello))
	row("  login after it, median", median(b.login))
	fmt.Printf("  %-44s %.2f times the bare dial; p99 of the login %v\n", "  both", float64(whole)/float64(bare), quantile(b.login, 0.99))
	fmt.Printf("  %-44s %.0f\n", fmt.Sprintf("  logins a second, %d at once", besideClients), float64(time.Second)/float64(median(b.perSecond)))
	row("  processor for a login and logout", median(b.processor))
	fmt.Printf("  %-44s %d KiB idle, %d KiB after the logins\n", "  resident memory", b.idle, b.used)
	fmt.Printf("  %-44s %v, 1,000 a page (made in %v)\n", fmt.Sprintf("  %d accounts listed", accounts), b.listed.Round(time.Millisecond), b.made.Round(time.Millisecond))
}

// once is one connection that logs in and out.
func (b *build) once(name string) (hello, login time.Duration, err error) {
	began := time.Now()
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}}
	ws, _, err := d.Dial(b.Link, nil)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = ws.Close() }()
	if _, _, err := ws.ReadMessage(); err != nil {
		return 0, 0, err
	}
	greeted := time.Now()
	err = asked(ws, wire.OpLogin, wire.Login{
		AppKey: b.AppKey, Account: name, Token: "secret", ClientType: 4, ClientOS: "Linux", DeviceID: "d-" + name, SDK: "bench",
		OperationID: strings.Repeat("o", 32), Force: true, Instance: strings.Repeat("i", 32), Attempt: 1,
	})
	if err != nil {
		return 0, 0, err
	}
	hello, login = greeted.Sub(began), time.Since(greeted)
	return hello, login, asked(ws, wire.OpLogout, wire.Logout{})
}

// asked sends a request and reads up to its reply.
func asked(ws *websocket.Conn, op wire.Op, body any) error {
	data, err := wire.Encode(wire.Frame{Op: op, ID: 1}, body)
	if err != nil {
		return err
	}
	if err := ws.WriteMessage(websocket.TextMessage, data); err != nil {
		return err
	}
	for {
		_, data, err := ws.ReadMessage()
		if err != nil {
			return err
		}
		f, err := wire.Decode(data)
		if err != nil {
			return err
		}
		if f.Op == wire.OpReply && f.Code != 200 {
			return fmt.Errorf("%s: %d %s", op, f.Code, f.ErrName)
		}
		if f.Op == wire.OpReply {
			return nil
		}
	}
}

func (b *build) loginsInTurn() error {
	for range besideLogins {
		hello, login, err := b.once(account + "0")
		if err != nil {
			return err
		}
		b.hello, b.login = append(b.hello, hello), append(b.login, login)
	}
	return nil
}

func (b *build) loginsAtOnce() error {
	var all sync.WaitGroup
	var done atomic.Int64
	errs := make([]error, besideClients)
	before, began := processorTime(b.PID()), time.Now()
	for i := range besideClients {
		all.Go(func() {
			for errs[i] == nil && time.Since(began) < besideFor {
				_, _, errs[i] = b.once(fmt.Sprint(account, i))
				done.Add(1)
			}
		})
	}
	all.Wait()
	count := time.Duration(max(done.Load(), 1))
	b.perSecond = append(b.perSecond, time.Since(began)/count)
	b.processor = append(b.processor, (processorTime(b.PID())-before)/count)
	return errors.Join(errs...)
}

// list makes accounts and lists them all.
func (b *build) list(count int) error {
	began := time.Now()
	var all sync.WaitGroup
	errs := make([]error, besideClients)
	for w := range besideClients {
		all.Go(func() {
			for i := w; i < count && errs[w] == nil; i += besideClients {
				errs[w] = b.AddAccount(fmt.Sprintf("account-%07d", i), "secret")
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	b.made = time.Since(began)
	began = time.Now()
	listed, next := 0, ""
	for {
		var page struct {
			Accounts []struct{} `json:"accounts"`
			Next     string     `json:"next_cursor"`
		}
		if err := b.Admin("GET", "/accounts?limit=1000&cursor="+next, nil, &page); err != nil {
			return err
		}
		listed += len(page.Accounts)
		if next = page.Next; next == "" {
			break
		}
	}
	b.listed = time.Since(began)
	if listed != count+besideClients {
		return fmt.Errorf("%s: %d accounts are listed, %d were made", b.name, listed, count+besideClients)
	}
	return nil
}

// residentKiB is the memory of a process that is in use.
func residentKiB(pid int) (kib int) {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(data), "VmRSS:")
	_, _ = fmt.Sscan(rest, &kib)
	return kib
}
