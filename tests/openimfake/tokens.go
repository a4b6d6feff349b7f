package openimfake

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Status of a token that the server knows.
const (
	tokenNormal = 0
	tokenKicked = 2
)

// TokenLife is how long a token lives by default.
const TokenLife = 90 * 24 * time.Hour

// Claims of a token, in the order of a real one.
type Claims struct {
	UserID     string
	PlatformID int
	Exp        int64 `json:"exp"`
	Nbf        int64 `json:"nbf,omitempty"` // a real server writes none
	Iat        int64 `json:"iat"`
}

// Sign makes a token of claims that the server need not know.
func (s *Server) Sign(c Claims) string { return sign(c, s.secret) }

func sign(c Claims, secret string) string {
	payload, err := json.Marshal(c)
	if err != nil {
		panic(err) // Claims has only fields that marshal
	}
	e := base64.RawURLEncoding
	text := e.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + e.EncodeToString(payload)
	return text + "." + e.EncodeToString(mac(text, secret))
}

func mac(text, secret string) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(text))
	return h.Sum(nil)
}

// Token issues a token as /auth/get_user_token does, and revokes those that the
// policy lets it displace. Their connections stay up until this one connects.
func (s *Server) Token(user string, platform int) string {
	return s.TokenFor(user, platform, TokenLife)
}

// TokenFor issues a token that lives for a while.
func (s *Server) TokenFor(user string, platform int, life time.Duration) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.wall()
	c := Claims{UserID: user, PlatformID: platform, Exp: now.Add(life).Unix(), Iat: now.Add(-5 * time.Second).Unix()}
	if s.distinct {
		s.issued++
		c.Iat -= int64(s.issued)
	}
	token := sign(c, s.secret)
	for p, known := range s.tokens[user] {
		if displaced(s.policy, p, platform) {
			for old := range known {
				known[old] = tokenKicked
			}
		}
	}
	s.putLocked(user, platform, token)
	return token
}

func (s *Server) putLocked(user string, platform int, token string) {
	if s.tokens[user] == nil {
		s.tokens[user] = map[int]map[string]int{}
	}
	if s.tokens[user][platform] == nil {
		s.tokens[user][platform] = map[string]int{}
	}
	s.tokens[user][platform][token] = tokenNormal
}

// ForgetToken makes the server know a token no more.
func (s *Server) ForgetToken(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, platforms := range s.tokens {
		for _, known := range platforms {
			delete(known, token)
		}
	}
}

// parseToken is the check of the auth service.
func (s *Server) parseToken(token string) (Claims, *failure) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return Claims{}, errMalformed
	}
	e := base64.RawURLEncoding
	payload, err1 := e.DecodeString(parts[1])
	signature, err2 := e.DecodeString(parts[2])
	var c Claims
	if err1 != nil || err2 != nil || json.Unmarshal(payload, &c) != nil {
		return Claims{}, errMalformed
	}
	now := s.wall()
	switch {
	case !hmac.Equal(signature, mac(parts[0]+"."+parts[1], s.secret)):
		return c, errSignature
	case now.Unix() >= c.Exp:
		return c, errExpired
	case c.Nbf > now.Unix():
		return c, errNotYet
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	status, known := s.tokens[c.UserID][c.PlatformID][token]
	switch {
	case !known:
		return c, errNotExist
	case status == tokenKicked:
		return c, errKicked
	}
	return c, nil
}

// checkToken is parseToken for one user on one platform.
func (s *Server) checkToken(token, user string, platform int) *failure {
	c, bad := s.parseToken(token)
	switch {
	case bad != nil:
		return bad
	case c.UserID != user:
		return errInvalid.with(fmt.Sprintf("token uid %s != userID %s", c.UserID, user))
	case c.PlatformID != platform:
		return errInvalid.with(fmt.Sprintf("token platform %d != platformID %d", c.PlatformID, platform))
	}
	return nil
}
