package talk

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/store"
)

// person is the number of an account and of its app.
type person struct{ app, account int64 }

// maxPeople bounds the names that are remembered.
const maxPeople = 100_000

// people finds the numbers of accounts. A number that find remembers may be that
// of an account which was deleted since, as append sees in its transaction.
type people struct {
	store *store.Store

	mu    sync.Mutex
	known map[[2]string]person
}

// lookup returns the number that an account has now, or ErrNoRow.
func (p *people) lookup(ctx context.Context, app, account string) (who person, err error) {
	err = p.store.Read(ctx, func(r *store.Reads) error {
		return r.Row([]any{&who.app, &who.account}, "SELECT p.id, a.id FROM app p JOIN account a ON a.app = p.id "+
			"WHERE p.app_key = $1 AND p.state = 0 AND a.name = $2 AND a.deleted_ms = 0", app, account)
	})
	return who, err
}

// find is lookup that remembers.
func (p *people) find(ctx context.Context, app, account string) (person, error) {
	key := [2]string{app, account}
	p.mu.Lock()
	who, ok := p.known[key]
	p.mu.Unlock()
	if ok {
		return who, nil
	}
	who, err := p.lookup(ctx, app, account)
	if err != nil {
		return who, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil || len(p.known) >= maxPeople {
		p.known = map[[2]string]person{}
	}
	p.known[key] = who
	return who, nil
}

func (p *people) forget(app string, accounts ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range accounts {
		delete(p.known, [2]string{app, a})
	}
}

// both finds the account of a request and the peer of a conversation.
func (p *people) both(ctx context.Context, app, account, peer string) (me, other person, err error) {
	if me, err = p.find(ctx, app, account); errors.Is(err, store.ErrNoRow) {
		return me, other, nimerr.NotFound.New("the account was deleted")
	}
	if err != nil {
		return me, other, err
	}
	if other, err = p.find(ctx, app, peer); errors.Is(err, store.ErrNoRow) {
		// A message may have been stored before its receiver was deleted.
		err = p.store.Read(ctx, func(r *store.Reads) (err error) {
			other.app = me.app
			other.account, err = past(r, me.app, peer)
			return err
		})
	}
	if errors.Is(err, store.ErrNoRow) {
		err = nimerr.NotFound.New("no such account")
	}
	return me, other, err
}

// past finds the newest account of a name, one that was deleted included: what
// it wrote can be read still.
func past(r *store.Reads, app int64, account string) (id int64, err error) {
	err = r.Row([]any{&id}, "SELECT id FROM account WHERE app = $1 AND name = $2 "+
		"ORDER BY CASE WHEN deleted_ms = 0 THEN 1 ELSE 0 END DESC, deleted_ms DESC LIMIT 1", app, account)
	return id, err
}

// peerOf returns the peer that a conversation's name has.
func peerOf(conversation string) (string, error) {
	peer, p2p := strings.CutPrefix(conversation, wire.ConvP2P)
	switch {
	case p2p && peer != "":
		return peer, nil
	case strings.HasPrefix(conversation, wire.ConvTeam), strings.HasPrefix(conversation, wire.ConvSuperTeam):
		return "", nimerr.TeamNotFound.New("")
	case conversation == wire.ConvNotices, conversation == wire.ConvBroadcast:
		return "", nimerr.NotFound.New("nothing is kept there")
	}
	return "", invalid("conversation: want p: and an account")
}
