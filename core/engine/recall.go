package engine

import (
	"time"

	"github.com/tidwall/gjson"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/message"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// A Recall takes back a message of the account.
type Recall struct {
	backend.Recall
	Sender string // of the message, as the program gives it; "": the account
	Time   int64  // ms, of the message, as the program gives it
}

// Recall takes a message back: on the server, then here, then it is answered.
func (e *Engine) Recall(call module.Call, r Recall) {
	refuse := func(err *nimerr.Error) { e.RefuseRecall(call, r, err) }
	e.withAccount(func(a *account) {
		if err := a.recall(call, r, refuse); err != nil {
			refuse(err)
		}
	}, refuse)
}

// RefuseRecall answers a Recall that did not take place.
func (e *Engine) RefuseRecall(call module.Call, r Recall, err *nimerr.Error) {
	b := appendRecall([]byte{'['}, r.Conv, &recallInfo{from: r.Sender, to: r.Conv.ID, id: r.ClientID, notify: r.Said.Notify, attach: r.Said.Attach, messageTime: r.Time}, 0, featureLive)
	e.env.Sink.Answer(call, abi.AnswerTalkRecallMsg(e.Code(err), abi.Raw(append(b, ']')), errorInfo(err)), true)
}

func (a *account) recall(call module.Call, r Recall, refuse func(*nimerr.Error)) *nimerr.Error {
	if a.ended || a.closing != nil {
		return nimerr.NotLoggedIn.New("")
	}
	if r.Sender != "" && r.Sender != a.ID && r.Conv.Kind == backend.P2P {
		return nimerr.Forbidden.New("from_id: only its sender may recall the message")
	}
	key := store.Key{Conversation: r.Conv.Name(), Sender: a.ID, ClientID: r.ClientID}
	if a.sends[key] != nil {
		return nimerr.RecallTooLateHere.New("the message is being sent")
	}
	m, err := a.store.Message(key)
	if err != nil {
		return storeError(err)
	}
	if m != nil && m.Seq == 0 && m.ServerID == 0 && m.Status != store.StatusSent && m.Status != store.StatusReceipt {
		return nimerr.RecallTooLateHere.New("the message was not sent")
	}
	a.recalls[key] = true
	a.errand(r.Recall, func(err *nimerr.Error) {
		delete(a.recalls, key)
		refuse(err)
	}, func(res backend.Result) {
		done, ok := res.Body.(backend.RecallDone)
		if !ok && res.Err != nil && res.Err.Kind == nimerr.Timeout { // its own push may have come all the same
			done, ok = a.wasRecalled(key)
		}
		if !ok {
			delete(a.recalls, key)
			if res.Err == nil {
				res.Err = nimerr.ProtocolError.New("an answer without a body")
			}
			refuse(res.Err)
			return
		}
		a.conv(r.Conv).recalledHere(call, key, r, &done)
	})
	return nil
}

// wasRecalled says whether the recall of a message has come in, and what an answer
// would have said of it.
func (a *account) wasRecalled(key store.Key) (backend.RecallDone, bool) {
	m, err := a.store.Message(key)
	if err != nil || m == nil {
		return backend.RecallDone{}, false
	}
	key.ClientID = recallKey + key.ClientID
	row, err := a.store.Message(key)
	if err != nil || row == nil {
		return backend.RecallDone{}, false
	}
	return backend.RecallDone{Seq: uint64(row.Seq), Time: time.UnixMilli(row.Time), MessageTime: time.UnixMilli(m.Time)}, true
}

// recalledHere takes the message away that the server has taken back.
func (c *conv) recalledHere(call module.Call, key store.Key, r Recall, done *backend.RecallDone) {
	info := &recallInfo{
		from: c.ID, to: c.of.ID, id: key.ClientID, notify: r.Said.Notify, attach: r.Said.Attach, ext: done.Ext, operator: c.ID,
		messageTime: done.MessageTime.UnixMilli(),
	}
	err := c.update(func(tx store.Tx) error {
		m, err := tx.Message(key)
		if err != nil || m == nil {
			return err
		}
		info.exist = true
		if m.Flags&message.FlagRecalled != 0 { // its own push was faster
			return nil
		}
		if err := c.takeBack(tx, m); err != nil {
			return err
		}
		return c.save(tx)
	})
	if err != nil { // the server has done it: what it pushes makes the rows right
		c.reload(c)
	}
	b := appendRecall([]byte{'['}, c.of, info, done.Time.UnixMilli(), featureLive)
	c.answer(call, abi.AnswerTalkRecallMsg(int(nimerr.OK.Code), abi.Raw(append(b, ']')), nil))
	c.tellIfChanged()
	c.line.Head(0, done.Seq)
	c.need()
}

// takeBack makes a stored message one that was recalled. One that is not shown
// anyway is counted as recalled alone, where those are.
func (c *conv) takeBack(tx store.Tx, m *store.Message) error {
	hid := c.hidden(m)
	m.Flags |= message.FlagRecalled
	if hid && !c.hidden(m) && c.wasCounted(m) {
		c.row.Unread.Hidden--
	}
	if l := c.row.Last; l != nil && l.Key == m.Key {
		c.lowered = true
	}
	return c.blank(tx, m)
}

// recalled takes an entry that recalls another one. Its row, which nobody sees,
// keeps what is to be told of it. A message that is not here is remembered, so
// that it is not shown when it comes.
func (c *conv) recalled(tx store.Tx, e *backend.Entry, t *taken) error {
	to := e.Target
	if to == nil || to.ClientID == "" || to.Sender == "" {
		return nil
	}
	row := &store.Message{
		Key: store.Key{Conversation: c.row.Name, Sender: e.Sender, ClientID: recallKey + to.ClientID},
		Seq: int64(e.Seq), ServerID: int64(e.ServerID), Time: e.Time.UnixMilli(), Type: message.TypeUnknown,
		Flags: store.FlagGone | message.FlagRecall,
	}
	if old, err := tx.Message(row.Key); err != nil {
		return err
	} else if old != nil {
		if old.Seq != 0 {
			return nil
		}
		if row.Flags |= old.Flags; row.Flags&message.FlagUntold == 0 {
			row.Flags |= message.FlagKnown // it was told under another epoch
		}
		row.Flags &^= message.FlagUntold
	}
	key := store.Key{Conversation: c.row.Name, Sender: to.Sender, ClientID: to.ClientID}
	m, err := tx.Message(key)
	if err != nil {
		return err
	}
	info := recallInfo{
		from: to.Sender, to: c.of.ID, id: to.ClientID, notify: to.Notify, attach: to.Attach, nick: e.SenderNick, operator: e.Sender,
		messageTime: to.Time.UnixMilli(), target: to.Seq,
	}
	if c.of.Kind == backend.P2P && to.Sender != c.ID {
		info.to = c.ID
	}
	switch {
	case m == nil:
		m = &store.Message{Key: key, Seq: int64(to.Seq), ServerID: int64(to.ServerID), Time: info.messageTime, Type: message.TypeUnknown,
			Flags: store.FlagGone | message.FlagRecalled, Content: []byte("{}")}
		if _, err := tx.PutMessage(m); err != nil {
			return err
		}
		if to.Seq > uint64(c.row.ReadSeq) && to.Sender != c.ID {
			c.askHeads() // only the server knows whether it was counted
		}
	default:
		info.exist = m.Flags&store.FlagGone == 0
		info.counts = m.Flags&message.FlagCounts != 0
		if m.Flags&message.FlagRecalled == 0 {
			if err := c.takeBack(tx, m); err != nil {
				return err
			}
		}
	}
	if c.recalls[key] && e.SenderDev == c.Device {
		row.Flags |= message.FlagHere // its call is answered with it
	}
	row.Content = info.append([]byte{'{'})
	if _, err := tx.PutMessage(row); err != nil {
		return err
	}
	t.fresh = append(t.fresh, *row)
	return nil
}

// recallKey begins the client id of the row that tells of a recall. Behind it
// stands the id of the message.
const recallKey = "\x1frecall "

// recallInfo is what is told of a recall, but when and how it came.
type recallInfo struct {
	from, to, id, notify, attach, nick, operator, ext string
	exist, counts                                     bool
	messageTime                                       int64
	target                                            uint64 // seq of the message
}

// append appends it as the members that a row keeps.
func (r *recallInfo) append(b []byte) []byte {
	b = appendText(b, "from_id", r.from)
	b = appendText(b, "to_id", r.to)
	b = appendText(b, "msg_id", r.id)
	b = appendText(b, "notify", r.notify)
	b = appendBool(b, "msg_exist", r.exist)
	b = appendInt(b, "msg_time", r.messageTime)
	b = appendText(b, "from_nick", r.nick)
	b = appendText(b, "operator_id", r.operator)
	b = appendText(b, "callback_ext", r.ext)
	b = appendText(b, "attach", r.attach)
	if r.target != 0 {
		b = appendInt(b, "target_seq", int64(r.target))
		b = appendBool(b, "target_counts", r.counts)
	}
	return append(b, '}')
}

// appendRecall appends one object of the callback.
func appendRecall(b []byte, of backend.Conv, r *recallInfo, at int64, feature int) []byte {
	r.target = 0
	return appendRecallMembers(b, of, r.append([]byte{'{'}), at, feature)
}

func appendRecallMembers(b []byte, of backend.Conv, members []byte, at int64, feature int) []byte {
	b = append(b, '{')
	b = appendInt(b, "to_type", int64(of.Kind))
	b = appendInt(b, "time", at)
	b = appendInt(b, "feature", int64(feature))
	return append(append(b, ','), members[1:]...)
}

// tellRecall tells of a recall in its place among the messages, and returns the
// number of the posting, or last where nobody hears it. ok is false when it was
// not told and has to be.
func (c *conv) tellRecall(row *store.Message, last uint64) (number uint64, ok bool) {
	if !c.env.Sink.Registered(abi.SlotTalkRecallMsg) {
		return last, true
	}
	feature := featureOffline
	switch {
	case row.Sender == c.ID:
		feature = featureSynced
	case c.live(row):
		feature = featureLive
	}
	members := []byte{'{'}
	gjson.ParseBytes(row.Content).ForEach(func(key, v gjson.Result) bool {
		if k := key.Str; k != "target_seq" && k != "target_counts" {
			members = append(abi.AppendKey(members, k), v.Raw...)
		}
		return true
	})
	b := append([]byte("["), appendRecallMembers(nil, c.of, append(members, '}'), row.Time, feature)...)
	number = c.post(abi.OnTalkRecallMsg(int(nimerr.OK.Code), abi.Raw(append(b, ']')), nil))
	return number, number != 0
}

// countRecall takes that a message which may have been counted was recalled.
func (c *conv) countRecall(row *store.Message) {
	v := gjson.ParseBytes(row.Content)
	if v.Get("target_counts").Bool() && v.Get("target_seq").Int() > c.row.ReadSeq {
		c.kept.Recalled++
	}
}
