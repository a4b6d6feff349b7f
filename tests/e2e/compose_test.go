package e2e

import (
	"encoding/json"
	"fmt"
	"testing"
)

// A reply names what it replies to on every device; the next reply stays in the thread.
func TestReply(t *testing.T) {
	server := theServer(t)
	alice, a, b := pair(t, server)
	bob := newSpeaker(t, server, "bob", b, settings{})
	type thread struct {
		Content struct {
			Thread struct {
				From       string `json:"reply_msg_from_account"`
				To         string `json:"replymsg_to_account"`
				Time       int64  `json:"reply_msg_time"`
				ServerID   uint64 `json:"reply_msg_id_server"`
				ID         string `json:"reply_msg_id_client"`
				RootFrom   string `json:"thread_msg_from_account"`
				RootTo     string `json:"thread_msg_to_account"`
				RootID     string `json:"thread_msg_id_client"`
				RootServer uint64 `json:"thread_msg_id_server"`
			} `json:"thread_info"`
		} `json:"content"`
	}
	raw := func(d *device, id string) (r received, message json.RawMessage, th thread) {
		e := d.until("receive", func(e event) bool { return read[received](t, e.Content).Content.ID == id })
		return read[received](t, e.Content), read[struct{ Content json.RawMessage }](t, e.Content).Content, read[thread](t, e.Content)
	}
	alice.do("send", fmt.Sprintf(`{"to_accid":%q,"to_type":0,"msg_type":0,"client_msg_id":"root","msg_body":"?"}`, b))
	root, object, _ := raw(bob, "root")
	bob.do("reply", string(object), fmt.Sprintf(`{"to_accid":%q,"to_type":0,"msg_type":0,"client_msg_id":"first","msg_body":"!"}`, a))
	if k := bob.isAcked("first"); k.Code != 200 {
		t.Fatalf("%+v", k)
	}
	first, object, th := raw(alice, "first")
	if got := th.Content.Thread; got.From != a || got.To != b || got.Time != root.Content.Time || got.ServerID != root.Content.ServerID || got.ID != "root" ||
		got.RootFrom != a || got.RootTo != b || got.RootID != "root" || got.RootServer != root.Content.ServerID {
		t.Errorf("the first reply: %+v", got)
	}
	alice.do("reply", string(object), fmt.Sprintf(`{"to_accid":%q,"to_type":0,"msg_type":0,"client_msg_id":"second","msg_body":"…"}`, b))
	_, _, th = raw(bob, "second")
	if got := th.Content.Thread; got.From != b || got.To != a || got.ID != "first" || got.ServerID != first.Content.ServerID || got.RootID != "root" || got.RootFrom != a {
		t.Errorf("the second reply: %+v", got)
	}
	alice.do("reply", `{"from_id":"x"}`, fmt.Sprintf(`{"to_accid":%q,"to_type":0,"msg_type":0,"client_msg_id":"third"}`, b))
	if k := alice.isAcked("third"); k.Code != 10414 || k.Talk != b {
		t.Errorf("a reply to nothing: %+v", k)
	}
}

// A message is forwarded to a third account.
func TestForward(t *testing.T) {
	server := theServer(t)
	alice, a, b := pair(t, server)
	c := account(t, server)
	carol := newSpeaker(t, server, "carol", c, settings{})
	source := fmt.Sprintf(`{"to_accid":%q,"from_id":%q,"to_type":0,"msg_type":100,"client_msg_id":"src","msg_attach":"{\"k\":1}","server_msg_id":7,"server_ext":"old"}`, a, b)
	forwarded := read[string](t, alice.do("retweet", source, "copy", "0", c, `{"server_ext":"new"}`, "0").Value)
	alice.do("send", forwarded)
	if k := alice.isAcked("copy"); k.Code != 200 || k.Talk != c {
		t.Fatalf("%s: %+v", forwarded, k)
	}
	if m := carol.hears("copy").Content; m.From != a || m.Type != 100 || m.Attach != `{"k":1}` || m.ServerExt != "new" || m.ServerID == 7 {
		t.Errorf("%+v", m)
	}
	if got := read[string](t, alice.do("retweet", "no JSON", "x", "0", c, "", "0").Value); got != "{}" {
		t.Errorf("of no JSON: %s", got)
	}
}

// C9: what waits for the connection is taken back and never leaves.
func TestC9StopSend(t *testing.T) {
	server := theServer(t)
	path := newPath(t, server)
	a, b := account(t, server), account(t, server)
	alice := newSpeaker(t, server, "alice", a, settings{link: path.Link()})
	bob := newSpeaker(t, server, "bob", b, settings{})
	path.SetClosed(true)
	lost(t, alice)
	for _, id := range []string{"s1", "s2", "s3"} {
		alice.do("send", fmt.Sprintf(`{"to_accid":%q,"to_type":0,"msg_type":0,"client_msg_id":%q,"msg_body":"text"}`, b, id))
	}
	alice.do("stop_send", fmt.Sprintf(`{"to_accid":%q,"client_msg_id":"s2"}`, b))
	if k := alice.isAcked("s2"); k.Code != 10200 || k.Talk != b {
		t.Errorf("%+v", k)
	}
	path.SetClosed(false)
	alice.isAcked("s3")
	bob.hears("s3")
	bob.wantHeard(a, []string{"s1", "s3"})
	for _, m := range alice.log(b) {
		if want := map[string]int{"s1": statusSent, "s2": 9, "s3": statusSent}[m.ID]; m.Status != want {
			t.Errorf("%s: status %d, want %d", m.ID, m.Status, want)
		}
	}
	if n := len(alice.acks()["s2"]); n != 1 {
		t.Errorf("%d results of s2", n)
	}
}
