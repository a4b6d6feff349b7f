package token

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
)

// HMACPrefix begins every token of our own kind:
//
//	nimh1.<base64url(input)>.<base64url(HMAC-SHA256(secret, input))>
//
// The input is six fields, each behind its length in two bytes, big endian:
// "nimh1", app key, account, issue time in ms and life in s as decimals, nonce.
const HMACPrefix = "nimh1."

const (
	hmacName   = "nimh1"
	hmacFields = 6
)

// VerifyHMAC reads a token of our own kind.
func VerifyHMAC(token string, want Expect) (Claims, error) {
	body, ok := strings.CutPrefix(token, HMACPrefix)
	if !ok || len(token) > MaxSize {
		return Claims{}, malformed("not an HMAC token")
	}
	in64, mac64, _ := strings.Cut(body, ".")
	input, err1 := base64.RawURLEncoding.Strict().DecodeString(in64)
	mac, err2 := base64.RawURLEncoding.Strict().DecodeString(mac64)
	if err1 != nil || err2 != nil {
		return Claims{}, malformed("not base64url")
	}
	fields, ok := splitFields(input)
	if !ok || fields[0] != hmacName {
		return Claims{}, malformed("not the fields of an HMAC token")
	}
	if !signedBy(want.Secrets, input, mac) {
		return Claims{}, nimerr.TokenKeyMismatch.New("")
	}
	if fields[1] != want.AppKey {
		return Claims{}, nimerr.TokenAppMismatch.New("")
	}
	if fields[2] != want.Account {
		return Claims{}, nimerr.TokenAccountMismatch.New("")
	}
	issued, err1 := strconv.ParseInt(fields[3], 10, 48)
	ttl, err2 := strconv.ParseInt(fields[4], 10, 48)
	if err1 != nil || err2 != nil || issued < 0 || ttl <= 0 || ttl > int64(maxTTL/time.Second) {
		return Claims{}, malformed("times out of range")
	}
	c := Claims{IssuedAt: time.UnixMilli(issued)}
	c.ExpiresAt = c.IssuedAt.Add(time.Duration(ttl) * time.Second)
	return c, c.check(want.Now)
}

// NewHMAC makes a token of our own kind.
func NewHMAC(s Spec) (string, error) {
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce) // never fails
	return newHMAC(s, nonce), nil
}

func newHMAC(s Spec, nonce []byte) string {
	input := joinFields(hmacName, s.AppKey, s.Account,
		strconv.FormatInt(s.IssuedAt.UnixMilli(), 10), strconv.FormatInt(int64(s.TTL/time.Second), 10), string(nonce))
	m := hmac.New(sha256.New, []byte(s.Secret))
	m.Write(input)
	e := base64.RawURLEncoding
	return HMACPrefix + e.EncodeToString(input) + "." + e.EncodeToString(m.Sum(nil))
}

// signedBy reports whether mac is the HMAC-SHA256 of input under a secret.
func signedBy(secrets []string, input, mac []byte) bool {
	signed := false
	for _, s := range secrets {
		m := hmac.New(sha256.New, []byte(s))
		m.Write(input)
		if hmac.Equal(m.Sum(nil), mac) {
			signed = true
		}
	}
	return signed
}

func joinFields(fields ...string) []byte {
	var b []byte
	for _, f := range fields {
		b = binary.BigEndian.AppendUint16(b, uint16(len(f)))
		b = append(b, f...)
	}
	return b
}

func splitFields(b []byte) (fields []string, ok bool) {
	for len(b) > 0 {
		if len(b) < 2 {
			return nil, false
		}
		n := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; n > len(b) {
			return nil, false
		}
		fields, b = append(fields, string(b[:n])), b[n:]
	}
	return fields, len(fields) == hmacFields
}
