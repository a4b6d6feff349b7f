package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// An Identity is whose messages a store has. Two identities never share a file.
type Identity struct {
	AppKey  string
	Backend string // Backend.Name
	Server  string // the configured lbs URL, else the first link, as text
	Account string
}

// FileName is the name of the store's file in the account's directory. It says
// nothing about the server or the account.
func (i Identity) FileName() string {
	h := sha256.New()
	for _, part := range []string{i.AppKey, i.Backend, i.Server, i.Account} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	return "messages-" + hex.EncodeToString(h.Sum(nil)[:8]) + ".db"
}
