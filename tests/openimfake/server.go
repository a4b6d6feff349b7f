// Package openimfake is a strict double of an OpenIM 3.8 deployment, made from
// frames captured of a real one: the msggateway's WebSocket, the few REST calls
// that a session needs, and what the real server does to clients that err. It
// serves loopback sockets as well as in-memory networks in a synctest bubble.
//
// It carries messages as a real one does: what was acknowledged may be lost, an
// id may be stored twice, and a connection hears nothing in its first second.
// It does not speak gob: a handshake with another sdkType than js is refused.
package openimfake

import (
	"cmp"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// Options of a Server. The zero value is a deployment as it is shipped.
type Options struct {
	Secret string           // that signs tokens; "": openIM123
	Policy *int             // multiLogin.policy: 0, 1, 4 or 5; nil: 1
	Wall   func() time.Time // nil: time.Now
	Lag    time.Duration    // how long changes of online status are merged; 0: 1 s

	Batch time.Duration // how long messages are gathered before they are stored; 0: 100 ms
	Quiet time.Duration // a connection that is younger is pushed nothing; 0: 1 s

	// DistinctTokens makes every token another one. A real server issues equal
	// tokens to calls in the same second.
	DistinctTokens bool
}

// AdminID is the user who may call what administrators may.
const AdminID = "imAdmin"

// A Server is one deployment. Its methods may be called from any goroutine.
type Server struct {
	secret   string
	policy   int
	wall     func() time.Time
	distinct bool

	gateway, api net.Listener
	servers      []*http.Server
	done         chan struct{}
	workers      sync.WaitGroup

	mu        sync.Mutex
	closed    bool
	users     map[string]User
	tokens    map[string]map[int]map[string]int // user, platform, token: status
	issued    int
	conns     map[*conn]struct{}
	published map[string][]int // online status as the server knows it, behind by the lag
	dirty     map[string]bool  // users whose status may have changed since
	faults    Faults
	lifted    chan struct{} // closed when the present faults are replaced
	thawed    chan struct{} // closed while the server is not frozen
	calls     []string      // REST paths, in the order of the calls
	mail      mail
}

// A User is registered.
type User struct {
	UserID   string `json:"userID"`
	Nickname string `json:"nickname"`
	FaceURL  string `json:"faceURL"`
	Ex       string `json:"ex"`
}

// Faults are misbehaviours that are switched on and off.
type Faults struct {
	PlainRefusals bool // a refused token is answered with HTTP 200 whatever isMsgResp says
	NoResult      bool // upgrades, and then sends no result of the token check
	NoOnline      bool // as the standalone build: online status is answered, never pushed
	SlowAPI       bool // REST calls hang until the client leaves or the faults are replaced
	NoReplies     bool // envelopes are read and never answered
}

// New returns a server on two listeners, which it closes.
func New(gateway, api net.Listener, o Options) (*Server, error) {
	policy := 1
	if o.Policy != nil {
		policy = *o.Policy
	}
	switch policy {
	case policyNone, policySamePlatform, policySameClass, policyPCAndOther:
	default:
		return nil, errors.New("unknown multiLogin policy")
	}
	if o.Wall == nil {
		o.Wall = time.Now
	}
	s := &Server{
		secret: cmp.Or(o.Secret, "openIM123"), policy: policy, wall: o.Wall, distinct: o.DistinctTokens,
		gateway: gateway, api: api, done: make(chan struct{}),
		users: map[string]User{}, tokens: map[string]map[int]map[string]int{},
		conns: map[*conn]struct{}{}, published: map[string][]int{}, dirty: map[string]bool{},
		thawed: make(chan struct{}), lifted: make(chan struct{}),
	}
	close(s.thawed)
	s.AddUser(User{UserID: AdminID, Nickname: AdminID})
	s.serve(gateway, http.HandlerFunc(s.handshake))
	s.serve(api, s.routes())
	s.mail = newMail(cmp.Or(o.Batch, 100*time.Millisecond), cmp.Or(o.Quiet, time.Second))
	s.workers.Go(func() { s.mergeOnline(cmp.Or(o.Lag, time.Second)) })
	s.workers.Go(s.store)
	return s, nil
}

// Start returns a server on two ports of the loopback interface.
func Start(o Options) (*Server, error) {
	gateway, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	api, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		gateway.Close()
		return nil, err
	}
	return New(gateway, api, o)
}

func (s *Server) serve(l net.Listener, h http.Handler) {
	hs := &http.Server{Handler: h}
	s.servers = append(s.servers, hs)
	s.workers.Go(func() { _ = hs.Serve(l) })
}

// Close ends the server and every connection, as a killed process does.
func (s *Server) Close() {
	s.Thaw()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	close(s.done)
	for _, hs := range s.servers {
		hs.Close()
	}
	s.Cut()
	s.workers.Wait()
}

// begin counts a goroutine that Close waits for; false: the server is closed.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.workers.Add(1)
	}
	return !s.closed
}

// WSAddr is the ws:// address of the msggateway.
func (s *Server) WSAddr() string { return "ws://" + s.gateway.Addr().String() }

// APIAddr is the http:// address of the REST API.
func (s *Server) APIAddr() string { return "http://" + s.api.Addr().String() }

// AddUser registers a user, or changes one.
func (s *Server) AddUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[u.UserID] = u
}

// SetFaults replaces the misbehaviours.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
	close(s.lifted)
	s.lifted = make(chan struct{})
}

func (s *Server) fault() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

// Freeze stops everything, as SIGSTOP does: the kernel goes on accepting
// connections and taking bytes, and nobody answers.
func (s *Server) Freeze() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.thawed:
		s.thawed = make(chan struct{})
	default:
	}
}

// Thaw ends Freeze.
func (s *Server) Thaw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.thawed:
	default:
		close(s.thawed)
	}
}

// waitThawed returns when the server is not frozen.
func (s *Server) waitThawed() {
	for {
		s.mu.Lock()
		thawed := s.thawed
		s.mu.Unlock()
		select {
		case <-thawed:
		default:
			<-thawed
			continue
		}
		return
	}
}

// Cut ends every connection without a close frame.
func (s *Server) Cut() {
	for _, c := range s.connections() {
		c.drop()
	}
}

// Push sends a frame to every connection of a user.
func (s *Server) Push(user string, r Response) {
	for _, c := range s.connections() {
		if c.user == user {
			c.send(&r)
		}
	}
}

// Online lists the platforms of the live connections of a user, sorted.
func (s *Server) Online(user string) []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.onlineLocked(user)
}

// Calls lists the paths of the REST calls so far.
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.calls...)
}

func (s *Server) connections() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		list = append(list, c)
	}
	return list
}
