package openimfake

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxBatch is how many messages of one conversation a batch may hold: a real
// server drops the whole lot when there are more, and has acknowledged them.
const maxBatch = 100

// maxGathered is how many messages a batch holds in all.
const maxGathered = 500

// mail is what the server has of messages; guarded by Server.mu but for the
// channel.
type mail struct {
	batch, quiet time.Duration
	gathered     chan *message
	convs        map[string]*conversation
	blocks       map[[2]string]bool // who, whom
	sent         int
	lost         int
	losing       int // batches that are still to be lost
}

// A conversation holds its messages; the number of one is its place, from 1.
type conversation struct {
	members  []string
	messages []*message
	read     map[string]uint64
}

// A message is one sdkws.MsgData, of which the fields that the server looks at
// are here.
type message struct {
	conv     string
	members  []string
	sender   string
	clientID string
	fields   []byte // as they came
	serverID string
	sendTime int64
	options  map[string]bool // that are false
	seq      uint64          // 0: not stored
}

func newMail(batch, quiet time.Duration) mail {
	return mail{
		batch: batch, quiet: quiet, gathered: make(chan *message, 4*maxGathered),
		convs: map[string]*conversation{}, blocks: map[[2]string]bool{},
	}
}

// A Stored message is what the server holds under a number.
type Stored struct {
	Seq      uint64
	Sender   string
	ClientID string
}

// Stored lists what is stored between two users.
func (s *Server) Stored(a, b string) []Stored {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Stored
	if c := s.mail.convs[single(a, b)]; c != nil {
		for _, m := range c.messages {
			list = append(list, Stored{m.seq, m.sender, m.clientID})
		}
	}
	return list
}

// Lost is how many acknowledged messages were dropped.
func (s *Server) Lost() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mail.lost
}

// LoseBatches makes the server lose the next batches whole, however small.
func (s *Server) LoseBatches(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mail.losing = n
}

// Block makes a user refuse what another one sends.
func (s *Server) Block(who, whom string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mail.blocks[[2]string{who, whom}] = true
}

func single(a, b string) string {
	if b < a {
		a, b = b, a
	}
	return "si_" + a + "_" + b
}

// mail answers a request about messages.
func (c *conn) mail(r *Request) ([]byte, *failure) {
	switch r.ReqIdentifier {
	case OpSendMessage:
		return c.s.send(c, r.Data)
	case OpPullByRange:
		return c.s.pull(c.user, r.Data)
	}
	return c.s.readAndMax(c.user, r.Data)
}

// send acknowledges a message and hands it over to be stored. The two are not
// the same.
func (s *Server) send(c *conn, data []byte) ([]byte, *failure) {
	m := &message{fields: data, options: map[string]bool{}}
	var receiver, group string
	var kind uint64
	err := protoEach(data, func(num, number uint64, value []byte) {
		switch num {
		case 1:
			m.sender = string(value)
		case 2:
			receiver = string(value)
		case 3:
			group = string(value)
		case 4:
			m.clientID = string(value)
		case 9:
			kind = number
		case 19:
			key, on := "", false
			_ = protoEach(value, func(num, number uint64, value []byte) {
				if num == 1 {
					key = string(value)
				} else {
					on = number != 0
				}
			})
			m.options[key] = !on
		}
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.users[receiver]
	switch {
	case err != nil:
		return nil, errInternal
	case m.sender != c.user:
		return nil, errForbidden
	case kind == 3:
		return nil, errInternal // it has no groups
	case kind != 1 || group != "":
		return nil, errArgs
	case !known:
		return nil, errNotFound
	case s.mail.blocks[[2]string{receiver, m.sender}]:
		return nil, errBlocked
	}
	s.mail.sent++
	sum := md5.Sum(fmt.Append(nil, s.mail.sent, m.clientID))
	m.serverID, m.sendTime = hex.EncodeToString(sum[:]), s.wall().UnixMilli()
	m.conv, m.members = single(m.sender, receiver), []string{m.sender, receiver}
	select {
	case s.mail.gathered <- m:
	default:
		s.mail.lost++
	}
	reply := protoBytes(nil, 1, []byte(m.serverID))
	reply = protoBytes(reply, 2, []byte(m.clientID))
	return protoNumber(reply, 3, uint64(m.sendTime)), nil
}

// store stores and pushes what was gathered, a batch at a time.
func (s *Server) store() {
	for {
		var first *message
		select {
		case <-s.done:
			return
		case first = <-s.mail.gathered:
		}
		list := []*message{first}
		full := time.NewTimer(s.mail.batch)
	gather:
		for len(list) < maxGathered {
			select {
			case <-s.done:
				full.Stop()
				return
			case m := <-s.mail.gathered:
				list = append(list, m)
			case <-full.C:
				break gather
			}
		}
		full.Stop()
		s.waitThawed()
		s.storeBatch(list)
	}
}

func (s *Server) storeBatch(list []*message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := map[string]int{}
	for _, m := range list {
		count[m.conv]++
	}
	losing := s.mail.losing > 0
	if losing {
		s.mail.losing--
	}
	for _, m := range list {
		if losing || count[m.conv] > maxBatch {
			s.mail.lost++
			continue
		}
		if !m.options["history"] {
			conv := s.mail.convs[m.conv]
			if conv == nil {
				conv = &conversation{members: m.members, read: map[string]uint64{}}
				s.mail.convs[m.conv] = conv
			}
			conv.messages = append(conv.messages, m)
			m.seq = uint64(len(conv.messages))
			conv.read[m.sender] = m.seq // the sender's own mark follows what it sends
		}
		s.pushLocked(m)
	}
}

// pushLocked sends a message to the connections of both users, the sending one
// included, if they are old enough.
func (s *Server) pushLocked(m *message) {
	pulled := protoBytes(nil, 1, m.data())
	data := protoBytes(nil, 1, protoBytes(protoBytes(nil, 1, []byte(m.conv)), 2, pulled))
	for c := range s.conns {
		if !slices.Contains(m.members, c.user) || time.Since(c.born) < s.mail.quiet || c.user == m.sender && m.options["senderSync"] {
			continue
		}
		c.send(&Response{ReqIdentifier: OpPushMessage, Data: data})
	}
}

// data is the MsgData as the server gives it out.
func (m *message) data() []byte {
	b := protoBytes(slices.Clone(m.fields), 5, []byte(m.serverID))
	if m.seq > 0 {
		b = protoNumber(b, 14, m.seq)
	}
	return protoNumber(b, 15, uint64(m.sendTime))
}

func (s *Server) maxSeqs(user string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b []byte
	for id, c := range s.mail.convs {
		if slices.Contains(c.members, user) {
			b = protoBytes(b, 1, protoNumber(protoBytes(nil, 1, []byte(id)), 2, uint64(len(c.messages))))
		}
	}
	return b
}

// readAndMax answers with the highest number and the read mark of
// conversations: of those named, or of all.
func (s *Server) readAndMax(user string, data []byte) ([]byte, *failure) {
	var who string
	var ids []string
	if err := protoFields(data, func(num uint64, value []byte) {
		switch num {
		case 1:
			who = string(value)
		case 2:
			ids = append(ids, string(value))
		}
	}); err != nil {
		return nil, errInternal
	}
	if who != user {
		return nil, errForbidden
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var b []byte
	for id, c := range s.mail.convs {
		if !slices.Contains(c.members, user) || len(ids) > 0 && !slices.Contains(ids, id) || len(c.messages) == 0 {
			continue
		}
		e := protoNumber(nil, 1, uint64(len(c.messages)))
		if c.read[user] > 0 {
			e = protoNumber(e, 2, c.read[user])
		}
		e = protoNumber(e, 3, uint64(c.messages[len(c.messages)-1].sendTime))
		b = protoBytes(b, 1, protoBytes(protoBytes(nil, 1, []byte(id)), 2, e))
	}
	return b, nil
}

// pull answers with the last num messages of a range, in rising order. What it
// cannot answer is an empty success.
func (s *Server) pull(user string, data []byte) ([]byte, *failure) {
	var who, id string
	var begin, end, num uint64
	err := protoFields(data, func(n uint64, value []byte) {
		switch n {
		case 1:
			who = string(value)
		case 2:
			_ = protoEach(value, func(n, number uint64, value []byte) {
				switch n {
				case 1:
					id = string(value)
				case 2:
					begin = number
				case 3:
					end = number
				case 4:
					num = number
				}
			})
		}
	})
	switch {
	case err != nil:
		return nil, errInternal
	case who != user:
		return nil, errForbidden
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.mail.convs[id]
	if c == nil || !slices.Contains(c.members, user) || begin > end {
		return nil, nil
	}
	last := uint64(len(c.messages))
	stop, start := min(end, last), max(begin, 1)
	if start > stop {
		return nil, nil
	}
	if num > 0 && stop-start+1 > num {
		start = stop - num + 1
	}
	var list []byte
	for _, m := range c.messages[start-1 : stop] {
		list = protoBytes(list, 1, m.data())
	}
	if last <= end {
		list = protoNumber(list, 2, 1)
	}
	return protoBytes(nil, 1, protoBytes(protoBytes(nil, 1, []byte(id)), 2, list)), nil
}

// markRead is /msg/mark_conversation_as_read.
func (s *Server) markRead(c *call) (any, *failure) {
	var in struct {
		UserID         string
		ConversationID string
		HasReadSeq     uint64
	}
	switch bad := c.in(&in); {
	case bad != nil:
		return nil, bad
	case in.UserID != c.claims.UserID:
		return nil, errForbidden
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	conv := s.mail.convs[in.ConversationID]
	if conv == nil || !strings.HasPrefix(in.ConversationID, "si_") {
		return nil, errNotFound
	}
	conv.read[in.UserID] = max(conv.read[in.UserID], min(in.HasReadSeq, uint64(len(conv.messages))))
	return nil, nil
}
