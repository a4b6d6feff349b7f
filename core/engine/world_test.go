package engine

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// A world is a server, an engine on a store, and a program.
type world struct {
	t      testing.TB
	rand   *rand.Rand // nil: no faults
	rmu    sync.Mutex
	server *server
	path   string
	engine *Engine
	link   *link
	epoch  uint64
	gate   *module.Gate
	host   *host
	store  *crashable
}

func (w *world) chance(n int) int {
	if w.rand == nil {
		return 0
	}
	w.rmu.Lock()
	defer w.rmu.Unlock()
	return w.rand.IntN(n)
}

func (w *world) delay() time.Duration {
	return time.Duration(1+w.chance(40)) * time.Millisecond
}

// Do implements module.Session.
func (w *world) Do(r backend.Request, limit time.Duration, done func(backend.Result)) {
	w.server.mu.Lock()
	l := w.link
	w.server.mu.Unlock()
	if l == nil {
		done(backend.Result{Outcome: backend.NotSent, Err: nimerr.ConnectionLost.New("")})
		return
	}
	l.mu.Lock()
	if l.cut {
		l.mu.Unlock()
		done(backend.Result{Outcome: backend.NotSent, Err: nimerr.ConnectionLost.New("")})
		return
	}
	if s, ok := r.(backend.Send); ok {
		if l.sending[s.Conv] {
			w.t.Errorf("two requests of the lane %v at a time", s.Conv)
		}
		if n := len(s.Messages); n == 0 || n > maxBatch {
			w.t.Errorf("%d messages in a request", n)
		}
		l.sending[s.Conv] = true
		then := done
		done = func(r backend.Result) {
			l.mu.Lock()
			l.sending[s.Conv] = false
			l.mu.Unlock()
			then(r)
		}
	}
	l.next++
	id := l.next
	l.wire[id] = done
	l.mu.Unlock()
	if limit == 0 {
		limit = 10 * time.Second
	}
	time.AfterFunc(limit, func() { l.finish(id, backend.Result{Outcome: backend.Unknown, Err: nimerr.Timeout.New("")}) })
	lost := w.chance(25)
	if lost == 1 { // it never arrives
		return
	}
	time.AfterFunc(w.delay(), func() {
		l.mu.Lock()
		cut := l.cut
		l.mu.Unlock()
		if cut && w.chance(2) == 0 {
			return
		}
		res := w.server.handle(l, r)
		if lost != 2 { // else the answer never arrives
			l.enqueue(func() { l.finish(id, res) })
		}
	})
}

func (l *link) finish(id int, r backend.Result) {
	l.mu.Lock()
	done := l.wire[id]
	delete(l.wire, id)
	l.mu.Unlock()
	if done != nil {
		done(r)
	}
}

// The rest of module.Session is not for an engine.
func (w *world) Run(func())                            { panic("not used") }
func (w *world) Info(*nimerr.Error) abi.ErrorInfo      { panic("not used") }
func (w *world) Post(abi.Posting)                      { panic("not used") }
func (w *world) Answer(module.Call, abi.Posting, bool) { panic("not used") }

// start opens an engine and logs in; online follows.
func (w *world) start(options Options) {
	w.host.open()
	w.engine = New(Env{
		Open: func(module.Account) (store.Store, func(), error, error) {
			s, err := openStore(w.path)
			if err != nil {
				return nil, nil, nil, err
			}
			w.store = &crashable{Store: s}
			return w.store, nil, nil, nil
		},
		Sink: w.host, Wall: time.Now, NewID: func() string { return "id" }, Options: options,
	})
	w.engine.Start(w)
	w.engine.Want()
	w.login()
	synctest.Wait()
}

func (w *world) login() {
	w.gate = &module.Gate{}
	w.engine.Accepted(module.Account{ID: me, Device: device, Gate: w.gate}, func(err *nimerr.Error) {
		if err != nil {
			w.t.Errorf("accepted: %v", err)
		}
	})
}

func (w *world) online() {
	w.epoch++
	l := &link{w: w, wire: map[int]func(backend.Result){}, sending: map[backend.Conv]bool{}}
	w.server.mu.Lock()
	w.link = l
	epoch := w.server.epoch
	w.server.mu.Unlock()
	w.engine.Online(module.Online{
		Epoch: w.epoch, Clock: time.Now(), Ready: &module.Gate{},
		Server: backend.Server{Epoch: epoch, Messages: backend.Messages{Supported: true, Duplicates: w.server.raw}},
	})
}

func (w *world) offline(why module.Reason) {
	w.server.mu.Lock()
	l := w.link
	w.link = nil
	w.server.mu.Unlock()
	if l != nil {
		l.lose()
	}
	settled := make(chan struct{})
	w.engine.Offline(why, func() { close(settled) })
	<-settled
}

// logout ends the login as the session does.
func (w *world) logout(stopping bool) {
	limit := 5 * time.Second
	if stopping {
		limit = 700 * time.Millisecond
		w.host.cleanup()
		w.offline(module.Stopping)
	} else {
		w.offline(module.Lost)
	}
	closed := make(chan struct{})
	w.engine.Close(time.Now().Add(limit), func() { close(closed) })
	select {
	case <-closed:
	case <-time.After(limit):
		w.t.Error("Close took longer than its deadline")
	}
	w.gate.Shut()
}

// end stops the engine.
func (w *world) end() {
	w.engine.Stop()
	<-w.engine.Done()
}

// crash ends the engine as the end of the process does: nothing is stored any
// more, and nothing that was posted runs.
func (w *world) crash() {
	w.store.crash()
	w.host.crash()
	w.offline(module.Lost)
	w.gate.Shut()
	w.end()
	_ = w.store.Store.Close()
}

var errCrashed = errors.New("crashed")

// text is a message.
func text(n int) backend.Message {
	return backend.Message{ClientID: "c" + strconv.Itoa(n), Body: "text " + strconv.Itoa(n)}
}
