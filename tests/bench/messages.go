package main

import (
	"bufio"
	"bytes"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/tests/nimdtest"
)

// messagesFlag makes the program measure messages only, relayFlag the bare relay
// that they are compared with.
const (
	messagesFlag = "-messages"
	relayFlag    = "-relay"
)

// How messages are measured.
const (
	talkers   = 100 // clients, in pairs
	batch     = 16  // messages of a send, as a client with a backlog does; one send of each is in flight
	warmUp    = time.Second
	measured  = 5 * time.Second
	oneByOne  = 300 // sends with nothing else to do
	textBytes = 100
)

// messages measures what nimd does with raw WebSocket clients: no library.
func messages(products, dir string) error {
	nimd, err := nimdtest.Start(filepath.Join(products, "bin", "nimd"), filepath.Join(dir, "nimd-messages"),
		"--log-level", "error", "--frame-rate", "0", "--send-rate", "0", "--conversation-rate", "0")
	if err != nil {
		return err
	}
	defer func() { _ = nimd.Kill() }()
	for i := range talkers {
		if err := nimd.AddAccount(talker(i), "secret"); err != nil {
			return err
		}
	}
	fmt.Println("messages, raw WebSocket clients, SQLite, all on this machine")
	if err := sendOneByOne(nimd, dir); err != nil {
		return err
	}
	before := processorTime(nimd.PID())
	acked, delivered, err := flood(func(i int) (*websocket.Conn, error) { return logIn(nimd.Ready, talker(i)) })
	if err != nil {
		return err
	}
	used := processorTime(nimd.PID()) - before
	relay, err := startRelay()
	if err != nil {
		return err
	}
	defer relay.close()
	_, bare, err := flood(func(i int) (*websocket.Conn, error) {
		c, _, err := websocket.DefaultDialer.Dial("ws://"+relay.address+"/?n="+strconv.Itoa(i), nil)
		return c, err
	})
	if err != nil {
		return err
	}
	fmt.Printf("  %-44s %.0f acknowledged, %.0f delivered a second\n", fmt.Sprintf("%d clients, each a send of %d in flight", talkers, batch), acked, delivered)
	if used > 0 {
		row("nimd's processor time for one of them", (used / time.Duration(acked*(warmUp+measured).Seconds())).Round(time.Microsecond))
	}
	fmt.Printf("  %-44s %.0f delivered a second: %.1f times as many\n", "bare gorilla relay", bare, bare/delivered)
	return nil
}

// processorTime is what a process has used, where /proc tells it.
func processorTime(pid int) time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		return 0
	}
	return time.Duration(user+system) * 10 * time.Millisecond // 100 ticks a second
}

func talker(i int) string { return "talker" + strconv.Itoa(i) }

// logIn dials and logs an account in.
func logIn(r nimdtest.Ready, who string) (*websocket.Conn, error) {
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}}
	c, _, err := d.Dial(r.Link, nil)
	if err != nil {
		return nil, err
	}
	data, err := wire.Encode(wire.Frame{Op: wire.OpLogin, ID: 1}, wire.Login{
		AppKey: r.AppKey, Account: who, Token: "secret", ClientType: 4, ClientOS: "Linux", DeviceID: who, SDK: "bench", Force: true,
	})
	if err != nil {
		return nil, err
	}
	if err := c.WriteMessage(websocket.TextMessage, data); err != nil {
		return nil, err
	}
	for {
		_, data, err := c.ReadMessage()
		if err != nil {
			return nil, err
		}
		f, err := wire.Decode(data)
		if err != nil {
			return nil, err
		}
		if f.Op == wire.OpReply {
			if f.Code != 200 {
				return nil, fmt.Errorf("login: %d %s", f.Code, f.ErrName)
			}
			return c, nil
		}
	}
}

// sendFrame is a send of n texts from talker i to the other of its pair.
func sendFrame(i int, id uint64, n int) ([]byte, error) {
	s := wire.Send{Conversation: wire.ConvP2P + talker(i^1)}
	run := strconv.FormatInt(time.Now().UnixNano(), 36)
	for k := range n {
		s.Messages = append(s.Messages, wire.Message{ClientMsgID: fmt.Sprintf("%s-%d-%d", run, id, k), Body: strings.Repeat("x", textBytes)})
	}
	return wire.Encode(wire.Frame{Op: wire.OpSend, ID: id}, s)
}

// isAck and isFrom look at a frame without parsing it.
func isAck(data []byte) bool { return bytes.HasPrefix(data, []byte(`{"op":"reply"`)) }
func isFrom(data []byte, i int) bool {
	return bytes.HasPrefix(data, []byte(`{"op":"entry"`)) && bytes.Contains(data, []byte(`"sender":"`+talker(i)+`"`))
}

// flood lets all talkers send as fast as they are acknowledged, and returns how
// many messages a second were acknowledged and delivered.
func flood(dial func(i int) (*websocket.Conn, error)) (acked, delivered float64, err error) {
	var acks, entries atomic.Int64
	var running sync.WaitGroup
	var conns []*websocket.Conn
	refused := make(chan error, talkers)
	for i := range talkers {
		c, err := dial(i)
		if err != nil {
			return 0, 0, err
		}
		conns = append(conns, c)
		running.Go(func() {
			for id := uint64(2); ; id++ {
				data, err := sendFrame(i, id, batch)
				if err != nil || c.WriteMessage(websocket.TextMessage, data) != nil {
					return
				}
				for acked := false; !acked; {
					_, data, err := c.ReadMessage()
					if err != nil {
						return
					}
					n := int64(bytes.Count(data, []byte(`"seq":`)))
					switch acked = isAck(data); {
					case acked && n != batch:
						select {
						case refused <- fmt.Errorf("a send was answered %s", data):
						default:
						}
					case acked:
						acks.Add(n)
					case isFrom(data, i^1):
						entries.Add(n)
					}
				}
			}
		})
	}
	time.Sleep(warmUp)
	a, e, began := acks.Load(), entries.Load(), time.Now()
	time.Sleep(measured)
	took := time.Since(began).Seconds()
	acked, delivered = float64(acks.Load()-a)/took, float64(entries.Load()-e)/took
	for _, c := range conns {
		_ = c.Close()
	}
	running.Wait()
	select {
	case err = <-refused:
	default:
	}
	return acked, delivered, err
}

// sendOneByOne measures a send with nothing else to do, beside what the machine
// does for an echo and for a commit on each side.
func sendOneByOne(nimd *nimdtest.Server, dir string) error {
	a, err := logIn(nimd.Ready, talker(0))
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }()
	b, err := logIn(nimd.Ready, talker(1))
	if err != nil {
		return err
	}
	defer func() { _ = b.Close() }()
	bare, err := startBare()
	if err != nil {
		return err
	}
	defer bare.close()
	echo, _, err := websocket.DefaultDialer.Dial("ws://"+bare.across+"/nim", nil)
	if err != nil {
		return err
	}
	defer func() { _ = echo.Close() }()
	walled, err := openTable(filepath.Join(dir, "wal.db"), "normal")
	if err != nil {
		return err
	}
	defer func() { _ = walled.Close() }()
	synced, err := openTable(filepath.Join(dir, "synced.db"), "full")
	if err != nil {
		return err
	}
	defer func() { _ = synced.Close() }()
	var acks, pushes, floor []time.Duration
	for i := range uint64(oneByOne) {
		data, err := sendFrame(0, i+2, 1)
		if err != nil {
			return err
		}
		began := time.Now()
		if err := a.WriteMessage(websocket.TextMessage, data); err != nil {
			return err
		}
		if err := skipTo(a, isAck); err != nil {
			return err
		}
		acks = append(acks, time.Since(began))
		if err := skipTo(b, func(data []byte) bool { return isFrom(data, 0) }); err != nil {
			return err
		}
		pushes = append(pushes, time.Since(began))

		began = time.Now()
		if err := echo.WriteMessage(websocket.TextMessage, data); err != nil {
			return err
		}
		if _, _, err := echo.ReadMessage(); err != nil {
			return err
		}
		for _, db := range []*sql.DB{walled, synced} {
			if _, err := db.Exec("INSERT INTO t (body) VALUES ($1)", data); err != nil {
				return err
			}
		}
		floor = append(floor, time.Since(began))
	}
	fmt.Printf("  %-44s %v, p99 %v: %.1f times echo + commit + synced commit, %v\n", "send to acknowledgement, idle, median",
		median(acks), quantile(acks, 0.99), float64(median(acks))/float64(median(floor)), median(floor))
	fmt.Printf("  %-44s %v, p99 %v\n", "send to the push at the peer", median(pushes), quantile(pushes, 0.99))
	return nil
}

func skipTo(c *websocket.Conn, wanted func([]byte) bool) error {
	for {
		_, data, err := c.ReadMessage()
		if err != nil || wanted(data) {
			return err
		}
	}
}

func openTable(path, synchronous string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(wal)&_pragma=synchronous("+synchronous+")")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	_, err = db.Exec("CREATE TABLE t (id integer PRIMARY KEY, body blob)")
	return db, err
}

// relayServer passes what each of a pair sends to the other, and acknowledges it.
type relayServer struct {
	address string
	close   func()
}

func startRelay() (*relayServer, error) {
	cmd := exec.Command(os.Args[0], relayFlag)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := &relayServer{close: func() { _, _ = in.Close(), cmd.Wait() }}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		r.close()
		return nil, err
	}
	r.address = strings.TrimSpace(line)
	return r, nil
}

// relay runs the relay until standard input ends.
func relay() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var mu [talkers]sync.Mutex
	var conns [talkers]atomic.Pointer[websocket.Conn]
	write := func(i int, data []byte) {
		if c := conns[i].Load(); c != nil {
			mu[i].Lock()
			defer mu[i].Unlock()
			_ = c.WriteMessage(websocket.TextMessage, data)
		}
	}
	seqs := strings.Repeat(`,{"seq":1}`, batch)
	upgrader := websocket.Upgrader{}
	go func() {
		_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			i, err := strconv.Atoi(r.URL.Query().Get("n"))
			c, upErr := upgrader.Upgrade(w, r, nil)
			if err != nil || upErr != nil {
				return
			}
			defer func() { _ = c.Close() }()
			conns[i].Store(c)
			entry := []byte(`{"op":"entry","sender":"` + talker(i) + `","seqs":[` + seqs[1:] + `],"body":`)
			reply := []byte(`{"op":"reply","seqs":[` + seqs[1:] + `]}`)
			for {
				_, data, err := c.ReadMessage()
				if err != nil {
					return
				}
				write(i^1, append(append(bytes.Clone(entry), data...), '}'))
				write(i, reply)
			}
		}))
	}()
	fmt.Println(l.Addr())
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
}
