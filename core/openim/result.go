package openim

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/libnim/libnim/internal/nimerr"
)

// result waits for the result of the token check, which a gateway sends right
// behind the upgrade. Until then nothing is sent: a gateway that refuses closes
// at once, and where bytes of ours lie unread then, the reset that follows may
// take the refusal away. A ping breaks a silence that lasts, to judge it by.
func (l *link) result(ctx context.Context) (result, *nimerr.Error) {
	var alive atomic.Bool
	ws := l.conn.WS
	ws.SetPongHandler(func(string) error {
		alive.Store(true)
		return nil
	})
	ping := time.AfterFunc(resultWait/2, func() { _ = l.ping() })
	defer ping.Stop()
	stop := context.AfterFunc(ctx, l.conn.Abort)
	_ = ws.SetReadDeadline(time.Now().Add(resultWait))
	kind, data, err := ws.ReadMessage()
	ne, isNet := errors.AsType[net.Error](err)
	switch {
	case !stop():
		return result{}, nimerr.Timeout.New("waiting for the result of the token check")
	case isNet && ne.Timeout() && alive.Load(): // a frozen one answers no ping
		return result{}, nimerr.NotAGateway.New("want an OpenIM 3.8+ msggateway, found a WebSocket server that sends no result of the token check")
	case err != nil:
		return result{}, l.why(err)
	case kind != websocket.TextMessage:
		return result{}, nimerr.NotAGateway.New("want an OpenIM 3.8+ msggateway, found a WebSocket server that begins with a binary frame")
	}
	r, ok := parseResult(data)
	if !ok {
		return result{}, nimerr.NotAGateway.New("want an OpenIM msggateway, found a WebSocket server that begins with " + looksLike(data))
	}
	return r, nil
}

// looksLike describes a text frame of a stranger without repeating it.
func looksLike(data []byte) string {
	var j struct {
		Event   *string `json:"event"`
		ReqFunc *string `json:"reqFuncName"`
	}
	switch {
	case json.Unmarshal(data, &j) != nil:
		return "text that is no JSON"
	case j.Event != nil || j.ReqFunc != nil:
		return "events of OpenIM's JavaScript SDK server (its port is often 10003; the msggateway's is often 10001)"
	}
	return "JSON of another protocol"
}
