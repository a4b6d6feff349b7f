package server_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/internal/wire"
)

// The app's server writes, recalls, reads and looks things up in the name of an
// account; its devices and the peer's hear of it as of anything else, on every edge.
func TestTheAppsServerSpeaks(t *testing.T) {
	edges := startEdges(t, 2, nil)
	e := edges[0]
	for _, who := range []string{"alice", "bob"} {
		e.account(who)
	}
	e.do("POST", "/accounts", map[string]any{"account": "alice", "name": "Alice"})
	alice, _ := edges[1].online("alice", "a1", pc)
	bob, _ := edges[1].online("bob", "b1", pc)

	message := map[string]any{"from": "alice", "to": "bob", "client_msg_id": "order-1", "type": 100, "body": "paid", "content": map[string]any{"server_ext": "{}"}, "push_enable": 0}
	sent := e.do("POST", "/messages", message)
	if sent["repeated"] != false || sent["seq"] != 1.0 || sent["client_msg_id"] != "order-1" {
		t.Errorf("%v", sent)
	}
	for name, c := range map[string]*client{"p:bob": alice, "p:alice": bob} {
		got := c.hears()
		if got.Conversation != name || len(got.Entries) != 1 {
			t.Fatalf("%s: %+v", name, got)
		}
		m := got.Entries[0]
		if m.Sender != "alice" || m.SenderNick != "Alice" || m.SenderType != 32 || m.ClientMsgID != "order-1" || m.Type != 100 || m.Body != "paid" ||
			string(m.Content) != `{"server_ext":"{}"}` || float64(m.ServerMsgID) != sent["server_msg_id"] {
			t.Errorf("%s: %+v", name, m)
		}
	}
	if again := e.do("POST", "/messages", message); again["repeated"] != true || again["server_msg_id"] != sent["server_msg_id"] || again["seq"] != 1.0 {
		t.Errorf("the same id again: %v", again)
	}
	made := e.do("POST", "/messages", map[string]any{"from": "bob", "to": "alice", "body": "thanks"})
	if id, _ := made["client_msg_id"].(string); len(id) < 16 || made["seq"] != 2.0 {
		t.Errorf("without an id: %v", made)
	}

	e.do("POST", "/messages/read", map[string]any{"account": "bob", "peer": "alice", "seq": 1})
	if f, ok := bob.until(patience, func(f wire.Frame) bool { return f.Op == wire.OpHead }); !ok || !strings.Contains(string(f.Body), `"read_seq":1`) {
		t.Errorf("the reader's device: %s", f.Body)
	}
	done := e.do("POST", "/messages/recall", map[string]any{"from": "alice", "to": "bob", "client_msg_id": "order-1", "notify": "cancelled"})
	if done["repeated"] != false || done["message_time_ms"] != sent["time_ms"] {
		t.Errorf("%v", done)
	}
	if f, ok := bob.until(patience, func(f wire.Frame) bool { return f.Op == wire.OpEntry && strings.Contains(string(f.Body), "cancelled") }); !ok {
		t.Errorf("the recall did not come: %s", f.Body)
	}
	if done := e.do("POST", "/messages/recall", map[string]any{"from": "alice", "to": "bob", "client_msg_id": "order-1"}); done["repeated"] != true {
		t.Errorf("a second time: %v", done)
	}
	for i := range 100 { // faster than a client may
		e.do("POST", "/messages", map[string]any{"from": "alice", "to": "bob", "body": fmt.Sprint("bulk ", i)})
	}
	bodies := func(path string) (list []string, next string) {
		page := e.do("GET", path, nil)
		for _, m := range page["messages"].([]any) {
			list = append(list, fmt.Sprint(m.(map[string]any)["body"]))
		}
		return list, page["next_cursor"].(string)
	}
	list, next := bodies("/messages?account=bob&peer=alice&oldest_first=true&limit=60")
	rest, end := bodies("/messages?account=bob&peer=alice&oldest_first=true&cursor=" + next)
	if list = append(list, rest...); len(list) != 101 || list[0] != "thanks" || list[1] != "bulk 0" || list[100] != "bulk 99" || end != "" {
		t.Errorf("%d messages, %q", len(list), end)
	}
	if list, _ := bodies("/messages?account=alice&peer=bob&text=LK+42"); len(list) != 1 || list[0] != "bulk 42" {
		t.Errorf("by text: %q", list)
	}
	if list, _ := bodies(fmt.Sprintf("/messages?account=alice&peer=bob&from_ms=%d", time.Now().Add(time.Hour).UnixMilli())); len(list) != 0 {
		t.Errorf("of the future: %q", list)
	}
}

// The conversations of an account, in pages; one that changes meanwhile is not lost.
func TestTheAppsServerListsConversations(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	e.account("alice")
	var want []string
	for i := range 5 {
		peer := fmt.Sprint("peer", i)
		e.account(peer)
		for range i + 1 {
			e.do("POST", "/messages", map[string]any{"from": peer, "to": "alice", "body": "hello from " + peer})
		}
		want = append([]string{fmt.Sprintf("p:%s %d hello from %s", peer, i+1, peer)}, want...)
	}
	var got []string
	pages := 0
	for cursor := ""; pages == 0 || cursor != ""; pages++ {
		page := e.do("GET", "/conversations?account=alice&limit=2&cursor="+cursor, nil)
		for _, c := range page["conversations"].([]any) {
			h := c.(map[string]any)
			got = append(got, fmt.Sprintf("%v %v %v", h["conversation"], h["max_seq"], h["last"].(map[string]any)["body"]))
		}
		cursor = page["next_cursor"].(string)
	}
	if pages != 3 || !slices.Equal(got, want) {
		t.Errorf("%d pages: %q, want %q", pages, got, want)
	}
}

func TestTheAppsServerIsToldWhatIsWrong(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	for _, who := range []string{"alice", "bob"} {
		e.account(who)
	}
	long := strings.Repeat("x", 5001)
	for _, c := range []struct {
		method, path string
		body         any
		status       int
		says         string
	}{
		{"POST", "/messages", map[string]any{"to": "bob"}, 400, "from: missing"},
		{"POST", "/messages", map[string]any{"from": "alice"}, 400, "to: missing"},
		{"POST", "/messages", map[string]any{"from": "nobody", "to": "bob"}, 404, "from: no such account"},
		{"POST", "/messages", map[string]any{"from": "alice", "to": "nobody", "body": "x"}, 404, "to: no such account"},
		{"POST", "/messages", map[string]any{"from": "alice", "to": "bob", "body": long}, 400, "body: want at most 5000 characters, got 5001"},
		{"POST", "/messages", map[string]any{"from": "alice", "to": "bob", "type": 5}, 400, "type: 5"},
		{"POST", "/messages", map[string]any{"from": "alice", "to": "bob", "content": []int{1}}, 400, "content: want an object"},
		{"POST", "/messages", map[string]any{"from": "alice", "to": "bob", "cloud_history": 2}, 400, "cloud_history: want 0 or 1"},
		{"POST", "/messages", map[string]any{"from": "alice", "to": "bob", "client_msg_id": strings.Repeat("i", 65)}, 400, "client_msg_id: want 1 to 64 bytes"},
		{"POST", "/messages", map[string]any{"from": "alice", "to": "bob", "text": "x"}, 400, `"text": this call has no such key`},
		{"POST", "/messages/recall", map[string]any{"from": "alice", "to": "bob"}, 400, "client_msg_id: want 1 to 64 bytes"},
		{"POST", "/messages/recall", map[string]any{"from": "alice", "to": "bob", "client_msg_id": "none"}, 404, "no such message"},
		{"POST", "/messages/read", map[string]any{"account": "alice", "peer": "bob"}, 400, "seq: want the number"},
		{"GET", "/conversations", nil, 400, "account: missing"},
		{"GET", "/conversations?account=nobody", nil, 404, "account: no such account"},
		{"GET", "/conversations?account=alice&limit=0", nil, 400, "limit: want 1 to 200"},
		{"GET", "/conversations?account=alice&cursor=x", nil, 400, "cursor: want the next_cursor"},
		{"GET", "/messages?account=alice", nil, 400, "peer: missing"},
		{"GET", "/messages?account=alice&peer=bob&limit=101", nil, 400, "limit: want 1 to 100"},
		{"GET", "/messages?account=alice&peer=bob&oldest_first=1", nil, 400, "oldest_first: want true or false"},
		{"GET", "/messages?account=alice&peer=bob&to_ms=now", nil, 400, "to_ms: want ms since 1970"},
		{"GET", "/messages?account=alice&peer=bob&cursor=x", nil, 400, "cursor: want the next_cursor"},
	} {
		status, out := e.admin(c.method, c.path, c.body)
		if status != c.status || !strings.Contains(fmt.Sprint(out["err_msg"]), c.says) {
			t.Errorf("%s %s %.60v: %d %v, want %d and %q", c.method, c.path, c.body, status, out["err_msg"], c.status, c.says)
		}
	}
}

// The call that OPERATIONS shows does what it says, once however often it is made.
func TestTheDocumentedMessage(t *testing.T) {
	for _, tool := range []string{"sh", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	doc, err := os.ReadFile("../docs/OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, script, _ := strings.Cut(string(doc), "**Messages.**")
	_, script, _ = strings.Cut(script, "```sh\n")
	script, _, _ = strings.Cut(script, "```")
	e := startEdges(t, 1, nil)[0]
	e.account("shop")
	e.account("alice")
	for _, repeated := range []string{`"repeated":false`, `"repeated":true`} {
		cmd := exec.Command("sh", "-c", strings.ReplaceAll(script, "http://127.0.0.1:8091/v1", e.Admin))
		cmd.Env = append(os.Environ(), "ADMIN_KEY="+e.AdminKey)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), repeated) || !strings.Contains(string(out), `"client_msg_id":"order-4711-paid"`) {
			t.Errorf("%v %s, want %s", err, out, repeated)
		}
	}
}
