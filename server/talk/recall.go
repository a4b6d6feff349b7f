package talk

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/gateway"
	"github.com/libnim/libnim/server/store"
)

// recall takes a message back, and tells both sides.
func (t *Talk) recall(ctx context.Context, r *gateway.Request) (any, error) {
	var ask wire.Recall
	if err := r.Decode(&ask); err != nil {
		return nil, err
	}
	peer, err := peerOf(ask.Conversation)
	if err != nil {
		return nil, err
	}
	if err := checkRecall(&ask); err != nil {
		return nil, err
	}
	if wait := t.tooFast(r, peer, 1); wait > 0 {
		slow := nimerr.SendTooFast.New("")
		slow.RetryAfter = wait
		return nil, slow
	}
	me, err := t.me(ctx, r)
	if err != nil {
		return nil, err
	}
	other := person{app: me.app}
	err = t.store.Read(ctx, func(reads *store.Reads) (err error) {
		other.account, err = past(reads, me.app, peer)
		return err
	})
	if errors.Is(err, store.ErrNoRow) {
		return nil, nimerr.NotFound.New("no such account")
	}
	if err != nil {
		return nil, err
	}
	w := &recalling{
		appending: appending{from: me, to: other, source: r.Conn}, ask: &ask, window: t.cfg.Limits.Recall, always: r.Service, sender: r.Account,
		by: tail{SenderType: r.Device.ClientType, SenderDev: r.Device.DeviceID, SenderNick: r.Nick},
	}
	// It goes on without the client: what is committed has to be told.
	ctx = context.WithoutCancel(ctx)
	err = t.store.Update(ctx, store.Work{App: me.app, Source: r.Conn, Locks: []string{w.conversation().Name()}, Do: w.run})
	if errors.Is(err, store.ErrUnavailable) { // it may be done all the same
		t.cfg.Publish.Publish(ctx, r.App, unsure(r.Account, peer))
	}
	if err == nil && w.refused != nil {
		err = w.refused
	}
	if err != nil {
		return nil, err
	}
	if len(w.out) > 0 {
		t.stats.messages.Inc("recalled")
		t.cfg.Publish.Publish(ctx, r.App, pushes(r, peer, &w.appending))
	}
	return w.done, nil
}

// Bounds of a recall, in bytes.
const (
	maxNotify  = 4096
	maxPush    = 512
	maxPayload = 2048
)

func checkRecall(ask *wire.Recall) error {
	if n := len(ask.ClientMsgID); n == 0 || n > maxID {
		return invalid("client_msg_id: want 1 to %d bytes", maxID)
	}
	for _, f := range []struct {
		key   string
		value string
		most  int
	}{
		{"notify", ask.Notify, maxNotify}, {"attach", ask.Attach, maxExt}, {"push_content", ask.Push, maxPush},
		{"push_payload", ask.Payload, maxPayload}, {"env_config", ask.Env, maxPush},
	} {
		if n := len(f.value); n > f.most {
			return invalid("%s: want at most %d bytes, got %d", f.key, f.most, n)
		}
	}
	return nil
}

// recalling appends the entry that recalls another one, and blanks that one.
type recalling struct {
	appending // whose one entry is the recall
	ask       *wire.Recall
	window    time.Duration
	always    bool // however old the message is
	sender    string
	by        tail

	done wire.RecallDone // set by run
}

// recallTail is what is stored as the body of a recall.
type recallTail struct {
	SenderType int          `json:"sender_client_type,omitempty"`
	SenderDev  string       `json:"sender_device_id,omitempty"`
	SenderNick string       `json:"sender_nick,omitempty"`
	Target     *wire.Target `json:"target"`
}

// recallID is the key of the entry that recalls number seq. It is no UTF-8, so no
// client can give a message the same.
func recallID(seq int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{0xff, 'r'}, uint64(seq))
}

// run is the transaction.
func (w *recalling) run(tx *store.Tx) error {
	w.out, w.refused, w.max, w.done = nil, nil, 0, wire.RecallDone{}
	unknown := nimerr.NotFound.New("the account sent no such message here")
	c, err := tx.Conversation(w.conversation().Name())
	if errors.Is(err, store.ErrNoRow) {
		w.refused = unknown
		return nil
	}
	if err != nil {
		return err
	}
	target, err := entryOf(&tx.Reads, c.ID, w.from.account, []byte(w.ask.ClientMsgID))
	if errors.Is(err, store.ErrNoRow) || err == nil && target.Kind != kindMessage {
		w.refused = unknown
		return nil
	}
	if err != nil {
		return err
	}
	if target.RecalledSeq > 0 {
		w.done = wire.RecallDone{Seq: uint64(target.RecalledSeq), TimeMS: target.RecalledMS, MsgTimeMS: target.TimeMS, Repeated: true}
		return nil
	}
	now, err := tx.Now()
	if err != nil {
		return err
	}
	if !w.always && now-target.StoredMS > w.window.Milliseconds() {
		w.refused = nimerr.RecallTooLate.New("")
		return nil
	}
	own, err := memberOf(&tx.Reads, w.from.account, c.ID)
	if err != nil {
		return err
	}
	if err := w.entry(target); err != nil {
		return err
	}
	if stored, err := w.store(tx, c, own); err != nil || stored == 0 {
		return err // refused says why
	}
	e := w.out[0]
	w.done = wire.RecallDone{Seq: uint64(e.Seq), TimeMS: e.TimeMS, MsgTimeMS: target.TimeMS}
	if err := target.blank(tx, e.entryRow); err != nil {
		return err
	}
	return w.save(tx, c, own)
}

// entry makes the entry of the recall.
func (w *recalling) entry(target *entryRow) error {
	body, err := encoded(recallTail{w.by.SenderType, w.by.SenderDev, w.by.SenderNick, &wire.Target{
		Seq: uint64(target.Seq), Sender: w.sender, ClientMsgID: w.ask.ClientMsgID, ServerMsgID: uint64(target.ID),
		TimeMS: target.TimeMS, RecallSaid: w.ask.RecallSaid,
	}})
	w.entries = []newEntry{{kindRecall, recallID(target.Seq), 0, body}}
	return err
}

// blank takes the content of an entry away. What says how it is counted stays.
func (e *entryRow) blank(tx *store.Tx, by *entryRow) error {
	var was tail
	if err := json.Unmarshal(e.Body, &was); err != nil {
		return err
	}
	was.Message = wire.Message{ClientMsgID: was.ClientMsgID, Type: was.Type, Settings: was.Settings}
	body, err := was.encode()
	if err != nil {
		return err
	}
	e.Body, e.RecalledSeq, e.RecalledMS, e.RecalledBy = body, by.Seq, by.TimeMS, by.Sender
	_, err = tx.Exec("UPDATE entry SET recalled_seq = $3, recalled_ms = $4, recalled_by = $5, body = $6, sum = $7 WHERE conversation = $1 AND seq = $2",
		e.Conversation, e.Seq, e.RecalledSeq, e.RecalledMS, e.RecalledBy, e.Body, store.Sum(e.values()...))
	return err
}
