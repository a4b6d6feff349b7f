package openim

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
)

// OpenIM's error codes that decide something here.
const (
	codeInternal     = 500
	codeArgs         = 1001
	codeNoPermission = 1002
	codeNotFound     = 1004
	codeUserNotFound = 1101
	codeExpired      = 1501
	codeInvalid      = 1502
	codeMalformed    = 1503
	codeNotYetValid  = 1504
	codeUnknown      = 1505
	codeKicked       = 1506
	codeNotExist     = 1507
	codeNotInGroup   = 1203
	codeDismissed    = 1204
	codeBlocked      = 1302
	codeNotFriends   = 1303
	codeMuted        = 1402
	codeGroupMuted   = 1403
	codeTooManyConns = 1601
	codeConnArgs     = 1602
)

// kinds maps OpenIM's codes to rows of the error table. What is not here is a
// fault of the server, to be tried again.
var kinds = map[int32]*nimerr.Kind{
	codeInternal:     nimerr.ServerError,
	codeArgs:         nimerr.InvalidArgument,
	codeNoPermission: nimerr.Forbidden,
	codeNotFound:     nimerr.NotFound,
	codeUserNotFound: nimerr.NotFound,
	codeExpired:      nimerr.TokenExpired,
	codeInvalid:      nimerr.TokenInvalid,
	codeMalformed:    nimerr.TokenInvalid,
	codeNotYetValid:  nimerr.TokenNotYetValid,
	codeUnknown:      nimerr.TokenKeyMismatch,
	codeKicked:       nimerr.KickedOffline,
	codeNotExist:     nimerr.TokenRevoked,
	codeNotInGroup:   nimerr.NotAMember,
	codeDismissed:    nimerr.TeamNotFound,
	codeBlocked:      nimerr.Blocked,
	codeNotFriends:   nimerr.Forbidden,
	codeMuted:        nimerr.Muted,
	codeGroupMuted:   nimerr.TeamMuted,
	codeTooManyConns: nimerr.ServerBusy,
	codeConnArgs:     nimerr.InvalidArgument,
}

// failed is the error of a result that is no success. secret is kept out of
// it, in whatever form the server may echo it.
func failed(r result, secret string) *nimerr.Error {
	kind := kinds[r.code]
	if kind == nil {
		kind = nimerr.ServerError
	}
	text := r.message
	if r.detail != "" {
		text = strings.TrimPrefix(text+": "+r.detail, ": ")
	}
	e := kind.New(harmless(text, secret))
	e.ServerCode = r.code
	return e
}

// refused is the error of a login. Where OpenIM says no more than "invalid",
// the claims of the token often tell what is wrong with it.
func (b *Backend) refused(r result, login *backend.Login) *nimerr.Error {
	e := failed(r, login.Token)
	if r.code != codeInvalid {
		return e
	}
	c := readClaims(login.Token)
	switch {
	case c.user != "" && c.user != login.Account:
		e.Kind = nimerr.TokenAccountMismatch
	case c.platform != 0 && c.platform != b.platform():
		e.Detail = fmt.Sprintf("the token is for platform %d (%s), this client logs in as platform %d (%s)",
			c.platform, platformName(c.platform), b.platform(), platformName(b.platform()))
	}
	return e
}

// maxQuoted is how much of a server's text an error repeats, in bytes.
const maxQuoted = 200

// harmless is a server's text as an error may repeat it: one short line of
// printable text without the secret and without the parts that a JWT has.
func harmless(text, secret string) string {
	for _, part := range append([]string{secret, url.QueryEscape(secret)}, strings.Split(secret, ".")...) {
		if part != "" {
			text = strings.ReplaceAll(text, part, "***")
		}
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > maxQuoted {
		text = strings.ToValidUTF8(text[:maxQuoted], "") + "…"
	}
	return strings.TrimSpace(text)
}
