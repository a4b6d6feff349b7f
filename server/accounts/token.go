package accounts

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
)

// TokenHash is a static token as it is stored. Tokens are random by contract,
// so a keyed hash is enough: a slow one would bound the logins per second and
// protect nothing more.
type TokenHash struct {
	Salt []byte `json:"salt"`
	Hash []byte `json:"hash"`
}

// HashToken returns what to store for a static token.
func (s *Store) HashToken(token string) *TokenHash {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	return &TokenHash{Salt: salt, Hash: s.hash(salt, token)}
}

// noToken stands in for the token of an account that has none, so that a wrong
// token and an unknown account take the same work.
var noToken = &TokenHash{Salt: make([]byte, 16), Hash: make([]byte, sha256.Size)}

// CheckToken reports whether token is the static token of a, which may be nil.
func (s *Store) CheckToken(a *Account, token string) bool {
	want := noToken
	if a != nil && a.Token != nil {
		want = a.Token
	}
	return hmac.Equal(want.Hash, s.hash(want.Salt, token)) && want != noToken
}

func (s *Store) hash(salt []byte, token string) []byte {
	m := hmac.New(sha256.New, s.pepper)
	m.Write(salt) // of fixed length, so that salt and token cannot be confused
	m.Write([]byte(token))
	return m.Sum(nil)
}
