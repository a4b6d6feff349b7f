package openimfake

import (
	"net/http"
	"strconv"

	"github.com/gorilla/websocket"
)

var upgrader = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}

// handshake serves any path, as a real gateway does.
func (s *Server) handshake(w http.ResponseWriter, r *http.Request) {
	s.waitThawed()
	if !websocket.IsWebSocketUpgrade(r) {
		http.Error(w, "Bad Request", http.StatusBadRequest)
		return
	}
	q := r.URL.Query()
	c := &conn{
		s: s, user: q.Get("sendID"), token: q.Get("token"), gzip: q.Get("compression") == "gzip" || r.Header.Get("compression") == "gzip",
		frames: make(chan frame, writeQueue), done: make(chan struct{}),
	}
	// What is wrong with the arguments is told before isMsgResp is looked at.
	platform, bad := arguments(q.Get)
	if bad != nil {
		refuse(w, bad)
		return
	}
	c.platform = platform
	bad = s.checkToken(c.token, c.user, c.platform)
	f := s.fault()
	told := q.Get("isMsgResp") == "true" && !f.PlainRefusals
	if bad != nil && !told {
		refuse(w, bad)
		return
	}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	c.ws = ws
	if told && !f.NoResult {
		if ws.WriteMessage(websocket.TextMessage, bad.text()) != nil || bad != nil {
			ws.NetConn().Close()
			return
		}
	}
	c.run()
}

// arguments checks the query; it returns the platform.
func arguments(get func(string) string) (int, *failure) {
	for _, key := range []string{"token", "sendID", "platformID", "operationID"} {
		if get(key) == "" {
			return 0, errConnArgs.with(key + " is empty")
		}
	}
	platform, err := strconv.Atoi(get("platformID"))
	if err != nil || platform < 1 || platform > 12 {
		return 0, errConnArgs.with("platformID is not int")
	}
	if _, err := strconv.ParseBool(get("isBackground")); err != nil {
		return 0, errInternal.with(`strconv.ParseBool: parsing "": invalid syntax`)
	}
	if get("sdkType") != "js" {
		return 0, errConnArgs.with("sdkType")
	}
	return platform, nil
}

// refuse answers with HTTP 200 and the error as JSON.
func refuse(w http.ResponseWriter, f *failure) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(f.text())
}
