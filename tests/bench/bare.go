package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/wire"
)

// serveFlag makes the program the bare server.
const serveFlag = "-serve"

// echoServer is a WebSocket server that returns each message; nothing else.
func echoServer() (net.Listener, error) {
	upgrader := websocket.Upgrader{Subprotocols: []string{wire.Subprotocol}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := upgrader.Upgrade(w, r, nil)
			if err != nil {
				return
			}
			defer func() { _ = c.Close() }()
			for {
				kind, data, err := c.ReadMessage()
				if err != nil || c.WriteMessage(kind, data) != nil {
					return
				}
			}
		}))
	}()
	return l, nil
}

// serve runs the bare server until standard input ends.
func serve() {
	l, err := echoServer()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
}

// A bareServer is an echo server in this process, and one in another, as nimd is.
type bareServer struct {
	inside, across string // their addresses
	close          func()
}

func startBare() (*bareServer, error) {
	l, err := echoServer()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(os.Args[0], serveFlag)
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
	b := &bareServer{inside: l.Addr().String(), close: func() {
		_ = l.Close()
		_ = in.Close()
		_ = cmd.Wait()
	}}
	host, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.close()
		return nil, err
	}
	b.across = strings.TrimSpace(host)
	return b, nil
}

// bareDials measures a dial and one echo of a frame as large as a login.
func bareDials(host string) (samples, error) {
	frame, err := wire.Encode(wire.Frame{Op: wire.OpLogin, ID: 1}, wire.Login{
		AppKey: strings.Repeat("K", 26), Account: account, Token: "secret", ClientType: 4, ClientOS: "Linux",
		DeviceID: strings.Repeat("d", 32), Mac: "00:00:00:00:00:00", SDK: "libnim/0.1.0",
		OperationID: strings.Repeat("o", 32), Force: true, Instance: strings.Repeat("i", 32), Attempt: 100,
	})
	if err != nil {
		return samples{}, err
	}
	dialer := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}}
	return round(func() (*websocket.Conn, error) {
		c, _, err := dialer.Dial("ws://"+host+"/nim", nil)
		if err != nil {
			return nil, err
		}
		if err := c.WriteMessage(websocket.TextMessage, frame); err != nil {
			return nil, err
		}
		_, _, err = c.ReadMessage()
		return c, err
	})
}
