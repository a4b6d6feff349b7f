package engine

import (
	"sync"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// A receipt says that a conversation of two was read up to a message. Each side has
// one for the other; neither goes back. The store has both as times, so they hold
// for rows that come later.

// A Receipt tells the sender of a received message that it was read.
type Receipt struct {
	Conv     backend.Conv
	Sender   string // of the message; "": the peer
	ClientID string
	Time     int64 // ms, as the program gives it
}

// receiptTimes are the receipts of the account that is logged in, for functions
// that answer at once. They are set before anything of them is told.
type receiptTimes struct {
	mu    sync.Mutex
	self  string
	sent  map[string]int64 // by conversation
	taken map[string]int64
}

func (r *receiptTimes) reset(self string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.self, r.sent, r.taken = self, map[string]int64{}, map[string]int64{}
}

func (r *receiptTimes) set(row *store.Conversation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sent != nil && (row.ReceiptTime > 0 || row.PeerReceiptTime > 0) {
		r.sent[row.Name], r.taken[row.Name] = row.ReceiptTime, row.PeerReceiptTime
	}
}

// ReadByPeer says whether the peer has read a message of the account.
func (e *Engine) ReadByPeer(r Receipt) bool {
	t := &e.receipts
	t.mu.Lock()
	defer t.mu.Unlock()
	return (r.Sender == "" || r.Sender == t.self) && r.Time > 0 && r.Time <= t.taken[r.Conv.Name()]
}

// ReceiptSent says whether the sender of a message was told that it was read.
func (e *Engine) ReceiptSent(r Receipt) bool {
	t := &e.receipts
	t.mu.Lock()
	defer t.mu.Unlock()
	return r.Sender != t.self && r.Time > 0 && r.Time <= t.sent[r.Conv.Name()]
}

// SendReceipt sends a receipt, if it says something new.
func (e *Engine) SendReceipt(call module.Call, r Receipt) {
	refuse := func(err *nimerr.Error) { e.EndReceipt(call, r, err) }
	e.withAccount(func(a *account) {
		if err := a.sendReceipt(call, r, refuse); err != nil {
			refuse(err)
		}
	}, refuse)
}

// EndReceipt answers a SendReceipt: nil is success.
func (e *Engine) EndReceipt(call module.Call, r Receipt, err *nimerr.Error) {
	e.env.Sink.Answer(call, abi.AnswerMsglogStatusChanged(e.Code(err), abi.Raw(appendReceipt(nil, r.Conv.ID, r.Time)), errorInfo(err)), true)
}

func appendReceipt(b []byte, talk string, at int64) []byte {
	b = appendText(append(b, '[', '{'), "talk_id", talk)
	b = appendInt(b, "msg_timetag", at)
	b = appendInt(b, "status", store.StatusReceipt)
	return append(b, '}', ']')
}

func (a *account) sendReceipt(call module.Call, r Receipt, refuse func(*nimerr.Error)) *nimerr.Error {
	if a.ended || a.closing != nil {
		return nimerr.NotLoggedIn.New("")
	}
	c := a.convs[r.Conv.Name()]
	m, err := a.store.Message(store.Key{Conversation: r.Conv.Name(), Sender: r.Conv.ID, ClientID: r.ClientID})
	switch {
	case err != nil:
		return storeError(err)
	case r.Sender == a.ID, c == nil, m == nil, m.Seq == 0:
		return nimerr.NotFound.New("no message with that client_msg_id was received in the session")
	}
	r.Time = m.Time
	if m.Time <= c.row.ReceiptTime {
		a.EndReceipt(call, r, nil)
		return nil
	}
	a.errand(backend.Read{Conv: r.Conv, Seq: uint64(m.Seq), ReceiptOnly: true}, refuse, func(res backend.Result) {
		if res.Err != nil {
			refuse(res.Err)
			return
		}
		var t taken
		err := a.update(func(tx store.Tx) error {
			t = taken{}
			c.row.ReceiptTime = max(c.row.ReceiptTime, r.Time)
			if h, ok := res.Body.(backend.HeadChanged); ok {
				if err := c.takeHead(tx, &h.Head, &t, false); err != nil {
					return err
				}
			}
			return c.save(tx)
		})
		if err != nil {
			a.reload(c)
			refuse(err)
			return
		}
		a.EndReceipt(call, r, nil)
		c.follow(&t)
	})
	return nil
}

// takeReceipt takes up to which number the peer has read.
func (c *conv) takeReceipt(tx store.Tx, seq int64) error {
	if seq <= c.row.PeerRead || c.of.Kind != backend.P2P {
		return nil
	}
	was := c.row.PeerRead
	c.row.PeerRead = seq
	list, err := tx.MessagesBySeq(c.row.Name, max(was+1, seq-receiptLook), seq, 0)
	if err != nil {
		return err
	}
	for i := range list {
		c.row.PeerReceiptTime = max(c.row.PeerReceiptTime, list[i].Time)
	}
	n, err := tx.SetStatus(store.StatusChange{
		Conversation: c.row.Name, Sender: c.ID, From: store.StatusSent, To: store.StatusReceipt, Until: c.row.PeerReceiptTime,
	})
	if l := c.row.Last; n > 0 && l != nil && l.Sender == c.ID && l.Status == store.StatusSent && l.Time <= c.row.PeerReceiptTime {
		last := *l
		last.Status = store.StatusReceipt
		c.row.Last = &last
	}
	return err
}

// receiptLook is how far below a receipt the newest row is looked for that gives it
// its time. What comes later brings its own.
const receiptLook = 200

// readByPeer makes an own message that came after its receipt one that was read.
func (c *conv) readByPeer(m *store.Message) {
	if m.Seq == 0 || m.Seq > c.row.PeerRead || c.of.Kind != backend.P2P {
		return
	}
	c.row.PeerReceiptTime = max(c.row.PeerReceiptTime, m.Time)
	if m.Sender == c.ID && m.Status == store.StatusSent {
		m.Status = store.StatusReceipt
	}
}

// tellReceipt tells of a receipt that says something new.
func (c *conv) tellReceipt() {
	at := c.row.PeerReceiptTime
	if at <= c.receipt {
		return
	}
	c.receipt = at
	c.post(abi.OnMsglogStatusChanged(int(nimerr.OK.Code), abi.Raw(appendReceipt(nil, c.of.ID, at)), nil))
}
