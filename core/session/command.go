package session

import (
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// A command is one call of the application on its way to run. Every state
// receives every command; what it does not treat itself, unavailable answers.
type command interface{ command() }

type (
	cmdLogin struct {
		call Call
		req  LoginRequest
	}
	cmdLogout struct {
		call      Call
		kind      int
		operation string // "": that of the login
	}
	cmdRelogin struct{}
	cmdRun     struct{ f func() } // for a module
	cmdRenew   struct {
		call    Call
		token   string
		options abi.RenewTokenOptions
	}
	cmdServerTime     struct{ call Call }
	cmdNetworkChanged struct{}
	cmdPause          struct{ call Call }
	cmdResume         struct{ call Call }
	cmdDiagnostics    struct{ call Call }
	cmdReplay         struct{ to Stream }
)

func (cmdLogin) command()          {}
func (cmdLogout) command()         {}
func (cmdRelogin) command()        {}
func (cmdRun) command()            {}
func (cmdRenew) command()          {}
func (cmdServerTime) command()     {}
func (cmdNetworkChanged) command() {}
func (cmdPause) command()          {}
func (cmdResume) command()         {}
func (cmdDiagnostics) command()    {}
func (cmdReplay) command()         {}

// Login asks for a session. The call is answered for every step and finally
// with step 3 and code 200, or with another code and retrying false.
// An empty app key means the one from init.
func (s *Session) Login(call Call, r LoginRequest) {
	if r.AppKey == "" {
		r.AppKey = s.env.Config.AppKey
	}
	if r.Options.OperationId == "" {
		r.Options.OperationId = s.env.NewID()
	}
	s.do(cmdLogin{call, r})
}

// Logout ends the session, whatever its state; the call is always answered
// with success, and with the operation id if there is one.
func (s *Session) Logout(call Call, kind int, operation string) {
	s.do(cmdLogout{call, kind, nimerr.Clip(operation, maxOperation)})
}

// Relogin tries to connect at once where the session waits or has given up.
func (s *Session) Relogin() { s.do(cmdRelogin{}) }

// RenewToken replaces the token of the session in place.
func (s *Session) RenewToken(call Call, token string, o abi.RenewTokenOptions) {
	s.do(cmdRenew{call, token, o})
}

// ServerTime asks the server for its clock.
func (s *Session) ServerTime(call Call) { s.do(cmdServerTime{call}) }

// NetworkChanged tells that the network may have changed: a waiting session
// tries at once, an online one asks the server for a sign of life.
func (s *Session) NetworkChanged() { s.do(cmdNetworkChanged{}) }

// Pause drops the connection and keeps the session until Resume.
func (s *Session) Pause(call Call) { s.do(cmdPause{call}) }

// Resume connects a paused session again.
func (s *Session) Resume(call Call) { s.do(cmdResume{call}) }

// Diagnostics answers with what the session knows about itself.
func (s *Session) Diagnostics(call Call) { s.do(cmdDiagnostics{call}) }

// A Stream is what a host can attach to anew.
type Stream int

// Streams.
const (
	ConnectionStream Stream = iota
	KickoutStream
	DataSyncStream
)

// Replay posts the present state once more, to a callback of that stream that
// the host attached anew.
func (s *Session) Replay(to Stream) { s.do(cmdReplay{to}) }

// unavailable answers a command that the present state has no use for. why is
// what a command that needs a session is told.
func (s *Session) unavailable(c command, why *nimerr.Error) {
	switch c := c.(type) {
	case cmdLogin:
		s.refuseLogin(&c, why)
	case cmdRun:
		c.f()
	case cmdRenew:
		s.env.Sink.Answer(c.call, abi.AnswerJsonTransport(&abi.RenewTokenResult{ErrorInfo: s.info(why)}), true)
	case cmdServerTime:
		s.env.Sink.Answer(c.call, abi.AnswerClientGetServerCurrentTime(int(why.Kind.Code), false, 0), true)
	case cmdPause:
		s.simple(c.call, why)
	case cmdResume:
		s.simple(c.call, why)
	case cmdDiagnostics:
		s.env.Sink.Answer(c.call, abi.AnswerJsonTransport(s.diagnose(nil)), true)
	case cmdReplay:
		s.replay(c.to)
	case cmdRelogin:
		s.log(journal.Pro, "relogin_ignored")
	case cmdLogout, cmdNetworkChanged:
	}
}
