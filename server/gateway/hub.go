package gateway

import (
	"hash/maphash"
	"slices"
	"sync"
)

// hub finds the sessions of this edge by account. Its shards hold maps only
// and call nothing while they are locked.
type hub struct {
	seed   maphash.Seed
	shards [64]shard
}

type shard struct {
	mu       sync.RWMutex
	accounts map[accountID][]*session
}

// accountID names an account of an app.
type accountID struct{ app, account string }

func (h *hub) init() {
	h.seed = maphash.MakeSeed()
	for i := range h.shards {
		h.shards[i].accounts = map[accountID][]*session{}
	}
}

func (h *hub) shard(id accountID) *shard {
	return &h.shards[maphash.Comparable(h.seed, id)%uint64(len(h.shards))]
}

func (h *hub) add(s *session) {
	sh := h.shard(s.owner)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.accounts[s.owner] = append(sh.accounts[s.owner], s)
}

func (h *hub) remove(s *session) {
	sh := h.shard(s.owner)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	rest := slices.DeleteFunc(slices.Clone(sh.accounts[s.owner]), func(x *session) bool { return x == s })
	if len(rest) == 0 {
		delete(sh.accounts, s.owner)
	} else {
		sh.accounts[s.owner] = rest
	}
}

// of returns the sessions of an account. The slice is never changed.
func (h *hub) of(id accountID) []*session {
	sh := h.shard(id)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	return slices.Clone(sh.accounts[id])
}

// owners returns every account with a session here.
func (h *hub) owners() []accountID {
	var out []accountID
	for i := range h.shards {
		sh := &h.shards[i]
		sh.mu.RLock()
		for id := range sh.accounts {
			out = append(out, id)
		}
		sh.mu.RUnlock()
	}
	return out
}

// count returns the number of sessions.
func (h *hub) count() (n int) {
	for i := range h.shards {
		sh := &h.shards[i]
		sh.mu.RLock()
		for _, sessions := range sh.accounts {
			n += len(sessions)
		}
		sh.mu.RUnlock()
	}
	return n
}

// each calls f for every session, outside the locks.
func (h *hub) each(f func(*session)) {
	for _, id := range h.owners() {
		for _, s := range h.of(id) {
			f(s)
		}
	}
}
