package session

import (
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/internal/nimerr"
)

// A scrubber stands where the words of servers and proxies come in. A server may
// repeat the token that it refuses; what run sees, keeps for diagnostics and
// tells the application holds no secret any more, also when the secret itself
// is forgotten. It is used by the goroutines that talk to the network.
type scrubber struct{ journal *journal.Journal }

// err returns e, or a scrubbed copy of it: e may belong to somebody else.
func (s scrubber) err(e *nimerr.Error) *nimerr.Error {
	if e == nil {
		return nil
	}
	clean := *e
	clean.Detail, clean.Endpoint = s.journal.Scrub(e.Detail), s.journal.Scrub(e.Endpoint)
	if name := e.Kind.Name; nimerr.ByName(name) != e.Kind && s.journal.Scrub(name) != name { // a server's own name
		own := *e.Kind
		own.Name = "server_refused"
		clean.Kind = &own
	}
	if clean.Detail == e.Detail && clean.Endpoint == e.Endpoint && clean.Kind == e.Kind {
		return e
	}
	return &clean
}

func (s scrubber) event(e backend.Event) backend.Event {
	switch e := e.(type) {
	case backend.Answer:
		e.Err = s.err(e.Err)
		if refused, ok := e.Body.(backend.LoginRefused); ok && refused.Kicked != nil {
			kicked := s.kicked(*refused.Kicked)
			refused.Kicked = &kicked
			e.Body = refused
		}
		return e
	case backend.Kicked:
		return s.kicked(e)
	}
	return e
}

func (s scrubber) kicked(k backend.Kicked) backend.Kicked {
	k.Description = s.journal.Scrub(k.Description)
	return k
}

func (s scrubber) linked(r linked) linked {
	if r.err != nil {
		r.err = s.err(nimerr.From(r.err, nimerr.ConnectionFailed))
	}
	for i := range r.attempts {
		r.attempts[i].Err = s.err(r.attempts[i].Err)
	}
	return r
}
