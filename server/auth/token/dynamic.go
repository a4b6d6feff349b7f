package token

import (
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
)

// dynamicToken is NIM's dynamic token. Its signature is an unkeyed SHA-1 over
// fields put together without separators, so neighbouring fields can be cut
// differently: numbers must be in their one decimal form, with 13 digits of
// time. What remains of that weakness is in docs/OPERATIONS.md.
type dynamicToken struct {
	Signature string `json:"signature"`
	CurTime   int64  `json:"curTime"` // milliseconds
	TTL       int64  `json:"ttl"`     // seconds
}

// VerifyDynamic reads a NIM dynamic token (auth_type 1).
func VerifyDynamic(token string, want Expect) (Claims, error) {
	if len(token) > MaxSize {
		return Claims{}, malformed("too long")
	}
	data, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return Claims{}, malformed("not base64")
	}
	var t dynamicToken
	if err := json.Unmarshal(data, &t); err != nil {
		return Claims{}, malformed("not the JSON of a dynamic token")
	}
	if t.CurTime < 1e12 || t.CurTime >= 1e13 || t.TTL <= 0 || t.TTL > int64(maxTTL/time.Second) {
		return Claims{}, malformed("curTime or ttl out of range")
	}
	signed := false
	for _, secret := range want.Secrets {
		sum := dynamicSignature(want.AppKey, want.Account, t.CurTime, t.TTL, secret)
		if subtle.ConstantTimeCompare([]byte(sum), []byte(t.Signature)) == 1 {
			signed = true
		}
	}
	if !signed { // another key, app or account: the signature cannot tell
		return Claims{}, nimerr.TokenKeyMismatch.New("")
	}
	issued := time.UnixMilli(t.CurTime)
	c := Claims{IssuedAt: issued, ExpiresAt: issued.Add(time.Duration(t.TTL) * time.Second)}
	return c, c.check(want.Now)
}

// NewDynamic makes a NIM dynamic token.
func NewDynamic(s Spec) (string, error) {
	t := dynamicToken{CurTime: s.IssuedAt.UnixMilli(), TTL: int64(s.TTL / time.Second)}
	t.Signature = dynamicSignature(s.AppKey, s.Account, t.CurTime, t.TTL, s.Secret)
	data, err := json.Marshal(t)
	return base64.StdEncoding.EncodeToString(data), err
}

func dynamicSignature(appKey, account string, curTime, ttl int64, secret string) string {
	sum := sha1.Sum([]byte(appKey + account + strconv.FormatInt(curTime, 10) + strconv.FormatInt(ttl, 10) + secret))
	return hex.EncodeToString(sum[:])
}
