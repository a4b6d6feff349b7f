// Package token makes and reads the signed tokens that nimd accepts. It knows
// no accounts: a caller gives what the token must be for and the secrets it may
// be signed with. Every failure is a kind of nimerr that says what is wrong.
package token

import (
	"crypto/rand"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
)

// MaxSize bounds a token in bytes, before anything is decoded.
const MaxSize = 8 << 10

// skew is how far a signer's clock may be ahead of ours.
const skew = time.Minute

// maxTTL bounds the life of a token: 200 years, more than any 32-bit number of
// seconds. Sums of times cannot overflow.
const maxTTL = 200 * 365 * 24 * time.Hour

// Expect is what a token must prove.
type Expect struct {
	AppKey   string
	SDKAppID int64 // for UserSig
	Account  string
	Secrets  []string // any of them may have signed it; not empty
	Now      time.Time
}

// Claims is what a verified token says of itself.
type Claims struct {
	IssuedAt  time.Time // zero: it does not say
	ExpiresAt time.Time
}

// Spec is a token to make.
type Spec struct {
	AppKey   string
	SDKAppID int64
	Account  string
	Secret   string
	IssuedAt time.Time
	TTL      time.Duration
}

// check holds the life of a token against the clock.
func (c Claims) check(now time.Time) error {
	if c.IssuedAt.After(now.Add(skew)) {
		return nimerr.TokenNotYetValid.New("")
	}
	if !now.Before(c.ExpiresAt) {
		return nimerr.TokenExpired.New("")
	}
	return nil
}

// malformed says that a token is not what it looks like. Nothing of the token
// goes into the text.
func malformed(what string) error { return nimerr.TokenInvalid.New(what) }

// NewStatic returns a random token for an account that has a static one.
func NewStatic() string { return rand.Text() }
