package session

import (
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// keptAttempts is how many connection attempts diagnostics shows.
const keptAttempts = 20

// history is what diagnostics tells of the past. It holds no secret. Owned by
// run.
type history struct {
	attempts   []abi.Attempt // newest last
	reconnects int
	last       *nimerr.Error   // why the last attempt failed; nil: it did not
	closed     *nimerr.Error   // why the last link ended
	kick       *backend.Kicked // that ended the last login
}

// add records the addresses tried by one attempt.
func (h *history) add(tried []backend.Attempt) {
	for _, t := range tried {
		a := abi.Attempt{
			Address: t.Remote, Via: t.Via, TimeMs: t.Start.UnixMilli(),
			DnsUs: us(t.DNS), TcpUs: us(t.TCP), ProxyUs: us(t.Proxy), TlsUs: us(t.TLS), UpgradeUs: us(t.Upgrade),
		}
		a.TotalUs = a.DnsUs + a.TcpUs + a.ProxyUs + a.TlsUs + a.UpgradeUs
		a.ErrorInfo = abi.ErrorInfoOf(t.Err)
		a.Endpoint = t.Endpoint
		h.attempts = append(h.attempts, a)
	}
	if n := len(h.attempts); n > keptAttempts {
		h.attempts = append([]abi.Attempt{}, h.attempts[n-keptAttempts:]...)
	}
}

// authenticated completes the newest record.
func (h *history) authenticated(took time.Duration, err *nimerr.Error) {
	if len(h.attempts) == 0 {
		return
	}
	a := &h.attempts[len(h.attempts)-1]
	a.AuthUs = us(took)
	a.TotalUs += a.AuthUs
	if err != nil {
		endpoint := a.Endpoint
		a.ErrorInfo = abi.ErrorInfoOf(err)
		a.Endpoint = endpoint
	}
}

func (h *history) lost(err *nimerr.Error) {
	h.reconnects++
	h.closed = err
}

func us(d time.Duration) int64 { return d.Microseconds() }

// diagnose tells what the session knows of itself; link may be nil.
func (s *Session) diagnose(link backend.Link) *abi.Diagnostics {
	d := &abi.Diagnostics{
		ErrorInfo: s.info(nil), Status: int(s.status), Version: s.env.Config.Version, Backend: s.env.Config.Backend,
		PendingEvents: s.backlog, Attempts: s.history.attempts,
		Reconnects: s.history.reconnects, Trace: s.env.Journal.Trace(),
	}
	if a := s.acct; a != nil {
		d.Account, d.Session = a.login.Account, a.session
	}
	if e := s.history.closed; e != nil {
		d.LastClose = e.Kind.Name + ": " + e.Error()
	}
	if link != nil {
		st := link.Stats()
		d.RttUs, d.BytesIn, d.BytesOut = us(st.RTT), int64(st.BytesIn), int64(st.BytesOut)
		if n := len(s.history.attempts); n > 0 {
			d.ConnectedEndpoint = s.history.attempts[n-1].Endpoint
		}
	}
	return d
}
