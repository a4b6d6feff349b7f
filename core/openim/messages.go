package openim

import (
	"context"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/internal/nimerr"
)

// declared is what OpenIM's messages are like. That an answer to a send proves
// nothing is kept from the engine: a Send is answered when its messages were
// seen, see unconfirmed.
var declared = backend.Server{
	Epoch: epoch,
	Messages: backend.Messages{
		Supported: true, RecallInPlace: true, LooseTime: true, Holes: true, Duplicates: true,
		MaxUnconfirmed: maxUnconfirmed, QuietAfter: quietAfter,
	},
	Limits: backend.Limits{MsgBytes: maxContent, SendBatch: maxUnconfirmed, PullLimit: 100},
}

const (
	epoch          = 1                // OpenIM has one store
	maxUnconfirmed = 50               // of a conversation: more than 100 in a batch of the server's are lost
	quietAfter     = time.Second      // a young connection is pushed nothing
	maxContent     = 36000            // bytes: a frame of 51,200 ends the connection, and data is base64
	readTimeout    = 10 * time.Second // of the REST call that moves a read mark
)

var messageRequests = requestTable{
	of[backend.Send](): {send: func(l *link, id uint64, r backend.Request) error { return l.sendMessages(id, r.(backend.Send)) }},
	of[backend.Heads](): {
		op:     opReadAndMax,
		encode: func(l *link, _ backend.Request) []byte { return headsRequest(l.login.Account) },
		answer: func(l *link, data []byte) (any, error) {
			list, err := headsReply(data, l.login.Account)
			for _, h := range list {
				l.seen(h.Conv, h.MaxSeq)
			}
			return backend.HeadsPage{Epoch: epoch, Heads: list}, err
		},
	},
	of[backend.Pull](): {send: func(l *link, id uint64, r backend.Request) error { return l.pullMessages(id, r.(backend.Pull)) }},
	of[backend.Read](): {send: func(l *link, id uint64, r backend.Request) error { return l.moveMark(id, r.(backend.Read)) }},
}

var messagePushes = pushTable{
	opPushMessage: func(l *link, data []byte) {
		list, err := pushed(data, l.login.Account)
		if err != nil { // what it was is found by asking
			l.log(journal.Warn, "openim_push_unreadable", journal.Err(err))
			l.queue = append(l.queue, backend.Resync{All: true})
			return
		}
		for _, p := range list {
			l.cameIn(p)
		}
	},
}

// cameIn passes entries on. Those that were waited for are confirmed first.
func (l *link) cameIn(p backend.Entries) {
	l.seen(p.Conv, p.MaxSeq)
	l.confirm(p.Conv, p.Entries)
	l.queue = append(l.queue, p)
}

// pullMessages asks for a range.
func (l *link) pullMessages(id uint64, p backend.Pull) error {
	name, ok := conversationID(p.Conv, l.login.Account)
	if !ok {
		return nimerr.ServerCannot.New("OpenIM has no such conversation")
	}
	how := request{op: opPullByRange, answer: func(l *link, data []byte) (any, error) {
		out, err := pullReply(data, name, &p)
		l.confirm(p.Conv, out.Entries)
		return out, err
	}}
	return l.ask(awaited{id, how.answered(id)}, opPullByRange, pullRequest(l.login.Account, name, spanOf(&p)))
}

// moveMark moves a read mark by REST, then asks how the conversation stands.
func (l *link) moveMark(id uint64, r backend.Read) error {
	name, ok := conversationID(r.Conv, l.login.Account)
	switch {
	case !ok:
		return nimerr.ServerCannot.New("OpenIM has no such conversation")
	case l.api.base == "":
		return nimerr.ServerCannot.New("OpenIM moves read marks by its REST API; no api_addr is configured")
	}
	l.spawn(func() {
		ctx, cancel := context.WithTimeout(l.ctx, readTimeout)
		defer cancel()
		bad := l.api.markRead(ctx, l.login, name, r.Seq)
		l.finish(func() backend.Event {
			if bad != nil {
				return backend.Answer{ID: id, Err: bad}
			}
			how := request{op: opReadAndMax, answer: func(l *link, data []byte) (any, error) {
				list, err := headsReply(data, l.login.Account)
				for _, h := range list {
					if h.Conv == r.Conv {
						return backend.HeadChanged{Head: h}, err
					}
				}
				return backend.HeadChanged{Head: backend.Head{Conv: r.Conv, ReadSeq: r.Seq, UnreadRaw: true}}, err
			}}
			if err := l.ask(awaited{id, how.answered(id)}, opReadAndMax, appendString(headsRequest(l.login.Account), 2, name)); err != nil {
				return backend.Answer{ID: id, Err: nimerr.From(err, nimerr.Internal)}
			}
			return nil
		})
	})
	return nil
}

// markRead moves the read mark of a conversation.
func (a *api) markRead(ctx context.Context, login *backend.Login, conversation string, seq uint64) *nimerr.Error {
	r, err := a.post(ctx, "/msg/mark_conversation_as_read", login.Token, struct {
		UserID         string   `json:"userID"`
		ConversationID string   `json:"conversationID"`
		HasReadSeq     uint64   `json:"hasReadSeq"`
		Seqs           []uint64 `json:"seqs"`
	}{login.Account, conversation, seq, []uint64{}})
	switch {
	case err != nil:
		return err
	case r.code != 0:
		return failed(r, login.Token)
	}
	return nil
}

// seen notes the highest number of a conversation that was told of.
func (l *link) seen(c backend.Conv, seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.highest[c] = max(l.highest[c], seq)
}

// lost writes down that the server acknowledged what it did not store.
func (l *link) lost(n int) {
	l.log(journal.Warn, "openim_messages_lost", journal.Int("messages", int64(n)))
}
