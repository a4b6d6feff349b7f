package token

import (
	"bytes"
	"compress/zlib"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
)

// maxInflated bounds the JSON inside a UserSig.
const maxInflated = 16 << 10

// userSig is the JSON inside a UserSig. Some signers write the time as a string.
type userSig struct {
	Version    string      `json:"TLS.ver"`
	Identifier string      `json:"TLS.identifier"`
	SDKAppID   json.Number `json:"TLS.sdkappid"`
	Expire     json.Number `json:"TLS.expire"`
	Time       json.Number `json:"TLS.time"`
	UserBuf    string      `json:"TLS.userbuf,omitempty"`
	Sig        string      `json:"TLS.sig"`
}

var (
	toURL   = strings.NewReplacer("+", "*", "/", "-", "=", "_")
	fromURL = strings.NewReplacer("*", "+", "-", "/", "_", "=")
)

// IsUserSig reports whether a token has the form of a UserSig.
func IsUserSig(token string) bool {
	_, err := openUserSig(token)
	return err == nil
}

// VerifyUserSig reads a Tencent UserSig of version 2. Its errors carry Tencent's
// number as the server code.
func VerifyUserSig(token string, want Expect) (Claims, error) {
	c, err := verifyUserSig(token, want)
	if e, ok := errors.AsType[*nimerr.Error](err); ok {
		e.ServerCode = e.Kind.Tencent
	}
	return c, err
}

func verifyUserSig(token string, want Expect) (Claims, error) {
	u, err := openUserSig(token)
	if err != nil {
		return Claims{}, err
	}
	app, err1 := u.SDKAppID.Int64()
	issued, err2 := u.Time.Int64()
	ttl, err3 := u.Expire.Int64()
	mac, err4 := base64.StdEncoding.DecodeString(u.Sig)
	if errors.Join(err1, err2, err3, err4) != nil || issued < 0 || issued > 1<<40 || ttl <= 0 || ttl > int64(maxTTL/time.Second) {
		return Claims{}, malformed("fields of the UserSig out of range")
	}
	if app != want.SDKAppID || app == 0 {
		return Claims{}, nimerr.TokenAppMismatch.New("")
	}
	if u.Identifier != want.Account {
		return Claims{}, nimerr.TokenAccountMismatch.New("")
	}
	if !signedBy(want.Secrets, userSigInput(u, app, issued, ttl), mac) {
		return Claims{}, nimerr.TokenKeyMismatch.New("")
	}
	c := Claims{IssuedAt: time.Unix(issued, 0)}
	c.ExpiresAt = c.IssuedAt.Add(time.Duration(ttl) * time.Second)
	return c, c.check(want.Now)
}

// NewUserSig makes a Tencent UserSig of version 2.
func NewUserSig(s Spec) (string, error) {
	app, issued, ttl := s.SDKAppID, s.IssuedAt.Unix(), int64(s.TTL/time.Second)
	u := userSig{
		Version: "2.0", Identifier: s.Account,
		SDKAppID: number(app), Expire: number(ttl), Time: number(issued),
	}
	m := hmac.New(sha256.New, []byte(s.Secret))
	m.Write(userSigInput(u, app, issued, ttl))
	u.Sig = base64.StdEncoding.EncodeToString(m.Sum(nil))
	data, err := json.Marshal(u)
	if err != nil {
		return "", err
	}
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	_, err = w.Write(data)
	if err := errors.Join(err, w.Close()); err != nil {
		return "", err
	}
	return toURL.Replace(base64.StdEncoding.EncodeToString(z.Bytes())), nil
}

// openUserSig decodes and inflates a token. Signers compress at any level, so
// the form is all that can be compared.
func openUserSig(token string) (userSig, error) {
	var u userSig
	if len(token) > MaxSize {
		return u, malformed("too long")
	}
	data, err := base64.StdEncoding.DecodeString(fromURL.Replace(token))
	if err != nil {
		return u, malformed("not base64")
	}
	z, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return u, malformed("not a zlib stream")
	}
	inflated, err := io.ReadAll(io.LimitReader(z, maxInflated+1))
	if err != nil || len(inflated) > maxInflated {
		return u, malformed("not a zlib stream of the allowed size")
	}
	if err := json.Unmarshal(inflated, &u); err != nil || u.Version != "2.0" {
		return u, malformed("not the JSON of a UserSig")
	}
	return u, nil
}

func userSigInput(u userSig, app, issued, ttl int64) []byte {
	b := fmt.Appendf(nil, "TLS.identifier:%s\nTLS.sdkappid:%d\nTLS.time:%d\nTLS.expire:%d\n", u.Identifier, app, issued, ttl)
	if u.UserBuf != "" {
		b = fmt.Appendf(b, "TLS.userbuf:%s\n", u.UserBuf)
	}
	return b
}

func number(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }
