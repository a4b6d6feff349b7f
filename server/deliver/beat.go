package deliver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/libnim/libnim/server/bus"
)

// message is what one edge sends to another: a line of JSON, and then the frame
// as it goes to clients. Without a frame it is a beat.
type message struct {
	From string `json:"from"` // edge
	Run  string `json:"run"`  // its start
	N    uint64 `json:"n"`    // counts what From sent to this edge, from 1; of a beat: the last one

	App       string `json:"app,omitempty"`
	Account   string `json:"account,omitempty"`
	Device    string `json:"device,omitempty"`
	Except    string `json:"except,omitempty"`
	Droppable bool   `json:"droppable,omitempty"`

	frame []byte
}

func (m *message) encode() ([]byte, error) {
	head, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return append(append(head, '\n'), m.frame...), nil
}

func decode(data []byte) (m message, err error) {
	head, frame, found := bytes.Cut(data, []byte("\n"))
	if !found {
		return m, errors.New("there is no end of the first line")
	}
	m.frame = frame
	return m, json.Unmarshal(head, &m)
}

// lines number what goes to each other edge. They are kept: a number that began
// anew under the same run would hide a loss.
type lines struct {
	mu sync.Mutex
	to map[string]*line
}

type line struct {
	mu sync.Mutex
	n  uint64
}

func (l *lines) get(edge string) *line {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.to == nil {
		l.to = map[string]*line{}
	}
	if l.to[edge] == nil {
		l.to[edge] = &line{}
	}
	return l.to[edge]
}

// next calls send with the next number of an edge, in their order.
func (l *lines) next(edge string, send func(n uint64)) {
	ln := l.get(edge)
	ln.mu.Lock()
	defer ln.mu.Unlock()
	ln.n++
	send(ln.n)
}

// repeat calls send with the last number of an edge.
func (l *lines) repeat(edge string, send func(n uint64)) {
	ln := l.get(edge)
	ln.mu.Lock()
	defer ln.mu.Unlock()
	send(ln.n)
}

// sources are the other edges as this one hears them.
type sources struct {
	mu   sync.Mutex
	from map[string]*source
}

type source struct {
	run    string
	n      uint64 // of the last message heard, or known to be lost
	beat   time.Time
	silent bool // it was not heard for two beats, which was seen to
}

// hear notes a message of an edge, and reports whether one before it is missing.
func (s *sources) hear(m message, now time.Time) (behind bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.from == nil {
		s.from = map[string]*source{}
	}
	src := s.from[m.From]
	if src == nil || src.run != m.Run {
		src = &source{run: m.Run}
		s.from[m.From] = src
	}
	src.beat, src.silent = now, false
	want := m.N
	if len(m.frame) > 0 {
		want--
	}
	behind = src.n < want
	src.n = max(src.n, m.N)
	return behind
}

// check reports whether one of the edges that live is not heard any more: what
// it committed since may not have been told.
func (s *sources) check(live []string, now time.Time, patience time.Duration) (silent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := map[string]*source{}
	for _, edge := range live {
		src := s.from[edge]
		if src == nil { // it is new
			src = &source{beat: now}
		}
		kept[edge] = src
		if !src.silent && now.Sub(src.beat) > patience {
			src.silent, silent = true, true
		}
	}
	s.from = kept
	return silent
}

// beat tells the others how far this edge is, and looks at how they are heard.
func (d *Deliver) beat(ctx context.Context) {
	t := time.NewTicker(d.cfg.Beat)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		live := d.cfg.Presence.Edges.Live()
		for _, edge := range live {
			d.lines.repeat(edge, func(n uint64) {
				d.publish(edge, message{From: d.edge, Run: d.run, N: n})
			})
		}
		if d.sources.check(live, time.Now(), 2*d.cfg.Beat+d.cfg.Beat/2) {
			d.resync("silent")
		}
	}
}

// hear takes what another edge sends. It runs on one goroutine, in order, and
// only fills outboxes.
func (d *Deliver) hear(b bus.Message) {
	m, err := decode(b.Data)
	if err != nil {
		d.log.Error("deliver: message of a peer cannot be read", "err", err)
		return
	}
	behind := d.sources.hear(m, time.Now())
	if len(m.frame) > 0 {
		d.here(m)
	}
	if behind {
		d.resync("behind")
	}
}
