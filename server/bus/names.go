package bus

import (
	"encoding/base32"
	"strings"
)

// Names of keys and subjects. App keys and accounts come from outside and may
// hold what NATS gives a meaning to ("a@b", ".a", "a..b"), so they appear only
// encoded.
//
//	nim_presence  <app>.<account>              who is on line
//	nim_leases    <edge>                       an edge that lives
//	subject       nim.edge.<edge>              requests and notices for one edge
//	subject       nim.edges                    notices for all edges
//	subject       nim.entry.<edge>             entries and beats for one edge

var encoding = base32.HexEncoding.WithPadding(base32.NoPadding)

// AccountKey is the key of an account in its app.
func AccountKey(app, account string) string { return encode(app) + "." + encode(account) }

// AppPrefix matches the keys of all accounts of an app.
func AppPrefix(app string) string { return encode(app) + ".*" }

// SplitAccountKey undoes AccountKey.
func SplitAccountKey(key string) (app, account string, ok bool) {
	a, b, found := strings.Cut(key, ".")
	if !found {
		return "", "", false
	}
	x, err1 := encoding.DecodeString(a)
	y, err2 := encoding.DecodeString(b)
	return string(x), string(y), err1 == nil && err2 == nil
}

// AllEdges is where every edge listens.
const AllEdges = "nim.edges"

// EntrySubject is where one edge hears what others have for its sessions.
func EntrySubject(edge string) string { return "nim.entry." + edge }

// EdgeSubject is where one edge listens. Edge ids are letters and digits.
func EdgeSubject(edge string) string { return "nim.edge." + edge }

func encode(s string) string { return encoding.EncodeToString([]byte(s)) }
