package token

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
)

// jwtHeader is all that we allow in the header: the algorithm is pinned, and a
// header that demands more ("crit") is refused.
type jwtHeader struct {
	Alg  string          `json:"alg"`
	Typ  string          `json:"typ,omitempty"`
	Crit json.RawMessage `json:"crit,omitempty"`
}

// jwtClaims names the account in sub or in account. app_key is optional.
type jwtClaims struct {
	Subject   jwtName  `json:"sub,omitempty"`
	Account   jwtName  `json:"account,omitempty"`
	AppKey    jwtName  `json:"app_key,omitempty"`
	ExpiresAt *float64 `json:"exp,omitempty"`
	NotBefore *float64 `json:"nbf,omitempty"`
	IssuedAt  *float64 `json:"iat,omitempty"`
}

// jwtName is a name, which signers write as a number where all of theirs are.
type jwtName string

// UnmarshalJSON implements json.Unmarshaler.
func (n *jwtName) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && !bytes.ContainsFunc(data, func(r rune) bool { return r < '0' || r > '9' }) {
		*n = jwtName(data)
		return nil
	}
	return json.Unmarshal(data, (*string)(n))
}

var jwtEncoding = base64.RawURLEncoding.Strict()

// IsJWT reports whether a token has the form of a signed JWT.
func IsJWT(token string) bool {
	return strings.HasPrefix(token, "eyJ") && strings.Count(token, ".") == 2
}

// VerifyJWT reads a JWT signed with HS256. It must say when it expires.
func VerifyJWT(token string, want Expect) (Claims, error) {
	if len(token) > MaxSize {
		return Claims{}, malformed("too long")
	}
	signed, sig64, ok := cutLast(token)
	head64, body64, ok2 := strings.Cut(signed, ".")
	if !ok || !ok2 || strings.Contains(body64, ".") {
		return Claims{}, malformed("not the three parts of a JWT")
	}
	var h jwtHeader
	if err := jwtPart(head64, &h); err != nil {
		return Claims{}, malformed("header of the JWT")
	}
	switch {
	case h.Alg != "HS256":
		return Claims{}, malformed("alg of the JWT: want HS256")
	case h.Typ != "" && !strings.EqualFold(h.Typ, "JWT"):
		return Claims{}, malformed("typ of the JWT: want JWT, or none")
	case h.Crit != nil:
		return Claims{}, malformed("crit of the JWT: no extension is known")
	}
	mac, err := jwtEncoding.DecodeString(sig64)
	if err != nil {
		return Claims{}, malformed("signature of the JWT")
	}
	if !signedBy(want.Secrets, []byte(signed), mac) {
		return Claims{}, nimerr.TokenKeyMismatch.New("")
	}
	var c jwtClaims
	if err := jwtPart(body64, &c); err != nil {
		return Claims{}, malformed("claims of the JWT")
	}
	return c.check(want)
}

func (c jwtClaims) check(want Expect) (Claims, error) {
	if c.AppKey != "" && string(c.AppKey) != want.AppKey {
		return Claims{}, nimerr.TokenAppMismatch.New("")
	}
	account := c.Account
	if account == "" {
		account = c.Subject
	}
	if string(account) != want.Account || c.Subject != "" && c.Account != "" && c.Subject != c.Account {
		return Claims{}, nimerr.TokenAccountMismatch.New("")
	}
	var out Claims
	for _, t := range []struct {
		from *float64
		to   *time.Time
	}{{c.ExpiresAt, &out.ExpiresAt}, {c.IssuedAt, &out.IssuedAt}} {
		if t.from == nil {
			continue
		}
		if math.IsNaN(*t.from) || *t.from < 0 || *t.from > 1<<40 {
			return Claims{}, malformed("times of the JWT out of range")
		}
		*t.to = time.UnixMilli(int64(*t.from * 1000))
	}
	if c.ExpiresAt == nil {
		return Claims{}, malformed("exp of the JWT is missing")
	}
	if c.NotBefore != nil && *c.NotBefore > float64(want.Now.Add(skew).Unix()) {
		return Claims{}, nimerr.TokenNotYetValid.New("")
	}
	return out, out.check(want.Now)
}

// NewJWT makes a JWT signed with HS256.
func NewJWT(s Spec) (string, error) {
	iat, exp := float64(s.IssuedAt.Unix()), float64(s.IssuedAt.Add(s.TTL).Unix())
	head, err1 := json.Marshal(jwtHeader{Alg: "HS256", Typ: "JWT"})
	body, err2 := json.Marshal(jwtClaims{Subject: jwtName(s.Account), AppKey: jwtName(s.AppKey), IssuedAt: &iat, ExpiresAt: &exp})
	if err := errors.Join(err1, err2); err != nil {
		return "", err
	}
	signed := jwtEncoding.EncodeToString(head) + "." + jwtEncoding.EncodeToString(body)
	m := hmac.New(sha256.New, []byte(s.Secret))
	m.Write([]byte(signed))
	return signed + "." + jwtEncoding.EncodeToString(m.Sum(nil)), nil
}

// jwtPart decodes one part, which must be one JSON object and nothing else.
func jwtPart(part string, v any) error {
	data, err := jwtEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one value")
	}
	return nil
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, '.')
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}
