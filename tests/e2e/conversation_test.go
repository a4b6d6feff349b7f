package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/libnim/libnim/tests/nimdtest"
)

// A message as the callbacks and queries give it.
type message struct {
	ToType     int    `json:"to_type"`
	To         string `json:"to_accid"`
	From       string `json:"from_id"`
	Talk       string `json:"talk_id"`
	Time       int64  `json:"time"`
	Type       int    `json:"msg_type"`
	Body       string `json:"msg_body"`
	Attach     string `json:"msg_attach"`
	ServerExt  string `json:"server_ext"`
	ID         string `json:"client_msg_id"`
	ServerID   uint64 `json:"server_msg_id"`
	Status     int    `json:"log_status"`
	UnknownKey any    `json:"a_key_that_nobody_knows"`
}

// A received message with what came around it.
type received struct {
	Code    int     `json:"rescode"`
	Feature int     `json:"feature"`
	Content message `json:"content"`
}

// An acknowledgement.
type acked struct {
	ID   string `json:"msg_id"`
	Talk string `json:"talk_id"`
	Code int    `json:"rescode"`
	Time int64  `json:"msg_timetag"`
}

// A session item, alone or in the list.
type item struct {
	ID      string `json:"id"`
	Type    int    `json:"type"`
	Unread  int    `json:"unread_count"`
	Command int    `json:"command"`
	MsgID   string `json:"msg_client_id"`
	From    string `json:"msg_from_account"`
	Time    int64  `json:"msg_time"`
	Body    string `json:"msg_body"`
	Status  int    `json:"msg_status"`
	Last    bool   `json:"last_updated_msg"`
}

// Statuses of messages.
const (
	statusUnread  = 1
	statusRead    = 2
	statusSending = 4
	statusFailed  = 5
	statusSent    = 6
)

func read[T any](t *testing.T, raw json.RawMessage) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return v
}

// speaks registers for messages.
func (d *device) speaks() {
	d.t.Helper()
	for i, name := range []string{"ack", "receive", "session"} {
		d.do("on", name, strconv.Itoa(2000+i))
	}
}

// newSpeaker is a device that is logged in and hears messages.
func newSpeaker(t *testing.T, server *nimdtest.Server, name, account string, s settings) *device {
	t.Helper()
	d := newStarted(t, server, name, s)
	d.speaks()
	d.mustLogin(account)
	return d
}

// ask calls a query and returns its answer.
func (d *device) ask(fields ...string) event {
	d.t.Helper()
	tag := d.newTag(fields[0])
	d.do(append(fields, tag)...)
	return d.until("answer", func(e event) bool { return strconv.FormatUint(e.Tag, 10) == tag })
}

// sessions is the list of sessions, and the number of unread messages.
func (d *device) sessions() (list []item, unread int) {
	d.t.Helper()
	v := read[struct {
		Count   int    `json:"count"`
		Unread  int    `json:"unread_counts"`
		Content []item `json:"content"`
	}](d.t, d.ask("sessions").Content)
	if v.Count != len(v.Content) {
		d.t.Errorf("%s: count %d of %d", d.name, v.Count, len(v.Content))
	}
	return v.Content, v.Unread
}

// log is the whole local history with a peer, oldest first.
func (d *device) log(peer string) (all []message) {
	d.t.Helper()
	for anchor := int64(0); ; {
		e := d.ask("log", peer, "100", strconv.FormatInt(anchor, 10), "")
		if e.Code != 200 || e.Of != peer {
			d.t.Fatalf("%s: log of %s: %d %s", d.name, e.Of, e.Code, e.Content)
		}
		page := read[struct{ Content []message }](d.t, e.Content).Content
		if len(page) == 0 {
			break
		}
		if !slices.IsSortedFunc(page, func(a, b message) int { return int(b.Time - a.Time) }) {
			d.t.Errorf("%s: a page that is not newest first: %s", d.name, e.Content)
		}
		all = append(all, page...)
		anchor = page[len(page)-1].Time
	}
	slices.Reverse(all)
	return all
}

// heard is what the device was told of, in order.
func (d *device) heard() (list []received) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.history {
		if e.CB == "receive" {
			var r received
			if json.Unmarshal(e.Content, &r) == nil {
				list = append(list, r)
			}
		}
	}
	return list
}

// acks is what the device was told of its own messages, by id.
func (d *device) acks() map[string][]acked {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := map[string][]acked{}
	for _, e := range d.history {
		if e.CB == "ack" {
			var a acked
			if json.Unmarshal(e.Content, &a) == nil {
				all[a.ID] = append(all[a.ID], a)
			}
		}
	}
	return all
}

// hears waits until the device was told of a message.
func (d *device) hears(id string) received {
	d.t.Helper()
	e := d.until("receive", func(e event) bool { return read[received](d.t, e.Content).Content.ID == id })
	return read[received](d.t, e.Content)
}

// isAcked waits for the acknowledgement of a message.
func (d *device) isAcked(id string) acked {
	d.t.Helper()
	e := d.until("ack", func(e event) bool { return read[acked](d.t, e.Content).ID == id })
	return read[acked](d.t, e.Content)
}

// texts sends texts whose ids are a prefix and a number from first.
func (d *device) texts(to, prefix string, first, count int) {
	d.t.Helper()
	d.do("texts", to, prefix, strconv.Itoa(first), strconv.Itoa(count))
}

// wantHeard checks that the device was told of these ids from a sender, each
// once, in this order, and of no others.
func (d *device) wantHeard(from string, want []string) {
	d.t.Helper()
	var got []string
	for _, r := range d.heard() {
		if r.Content.From == from && r.Feature != 3 {
			got = append(got, r.Content.ID)
		}
	}
	if !slices.Equal(got, want) {
		d.t.Errorf("%s was told of %d messages, want %d: %s", d.name, len(got), len(want), firstDifference(got, want))
	}
}

func firstDifference(got, want []string) string {
	for i := range max(len(got), len(want)) {
		g, w := "nothing", "nothing"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			return fmt.Sprintf("at %d %s, want %s", i, g, w)
		}
	}
	return "no difference"
}

// wantLog checks that the log with a peer holds these ids in this order, each
// with one of the statuses.
func (d *device) wantLog(peer string, want []string, statuses ...int) {
	d.t.Helper()
	var got []string
	for _, m := range d.log(peer) {
		got = append(got, m.ID)
		if !slices.Contains(statuses, m.Status) {
			d.t.Errorf("%s: %s has status %d, want one of %v", d.name, m.ID, m.Status, statuses)
		}
	}
	if !slices.Equal(got, want) {
		d.t.Errorf("%s: the log with %s has %d messages, want %d: %s", d.name, peer, len(got), len(want), firstDifference(got, want))
	}
}

// ids are a prefix and the numbers from first.
func ids(prefix string, first, count int) (list []string) {
	for i := range count {
		list = append(list, prefix+strconv.Itoa(first+i))
	}
	return list
}

// eventually waits for a condition that no callback tells of.
func (d *device) eventually(what string, ok func() bool) {
	d.t.Helper()
	for deadline := time.Now().Add(waitLimit); !ok(); {
		if time.Now().After(deadline) {
			d.t.Fatalf("%s: not %s in %v\n%s", d.name, what, waitLimit, d.tail())
		}
	}
}
