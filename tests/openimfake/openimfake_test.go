package openimfake

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/libnim/libnim/internal/memnet"
)

// A bench is a server in a bubble and a bare client.
type bench struct {
	*testing.T
	net *memnet.Network
	s   *Server
}

func inBubble(t *testing.T, policy int, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		gateway, err1 := n.Listen("gw:10001")
		api, err2 := n.Listen("api:10002")
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		s, err := New(gateway, api, Options{Policy: &policy})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		s.AddUser(User{UserID: "alice", Nickname: "Alice"})
		f(&bench{t, n, s})
	})
}

func query(user, token, platform string) url.Values {
	return url.Values{
		"sendID": {user}, "token": {token}, "platformID": {platform}, "operationID": {"op"},
		"isBackground": {"false"}, "sdkType": {"js"}, "isMsgResp": {"true"},
	}
}

// dial does the handshake; the string is the body of a plain answer.
func (b *bench) dial(q url.Values) (*websocket.Conn, string) {
	b.Helper()
	d := websocket.Dialer{NetDialContext: b.net.Dial}
	ws, resp, err := d.DialContext(b.Context(), b.s.WSAddr()+"/any/path?"+q.Encode(), nil)
	if err == nil {
		return ws, ""
	}
	if resp == nil || resp.StatusCode != http.StatusOK {
		b.Fatalf("handshake: %v, %+v", err, resp)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	return nil, string(body)
}

// login is an accepted connection of alice on platform 3.
func (b *bench) login() *websocket.Conn {
	b.Helper()
	ws, _ := b.dial(query("alice", b.s.Token("alice", 3), "3"))
	b.wantText(ws, CapturedAccepted)
	return ws
}

func (b *bench) read(ws *websocket.Conn) (int, string, error) {
	ws.SetReadDeadline(time.Now().Add(time.Minute))
	kind, data, err := ws.ReadMessage()
	return kind, string(data), err
}

func (b *bench) wantText(ws *websocket.Conn, text string) {
	b.Helper()
	if kind, got, err := b.read(ws); kind != websocket.TextMessage || got != text {
		b.Fatalf("got %d %q %v, want text %q", kind, got, err, text)
	}
}

func (b *bench) wantBinary(ws *websocket.Conn, text string) {
	b.Helper()
	if kind, got, err := b.read(ws); kind != websocket.BinaryMessage || got != text {
		b.Fatalf("got %d %q %v, want binary %q", kind, got, err, text)
	}
}

// wantEnd waits for the end of a connection with a close code; 1006 is none.
func (b *bench) wantEnd(ws *websocket.Conn, code int) {
	b.Helper()
	_, got, err := b.read(ws)
	ce, ok := errors.AsType[*websocket.CloseError](err)
	if !ok || ce.Code != code {
		b.Fatalf("got %q %v, want close code %d", got, err, code)
	}
}

func TestCapturedEnvelopes(t *testing.T) {
	r, err := decodeFrame([]byte(CapturedRequest), false)
	if err != nil || string(mustJSON(r)) != CapturedRequest {
		t.Errorf("request: %+v, %v", r, err)
	}
	for _, text := range []string{CapturedReply, CapturedKick, CapturedOnline, CapturedMessage} {
		var r Response
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		if got := string(encodeFrame(&r, false)); got != text {
			t.Errorf("got  %s\nwant %s", got, text)
		}
	}
	if got := string(encodeFrame(&Response{ReqIdentifier: OpKicked}, false)); got != CapturedKick {
		t.Errorf("kick %s", got)
	}
	if got := string((*failure)(nil).text()); got != CapturedAccepted {
		t.Errorf("accepted %s", got)
	}
}

func TestCapturedProtobuf(t *testing.T) {
	raw, err := base64.StdEncoding.DecodeString(CapturedSubscription)
	if err != nil {
		t.Fatal(err)
	}
	add, remove, err := subscription(raw)
	if err != nil || !slices.Equal(add, []string{"alice", "bob"}) || remove != nil {
		t.Errorf("subscription %v %v %v", add, remove, err)
	}
	for want, list := range map[string][]onlineStatus{
		CapturedTips: {{"alice", []int{3}}, {"bob", nil}}, CapturedOffline: {{"bob", nil}}, "CgsKBWFsaWNlEgICAw==": {{"alice", []int{2, 3}}},
	} {
		if got := base64.StdEncoding.EncodeToString(tips(list)); got != want {
			t.Errorf("tips %s, want %s", got, want)
		}
	}
}

// The results of all the checks that fail, as they were captured, in both forms.
func TestCapturedRefusals(t *testing.T) {
	inBubble(t, 1, func(b *bench) {
		good := b.s.Token("alice", 3)
		cut := good[:strings.LastIndex(good, ".")+1]
		kicked := b.s.Token("alice", 3)
		expired := b.s.TokenFor("alice", 3, -time.Minute)
		b.s.ForceLogout("alice", 3)
		time.Sleep(1100 * time.Millisecond) // tokens of one second are equal
		fresh := b.s.Token("alice", 3)
		forgotten := b.s.TokenFor("alice", 5, time.Hour)
		b.s.ForgetToken(forgotten)
		queries := []url.Values{
			query("alice", "garbage", "3"), query("alice", cut+"AAAA", "3"), query("alice", forgotten, "5"), query("alice", expired, "3"),
			query("bob", fresh, "3"), query("alice", fresh, "4"), query("alice", kicked, "3"),
		}
		for i, q := range queries {
			ws, _ := b.dial(q)
			b.wantText(ws, CapturedRefusals[i])
			b.wantEnd(ws, websocket.CloseAbnormalClosure)
			q.Del("isMsgResp")
			if ws, got := b.dial(q); ws != nil || got != CapturedRefusals[i] {
				b.Errorf("got %s, want %s", got, CapturedRefusals[i])
			}
		}
		// Wrong arguments are told before isMsgResp is looked at.
		if ws, got := b.dial(query("alice", "", "3")); ws != nil || got != CapturedRefusals[7] {
			b.Errorf("got %s, want %s", got, CapturedRefusals[7])
		}
		for key, code := range map[string]string{"isBackground": "500", "sdkType": "1602", "platformID": "1602", "operationID": "1602"} {
			q := query("alice", fresh, "3")
			q.Del(key)
			if ws, got := b.dial(q); ws != nil || !strings.Contains(got, `"errCode":`+code+",") {
				b.Errorf("without %s: %s, want %s", key, got, code)
			}
		}
	})
}

func TestOnlineStatus(t *testing.T) {
	inBubble(t, 1, func(b *bench) {
		ws := b.login()
		defer ws.Close()
		time.Sleep(1500 * time.Millisecond) // own platform is published
		data, _ := base64.StdEncoding.DecodeString(CapturedSubscription)
		ws.WriteMessage(websocket.BinaryMessage, mustJSON(&Request{ReqIdentifier: 2005, SendID: "alice", OperationID: "op-A-1", MsgIncr: "A_1", Data: data}))
		b.wantBinary(ws, `{"reqIdentifier":2005,"msgIncr":"A_1","operationID":"op-A-1","errCode":0,"errMsg":"","data":"`+CapturedTips+`"}`)
		d, err := b.s.Connect(b.Context(), "alice", 2, b.net.Dial)
		if err != nil {
			b.Fatal(err)
		}
		defer d.Close()
		b.wantBinary(ws, CapturedOnline)
	})
}

// A second login, an administrator: the same frame, no close frame.
func TestKickFrames(t *testing.T) {
	inBubble(t, 1, func(b *bench) {
		first := b.login()
		time.Sleep(1100 * time.Millisecond)
		second := b.login()
		b.wantBinary(first, CapturedKick)
		b.wantEnd(first, websocket.CloseAbnormalClosure)
		b.s.ForceLogout("alice", 3)
		b.wantBinary(second, CapturedKick)
		b.wantEnd(second, websocket.CloseAbnormalClosure)
	})
}

func TestSameTokenDisplacesNobody(t *testing.T) {
	inBubble(t, 1, func(b *bench) {
		q := query("alice", b.s.Token("alice", 3), "3")
		first, _ := b.dial(q)
		second, _ := b.dial(q)
		b.wantText(first, CapturedAccepted)
		b.wantText(second, CapturedAccepted)
		time.Sleep(10 * time.Second)
		if n := len(b.s.connections()); n != 2 {
			b.Errorf("%d connections, want 2", n)
		}
		first.Close()
		second.Close()
	})
}

func TestPolicies(t *testing.T) {
	pairs := [][2]int{{3, 3}, {3, 7}, {2, 1}, {3, 2}, {5, 3}, {2, 11}}
	for policy, want := range map[int][]bool{
		0: {false, false, false, false, false, false},
		1: {true, false, false, false, false, false},
		4: {true, true, true, false, false, false},
		5: {false, false, true, false, false, true},
	} {
		for i, p := range pairs {
			inBubble(t, policy, func(b *bench) {
				first, err := b.s.Connect(b.Context(), "alice", p[0], b.net.Dial)
				if err != nil {
					b.Fatal(err)
				}
				defer first.Close()
				time.Sleep(1100 * time.Millisecond)
				second, err := b.s.Connect(b.Context(), "alice", p[1], b.net.Dial)
				if err != nil {
					b.Fatal(err)
				}
				defer second.Close()
				synctest.Wait()
				if got := len(b.s.connections()) == 1; got != want[i] {
					b.Errorf("policy %d, %d then %d: kicked %v, want %v", policy, p[0], p[1], got, want[i])
				}
			})
		}
	}
	for _, policy := range []int{2, 3} {
		if _, err := New(nil, nil, Options{Policy: &policy}); err == nil {
			t.Errorf("policy %d is accepted", policy)
		}
	}
}

// What ends a connection without a word, and the one thing that gets a code.
func TestSilentDisconnects(t *testing.T) {
	good := Request{ReqIdentifier: 2004, SendID: "alice", OperationID: "op", MsgIncr: "1"}
	with := func(change func(*Request)) []byte {
		r := good
		change(&r)
		return mustJSON(&r)
	}
	for _, tt := range []struct {
		name string
		kind int
		data []byte
		code int
	}{
		{"unknown request", websocket.BinaryMessage, with(func(r *Request) { r.ReqIdentifier = 4711 }), 1006},
		{"no JSON", websocket.BinaryMessage, []byte("hello"), 1006},
		{"request as text", websocket.TextMessage, mustJSON(&good), 1006},
		{"unknown text", websocket.TextMessage, []byte(`{"type":"hello"}`), 1006},
		{"other user", websocket.BinaryMessage, with(func(r *Request) { r.SendID = "bob" }), 1006},
		{"too large", websocket.BinaryMessage, with(func(r *Request) { r.Data = make([]byte, maxMessage) }), 1009},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, 1, func(b *bench) {
				ws := b.login()
				defer ws.Close()
				ws.WriteMessage(tt.kind, tt.data)
				b.wantEnd(ws, tt.code)
			})
		})
	}
}

func TestAnswersThatKeepTheConnection(t *testing.T) {
	inBubble(t, 1, func(b *bench) {
		ws := b.login()
		defer ws.Close()
		ws.WriteMessage(websocket.BinaryMessage, mustJSON(&Request{ReqIdentifier: 2005, SendID: "alice", MsgIncr: "1", Data: []byte{0xff}}))
		b.wantBinary(ws, `{"reqIdentifier":2005,"msgIncr":"1","operationID":"","errCode":500,"errMsg":"ServerInternalError","data":null}`)
		ws.WriteMessage(websocket.BinaryMessage, mustJSON(&Request{ReqIdentifier: 1001, SendID: "alice", MsgIncr: "2", Data: protoBytes(nil, 1, []byte("bob"))}))
		b.wantBinary(ws, `{"reqIdentifier":1001,"msgIncr":"2","operationID":"","errCode":1002,"errMsg":"NoPermissionError","data":null}`)
		ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"ping","body":{"n":1}}`))
		b.wantText(ws, `{"type":"pong","body":{"n":1}}`)
		ws.WriteMessage(websocket.BinaryMessage, mustJSON(&Request{ReqIdentifier: 2003, SendID: "alice", MsgIncr: "3"}))
		b.wantBinary(ws, `{"reqIdentifier":2003,"msgIncr":"3","operationID":"","errCode":0,"errMsg":"","data":null}`)
		b.wantEnd(ws, websocket.CloseAbnormalClosure)
	})
}

func TestReadTimeout(t *testing.T) {
	inBubble(t, 1, func(b *bench) {
		start := time.Now()
		ws := b.login()
		defer ws.Close()
		b.wantEnd(ws, websocket.CloseAbnormalClosure)
		if got := time.Since(start); got != 30*time.Second {
			b.Errorf("dropped after %v, want 30s", got)
		}
	})
}

// Only browsers are pinged.
func TestPings(t *testing.T) {
	inBubble(t, 1, func(b *bench) {
		ws, _ := b.dial(query("alice", b.s.Token("alice", 5), "5"))
		defer ws.Close()
		start, pinged := time.Now(), time.Duration(0)
		ws.SetPingHandler(func(string) error {
			pinged = time.Since(start)
			return errors.New("seen")
		})
		b.wantText(ws, CapturedAccepted)
		b.read(ws)
		if pinged != 27*time.Second {
			b.Errorf("pinged after %v, want 27s", pinged)
		}
	})
}

func TestREST(t *testing.T) {
	inBubble(t, 1, func(b *bench) {
		client := &http.Client{Transport: &http.Transport{DialContext: b.net.Dial, DisableKeepAlives: true}}
		post := func(path, token, op, body string) string {
			b.Helper()
			req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, b.s.APIAddr()+path, strings.NewReader(body))
			if err != nil {
				b.Fatal(err)
			}
			req.Header.Set("operationID", op)
			req.Header.Set("token", token)
			resp, err := client.Do(req)
			if err != nil {
				b.Fatal(err)
			}
			defer resp.Body.Close()
			data, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != 200 {
				b.Fatalf("%s: %d %v", path, resp.StatusCode, err)
			}
			return string(data)
		}
		contains := func(got, want string) {
			b.Helper()
			if !strings.Contains(got, want) {
				b.Errorf("got %s, want %s", got, want)
			}
		}
		var admin struct{ Data struct{ Token string } }
		json.Unmarshal([]byte(post("/auth/get_admin_token", "", "op", `{"secret":"openIM123","userID":"imAdmin"}`)), &admin)
		token := admin.Data.Token
		contains(post("/auth/get_admin_token", "", "op", `{"secret":"wrong","userID":"imAdmin"}`), `"errCode":1002`)
		contains(post("/user/get_users_info", token, "", `{}`), `header must have operationID`)
		contains(post("/user/get_users_info", "", "op", `{}`), `header must have token`)
		contains(post("/user/user_register", token, "op", `{"users":[{"userID":"carol"}]}`), `{"errCode":0,"errMsg":"","errDlt":""}`)
		contains(post("/user/user_register", token, "op", `{"users":[{"userID":"carol"}]}`), `"errCode":1102`)
		contains(post("/user/user_register", token, "op", `{"users":[{"userID":"ünïcode_日本"}]}`), `"errCode":0`)
		for _, id := range []string{"", "a b", "a.b", "a-b", "a@b", "+49", "a|1", "a:b", "a/b"} {
			contains(post("/user/user_register", token, "op", `{"users":[{"userID":"`+id+`"}]}`), `"errCode":1001`)
		}
		contains(post("/auth/get_user_token", token, "op", `{"userID":"nobody","platformID":3}`), `"errCode":1004`)
		first := post("/auth/get_user_token", token, "op", `{"userID":"carol","platformID":3}`)
		if second := post("/auth/get_user_token", token, "op", `{"userID":"carol","platformID":3}`); first != second {
			b.Error("two tokens of one second differ")
		}
		var user struct{ Data struct{ Token string } }
		json.Unmarshal([]byte(first), &user)
		contains(post("/auth/parse_token", "", "op", fmt.Sprintf(`{"token":%q}`, user.Data.Token)), `"userID":"carol","platformID":3,`)
		contains(post("/auth/force_logout", user.Data.Token, "op", `{"userID":"carol","platformID":3}`), `"errCode":1002`)
		contains(post("/auth/force_logout", token, "op", `{"userID":"carol","platformID":3}`), `"errCode":0`)
		contains(post("/auth/parse_token", "", "op", fmt.Sprintf(`{"token":%q}`, user.Data.Token)), `"errCode":1506`)
	})
}

func TestStartOnLoopback(t *testing.T) {
	s, err := Start(Options{DistinctTokens: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if first, second := s.Token("alice", 3), s.Token("alice", 3); first == second {
		t.Error("tokens are not distinct")
	}
	d, err := s.Connect(t.Context(), "alice", 3, (&net.Dialer{}).DialContext)
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
}
