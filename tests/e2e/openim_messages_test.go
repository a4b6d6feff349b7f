package e2e

import (
	"fmt"
	"testing"

	"github.com/libnim/libnim/tests/openimfake"
)

// speaksOpenIM is a device that is logged in to the double and hears messages.
func speaksOpenIM(t *testing.T, s *openimfake.Server, user string) *device {
	t.Helper()
	d, _ := newOnOpenIM(t, s, nil)
	d.speaks()
	if e := d.loginWith("", user, s.Token(user, linux), ""); e.JSON.ErrCode != 200 {
		t.Fatalf("login: %s", e.JSON.Raw)
	}
	d.ready()
	return d
}

// Texts at full speed on a deployment that loses batches: each is acknowledged
// once, told once and in order, and nothing is stored twice.
func TestOpenIMMessages(t *testing.T) {
	t.Parallel()
	s := newOpenIM(t)
	s.AddUser(openimfake.User{UserID: "bob", Nickname: "Bob"})
	alice, bob := speaksOpenIM(t, s, "alice"), speaksOpenIM(t, s, "bob")
	s.LoseBatches(1)
	alice.texts("bob", "o", 0, 300)
	alice.isAcked("o299")
	bob.hears("o299")
	checkAcks(t, alice, ids("o", 0, 300))
	bob.wantHeard("alice", ids("o", 0, 300))
	alice.wantLog("bob", ids("o", 0, 300), statusSent)
	bob.wantLog("alice", ids("o", 0, 300), statusUnread)
	if stored := s.Stored("alice", "bob"); len(stored) != 300 || s.Lost() == 0 {
		t.Errorf("%d stored, %d lost on the way", len(stored), s.Lost())
	}
	if _, unread := bob.sessions(); unread != 300 {
		t.Errorf("%d unread, want 300", unread)
	}
	// A custom message keeps its attachment; what OpenIM has no form for is refused.
	alice.do("send", `{"to_accid":"bob","to_type":0,"msg_type":100,"client_msg_id":"custom","msg_attach":"{\"a\":1}","msg_body":"summary"}`)
	if m := bob.hears("custom").Content; m.Type != 100 || m.Attach != `{"a":1}` || m.Body != "summary" {
		t.Errorf("custom: %+v", m)
	}
	alice.do("send", `{"to_accid":"bob","to_type":0,"msg_type":4,"client_msg_id":"place","msg_attach":"{\"lat\":1,\"lng\":2,\"title\":\"x\"}"}`)
	if k := alice.isAcked("place"); k.Code != 403 {
		t.Errorf("a location: %+v", k)
	}
	// What was sent while bob was away is told when he is back.
	if e := bob.logout(1); e.JSON.ErrCode != 200 {
		t.Fatalf("logout: %s", e.JSON.Raw)
	}
	alice.texts("bob", "p", 0, 20)
	alice.isAcked("p19")
	if e := bob.loginWith("", "bob", s.Token("bob", linux), ""); e.JSON.ErrCode != 200 {
		t.Fatalf("login: %s", e.JSON.Raw)
	}
	for i := range 20 {
		bob.hears(fmt.Sprint("p", i))
	}
}
