package nimlink

import (
	"fmt"
	"strings"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
)

var messageRequests = requestTable{
	of[backend.Send](): {op: wire.OpSend, asked: true, encode: encode(send), answer: decode(sent)},
	of[backend.Heads](): {
		op: wire.OpHeads, asked: true,
		encode: encode(func(r backend.Heads) any { return wire.Heads{Cursor: r.Cursor, Page: r.Page} }),
		answer: read(headsPage),
	},
	of[backend.Pull](): {op: wire.OpPull, asked: true, encode: encode(pull), answer: read(pulled)},
	of[backend.Read](): {
		op: wire.OpRead, asked: true,
		encode: encode(func(r backend.Read) any {
			return wire.Read{Conversation: name(r.Conv), Seq: r.Seq, Silent: r.Silent, ReceiptOnly: r.ReceiptOnly}
		}),
		answer: read(headChanged),
	},
}

var messagePushes = pushTable{
	wire.OpEntry:  read(entries),
	wire.OpHead:   read(headChanged),
	wire.OpResync: read(resync),
}

// read is decode for a body that can be wrong in itself.
func read[W any](to func(w *W) (any, error)) func(f *wire.Frame) (any, error) {
	return func(f *wire.Frame) (any, error) {
		w, err := body[W](f)
		if err != nil {
			return nil, err
		}
		return to(&w)
	}
}

// kinds of conversations, by what their names begin with.
var prefixes = map[backend.ConvKind]string{
	backend.P2P: wire.ConvP2P, backend.Team: wire.ConvTeam, backend.SuperTeam: wire.ConvSuperTeam,
	backend.Notices: wire.ConvNotices, backend.Broadcasts: wire.ConvBroadcast,
}

// name is a conversation on the wire.
func name(c backend.Conv) string { return prefixes[c.Kind] + c.ID }

// conv is a conversation by its name.
func conv(name string) (backend.Conv, error) {
	for kind, prefix := range prefixes {
		id, ok := strings.CutPrefix(name, prefix)
		if ok && strings.HasSuffix(prefix, ":") == (id != "") {
			return backend.Conv{Kind: kind, ID: id}, nil
		}
	}
	return backend.Conv{}, fmt.Errorf("conversation %q", nimerr.Clip(name, 80))
}

func send(r backend.Send) any {
	w := wire.Send{Conversation: name(r.Conv), Messages: make([]wire.Message, len(r.Messages))}
	for i := range r.Messages {
		m := &r.Messages[i]
		w.Messages[i] = wire.Message{
			ClientMsgID: m.ClientID, Type: m.Type, Body: m.Body, Content: m.Content, Settings: settings(m.Settings),
		}
	}
	return w
}

func sent(w *wire.Sent) any {
	out := backend.Sent{Results: make([]backend.SentResult, len(w.Results))}
	for i := range w.Results {
		r := &w.Results[i]
		s := backend.SentResult{
			ClientID: r.ClientMsgID, Seq: r.Seq, ServerID: r.ServerMsgID, Time: at(r.TimeMS), Repeated: r.Repeated, Ext: r.Ext,
		}
		if r.Code != nimerr.OK.Code {
			s.Err = refusal(&wire.Frame{Code: r.Code, ErrName: r.ErrName, ErrMsg: r.ErrMsg, RetryAfterMS: r.RetryAfterMS})
			s.Retry = s.Err.RetryAfter
		}
		out.Results[i] = s
	}
	return out
}

var purposes = map[backend.Purpose]string{
	backend.Catchup: wire.ForCatchup, backend.Roam: wire.ForRoam, backend.History: wire.ForHistory,
}

func pull(r backend.Pull) any {
	return wire.Pull{
		Conversation: name(r.Conv), From: r.From, To: r.To, Newest: r.Newest, Limit: r.Limit, For: purposes[r.For],
	}
}

func pulled(w *wire.Pulled) (any, error) {
	list, err := entryList(w.Entries)
	return backend.Pulled{
		Epoch: w.Epoch, Entries: list, Low: w.Low, High: w.High, Floor: w.Floor, More: w.More,
	}, err
}

func headsPage(w *wire.HeadsPage) (any, error) {
	p := backend.HeadsPage{
		Epoch: w.Epoch, Heads: make([]backend.Head, len(w.Heads)), More: w.More, Page: w.Page, Cursor: w.Cursor, Reset: w.Reset,
	}
	for i := range w.Heads {
		h, err := head(&w.Heads[i])
		if err != nil {
			return nil, err
		}
		p.Heads[i] = h
	}
	return p, nil
}

func headChanged(w *wire.Head) (any, error) {
	h, err := head(w)
	return backend.HeadChanged{Head: h}, err
}

func head(w *wire.Head) (backend.Head, error) {
	h := backend.Head{
		MaxSeq: w.MaxSeq, MinSeq: w.MinSeq, ReadSeq: w.ReadSeq, PeerRead: w.PeerRead, Always: w.Counted.Always,
		Notified: w.Counted.Notifications, Missed: w.Counted.MissedCalls, Recalled: w.Recalled, Time: at(w.TimeMS),
	}
	h.State = state(w)
	var err error
	if h.Conv, err = conv(w.Conversation); err != nil || w.Last == nil {
		return h, err
	}
	e, err := entry(w.Last)
	h.Last = &e
	return h, err
}

func entries(w *wire.Entries) (any, error) {
	c, err := conv(w.Conversation)
	if err != nil {
		return nil, err
	}
	list, err := entryList(w.Entries)
	return backend.Entries{Conv: c, Entries: list, MaxSeq: w.MaxSeq}, err
}

func resync(w *wire.Resync) (any, error) {
	if w.Conversation == "" {
		return backend.Resync{All: true}, nil
	}
	c, err := conv(w.Conversation)
	return backend.Resync{Conv: c}, err
}

func entryList(list []wire.Entry) ([]backend.Entry, error) {
	out := make([]backend.Entry, len(list))
	for i := range list {
		e, err := entry(&list[i])
		if err != nil {
			return nil, err
		}
		out[i] = e
	}
	return out, nil
}

// entryKinds; what a later server calls otherwise is told as a stub: its number
// is taken.
var entryKinds = map[string]backend.EntryKind{
	wire.KindMessage: backend.KindMessage, wire.KindNotification: backend.KindNotification,
	wire.KindRecall: backend.KindRecall, wire.KindNotice: backend.KindNotice,
}

func entry(w *wire.Entry) (backend.Entry, error) {
	if w.Seq == 0 {
		return backend.Entry{}, fmt.Errorf("an entry without seq")
	}
	kind, known := entryKinds[w.Kind]
	e := backend.Entry{Seq: w.Seq, ServerID: w.ServerMsgID, Time: at(w.TimeMS), Hidden: w.Hidden}
	if w.Stub || !known {
		e.Stub = true
		return e, nil
	}
	e.Kind, e.Sender, e.SenderType, e.SenderDev, e.SenderNick = kind, w.Sender, w.SenderType, w.SenderDev, w.SenderNick
	e.Target = target(w.Target)
	if m := w.Message; m != nil {
		e.Message = backend.Message{
			ClientID: m.ClientMsgID, Type: m.Type, Body: m.Body, Content: m.Content, Settings: settingsOf(&m.Settings),
		}
	}
	if r := w.Recalled; r != nil {
		e.Recalled = &backend.Recalled{Seq: r.Seq, By: r.By, Time: at(r.TimeMS)}
	}
	return e, nil
}

// offSettings are the settings whose default is 1, each with its place on the
// wire.
var offSettings = []struct {
	bit backend.Settings
	at  func(*wire.Settings) **int
}{
	{backend.NoHistory, func(s *wire.Settings) **int { return &s.History }},
	{backend.NoRoam, func(s *wire.Settings) **int { return &s.Roam }},
	{backend.NoSync, func(s *wire.Settings) **int { return &s.Sync }},
	{backend.NoOffline, func(s *wire.Settings) **int { return &s.Offline }},
	{backend.NoBadge, func(s *wire.Settings) **int { return &s.Badge }},
	{backend.NoUpdateSession, func(s *wire.Settings) **int { return &s.UpdateSession }},
	{backend.NoPush, func(s *wire.Settings) **int { return &s.Push }},
	{backend.Unroutable, func(s *wire.Settings) **int { return &s.Route }},
}

func settings(s backend.Settings) (w wire.Settings) {
	zero, one := 0, 1
	for _, o := range offSettings {
		if s&o.bit != 0 {
			*o.at(&w) = &zero
		}
	}
	if s&backend.Routable != 0 {
		w.Route = &one
	}
	return w
}

func settingsOf(w *wire.Settings) (s backend.Settings) {
	for _, o := range offSettings {
		if v := *o.at(w); v != nil && *v == 0 {
			s |= o.bit
		}
	}
	if w.Route != nil && *w.Route != 0 {
		s |= backend.Routable
	}
	return s
}

func limits(w *wire.Limits) backend.Limits {
	if w == nil {
		return backend.Limits{}
	}
	return backend.Limits{
		TextChars: w.TextChars, MsgBytes: w.MsgBytes, SendBatch: w.SendBatch, PullLimit: w.PullLimit, ExtBytes: w.ExtBytes,
		Recall: time.Duration(w.RecallMS) * time.Millisecond,
	}
}
