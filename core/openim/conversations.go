package openim

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/libnim/libnim/core/backend"
)

// Requests of messages (reqIdentifier), and the push.
const (
	opPullByRange = 1002
	opSendMessage = 1003
	opReadAndMax  = 1006
	opPushMessage = 2001
)

// conversationID names a conversation as OpenIM does; false: it has none such.
func conversationID(c backend.Conv, account string) (string, bool) {
	switch c.Kind {
	case backend.P2P:
		a, b := account, c.ID
		if b < a {
			a, b = b, a
		}
		return "si_" + a + "_" + b, true
	case backend.Team, backend.SuperTeam:
		return "sg_" + c.ID, true
	}
	return "", false
}

// conversationOf is the way back. A user id may have an underscore in it, so
// the own one is looked for at either end.
func conversationOf(id, account string) (backend.Conv, bool) {
	if group, ok := strings.CutPrefix(id, "sg_"); ok {
		return backend.Conv{Kind: backend.Team, ID: group}, true
	}
	pair, ok := strings.CutPrefix(id, "si_")
	if !ok {
		return backend.Conv{}, false
	}
	for _, peer := range []string{strings.TrimPrefix(pair, account+"_"), strings.TrimSuffix(pair, "_"+account)} {
		c := backend.Conv{Kind: backend.P2P, ID: peer}
		if back, _ := conversationID(c, account); peer != pair && back == id {
			return c, true
		}
	}
	return backend.Conv{}, false
}

// sendRequest is the data of opSendMessage.
func (l *link) sendRequest(c backend.Conv, m *backend.Message, now time.Time) ([]byte, bool) {
	d, ok := outgoing(m, now)
	if !ok {
		return nil, false
	}
	d.sendID, d.platform = l.login.Account, l.b.platform()
	switch c.Kind {
	case backend.P2P:
		d.session, d.recvID = sessionSingle, c.ID
	case backend.Team, backend.SuperTeam:
		d.session, d.groupID = sessionGroup, c.ID
	default:
		return nil, false
	}
	return d.encode(), true
}

// sendReply reads msg.SendMsgResp. It has no seq, and is no proof that the
// message was stored: the own push is.
func sendReply(data []byte, clientID string) (backend.SentResult, error) {
	r := backend.SentResult{ClientID: clientID}
	err := fields(data, func(f field) error {
		switch {
		case f.num == 1 && f.wire == wireBytes:
			r.Text = string(f.bytes)
			r.ServerID = numberOf(r.Text)
		case f.num == 3 && f.wire == wireVarint:
			r.Time = time.UnixMilli(int64(f.number))
		}
		return nil
	})
	return r, err
}

// headsRequest is the data of opReadAndMax for all conversations.
func headsRequest(account string) []byte { return appendString(nil, 1, account) }

// headsReply reads the reply to it. What OpenIM knows of unread messages is the
// difference of two numbers.
func headsReply(data []byte, account string) ([]backend.Head, error) {
	var list []backend.Head
	err := mapEntries(data, 1, func(id string, value []byte) error {
		c, ok := conversationOf(id, account)
		if !ok {
			return nil // notices of OpenIM's own
		}
		h := backend.Head{Conv: c, MinSeq: 1, UnreadRaw: true}
		err := fields(value, func(f field) error {
			switch {
			case f.wire != wireVarint:
			case f.num == 1:
				h.MaxSeq = f.number
			case f.num == 2:
				h.ReadSeq = f.number
			case f.num == 3:
				h.Time = time.UnixMilli(int64(f.number))
			}
			return nil
		})
		h.Always = h.MaxSeq - min(h.ReadSeq, h.MaxSeq)
		if h.MaxSeq > 0 {
			list = append(list, h)
		}
		return err
	})
	return list, err
}

// mapEntries calls f for each entry of a map field whose keys are strings and
// whose values are messages.
func mapEntries(data []byte, num uint64, f func(key string, value []byte) error) error {
	return fields(data, func(x field) error {
		if x.num != num || x.wire != wireBytes {
			return nil
		}
		var key string
		var value []byte
		err := fields(x.bytes, func(kv field) error {
			switch {
			case kv.wire != wireBytes:
			case kv.num == 1:
				key = string(kv.bytes)
			case kv.num == 2:
				value = kv.bytes
			}
			return nil
		})
		if err != nil {
			return err
		}
		return f(key, value)
	})
}

// A span is the range of numbers that is asked for.
type span struct{ begin, end, num uint64 }

// spanOf turns a pull into a range. The server gives the last num of a range,
// in rising order, so a pull from the lowest up asks for a short one.
func spanOf(p *backend.Pull) span {
	limit := uint64(max(p.Limit, 1))
	s := span{begin: max(p.From, 1), end: p.To, num: limit}
	if p.Newest {
		if s.end == 0 {
			s.end = 1<<62 - 1
		}
		return s
	}
	if last := s.begin + limit - 1; s.end == 0 || last < s.end {
		s.end = last
	}
	return s
}

// pullRequest is the data of opPullByRange.
func pullRequest(account, conversation string, s span) []byte {
	r := appendString(nil, 1, conversation)
	for i, v := range []uint64{s.begin, s.end, s.num} {
		r = binary.AppendUvarint(r, uint64(i+2)<<3|wireVarint)
		r = binary.AppendUvarint(r, v)
	}
	return appendString(appendString(nil, 1, account), 2, string(r))
}

// maxPulled bounds how far apart the numbers of one reply may be.
const maxPulled = 10000

var errTooFar = errors.New("the numbers of a reply are further apart than what was asked for")

// pullReply reads the reply to it. A number between two that came is a hole of
// the server's: a stub takes its place.
func pullReply(data []byte, conversation string, p *backend.Pull) (backend.Pulled, error) {
	out := backend.Pulled{Epoch: 1}
	isEnd := false
	found := map[uint64]backend.Entry{}
	err := mapEntries(data, 1, func(id string, value []byte) error {
		if id != conversation {
			return nil
		}
		return fields(value, func(f field) error {
			switch {
			case f.num == 1 && f.wire == wireBytes:
				m, err := readMsgData(f.bytes)
				if err == nil && m.seq > 0 {
					found[m.seq] = m.entry()
				}
				return err
			case f.num == 2 && f.wire == wireVarint:
				isEnd = f.number != 0
			}
			return nil
		})
	})
	if err != nil || len(found) == 0 {
		return out, err
	}
	s := spanOf(p)
	low, high := ^uint64(0), uint64(0)
	for seq := range found {
		low, high = min(low, seq), max(high, seq)
	}
	if !p.Newest {
		low = s.begin
		if !isEnd {
			high = s.end
		}
	} else if len(found) < p.Limit {
		low = s.begin
	}
	if high-low > maxPulled {
		return out, errTooFar
	}
	out.Low, out.High = low, high
	for seq := low; seq <= high; seq++ {
		e, ok := found[seq]
		if !ok {
			e = backend.Entry{Seq: seq, Stub: true}
		}
		out.Entries = append(out.Entries, e)
	}
	if p.Newest {
		out.More = low > s.begin
	} else {
		out.More = !isEnd && (p.To == 0 || high < p.To)
	}
	return out, nil
}

// pushed reads sdkws.PushMessages. A message without a number was not stored
// and is no entry.
func pushed(data []byte, account string) ([]backend.Entries, error) {
	var list []backend.Entries
	err := mapEntries(data, 1, func(id string, value []byte) error {
		c, ok := conversationOf(id, account)
		if !ok {
			return nil
		}
		push := backend.Entries{Conv: c}
		err := fields(value, func(f field) error {
			if f.num != 1 || f.wire != wireBytes {
				return nil
			}
			m, err := readMsgData(f.bytes)
			if err == nil && m.seq > 0 {
				push.Entries = append(push.Entries, m.entry())
				push.MaxSeq = max(push.MaxSeq, m.seq)
			}
			return err
		})
		if len(push.Entries) > 0 {
			list = append(list, push)
		}
		return err
	})
	return list, err
}
