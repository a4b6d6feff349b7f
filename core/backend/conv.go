package backend

import (
	"strings"

	"github.com/libnim/libnim/internal/wire"
)

// prefixes begin the name of a conversation.
var prefixes = map[ConvKind]string{
	P2P: wire.ConvP2P, Team: wire.ConvTeam, SuperTeam: wire.ConvSuperTeam,
	Notices: wire.ConvNotices, Broadcasts: wire.ConvBroadcast,
}

// Name is the one text that the conversation is stored under.
func (c Conv) Name() string { return prefixes[c.Kind] + c.ID }

// ConvOf is the conversation with that name.
func ConvOf(name string) (Conv, bool) {
	for _, kind := range []ConvKind{P2P, Team, SuperTeam} {
		if id, ok := strings.CutPrefix(name, prefixes[kind]); ok && id != "" {
			return Conv{kind, id}, true
		}
	}
	for _, kind := range []ConvKind{Notices, Broadcasts} {
		if name == prefixes[kind] {
			return Conv{Kind: kind}, true
		}
	}
	return Conv{}, false
}
