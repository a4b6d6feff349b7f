package session

import (
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// info turns an error into the group of keys that every result carries; nil is
// success.
func (s *Session) info(err *nimerr.Error) abi.ErrorInfo {
	i := abi.ErrorInfoOf(err)
	if a := s.acct; a != nil {
		i.OperationId = a.login.OperationID
	}
	return i
}

// attempted is info for what the present attempt ran into; err is not nil.
func (s *Session) attempted(err *nimerr.Error, step loginStep) abi.ErrorInfo {
	i := s.info(err)
	i.Step, i.Attempt = step.String(), s.acct.tries
	return i
}

// step tells the login call how far it came.
func (s *Session) step(step loginStep) {
	s.acct.step = step
	s.log(journal.App, "login_step", journal.Int("step", int64(step)), journal.Bool("relogin", !s.acct.first))
	if s.acct.call != 0 {
		r := abi.LoginResult{ErrorInfo: s.info(nil), LoginStep: int(step), LastError: s.lastError()}
		if r.LastError != "" {
			r.Attempt = s.acct.tries
		}
		s.env.Sink.Answer(s.acct.call, abi.AnswerJsonTransport(&r), false)
	}
}

// lastError is why the attempt before failed, "" if none did.
func (s *Session) lastError() string {
	if e := s.acct.last; e != nil {
		return e.Kind.Name + ": " + e.Error()
	}
	return ""
}

// refuseLogin answers a login call that changes nothing.
func (s *Session) refuseLogin(c *cmdLogin, err *nimerr.Error) {
	s.env.Journal.Add(journal.Warn, "login_refused", journal.Err(err), journal.Str("operation_id", c.req.Options.OperationId))
	r := abi.LoginResult{ErrorInfo: abi.ErrorInfoOf(err), LoginStep: int(stepLogin)}
	r.OperationId = c.req.Options.OperationId
	s.env.Sink.Answer(c.call, abi.AnswerJsonTransport(&r), true)
}

// attemptFailed tells the login call, or the relogin callback, that an attempt
// has failed and another follows.
func (s *Session) attemptFailed(info abi.ErrorInfo, step loginStep) {
	r := abi.LoginResult{ErrorInfo: info, LoginStep: int(step), Retrying: true}
	switch a := s.acct; {
	case !a.first:
		r.Relogin = true
		r.ErrCode = goesOn(r.ErrCode)
		s.post(abi.OnClientAutoRelogin(&r))
	case a.call != 0 && a.options.limited:
		s.env.Sink.Answer(a.call, abi.AnswerJsonTransport(&r), false)
	}
	// A first login without limits of its own stays silent: programs that do
	// not know "retrying" read any code but 200 as the end.
}

// goesOn is the code of a failed attempt on the relogin callback. Programs that do
// not know "retrying" take these two for the network's, and wait; any other for
// the end.
func goesOn(code int) int {
	if code == int(nimerr.Timeout.Code) {
		return code
	}
	return int(nimerr.ConnectionFailed.Code)
}

// finishLogin gives the final answer of the login call, or the last event of
// automatic relogin. Its number is that of the last step in any case, since old
// programs look for a failure there; Step names the one that failed. refused
// may be nil.
func (s *Session) finishLogin(err *nimerr.Error, step loginStep, refused *backend.LoginRefused) {
	a := s.acct
	r := abi.LoginResult{ErrorInfo: s.info(err), LoginStep: int(stepLogin), Relogin: !a.first}
	if err != nil {
		r.ErrorInfo = s.attempted(err, step)
		if err != a.last {
			r.LastError = s.lastError()
		}
	} else {
		r.OtherClientsPres = s.devices(a.others)
	}
	if refused != nil {
		r.OtherClientsPres = s.devices(refused.Others)
		if refused.Kicked != nil {
			r.Kicked = kickout(refused.Kicked)
		}
	}
	if !a.first {
		s.post(abi.OnClientAutoRelogin(&r))
	} else if call := a.call; call != 0 {
		a.call = 0
		s.env.Sink.Answer(call, abi.AnswerJsonTransport(&r), true)
	}
	s.renewed(err)
}

// repeatLogin answers a login of the account that is online already.
func (s *Session) repeatLogin(c *cmdLogin) {
	r := abi.LoginResult{ErrorInfo: s.info(nil), LoginStep: int(stepLogin), RepeatLogin: true}
	r.ErrMsg = "this account is logged in already"
	r.OperationId = c.req.Options.OperationId
	r.OtherClientsPres = s.devices(s.acct.others)
	s.env.Sink.Answer(c.call, abi.AnswerJsonTransport(&r), true)
}

// connection posts to the connection callback; err may be nil.
func (s *Session) connection(kind string, err *nimerr.Error) {
	s.connectionEvent(abi.ConnectionEvent{Event: kind, ErrorInfo: s.info(err)})
}

func (s *Session) connectionEvent(e abi.ConnectionEvent) {
	e.Status = int(s.status)
	s.log(journal.App, "connection", journal.Str("event", e.Event), journal.Str("err_name", e.ErrName))
	s.post(abi.OnNimxClientConnection(&e).Replayed(e.Replay))
}

// failed posts the connection event that fits why an attempt failed.
func (s *Session) failed(info abi.ErrorInfo) {
	kind := connFailed
	switch nimerr.ByName(info.ErrName) {
	case nimerr.TokenExpired:
		kind = connTokenExpired
	case nimerr.TokenInvalid, nimerr.TokenNotYetValid, nimerr.TokenKeyMismatch, nimerr.TokenAccountMismatch,
		nimerr.TokenAppMismatch, nimerr.TokenRevoked:
		kind = connTokenInvalid
	}
	s.connectionEvent(abi.ConnectionEvent{Event: kind, ErrorInfo: info})
}

// retryIn posts when the next attempt comes.
func (s *Session) retryIn(d time.Duration, cause *nimerr.Error) {
	e := abi.ConnectionEvent{Event: connRetryIn, ErrorInfo: s.info(cause)}
	e.Attempt, e.RetryInMs = s.acct.tries, d.Milliseconds()
	s.connectionEvent(e)
}

// tellKicked posts the kickout callback, which may come once per login: the
// session leaves its login right after it.
func (s *Session) tellKicked(k *backend.Kicked) {
	s.history.kick = k
	p := kickout(k)
	s.post(abi.OnClientKickout(p))
	err := nimerr.Kicked.New(k.Description)
	s.connectionEvent(abi.ConnectionEvent{Event: connKicked, ErrorInfo: s.info(err), Kicked: p})
}

// post hands an event to the host. When the host has stopped consuming, the
// session stops reading until it has caught up.
func (s *Session) post(p abi.Posting) {
	_, s.backlog = s.env.Sink.Post(p)
	if s.backlog > module.Backlog && s.room == nil {
		room := make(chan struct{})
		s.room = room
		go func() {
			s.env.Sink.WaitRoom(module.BacklogLow)
			close(room)
		}()
	}
}

// simple answers a call that only succeeds or fails.
func (s *Session) simple(call Call, err *nimerr.Error) {
	s.env.Sink.Answer(call, abi.AnswerJsonTransport(&abi.Result{ErrorInfo: s.info(err)}), true)
}

// synced tells programs that wait for the first synchronisation of teams that it is
// over. That of messages is told by their engine; a replay tells both.
func (s *Session) synced(replay bool) {
	for _, d := range dataSyncs {
		if d.kind == abi.DataSyncTypeUnreadMsg && !replay {
			continue
		}
		s.post(abi.OnDataSyncComplete(d.kind, abi.DataSyncStatusComplete, abi.Raw(d.attachment)).Replayed(replay))
	}
}

// replay posts the present state again, as one stream knows it.
func (s *Session) replay(to Stream) {
	switch to {
	case ConnectionStream:
		s.replayConnection()
	case KickoutStream:
		if s.status == StatusKicked && s.history.kick != nil {
			s.post(abi.OnClientKickout(kickout(s.history.kick)).Replayed(true))
		}
	case DataSyncStream:
		if s.status == StatusOnline {
			s.synced(true)
		}
	}
}

func (s *Session) replayConnection() {
	again := func(kind string, err *nimerr.Error, k *abi.KickoutEvent) {
		s.connectionEvent(abi.ConnectionEvent{Event: kind, ErrorInfo: s.info(err), Kicked: k, Replay: true})
	}
	switch s.status {
	case StatusOnline:
		again(connReady, nil, nil)
	case StatusReconnecting, StatusLoggingIn:
		again(connConnecting, nil, nil)
	case StatusKicked:
		if s.history.kick == nil {
			return // it is about to be told
		}
		p := kickout(s.history.kick)
		again(connKicked, nimerr.Kicked.New(p.ReasonDescription), p)
	case StatusGaveUp:
		again(connFailed, s.history.last, nil)
	default:
		again(connNotReady, nil, nil)
	}
}

func kickout(k *backend.Kicked) *abi.KickoutEvent {
	p := &abi.KickoutEvent{
		ClientType: k.ClientType, CustomClientType: k.CustomClientType,
		ReasonCode: k.Reason, ReasonDescription: k.Description, DeviceId: k.DeviceID,
	}
	if !k.Time.IsZero() {
		p.TimeMs = k.Time.UnixMilli()
	}
	return p
}

// devices leaves out entries of this device: after a crash the server may still
// list what is in truth this client.
func (s *Session) devices(list []backend.Device) []abi.ClientPres {
	out := make([]abi.ClientPres, 0, len(list))
	for _, d := range list {
		if d.ID == s.env.Config.Device.ID {
			continue
		}
		out = append(out, abi.ClientPres{
			AppAccount: d.Account, ClientType: d.ClientType, ClientOs: d.OS, Mac: d.Mac, DeviceId: d.ID,
			LoginTime: unixMilli(d.LoginTime), CustomTag: d.CustomTag, CustomClientType: d.CustomClientType,
		})
	}
	return out
}

func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
