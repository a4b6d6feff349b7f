package openimfake

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gorilla/websocket"
)

// control adds what tests in other languages steer the server with: GET
// requests under /fake on the port of the REST API, answered with JSON.
//
//	/fake/token?user=U&platform=P[&life=SECONDS]   {"token":"…"}
//	/fake/kick?user=U&platform=P                   force_logout
//	/fake/kick_keeping_token?user=U&platform=P
//	/fake/forget_token?token=T
//	/fake/connect?user=U&platform=P                another device comes online
//	/fake/disconnect?user=U&platform=P             every connection of it is dropped
//	/fake/online?user=U                            {"platforms":[3,7]}
//	/fake/cut, /fake/freeze, /fake/thaw
//	/fake/faults?plain_refusals=1&no_result=1&no_online=1&slow_api=1&no_replies=1
func (s *Server) control(mux *http.ServeMux) {
	add := func(name string, f func(q url.Values, user string, platform int) any) {
		mux.HandleFunc("GET /fake/"+name, func(w http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			platform, _ := strconv.Atoi(q.Get("platform"))
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(mustJSON(f(q, q.Get("user"), platform)))
		})
	}
	done := func(f func(user string, platform int)) func(url.Values, string, int) any {
		return func(_ url.Values, user string, platform int) any {
			f(user, platform)
			return struct{}{}
		}
	}
	add("token", func(q url.Values, user string, platform int) any {
		life := TokenLife
		if n, err := strconv.Atoi(q.Get("life")); err == nil {
			life = time.Duration(n) * time.Second
		}
		return map[string]string{"token": s.TokenFor(user, platform, life)}
	})
	add("kick", done(s.ForceLogout))
	add("kick_keeping_token", done(s.KickKeepingToken))
	add("forget_token", func(q url.Values, _ string, _ int) any {
		s.ForgetToken(q.Get("token"))
		return struct{}{}
	})
	add("connect", func(_ url.Values, user string, platform int) any {
		d, err := s.Connect(context.Background(), user, platform, nil)
		if err != nil {
			return map[string]string{"error": err.Error()}
		}
		if !s.begin() {
			d.Close()
			return struct{}{}
		}
		go func() {
			defer s.workers.Done()
			d.Drain()
		}()
		return struct{}{}
	})
	add("disconnect", done(s.Disconnect))
	add("online", func(_ url.Values, user string, _ int) any {
		return map[string][]int{"platforms": s.Online(user)}
	})
	add("cut", done(func(string, int) { s.Cut() }))
	add("freeze", done(func(string, int) { s.Freeze() }))
	add("thaw", done(func(string, int) { s.Thaw() }))
	add("faults", func(q url.Values, _ string, _ int) any {
		s.SetFaults(Faults{
			PlainRefusals: q.Has("plain_refusals"), NoResult: q.Has("no_result"), NoOnline: q.Has("no_online"),
			SlowAPI: q.Has("slow_api"), NoReplies: q.Has("no_replies"),
		})
		return struct{}{}
	})
}

// Disconnect drops the connections of a user on a platform.
func (s *Server) Disconnect(user string, platform int) {
	for _, c := range s.connections() {
		if c.user == user && c.platform == platform {
			c.drop()
		}
	}
}

// A Device is another device of a user, as bare as can be.
type Device struct{ WS *websocket.Conn }

// Connect logs a device in with a new token. dial is how to reach the server;
// nil is over TCP.
func (s *Server) Connect(ctx context.Context, user string, platform int, dial func(ctx context.Context, network, address string) (net.Conn, error)) (*Device, error) {
	q := url.Values{
		"sendID": {user}, "token": {s.Token(user, platform)}, "platformID": {strconv.Itoa(platform)},
		"operationID": {"device"}, "isBackground": {"false"}, "sdkType": {"js"}, "isMsgResp": {"true"},
	}
	d := websocket.Dialer{NetDialContext: dial, HandshakeTimeout: 5 * time.Second}
	ws, _, err := d.DialContext(ctx, s.WSAddr()+"/?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	if _, _, err := ws.ReadMessage(); err != nil { // the result of the token check
		ws.Close()
		return nil, err
	}
	return &Device{ws}, nil
}

// Drain reads, and pings often enough, until the connection ends.
func (d *Device) Drain() {
	left := make(chan struct{})
	defer close(left)
	defer d.WS.Close()
	go func() {
		t := time.NewTicker(readTimeout / 3)
		defer t.Stop()
		for {
			select {
			case <-left:
				return
			case <-t.C:
				_ = d.WS.WriteControl(websocket.PingMessage, nil, time.Now().Add(finalTimeout))
			}
		}
	}()
	for {
		if _, _, err := d.WS.ReadMessage(); err != nil {
			return
		}
	}
}

// Close ends the connection without a farewell.
func (d *Device) Close() { d.WS.Close() }
