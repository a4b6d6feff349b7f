package session

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/internal/abi"
)

// A recorder is the Sink of a test. It writes one line for everything the
// session reports, and checks what docs/CLIENT.md promises at each of them.
type recorder struct {
	t     testing.TB
	s     *Session // set once New has returned; nil during it
	start time.Time
	hook  func(line string) // runs on a goroutine of its own

	mu      sync.Mutex
	log     []string
	news    chan struct{} // closed with the next line of log
	faults  []string
	calls   map[Call]string // every call that owes its final answer
	stepped map[Call]bool   // logins that run: a step was told
	names   map[string]int
	last    Call
	kicks   int // kick requests that owe their event
	status  Status
	account string
	clock   int64         // the server's; 0: not known
	backlog int           // what Post returns
	room    chan struct{} // closed when the host has caught up

	ready     bool // between ready and not_ready
	connected bool // the socket of the present attempt is up
	admitted  bool // a login or relogin succeeded on it
	ended     bool // the last logout was answered
	online    int  // successful logins
	kickedAt  int  // value of online at the last kickout
	stopping  bool // Stop was called: answers only, and no order among them
	stopped   bool // the session is done
	syncs     int
	lastLogin *abi.LoginResult // the newest answer of a login call
	lastEvent *abi.ConnectionEvent
	tokenEnds int64 // as the newest answer of a renewal says
}

func newRecorder(t testing.TB) *recorder {
	return &recorder{
		t: t, start: time.Now(), calls: map[Call]string{}, stepped: map[Call]bool{}, names: map[string]int{},
		news: make(chan struct{}), room: make(chan struct{}), kickedAt: -1, ended: true,
	}
}

// open registers a call that will be made.
func (r *recorder) open(kind string) Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	r.names[kind]++
	name := kind
	if n := r.names[kind]; n > 1 {
		name = fmt.Sprintf("%s%d", kind, n)
	}
	r.calls[r.last] = name
	return r.last
}

func (r *recorder) openKick() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kicks++
}

func (r *recorder) add(format string, a ...any) {
	line := fmt.Sprintf(format, a...)
	r.log = append(r.log, fmt.Sprintf("%v %s", time.Since(r.start), line))
	close(r.news)
	r.news = make(chan struct{})
	if len(r.log) > 20000 {
		r.log = slices.Clone(r.log[10000:])
	}
	if r.hook != nil {
		go r.hook(line)
	}
}

// fault notes a broken promise; finish reports it with what led to it.
func (r *recorder) fault(format string, a ...any) {
	if len(r.faults) > 20 {
		return
	}
	from := max(0, len(r.log)-15)
	r.faults = append(r.faults, fmt.Sprintf(format, a...)+"; after\n\t"+strings.Join(r.log[from:], "\n\t"))
}

func (r *recorder) alive(what string) {
	if r.stopped {
		r.fault("%s after the session is done", what)
	}
}

// Publish implements Sink.
func (r *recorder) Publish(status Status, account string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alive("Publish")
	r.status, r.account = status, account
	switch status {
	case StatusOnline, StatusReconnecting, StatusLoggingOut, StatusPaused:
		if account == "" {
			r.fault("no account in status %d", status)
		}
	default:
		if account != "" {
			r.fault("account %q in status %d", account, status)
		}
	}
	if r.s == nil {
		return
	}
	if u := r.s.LoginUser(); u.Status != int(status) || u.Account != account {
		r.fault("LoginUser says status %d of %q, published is %d of %q", u.Status, u.Account, status, account)
	}
}

// Clock implements Sink.
func (r *recorder) Clock(serverMS int64, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alive("Clock")
	r.clock = 0
	if known {
		r.clock = serverMS
	}
}

// WaitRoom implements Sink.
// Ask implements Sink. The session asks through a TokenProvider.
func (r *recorder) Ask(abi.Question, func(module.Reply)) (uint64, int) { return 0, 0 }

// TakeBack implements Sink.
func (r *recorder) TakeBack(abi.Slot) {}

func (r *recorder) WaitRoom(int) {
	r.mu.Lock()
	room, full := r.room, r.backlog > 0
	r.mu.Unlock()
	if full { // the host may have caught up before this began to wait
		<-room
	}
}

// stall makes the host stop consuming; consume lets it catch up.
func (r *recorder) stall() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.backlog = module.Backlog + 1
}

func (r *recorder) consume() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.backlog = 0
	close(r.room)
	r.room = make(chan struct{})
}

// Registered implements Sink.
func (*recorder) Registered(abi.Slot) bool { return true }

// Fate implements Sink.
func (*recorder) Fate(uint64) module.Fate { return module.Waits }

// Post implements Sink.
func (r *recorder) Post(p abi.Posting) (node uint64, backlog int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alive("Post")
	switch p.Slot() {
	case abi.SlotNimxClientConnection:
		r.connectionEvent(p.Text(0).(*abi.ConnectionEvent))
	case abi.SlotClientDisconnect:
		e := p.Text(0).(*abi.DisconnectEvent)
		r.add("disconnected %d %s", e.ErrCode, e.ErrName)
		r.want("disconnected", StatusReconnecting)
	case abi.SlotClientAutoRelogin:
		r.relogin(p.Text(0).(*abi.LoginResult))
	case abi.SlotClientKickout:
		e := p.Text(0).(*abi.KickoutEvent)
		r.add("kickout %d %s", e.ReasonCode, e.DeviceId)
		r.want("kickout", StatusKicked)
		if r.kickedAt == r.online && p.Flags()&abi.Replay == 0 {
			r.fault("a second kickout for one login")
		}
		r.kickedAt = r.online
	case abi.SlotClientMultispotLoginNotify:
		e := p.Text(0).(*abi.MultiSpotEvent)
		r.add("devices %d %s", e.MultiSpotNotiyType, deviceIDs(e.OtherClientsPres))
		r.onlyReady("a device notice")
	case abi.SlotClientKickoutOtherClient:
		e := p.Text(0).(*abi.KickOtherResult)
		r.add("kick_other %d %s", e.ErrCode, strings.Join(e.DeviceIds, ","))
		if r.kicks--; r.kicks < 0 {
			r.fault("a kick result that nobody asked for")
		}
	case abi.SlotClientSyncMultiportPushConfig:
		e := p.Text(0).(*abi.PushConfig)
		r.add("push_changed %d", e.SwitchOpen)
		r.onlyReady("a push notice")
	case abi.SlotDataSyncComplete:
		r.onlyReady("a sync notice")
		if r.syncs++; p.Number(0) == abi.DataSyncTypeAllSuperTeamUserList {
			r.add("synced")
		}
	default:
		r.fault("nobody expects %v", p)
	}
	return 0, r.backlog
}

func (r *recorder) onlyReady(what string) {
	if !r.ready || r.status != StatusOnline {
		r.fault("%s while not ready, status %d", what, r.status)
	}
}

// want checks that a getter is not behind an event.
func (r *recorder) want(what string, statuses ...Status) {
	if !slices.Contains(statuses, r.status) {
		r.fault("%s while the status is %d, want %d", what, r.status, statuses)
	}
}

func (r *recorder) relogin(e *abi.LoginResult) {
	if !e.Relogin {
		r.fault("a relogin event with relogin false")
	}
	switch {
	case e.ErrCode == 200:
		r.add("relogin 200")
		r.success(e, "relogin")
	case e.Retrying:
		r.add("relogin %d %s retrying", e.ErrCode, e.ErrName)
		r.want("a retried relogin", StatusReconnecting)
	default:
		r.add("relogin %d %s", e.ErrCode, e.ErrName)
		r.want("the end of relogin", StatusGaveUp, StatusKicked, StatusLoggedOut)
	}
}

// success checks the result that begins a session.
func (r *recorder) success(e *abi.LoginResult, what string) {
	r.want(what+" 200", StatusOnline)
	if !r.connected {
		r.fault("%s succeeded before connected", what)
	}
	if r.ready {
		r.fault("%s succeeded after ready", what)
	}
	if e.LoginStep != int(stepLogin) || e.Retrying {
		r.fault("%s succeeded with step %d, retrying %v", what, e.LoginStep, e.Retrying)
	}
	r.admitted = true
	r.online++
}

func (r *recorder) connectionEvent(e *abi.ConnectionEvent) {
	text := e.Event
	switch {
	case e.RetryInMs != 0 && e.Event == connRetryIn:
		text += fmt.Sprintf(" %v", time.Duration(e.RetryInMs)*time.Millisecond)
	case e.Event == connFailed, e.Event == connTokenExpired, e.Event == connTokenInvalid:
		text += fmt.Sprintf(" %d %s", e.ErrCode, e.Step)
	}
	r.add("%s", strings.TrimSpace(text))
	r.lastEvent = e
	if e.Status != int(r.status) {
		r.fault("%s carries status %d, published is %d", e.Event, e.Status, r.status)
	}
	if e.Replay {
		return
	}
	if r.ended && e.Event != connConnecting {
		r.fault("%s after the logout result", e.Event)
	}
	switch e.Event {
	case connConnecting:
		r.want(connConnecting, StatusLoggingIn, StatusReconnecting)
		if r.ready {
			r.fault("connecting while ready")
		}
		r.connected, r.admitted, r.ended = false, false, false
	case connConnected:
		r.connected = true
	case connReady:
		r.want(connReady, StatusOnline)
		if !r.admitted || r.ready {
			r.fault("ready with admitted %v, ready %v", r.admitted, r.ready)
		}
		r.ready = true
	case connNotReady:
		if !r.ready {
			r.fault("not_ready without ready")
		}
		r.ready = false
		if r.status == StatusOnline {
			r.fault("not_ready while the status is online")
		}
	case connProfileUpdated:
		r.want(connProfileUpdated, StatusOnline)
	case connLost:
		r.want(connLost, StatusReconnecting)
	case connKicked:
		r.want(connKicked, StatusKicked)
	}
}

// take returns the lines since the last take.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	log := r.log
	r.log = nil
	return log
}

// finish reports what was broken.
func (r *recorder) finish() {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.faults {
		r.t.Error(f)
	}
	for _, name := range r.calls {
		r.t.Errorf("%s was never answered", name)
	}
	if r.kicks != 0 {
		r.t.Errorf("%d kick requests have no result", r.kicks)
	}
}

func deviceIDs(list []abi.ClientPres) string {
	ids := make([]string, len(list))
	for i, d := range list {
		ids[i] = d.DeviceId
	}
	return strings.Join(ids, ",")
}
