package openim

import (
	"bufio"
	"encoding/json"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/libnim/libnim/core/backend"
)

// frame returns the data of one envelope that a real deployment was seen to
// take or send, by the file and the heading above it.
func frame(t testing.TB, file, heading string) []byte {
	t.Helper()
	f, err := os.Open("testdata/frames/" + file + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if lines.Text() != "## "+heading || !lines.Scan() {
			continue
		}
		var e struct{ Data []byte }
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		return e.Data
	}
	t.Fatalf("%s has no %s", file, heading)
	return nil
}

const ann, ben, annBen = "ann72719", "ben72719", "si_ann72719_ben72719"

func TestCapturedSend(t *testing.T) {
	m := &msgData{
		sendID: ann, recvID: ben, clientID: "ann727191796072720781878946", platform: 7, nick: "Ann72719", session: sessionSingle,
		from: fromUser, kind: kindText, content: elem(textElem{"hello"}), createTime: 1796072720781,
	}
	if got, want := m.encode(), frame(t, "text_send", "request"); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
	r, err := sendReply(frame(t, "text_send", "reply"), m.clientID)
	if err != nil || r.Text != "938ae7c18dc36b7850187907f0c5809d" || r.Time.UnixMilli() != 1796072720782 || r.Seq != 0 || r.ServerID == 0 || r.ServerID >= 1<<53 {
		t.Errorf("reply %+v %v", r, err)
	}
	for account, peer := range map[string]string{ann: ben, ben: ann} {
		list, err := pushed(frame(t, "text_send", "push_to_receiver"), account)
		if err != nil || len(list) != 1 || list[0].Conv != (backend.Conv{Kind: backend.P2P, ID: peer}) || len(list[0].Entries) != 1 {
			t.Fatalf("push for %s: %+v %v", account, list, err)
		}
		e := list[0].Entries[0]
		if e.Seq != 1 || e.Sender != ann || e.ClientID != m.clientID || e.Body != "hello" || e.Type != typeText || e.SenderType != clientPC ||
			e.ServerID != r.ServerID || !e.Time.Equal(r.Time) || e.Stub {
			t.Errorf("entry %+v", e)
		}
	}
}

func TestCapturedPulls(t *testing.T) {
	p := &backend.Pull{Conv: backend.Conv{ID: ann}, From: 1, To: 3, Limit: 10}
	if got, want := pullRequest(ben, annBen, span{1, 3, 10}), frame(t, "pull_range_1002", "request"); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
	out, err := pullReply(frame(t, "pull_range_1002", "reply"), annBen, p)
	if err != nil || out.Low != 1 || out.High != 3 || out.More || len(out.Entries) != 3 || out.Entries[2].Body != "three" {
		t.Errorf("pull: %+v %v", out, err)
	}
	newest := &backend.Pull{Conv: p.Conv, To: 3, Newest: true, Limit: 2}
	out, err = pullReply(frame(t, "pull_range_desc_num2_1002", "reply"), annBen, newest)
	if err != nil || len(out.Entries) != 2 || out.High != 3 || !out.More {
		t.Errorf("newest two: %+v %v", out, err)
	}
	for _, file := range []string{"pull_deleted_1002", "pull_revoked_1002"} {
		out, err := pullReply(frame(t, file, "reply"), pulledFrom(t, file), &backend.Pull{From: 1, Limit: 100})
		if err != nil || len(out.Entries) == 0 {
			t.Fatalf("%s: %+v %v", file, out, err)
		}
		gone := 0
		for i, e := range out.Entries {
			if e.Seq != out.Low+uint64(i) {
				t.Errorf("%s: number %d at place %d", file, e.Seq, i)
			}
			if e.Stub || e.Recalled != nil {
				gone++
				if e.Body != "" {
					t.Errorf("%s: %q is still there", file, e.Body)
				}
			}
		}
		if gone == 0 {
			t.Errorf("%s: nothing is gone: %+v", file, out.Entries)
		}
	}
}

// pulledFrom returns the conversation that a captured pull asked for.
func pulledFrom(t *testing.T, file string) (id string) {
	t.Helper()
	err := fields(frame(t, file, "request"), func(f field) error {
		if f.num != 2 {
			return nil
		}
		return fields(f.bytes, func(f field) error {
			if f.num == 1 {
				id = string(f.bytes)
			}
			return nil
		})
	})
	if err != nil || id == "" {
		t.Fatalf("%s: conversation %q %v", file, id, err)
	}
	return id
}

func TestCapturedHeads(t *testing.T) {
	list, err := headsReply(frame(t, "has_read_and_max_1006", "reply"), ben)
	if err != nil || len(list) != 1 || list[0].Conv != (backend.Conv{ID: ann}) || list[0].MaxSeq != 3 || list[0].Always != 3 || list[0].Time.UnixMilli() != 1796072721868 {
		t.Errorf("heads %+v %v", list, err)
	}
	if _, err := headsReply(frame(t, "has_read_and_max_all_1006", "reply"), ben); err != nil {
		t.Error(err)
	}
}

// A typing notice is pushed without a number: it is no entry.
func TestCapturedTyping(t *testing.T) {
	for _, heading := range []string{"push_to_receiver"} {
		list, err := pushed(frame(t, "typing", heading), ben)
		if err != nil || len(list) != 0 {
			t.Errorf("%s: %+v %v", heading, list, err)
		}
	}
}

func TestConversationNames(t *testing.T) {
	for _, c := range []struct {
		account string
		conv    backend.Conv
		id      string
	}{
		{"b", backend.Conv{ID: "a"}, "si_a_b"},
		{"a_b", backend.Conv{ID: "c"}, "si_a_b_c"},
		{"b_c", backend.Conv{ID: "a"}, "si_a_b_c"},
		{"a", backend.Conv{ID: "a"}, "si_a_a"},
		{"a_a", backend.Conv{ID: "a"}, "si_a_a_a"},
		{"x", backend.Conv{Kind: backend.Team, ID: "17_2"}, "sg_17_2"},
	} {
		if id, ok := conversationID(c.conv, c.account); !ok || id != c.id {
			t.Errorf("%+v of %s: %s", c.conv, c.account, id)
		}
		if back, ok := conversationOf(c.id, c.account); !ok || back != c.conv {
			t.Errorf("%s of %s: %+v", c.id, c.account, back)
		}
	}
	for _, id := range []string{"si_x_y", "n_a_b", "sn_a", "si_", "a"} {
		if c, ok := conversationOf(id, "b"); ok {
			t.Errorf("%s: %+v", id, c)
		}
	}
}

// What is sent comes back as it was.
func TestOutgoing(t *testing.T) {
	now := time.UnixMilli(1764500000123)
	for _, m := range []backend.Message{
		{ClientID: "c1", Type: typeText, Body: "你好 <🙂>"},
		{ClientID: "c2", Type: typeText, Body: "x", Content: []byte(`{"server_ext":"{\"a\":1}"}`), Settings: backend.NoBadge | backend.NoPush},
		{ClientID: "c3", Type: typeCustom, Body: "summary", Content: []byte(`{"msg_attach":"{\"b\":2}","server_ext":"e"}`), Settings: backend.NoUpdateSession},
	} {
		d, ok := outgoing(&m, now)
		if !ok {
			t.Fatalf("%+v has no form", m)
		}
		d.seq, d.serverID = 1, "s" // numbers are the server's
		back, err := readMsgData(d.encode())
		if err != nil {
			t.Fatal(err)
		}
		back.seq = 1
		if e := back.entry(); e.ClientID != m.ClientID || e.Type != m.Type || e.Body != m.Body || e.Settings != m.Settings || !sameJSON(e.Content, m.Content) {
			t.Errorf("got %+v, want %+v", e.Message, m)
		}
	}
	if _, ok := outgoing(&backend.Message{ClientID: "c", Type: 1}, now); ok {
		t.Error("a picture has a form")
	}
}

func sameJSON(a, b []byte) bool {
	var x, y any
	_ = json.Unmarshal(a, &x)
	_ = json.Unmarshal(b, &y)
	return reflect.DeepEqual(x, y)
}

// Numbers that are not in a reply are holes of the server's.
func TestHoles(t *testing.T) {
	var value []byte
	for _, seq := range []uint64{3, 6} {
		m := (&msgData{clientID: "c", content: []byte("{}"), from: fromUser, kind: kindText}).encode()
		m = append(m, 14<<3, byte(seq))
		value = appendString(value, 1, string(m))
	}
	value = appendInt(value, 2, 1)
	data := appendString(nil, 1, string(appendString(appendString(nil, 1, annBen), 2, string(value))))
	out, err := pullReply(data, annBen, &backend.Pull{From: 2, Limit: 50})
	if err != nil || out.Low != 2 || out.High != 6 || len(out.Entries) != 5 {
		t.Fatalf("%+v %v", out, err)
	}
	for i, stub := range []bool{true, false, true, true, false} {
		if e := out.Entries[i]; e.Stub != stub || e.Seq != uint64(2+i) {
			t.Errorf("%+v", e)
		}
	}
}

func FuzzMsgData(f *testing.F) {
	f.Add([]byte("\x0a\x03bob"))
	f.Add((&msgData{clientID: "c", content: []byte("{}"), options: map[string]bool{"unreadCount": false}}).encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := readMsgData(data); err == nil {
			m.entry()
		}
		_, _ = pushed(data, "a")
		_, _ = headsReply(data, "a")
		_, _ = pullReply(data, annBen, &backend.Pull{From: 1, Limit: 10})
	})
}
