package msglog

import (
	"fmt"
	"strings"
	"testing"

	"github.com/libnim/libnim/core/engine/enginetest"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store/sqlite"
	"github.com/libnim/libnim/internal/abi"
)

// What is wrong with a call is told by its own callback, with the key and what was
// wanted where that has room for a text; nothing is changed.
func TestWrongArguments(t *testing.T) {
	h := enginetest.New(t, sqlite.Open)
	m := &Module{Engine: h.Engine, NewID: func() string { return "made" }}
	done := func(c module.Call, shape func(code int) abi.Posting) func(int, int64) {
		return func(code int, _ int64) { h.Answer(c, shape(code)) }
	}
	long := strings.Repeat("x", maxExt+1)
	for i, c := range []struct {
		do   func(c module.Call)
		code int64
		says string // "": the callback has no room
	}{
		{func(c module.Call) { m.Query(c, "bob", 9, 10, 0, "") }, 414, "the type of the session: want 0, 1 or 5, got 9"},
		{func(c module.Call) { m.Query(c, "", 0, 10, 0, "") }, 414, "the id of the session: want an account or a team"},
		{func(c module.Call) { m.Query(c, "bob", 0, 0, 0, "") }, 414, "limit_count: want 1 to 1000, got 0"},
		{func(c module.Call) { m.Query(c, "bob", 0, 1001, 0, "") }, 414, "limit_count: want 1 to 1000, got 1001"},
		{func(c module.Call) { m.Query(c, "bob", 0, 10, -1, "") }, 414, "anchor_msg_time: want ms since 1970, or 0, got -1"},
		{func(c module.Call) { m.Query(c, "bob", 0, 10, 0, `{"reverse":7}`) }, 414, "reverse"},
		{func(c module.Call) { m.Query(c, "bob", 0, 10, 0, `{`) }, 414, "JSON"},
		{func(c module.Call) { m.ByType(c, 2, "bob", 10, 0, 0, "", false, "[0]") }, 414, "the type of the session"},
		{func(c module.Call) { m.ByType(c, 0, "bob", 0, 0, 0, "", false, "[0]") }, 414, "limit_count"},
		{func(c module.Call) { m.ByType(c, 0, "bob", 10, -1, 0, "", false, "[0]") }, 414, "from_time: want ms since 1970, or 0, got -1"},
		{func(c module.Call) { m.ByType(c, 0, "bob", 10, 9, 8, "", false, "[0]") }, 414, "end_time: want 0, or ms since 1970 from from_time on, got 8"},
		{func(c module.Call) { m.ByType(c, 0, "bob", 10, 0, 0, "", false, `["0"]`) }, 414, "msg_types: want a JSON array of integers"},
		{func(c module.Call) { m.ByType(c, 0, "bob", 10, 0, 0, "", false, `{}`) }, 414, "msg_types: want a JSON array of integers"},
		{func(c module.Call) { m.ByOptions(c, abi.MsglogSearch{QueryRange: 0, LimitCount: 10, MsgType: 1000}) }, 414, "ids: want one id with the query_range 0, got 0"},
		{func(c module.Call) {
			m.ByOptions(c, abi.MsglogSearch{QueryRange: 7, LimitCount: 10, Ids: []string{"x"}})
		}, 414, "the type of the session"},
		{func(c module.Call) { m.ByOptions(c, abi.MsglogSearch{QueryRange: 100, LimitCount: 10, MsgType: 1001}) }, 414, "msg_type: want a type, or 1000 for all, got 1001"},
		{func(c module.Call) { m.ByOptionsText(c, `{"limit_count":"ten"}`) }, 414, "limit_count"},
		{func(c module.Call) { m.ByOptionsText(c, `no JSON`) }, 414, "JSON"},
		{func(c module.Call) { m.ByOptionsText(c, `{"query_range":0,"ids":["[1]"],"limit_count":10}`) }, 414, "ids: want a JSON array of strings"},
		{func(c module.Call) { m.ByOptionsList(c, `{}`, abi.MsglogSearch{}) }, 414, "ids: want a JSON array of strings"},
		{func(c module.Call) { m.Insert(c, "bob", `no JSON`, true) }, 10414, "want a JSON object"},
		{func(c module.Call) { m.Insert(c, "bob", `{"to_type":0,"msg_type":"0"}`, true) }, 10414, "msg_type: want an integer"},
		{func(c module.Call) { m.MarkRead(c, "", 0) }, 414, "the id of the session"},
		{func(c module.Call) { m.SetStatus(c, "x", 4) }, 414, "msglog_status: want 0 to 10 but 4"},
		{func(c module.Call) { m.SetStatus(c, "x", 11) }, 414, "msglog_status"},
		{func(c module.Call) { m.SetSubStatus(c, "x", 1) }, 414, "msglog_sub_status: want 0, 20 or 21, got 1"},
		{func(c module.Call) { m.Delete(c, "", 0, "x") }, 414, "the id of the session"},
		{func(c module.Call) { m.DeleteOf(c, "bob", 3, false) }, 414, "the type of the session"},
		{func(c module.Call) { m.DeleteKind(c, 4, true, true) }, 414, "to_type: want 0, 1 or 5, got 4"},
		{func(c module.Call) { m.DeleteSpan(c, "bob", 0, 5, 4, false) }, 414, "timestamp2: want ms since 1970 from timestamp1 on, got 5 and 4"},
		{func(c module.Call) { m.DeleteSpan(c, "bob", 4, 1, 4, false) }, 414, "the type of the session"},
		{func(c module.Call) { m.Online(c, "bob", abi.QueryMsgOnlineAsyncParam{LimitCount: 101}) }, 414, "limit_count: want 1 to 100, got 101"},
		{func(c module.Call) { m.Online(c, "bob", abi.QueryMsgOnlineAsyncParam{LimitCount: 0}) }, 414, "limit_count"},
		{func(c module.Call) { m.Online(c, "", abi.QueryMsgOnlineAsyncParam{LimitCount: 1}) }, 414, "the id of the session"},
		{func(c module.Call) {
			m.OnlineExt(c, "bob", abi.QueryMsgOnlineAsyncParam{LimitCount: 1}, `{"query_msg_type_list":"x"}`)
		}, 414, "query_msg_type_list: want a JSON array of integers"},
		{func(c module.Call) {
			m.KeywordOnline(c, "bob", "", abi.QueryMsgByKeywordOnlineAsyncParam{LimitCount: 1})
		}, 414, "keyword: want a text, got none"},
		{func(c module.Call) {
			m.KeywordOnline(c, "bob", "x", abi.QueryMsgByKeywordOnlineAsyncParam{LimitCount: 1, FromTime: 2, EndTime: 1})
		}, 414, "end_time"},
		{func(c module.Call) {
			m.OneOnline(c, abi.QueryMsgAsyncParam{FromAccount: "bob", ToAccount: enginetest.Self})
		}, 414, "server_id, msg_timetag: want one of them"},
		{func(c module.Call) { m.OneOnline(c, abi.QueryMsgAsyncParam{ToType: 2, ServerId: 1}) }, 414, "the type of the session"},
		{func(c module.Call) { m.DeleteSelf(c, `{"to_type":0,"to_accid":"bob","msg_type":0}`, "") }, 414, ""},
		{func(c module.Call) {
			m.DeleteSelf(c, `{"to_type":0,"to_accid":"bob","msg_type":0,"client_msg_id":"x"}`, long)
		}, 414, ""},
		{func(c module.Call) { m.DeleteSelf(c, `{`, "") }, 10414, ""},
		{func(c module.Call) { m.DeleteManySelf(c, []abi.DeleteMessagesSelfParam{{ToAccount: "bob"}}) }, 414, ""},
		{func(c module.Call) { m.SendReceipt(c, `[]`) }, 10414, "want a JSON object"},
		{func(c module.Call) { m.SendReceipt(c, `{"to_type":1,"from_id":"bob","client_msg_id":"x"}`) }, 414, "to_type: want 0, receipts are for P2P sessions, got 1"},
		{func(c module.Call) { m.SendReceipt(c, `{"from_id":"bob"}`) }, 10414, "client_msg_id: want the id of the message, got none"},
		{func(c module.Call) { m.SendReceipt(c, `{"client_msg_id":"x"}`) }, 10414, "from_id: want the sender, got none"},
		{func(c module.Call) {
			m.WipeHistory(c, "", 0, true, "", done(c, func(code int) abi.Posting { return abi.AnswerMsglogDeleteHistoryOnlineRes(code, nil) }))
		}, 414, ""},
		{func(c module.Call) {
			m.WipeHistory(c, "bob", 0, true, long, done(c, func(code int) abi.Posting { return abi.AnswerMsglogDeleteHistoryOnlineRes(code, nil) }))
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
}

// What is stored is found, changed and deleted, without a server.
func TestStoredMessages(t *testing.T) {
	h := enginetest.New(t, sqlite.Open)
	m := &Module{Engine: h.Engine, NewID: func() string { return "made" }}
	code := func(what string, want int64, do func(c module.Call)) {
		t.Helper()
		if p := h.Ask(do); p.Number(0) != want {
			t.Errorf("%s: %d, want %d: %s", what, p.Number(0), want, enginetest.Why(&p))
		}
	}
	page := func(what, want string, do func(c module.Call)) {
		t.Helper()
		p := h.Ask(do)
		list := ""
		for _, o := range enginetest.Object(&p, 1).Get("content").Array() {
			list += o.Get("client_msg_id").Str + " "
		}
		if p.Number(0) != 200 || strings.TrimSpace(list) != want {
			t.Errorf("%s: %d, %q, want %q", what, p.Number(0), list, want)
		}
	}
	for i := range 5 {
		code("insert", 200, func(c module.Call) {
			m.Insert(c, "bob", fmt.Sprintf(`{"to_type":0,"to_accid":"me","from_id":"bob","msg_type":%d,"client_msg_id":"m%d","msg_body":"text %d","time":%d}`, i%2, i, i, 1000+i), true)
		})
	}
	code("insert without an id", 200, func(c module.Call) {
		m.Insert(c, "carol", `{"to_type":0,"to_accid":"me","msg_type":0,"msg_body":"other","time":2000}`, false)
	})
	page("the newest", "m4 m3", func(c module.Call) { m.Query(c, "bob", 0, 2, 0, "") })
	page("before one", "m1 m0", func(c module.Call) { m.Query(c, "bob", 0, 10, 1002, "") })
	page("after one, oldest first", "m3 m4", func(c module.Call) { m.Query(c, "bob", 0, 10, 1002, `{"direction":1,"reverse":true}`) })
	page("of a type", "m3 m1", func(c module.Call) { m.ByType(c, 0, "bob", 10, 0, 0, "", false, "[1]") })
	page("behind one that is known", "m2 m1 m0", func(c module.Call) { m.ByType(c, 0, "bob", 10, 0, 0, "m3", false, "") })
	page("by text, everywhere", "made", func(c module.Call) {
		m.ByOptions(c, abi.MsglogSearch{QueryRange: 100, LimitCount: 10, MsgType: 1000, SearchContent: "oth"})
	})
	page("by text, of one", "m2", func(c module.Call) {
		m.ByOptionsText(c, `{"query_range":0,"ids":["bob"],"limit_count":10,"msg_type":0,"search_content":"XT 2"}`)
	})
	page("ids as a text in an array", "m4 m2 m0", func(c module.Call) {
		m.ByOptionsText(c, `{"query_range":0,"ids":["[\"bob\"]"],"limit_count":10,"msg_type":0}`)
	})
	page("a span", "m1 m2 m3", func(c module.Call) {
		m.ByOptionsList(c, `["bob"]`, abi.MsglogSearch{LimitCount: 10, MsgType: 1000, FromTime: 1001, EndTime: 1003, Reverse: true})
	})
	code("by id", 200, func(c module.Call) { m.ByID(c, "m1") })
	code("by an id that nobody has", 404, func(c module.Call) { m.ByID(c, "none") })
	code("status", 200, func(c module.Call) { m.SetStatus(c, "m1", 2) })
	code("status of none", 404, func(c module.Call) { m.SetStatus(c, "none", 2) })
	code("sub-status", 200, func(c module.Call) { m.SetSubStatus(c, "m1", 21) })
	code("local_ext", 200, func(c module.Call) { m.SetLocalExt(c, "m1", "mine") })
	p := h.Ask(func(c module.Call) { m.ByID(c, "m1") })
	if o := enginetest.Object(&p, 1); o.Get("log_status").Int() != 2 || o.Get("log_sub_status").Int() != 21 || o.Get("local_ext").Str != "mine" {
		t.Errorf("%s", o.Raw)
	}
	code("mark read", 200, func(c module.Call) { m.MarkRead(c, "bob", 0) })
	code("read all", 200, func(c module.Call) { m.ReadAll(c) })
	code("delete one", 200, func(c module.Call) { m.Delete(c, "bob", 0, "m4") })
	code("delete a span", 200, func(c module.Call) { m.DeleteSpan(c, "bob", 0, 1000, 1001, false) })
	page("what is left", "m3 m2", func(c module.Call) { m.Query(c, "bob", 0, 10, 0, "") })
	code("delete a session's", 200, func(c module.Call) { m.DeleteOf(c, "bob", 0, true) })
	page("nothing is left", "", func(c module.Call) { m.Query(c, "bob", 0, 10, 0, "") })
	page("the other session's", "made", func(c module.Call) { m.Query(c, "carol", 0, 10, 0, "") })
	code("delete the teams'", 200, func(c module.Call) { m.DeleteKind(c, 1, true, false) })
	page("which is none", "made", func(c module.Call) { m.Query(c, "carol", 0, 10, 0, "") })
	code("delete all", 200, func(c module.Call) { m.DeleteAll(c, true, false) })
	page("nothing", "", func(c module.Call) { m.Query(c, "carol", 0, 10, 0, "") })
	if m.ReceiptSent(`{"from_id":"bob","client_msg_id":"m1","time":1}`) || m.ReadByPeer(`{"to_accid":"bob","client_msg_id":"m1","time":1}`) || m.ReadByPeer(`[`) {
		t.Error("a receipt that nobody sent")
	}
}

// Without a link, what needs the server says so and changes nothing.
func TestAwayFromTheServer(t *testing.T) {
	h := enginetest.New(t, sqlite.Open)
	m := &Module{Engine: h.Engine, NewID: func() string { return "made" }}
	for i, do := range []func(c module.Call){
		func(c module.Call) {
			m.Online(c, "bob", abi.QueryMsgOnlineAsyncParam{LimitCount: 10, MsgTypeList: []int{1}, EndMsgId: 3})
		},
		func(c module.Call) {
			m.OnlineExt(c, "bob", abi.QueryMsgOnlineAsyncParam{LimitCount: 10}, `{"query_msg_type_list":[1,2]}`)
		},
		func(c module.Call) {
			m.KeywordOnline(c, "bob", "x", abi.QueryMsgByKeywordOnlineAsyncParam{LimitCount: 10})
		},
		func(c module.Call) {
			m.OneOnline(c, abi.QueryMsgAsyncParam{FromAccount: "bob", ToAccount: enginetest.Self, ServerId: 7})
		},
		func(c module.Call) {
			m.OneOnline(c, abi.QueryMsgAsyncParam{FromAccount: enginetest.Self, ToAccount: "bob", MsgTimetag: 7})
		},
		func(c module.Call) {
			m.DeleteSelf(c, `{"to_type":0,"to_accid":"me","from_id":"bob","msg_type":0,"client_msg_id":"x"}`, "")
		},
		func(c module.Call) {
			m.DeleteManySelf(c, []abi.DeleteMessagesSelfParam{{FromAccount: "bob", ToAccount: enginetest.Self, ClientId: "a"}, {FromAccount: "bob", ToAccount: enginetest.Self, ClientId: "b"}})
		},
		func(c module.Call) {
			m.WipeHistory(c, "bob", 0, true, "", func(code int, _ int64) { h.Answer(c, abi.AnswerMsglogDeleteHistoryOnlineRes(code, nil)) })
		},
	} {
		if p := h.Ask(do); p.Number(0) != 415 {
			t.Errorf("case %d: %d, want 415", i, p.Number(0))
		}
	}
}
