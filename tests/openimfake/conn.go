package openimfake

import (
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	readTimeout  = 30 * time.Second // a client that says nothing for so long is dropped
	browserPing  = 27 * time.Second // platform 5 is pinged; nobody else is
	maxMessage   = 51200
	writeQueue   = 256
	platformWeb  = 5
	finalTimeout = time.Second // to flush the last frame
)

// A conn is one upgraded connection. Its reader is the goroutine of the HTTP
// handler; its writer is one more.
type conn struct {
	s        *Server
	ws       *websocket.Conn
	user     string
	token    string
	platform int
	gzip     bool

	frames chan frame
	done   chan struct{}
	once   sync.Once

	subscribed []string  // guarded by s.mu
	born       time.Time // when it was registered
}

// A frame waits for the writer; one of kind 0 ends the connection.
type frame struct {
	kind int
	data []byte
}

// run serves the connection until it ends.
func (c *conn) run() {
	if !c.s.begin() {
		c.drop()
		return
	}
	defer c.s.workers.Done()
	c.ws.SetReadLimit(maxMessage) // a larger frame is answered with close code 1009
	ping, pong := c.ws.PingHandler(), c.ws.PongHandler()
	c.ws.SetPingHandler(func(data string) error {
		c.s.waitThawed()
		c.heard()
		return ping(data)
	})
	c.ws.SetPongHandler(func(data string) error {
		c.heard()
		return pong(data)
	})
	var writer sync.WaitGroup
	writer.Go(c.write)
	c.s.register(c)
	for c.read() {
	}
	c.s.unregister(c)
	c.drop()
	writer.Wait()
}

func (c *conn) heard() { _ = c.ws.SetReadDeadline(time.Now().Add(readTimeout)) }

// drop ends the connection without a close frame.
func (c *conn) drop() {
	c.once.Do(func() {
		close(c.done)
		c.ws.NetConn().Close()
	})
}

func (c *conn) write() {
	var beat <-chan time.Time
	if c.platform == platformWeb {
		t := time.NewTicker(browserPing)
		defer t.Stop()
		beat = t.C
	}
	for {
		select {
		case <-c.done:
			return
		case f := <-c.frames:
			c.s.waitThawed()
			if f.kind == 0 || c.ws.WriteMessage(f.kind, f.data) != nil {
				c.drop()
				return
			}
		case <-beat:
			if c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(finalTimeout)) != nil {
				c.drop()
				return
			}
		}
	}
}

// send queues a frame; a client that does not read loses its connection.
func (c *conn) send(r *Response) { c.queue(frame{websocket.BinaryMessage, encodeFrame(r, c.gzip)}) }

// finish ends the connection when everything queued is written.
func (c *conn) finish() { c.queue(frame{}) }

func (c *conn) queue(f frame) {
	select {
	case c.frames <- f:
	default:
		c.drop()
	}
}

// kick tells the client that it is kicked, not why, and hangs up.
func (c *conn) kick() {
	c.send(&Response{ReqIdentifier: OpKicked})
	c.finish()
}

// read treats one frame. What a client must not do ends the connection without
// a word, except for a frame that is too large.
func (c *conn) read() bool {
	c.heard()
	kind, data, err := c.ws.ReadMessage()
	c.s.waitThawed()
	if err != nil {
		return false
	}
	if kind == websocket.TextMessage {
		return c.text(data)
	}
	r, err := decodeFrame(data, c.gzip)
	if err != nil || r.SendID != c.user || r.MsgIncr == "" {
		return false
	}
	if c.s.fault().NoReplies {
		return true
	}
	reply := &Response{ReqIdentifier: r.ReqIdentifier, MsgIncr: r.MsgIncr, OperationID: r.OperationID}
	known := c.answer(r, reply)
	if known {
		c.send(reply)
	}
	if r.ReqIdentifier == OpLogout {
		c.finish()
	}
	return known
}

// text treats the JSON heartbeat.
func (c *conn) text(data []byte) bool {
	var t struct {
		Type string          `json:"type"`
		Body json.RawMessage `json:"body,omitempty"`
	}
	if json.Unmarshal(data, &t) != nil || t.Type != "ping" && t.Type != "pong" {
		return false
	}
	if t.Type == "ping" {
		t.Type = "pong"
		c.queue(frame{websocket.TextMessage, mustJSON(t)})
	}
	return true
}

// answer fills the reply in; false: the request is unknown.
func (c *conn) answer(r *Request, reply *Response) bool {
	fail := func(f *failure) { reply.ErrCode, reply.ErrMsg = f.ErrCode, f.ErrMsg }
	switch r.ReqIdentifier {
	case OpSendMessage, OpPullByRange, OpReadAndMax:
		data, bad := c.mail(r)
		if bad != nil {
			fail(bad)
		}
		reply.Data = data
	case OpGetMaxSeq, OpLogout, OpSetBackground:
		user := ""
		err := protoFields(r.Data, func(num uint64, v []byte) {
			if num == 1 {
				user = string(v)
			}
		})
		switch {
		case err != nil:
			fail(errInternal)
		case r.ReqIdentifier == OpGetMaxSeq && user != c.user:
			fail(errForbidden)
		case r.ReqIdentifier == OpGetMaxSeq:
			reply.Data = c.s.maxSeqs(user)
		}
	case OpOnlineStatus:
		add, remove, err := subscription(r.Data)
		if err != nil {
			fail(errInternal)
			return true
		}
		reply.Data = c.s.subscribe(c, add, remove)
	default:
		return false
	}
	return true
}

// register makes a connection live and displaces those that the policy says.
// Connections with the same token are never displaced by each other.
func (s *Server) register(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for old := range s.conns {
		if old.user == c.user && old.token != c.token && displaced(s.policy, old.platform, c.platform) {
			old.kick()
		}
	}
	if s.closed {
		c.drop()
	}
	c.born = time.Now()
	s.conns[c] = struct{}{}
	s.dirty[c.user] = true
}

func (s *Server) unregister(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	s.dirty[c.user] = true
}

// subscribe changes what a connection is told of, and returns the present
// status of what it subscribes to.
func (s *Server) subscribe(c *conn, add, remove []string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.subscribed = slices.DeleteFunc(c.subscribed, func(u string) bool { return slices.Contains(remove, u) })
	var list []onlineStatus
	for _, u := range add {
		if !slices.Contains(c.subscribed, u) {
			c.subscribed = append(c.subscribed, u)
		}
		list = append(list, onlineStatus{u, s.published[u]})
	}
	return tips(list)
}

func (s *Server) onlineLocked(user string) []int {
	var list []int
	for c := range s.conns {
		if c.user == user && !slices.Contains(list, c.platform) {
			list = append(list, c.platform)
		}
	}
	slices.Sort(list)
	return list
}

// mergeOnline publishes what has changed, every lag.
func (s *Server) mergeOnline(lag time.Duration) {
	tick := time.NewTicker(lag)
	defer tick.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-tick.C:
			s.publish()
		}
	}
}

func (s *Server) publish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for user := range s.dirty {
		delete(s.dirty, user)
		now := s.onlineLocked(user)
		if slices.Equal(now, s.published[user]) {
			continue
		}
		s.published[user] = now
		if s.faults.NoOnline {
			continue
		}
		for c := range s.conns {
			if slices.Contains(c.subscribed, user) {
				c.send(&Response{ReqIdentifier: OpOnlineStatus, Data: tips([]onlineStatus{{user, now}})})
			}
		}
	}
}
