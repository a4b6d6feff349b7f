package openimfake

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
)

// A call is one REST call that passed the checks all calls share.
type call struct {
	claims Claims // of the token header; zero where none is needed
	body   []byte
}

// in decodes the body.
func (c *call) in(v any) *failure {
	if err := json.Unmarshal(c.body, v); err != nil {
		return errArgs.with(err.Error())
	}
	return nil
}

// admin reports whether an administrator calls.
func (c *call) admin() bool { return c.claims.UserID == AdminID }

// routes is the REST API. The status is always 200; errCode tells.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	add := func(path string, needsToken bool, f func(*call) (any, *failure)) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) { s.rest(w, r, path, needsToken, f) })
	}
	add("/auth/get_admin_token", false, s.getAdminToken)
	add("/auth/parse_token", false, s.restParseToken)
	add("/auth/get_user_token", true, s.getUserToken)
	add("/auth/force_logout", true, s.restForceLogout)
	add("/user/user_register", true, s.userRegister)
	add("/msg/mark_conversation_as_read", true, s.markRead)
	add("/user/get_users_info", true, s.getUsersInfo)
	add("/user/get_users_online_status", true, s.getUsersOnlineStatus)
	s.control(mux)
	return mux
}

func (s *Server) rest(w http.ResponseWriter, r *http.Request, path string, needsToken bool, f func(*call) (any, *failure)) {
	s.waitThawed()
	s.mu.Lock()
	s.calls = append(s.calls, path)
	slow, lifted := s.faults.SlowAPI, s.lifted
	s.mu.Unlock()
	if slow {
		select {
		case <-lifted:
		case <-r.Context().Done():
			return
		case <-s.done:
			return
		}
	}
	data, bad := s.restCall(r, needsToken, f)
	reply := struct {
		failure
		Data any `json:"data,omitempty"`
	}{Data: data}
	if bad != nil {
		reply.failure, reply.Data = *bad, nil
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(mustJSON(reply))
}

func (s *Server) restCall(r *http.Request, needsToken bool, f func(*call) (any, *failure)) (any, *failure) {
	if r.Header.Get("operationID") == "" {
		return nil, errArgs.with("header must have operationID")
	}
	c := &call{}
	if needsToken {
		token := r.Header.Get("token")
		if token == "" {
			return nil, errArgs.with("header must have token")
		}
		var bad *failure
		if c.claims, bad = s.parseToken(token); bad != nil {
			return nil, bad
		}
	}
	var raw json.RawMessage
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20)).Decode(&raw); err != nil {
		return nil, errArgs.with("body is not JSON")
	}
	c.body = raw
	return f(c)
}

type tokenReply struct {
	Token             string `json:"token"`
	ExpireTimeSeconds int64  `json:"expireTimeSeconds"`
}

func (s *Server) getAdminToken(c *call) (any, *failure) {
	var in struct{ Secret, UserID string }
	if bad := c.in(&in); bad != nil {
		return nil, bad
	}
	if in.Secret != s.secret || in.UserID != AdminID {
		return nil, errForbidden.with("secret invalid")
	}
	return tokenReply{s.Token(AdminID, 10), int64(TokenLife / time.Second)}, nil
}

func (s *Server) getUserToken(c *call) (any, *failure) {
	var in struct {
		UserID     string
		PlatformID int
	}
	switch bad := c.in(&in); {
	case bad != nil:
		return nil, bad
	case !c.admin():
		return nil, errForbidden
	case in.PlatformID < 1 || in.PlatformID > 12 || in.PlatformID == 10:
		return nil, errArgs.with("platformID invalid")
	case !s.registered(in.UserID):
		return nil, errNotFound
	}
	return tokenReply{s.Token(in.UserID, in.PlatformID), int64(TokenLife / time.Second)}, nil
}

func (s *Server) registered(user string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.users[user]
	return ok
}

func (s *Server) restParseToken(c *call) (any, *failure) {
	var in struct{ Token string }
	if bad := c.in(&in); bad != nil {
		return nil, bad
	}
	claims, bad := s.parseToken(in.Token)
	if bad != nil {
		return nil, bad
	}
	return struct {
		UserID            string `json:"userID"`
		PlatformID        int    `json:"platformID"`
		ExpireTimeSeconds int64  `json:"expireTimeSeconds"`
	}{claims.UserID, claims.PlatformID, claims.Exp - s.wall().Unix()}, nil
}

func (s *Server) restForceLogout(c *call) (any, *failure) {
	var in struct {
		UserID     string
		PlatformID int
	}
	if bad := c.in(&in); bad != nil {
		return nil, bad
	}
	if !c.admin() {
		return nil, errForbidden
	}
	s.ForceLogout(in.UserID, in.PlatformID)
	return nil, nil
}

// ForceLogout revokes the tokens of a user on a platform and kicks its
// connections, with the same frame as a login elsewhere does.
func (s *Server) ForceLogout(user string, platform int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.tokens[user][platform] {
		s.tokens[user][platform][t] = tokenKicked
	}
	s.kickLocked(user, platform)
}

// KickKeepingToken kicks connections and leaves their tokens valid: what a
// client sees that asks about its token before the server has revoked it.
func (s *Server) KickKeepingToken(user string, platform int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kickLocked(user, platform)
}

func (s *Server) kickLocked(user string, platform int) {
	for c := range s.conns {
		if c.user == user && c.platform == platform {
			c.kick()
		}
	}
}

func (s *Server) userRegister(c *call) (any, *failure) {
	var in struct{ Users []User }
	switch bad := c.in(&in); {
	case bad != nil:
		return nil, bad
	case !c.admin():
		return nil, errForbidden
	}
	for _, u := range in.Users {
		if !legalID(u.UserID) {
			return nil, errArgs.with("userID is legal") // its wording
		}
		if s.registered(u.UserID) {
			return nil, errRepeated
		}
	}
	for _, u := range in.Users {
		s.AddUser(u)
	}
	return nil, nil
}

// legalID is what user_register takes: letters of any script, digits and _.
func legalID(id string) bool {
	return id != "" && !strings.ContainsFunc(id, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

func (s *Server) getUsersInfo(c *call) (any, *failure) {
	var in struct{ UserIDs []string }
	if bad := c.in(&in); bad != nil {
		return nil, bad
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := struct {
		UsersInfo []User `json:"usersInfo"`
	}{[]User{}}
	for _, id := range in.UserIDs {
		if u, ok := s.users[id]; ok {
			out.UsersInfo = append(out.UsersInfo, u)
		}
	}
	return out, nil
}

func (s *Server) getUsersOnlineStatus(c *call) (any, *failure) {
	var in struct{ UserIDs []string }
	switch bad := c.in(&in); {
	case bad != nil:
		return nil, bad
	case !c.admin():
		return nil, errForbidden
	}
	type detail struct {
		PlatformID   int    `json:"platformID"`
		ConnID       string `json:"connID"`
		Token        string `json:"token"` // a real server hands out live tokens too
		IsBackground bool   `json:"isBackground"`
	}
	type user struct {
		UserID string   `json:"userID"`
		Status int      `json:"status"`
		Detail []detail `json:"detailPlatformStatus"`
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []user
	for _, id := range in.UserIDs {
		u := user{UserID: id}
		for conn := range s.conns {
			if conn.user == id {
				u.Status = 1
				u.Detail = append(u.Detail, detail{PlatformID: conn.platform, ConnID: conn.ws.RemoteAddr().String(), Token: conn.token})
			}
		}
		slices.SortFunc(u.Detail, func(a, b detail) int { return a.PlatformID - b.PlatformID })
		out = append(out, u)
	}
	return out, nil
}
