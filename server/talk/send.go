package talk

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/gateway"
	"github.com/libnim/libnim/server/store"
)

// typeNotification is of messages that only the server writes.
const typeNotification = 5

// send stores messages, tells both sides, and answers.
func (t *Talk) send(ctx context.Context, r *gateway.Request) (any, error) {
	var s wire.Send
	if err := r.Decode(&s); err != nil {
		return nil, err
	}
	if len(s.Messages) == 0 || len(s.Messages) > maxBatch {
		return nil, invalid("messages: want 1 to %d", maxBatch)
	}
	peer, err := peerOf(s.Conversation)
	if err != nil {
		return nil, err
	}
	entries, refused := t.newEntries(r, s.Messages)
	out := &wire.Sent{Results: []wire.SentResult{}}
	if len(entries) > 0 {
		out, err = t.keep(ctx, r, peer, entries)
		if errors.Is(err, nimerr.NotFound) {
			out, err = &wire.Sent{Results: []wire.SentResult{refusal(s.Messages[0].ClientMsgID, store.Answer(err))}}, nil
		}
		if err != nil {
			return nil, t.hold(r, s.Messages[0].ClientMsgID, err)
		}
	}
	if refused != nil && !hasRefusal(out) {
		out.Results = append(out.Results, refusal(s.Messages[len(entries)].ClientMsgID, refused))
	}
	if last := out.Results[len(out.Results)-1]; last.Code != nimerr.OK.Code && last.RetryAfterMS > 0 {
		slow := nimerr.SendTooFast.New("")
		slow.RetryAfter = time.Duration(last.RetryAfterMS) * time.Millisecond
		r.Hold(last.ClientMsgID, slow)
	}
	t.count(out)
	return out, nil
}

// hold keeps what is sent behind a message that could not be stored now from
// overtaking it, and returns err as it is told.
func (t *Talk) hold(r *gateway.Request, message string, err error) error {
	e := store.Answer(err)
	if e.Kind.Retryable && e.Kind != nimerr.ServerError {
		r.Hold(message, e)
	}
	return e
}

func hasRefusal(s *wire.Sent) bool {
	return slices.ContainsFunc(s.Results, func(r wire.SentResult) bool { return r.Code != nimerr.OK.Code })
}

func (t *Talk) count(s *wire.Sent) {
	for _, r := range s.Results {
		switch {
		case r.Repeated:
			t.stats.messages.Inc("repeated")
		case r.Code == nimerr.OK.Code:
			t.stats.messages.Inc("stored")
		default:
			t.stats.messages.Inc(r.ErrName)
		}
	}
}

func refusal(id string, e *nimerr.Error) wire.SentResult {
	return wire.SentResult{
		ClientMsgID: id, Code: e.Kind.Code, ErrName: e.Kind.Name, ErrMsg: e.Error(), RetryAfterMS: e.RetryAfter.Milliseconds(),
	}
}

// newEntries checks the messages up to the first that is refused.
func (t *Talk) newEntries(r *gateway.Request, messages []wire.Message) (out []newEntry, refused *nimerr.Error) {
	for _, m := range messages {
		if err := t.check(m); err != nil {
			return out, err
		}
		body, err := tail{r.Device.ClientType, r.Device.DeviceID, r.Nick, m}.encode()
		if err != nil {
			return out, nimerr.InvalidArgument.Wrap(err)
		}
		out = append(out, newEntry{kindMessage, []byte(m.ClientMsgID), flagsOf(m.Settings), body})
	}
	return out, nil
}

// check returns the error that names the key which breaks its rule.
func (t *Talk) check(m wire.Message) *nimerr.Error {
	l := t.cfg.Limits
	switch n := len(m.ClientMsgID); {
	case n == 0 || n > maxID:
		return nimerr.InvalidArgument.Newf("client_msg_id: want 1 to %d bytes", maxID)
	case m.Type < 0 || m.Type == typeNotification:
		return nimerr.InvalidArgument.Newf("type: %d is not for clients", m.Type)
	}
	if n := utf8.RuneCountInString(m.Body); n > l.TextChars {
		return nimerr.InvalidArgument.Newf("body: want at most %d characters, got %d", l.TextChars, n)
	}
	if n := len(m.Body) + len(m.Content); n > l.MsgBytes {
		return nimerr.InvalidArgument.Newf("body, content: want at most %d bytes, got %d", l.MsgBytes, n)
	}
	if len(m.Content) > 0 {
		content := gjson.ParseBytes(m.Content)
		if !content.IsObject() {
			return nimerr.InvalidArgument.New("content: want an object")
		}
		if n := len(content.Get("server_ext").String()); n > maxExt {
			return nimerr.InvalidArgument.Newf("content.server_ext: want at most %d bytes, got %d", maxExt, n)
		}
	}
	for _, s := range []struct {
		key string
		v   *int
	}{
		{"cloud_history", m.History}, {"roam_msg", m.Roam}, {"sync_msg", m.Sync}, {"offline_msg", m.Offline},
		{"push_need_badge", m.Badge}, {"is_update_session", m.UpdateSession}, {"push_enable", m.Push}, {"routable_msg", m.Route},
	} {
		if s.v != nil && *s.v != 0 && *s.v != 1 {
			return nimerr.InvalidArgument.Newf("%s: want 0 or 1", s.key)
		}
	}
	return nil
}

// keep stores the entries of one send and tells both sides of those that are
// stored.
func (t *Talk) keep(ctx context.Context, r *gateway.Request, peer string, entries []newEntry) (*wire.Sent, error) {
	out := &wire.Sent{}
	if wait := t.tooFast(r, peer, len(entries)); wait > 0 {
		slow := nimerr.SendTooFast.New("")
		slow.RetryAfter = wait
		out.Results = append(out.Results, refusal(string(entries[0].id), slow))
		return out, nil
	}
	// It goes on without the client: what is committed has to be told.
	ctx = context.WithoutCancel(ctx)
	var a *appending
	for try := 1; ; try++ {
		me, other, err := t.people.both(ctx, r.App, r.Account, peer)
		if err != nil {
			return nil, err
		}
		a = &appending{from: me, to: other, source: r.Conn, entries: entries}
		if err := t.append(ctx, a); err != nil {
			if errors.Is(err, store.ErrUnavailable) { // it may be stored all the same
				t.cfg.Publish.Publish(ctx, r.App, unsure(r.Account, peer))
			}
			return nil, err
		}
		if !a.stale || try == 2 {
			break
		}
		t.people.forget(r.App, r.Account, peer) // there may be another account of the name
	}
	if len(a.out) > 0 {
		t.cfg.Publish.Publish(ctx, r.App, pushes(r, peer, a))
	}
	for _, e := range a.out {
		out.Results = append(out.Results, wire.SentResult{
			ClientMsgID: string(e.ClientMsgID), Code: nimerr.OK.Code, Seq: uint64(e.Seq), ServerMsgID: uint64(e.ID),
			TimeMS: e.TimeMS, Repeated: e.repeated,
		})
	}
	if a.refused != nil {
		out.Results = append(out.Results, refusal(string(entries[len(a.out)].id), a.refused))
	}
	return out, nil
}

func (t *Talk) tooFast(r *gateway.Request, peer string, n int) time.Duration {
	if r.Service {
		return 0
	}
	now := time.Now()
	if wait := t.accounts.take(r.App+"/"+r.Account, float64(n), now); wait > 0 {
		return wait
	}
	return t.convs.take(r.App+"/"+min(r.Account, peer)+"/"+max(r.Account, peer), float64(n), now)
}

// unsure makes both sides ask for their conversation.
func unsure(account, peer string) []Push {
	push := func(who, other string) Push {
		return Push{Account: who, Op: wire.OpResync, Body: wire.Resync{Conversation: wire.ConvP2P + other}}
	}
	if account == peer {
		return []Push{push(account, peer)}
	}
	return []Push{push(account, peer), push(peer, account)}
}

// pushes are what both sides are told of.
func pushes(r *gateway.Request, peer string, a *appending) (out []Push) {
	nobody := func(int64) string { return "" }
	whom := func(e appended) string { // of the own devices
		if e.Flags&noSync != 0 {
			return r.Device.DeviceID
		}
		return ""
	}
	for from := 0; from < len(a.out); {
		body := append([]byte(nil), `,"entries":[`...)
		start, to := len(body), from
		for ; to < len(a.out) && whom(a.out[to]) == whom(a.out[from]) && (to == from || len(body) < maxAnswer); to++ {
			if len(body) > start {
				body = append(body, ',')
			}
			body = appendEntry(body, a.out[to].entryRow, r.Account, nobody)
		}
		body = append(body, `],"max_seq":`...)
		body = append(strconv.AppendInt(body, a.max, 10), '}')
		out = append(out, entryPush(r.Account, whom(a.out[from]), wire.ConvP2P+peer, body))
		if peer != r.Account {
			out = append(out, entryPush(peer, "", wire.ConvP2P+r.Account, body))
		}
		from = to
	}
	return out
}

// entryPush is a push of entries to one side; rest is the body from its second
// key on.
func entryPush(account, device, conversation string, rest []byte) Push {
	body := append([]byte(nil), `{"conversation":`...)
	body = append(strconv.AppendQuote(body, conversation), rest...)
	return Push{Account: account, Device: device, Conversation: conversation, Op: wire.OpEntry, Body: json.RawMessage(body), Droppable: true}
}
