package recent

import (
	"fmt"
	"strings"
	"testing"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/engine/enginetest"
	"github.com/libnim/libnim/core/message"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store/sqlite"
	"github.com/libnim/libnim/internal/abi"
)

// What is wrong with a call is told by its own callback, with what was wanted where
// that has room for a text.
func TestWrongArguments(t *testing.T) {
	h := enginetest.New(t, sqlite.Open)
	m := &Module{Engine: h.Engine}
	stick := func(c module.Call) func(int, abi.Text) {
		return func(code int, s abi.Text) { h.Answer(c, abi.AnswerSessionSetToStickTop(code, s)) }
	}
	mark := func(c module.Call) func(int) {
		return func(code int) { h.Answer(c, abi.AnswerSessionUpdateSessionHasmoreRoammsg(code)) }
	}
	many := `[` + strings.Repeat(`{"id":"x","type":0},`, maxZeroed) + `{"id":"x","type":0}]`
	for i, c := range []struct {
		do   func(c module.Call)
		code int64
		says string // "": the callback has no room
	}{
		{func(c module.Call) { m.ByID(c, 3, "bob") }, 414, ""},
		{func(c module.Call) { m.SetTop(c, 0, "", true) }, 414, "the id of the session"},
		{func(c module.Call) { m.SetData(c, 0, "bob", strings.Repeat("x", maxData+1)) }, 414, "data: want at most 4096 bytes, got 4097"},
		{func(c module.Call) { m.Remove(c, 2, "bob") }, 414, "the type of the session: want 0, 1 or 5, got 2"},
		{func(c module.Call) { m.RemoveEx(c, 0, "", true) }, 414, "the id of the session"},
		{func(c module.Call) { m.Zero(c, 0, "") }, 414, "the id of the session"},
		{func(c module.Call) { m.ZeroMany(c, `{}`) }, 414, ""},
		{func(c module.Call) { m.ZeroMany(c, `[{"id":1,"type":0}]`) }, 414, ""},
		{func(c module.Call) { m.ZeroMany(c, `[{"id":"x","type":9}]`) }, 414, ""},
		{func(c module.Call) { m.ZeroMany(c, many) }, 414, ""},
		{func(c module.Call) { m.Pin(c, "", 0, "", stick(c)) }, 414, ""},
		{func(c module.Call) { m.SetPinExt(c, "bob", 7, "", stick(c)) }, 414, ""},
		{func(c module.Call) { m.SetPinExt(c, "bob", 0, "", stick(c)) }, 404, ""},
		{func(c module.Call) { m.Unpin(c, "bob", 0, stick(c)) }, 404, ""},
		{func(c module.Call) { m.More(c, abi.SessionMainTagInfo{ToType: 4, SessionId: "bob"}) }, 414, ""},
		{func(c module.Call) { m.SetMore(c, `{`, mark(c)) }, 10414, ""},
		{func(c module.Call) { m.SetMore(c, `{"to_type":0,"to_accid":"bob","msg_type":0}`, mark(c)) }, 414, ""},
		{func(c module.Call) { m.SetMore(c, `{"to_type":0,"to_accid":"bob","msg_type":0,"time":5}`, mark(c)) }, 414, ""},
		{func(c module.Call) { m.EndMore(c, abi.SessionMainTagInfo{SessionId: ""}, mark(c)) }, 414, ""},
		{func(c module.Call) {
			m.Wipe(c, 9, "bob", func(code int, kind, id string) {
				h.Answer(c, abi.AnswerSessionDeleteSessionRoaming(code, abi.Raw(kind), abi.Raw(id)))
			})
		}, 414, ""},
	} {
		p := h.Ask(c.do)
		if code := p.Number(0); code != c.code {
			t.Errorf("case %d: %d, want %d", i, code, c.code)
		}
		if got := enginetest.Why(&p); !strings.Contains(got, c.says) || (got == "") != (c.says == "") {
			t.Errorf("case %d: says %q, want %q", i, got, c.says)
		}
	}
	for text, want := range map[string]string{"": "[]", "[1,1000,0]": "[1 0]", `[1.5]`: "msg_types: want a JSON array of integers", `{`: "msg_types: want a JSON array of integers"} {
		types, err := Types("msg_types", text)
		if got := fmt.Sprint(types); err == nil && got != want || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v, want %s", text, types, err, want)
		}
	}
}

// The list without a server: items, their unread numbers, what the program keeps with
// them, and how they leave.
func TestListHere(t *testing.T) {
	h := enginetest.New(t, sqlite.Open)
	m := &Module{Engine: h.Engine}
	for i, peer := range []string{"bob", "carol", "dave"} {
		d, err := message.ParseStored(fmt.Sprintf(
			`{"to_type":0,"to_accid":"me","from_id":%q,"msg_type":%d,"client_msg_id":"m%d","msg_body":"text","time":%d,"log_status":1}`, peer, i, i, 1000+i), peer)
		if err != nil {
			t.Fatal(err)
		}
		if p := h.Ask(func(c module.Call) { h.Engine.Insert(c, d, true) }); p.Number(0) != 200 {
			t.Fatalf("insert: %d", p.Number(0))
		}
	}
	list := func(what, want string, do func(c module.Call)) {
		t.Helper()
		p := h.Ask(do)
		o := enginetest.Object(&p, 0)
		got := ""
		for _, item := range o.Get("content").Array() {
			got += fmt.Sprintf("%s:%s ", item.Get("id").Str, item.Get("msg_client_id").Str)
		}
		if got = strings.TrimSpace(got); got != want || o.Get("unread_counts").Int() != p.Number(0) {
			t.Errorf("%s: %q, want %q: %s", what, got, want, o.Raw)
		}
	}
	done := func(what string, do func(c module.Call)) {
		t.Helper()
		if p := h.Ask(do); p.Number(0) != 200 {
			t.Errorf("%s: %d %s", what, p.Number(0), enginetest.Why(&p))
		}
	}
	list("all", "dave:m2 carol:m1 bob:m0", m.All)
	list("the first two", "dave:m2 carol:m1", func(c module.Call) { m.Few(c, 2) })
	list("without a type", "dave: carol:m1 bob:m0", func(c module.Call) { m.Without(c, []int32{2}) })
	list("the same as a text", "dave: carol:m1 bob:m0", func(c module.Call) { m.WithoutList(c, `[2,1000]`) })
	list("no list", "", func(c module.Call) { m.WithoutList(c, `x`) })
	done("top", func(c module.Call) { m.SetTop(c, 0, "bob", true) })
	done("data", func(c module.Call) { m.SetData(c, 0, "bob", "mine") })
	p := h.Ask(func(c module.Call) { m.ByID(c, 0, "bob") })
	if o := enginetest.Object(&p, 0); !o.Get("is_top").Bool() && !o.Get("top").Bool() || !strings.Contains(o.Raw, "mine") {
		t.Errorf("%s", o.Raw)
	}
	if p := h.Ask(func(c module.Call) { m.ByID(c, 0, "nobody") }); p.Number(0) != 404 {
		t.Errorf("nobody: %d", p.Number(0))
	}
	done("zero", func(c module.Call) { m.Zero(c, 0, "bob") })
	done("zero many", func(c module.Call) { m.ZeroMany(c, `[{"id":"carol","type":0},{"id":"nobody","type":0}]`) })
	done("zero all", m.ZeroAll)
	list("all are read", "dave:m2 carol:m1 bob:m0", func(c module.Call) { m.All(c) })
	done("remove", func(c module.Call) { m.Remove(c, 0, "bob") })
	done("remove one of two ways", func(c module.Call) { m.RemoveEx(c, 0, "carol", false) })
	list("one is left", "dave:m2", m.All)
	done("remove all", m.RemoveAll)
	list("none is left", "", m.All)
	if p := h.Ask(m.Pinned); p.Number(0) != 200 || len(enginetest.Object(&p, 0).Array()) != 0 {
		t.Errorf("pinned: %d", p.Number(0))
	}
	mark := func(c module.Call) func(int) {
		return func(code int) { h.Answer(c, abi.AnswerSessionUpdateSessionHasmoreRoammsg(code)) }
	}
	done("a mark", func(c module.Call) {
		m.SetMore(c, `{"to_type":0,"to_accid":"bob","msg_type":0,"time":1000,"server_msg_id":7}`, mark(c))
	})
	done("the mark", func(c module.Call) { m.More(c, abi.SessionMainTagInfo{SessionId: "bob"}) })
	done("all marks", m.AllMore)
	done("no mark", func(c module.Call) { m.EndMore(c, abi.SessionMainTagInfo{SessionId: "bob"}, mark(c)) })
	if p := h.Ask(func(c module.Call) { m.More(c, abi.SessionMainTagInfo{SessionId: "bob"}) }); p.Number(0) != 404 {
		t.Errorf("a mark that is gone: %d", p.Number(0))
	}
}

// Without a link, what needs the server says so and changes nothing.
func TestAwayFromTheServer(t *testing.T) {
	h := enginetest.New(t, sqlite.Open)
	m := &Module{Engine: h.Engine}
	for i, do := range []func(c module.Call){
		func(c module.Call) {
			m.Pin(c, "bob", 0, "x", func(code int, s abi.Text) { h.Answer(c, abi.AnswerSessionSetToStickTop(code, s)) })
		},
		func(c module.Call) { m.RemoveEx(c, 0, "bob", true) },
		func(c module.Call) {
			m.Wipe(c, 0, "bob", func(code int, kind, id string) {
				h.Answer(c, abi.AnswerSessionDeleteSessionRoaming(code, abi.Raw(kind), abi.Raw(id)))
			})
		},
	} {
		if p := h.Ask(do); p.Number(0) != 415 {
			t.Errorf("case %d: %d, want 415", i, p.Number(0))
		}
	}
	if of, err := Conv(5, "42"); err != nil || of != (backend.Conv{Kind: backend.SuperTeam, ID: "42"}) {
		t.Errorf("%v %v", of, err)
	}
}
