package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// A Find asks for stored messages by what they are. Query.Conversation is set
// from Conv.
type Find struct {
	Conv  backend.Conv // what the answer names; no ID: all that Query.Kinds names
	Known string       // client id of a message that the caller has: the page begins behind it
	store.Query
}

// Find answers a call with the messages that match.
func (e *Engine) Find(call module.Call, f Find) {
	refuse := func(err *nimerr.Error) { e.RefuseMessages(call, f.Conv, err) }
	e.withAccount(func(a *account) {
		if f.Conv.ID != "" {
			f.Query.Conversation = f.Conv.Name()
		}
		if f.Known != "" {
			m, err := a.messageIn(a.store, f.Conv, f.Known)
			if err != nil {
				refuse(storeError(err))
				return
			}
			if m != nil {
				f.From = m.Position()
			}
		}
		if f.Text == "" {
			list, err := a.store.Messages(f.Query)
			if err != nil {
				refuse(storeError(err))
				return
			}
			a.answerFound(call, f.Conv, store.Found{Messages: list})
			return
		}
		done := a.opened(refuse)
		a.search(f.Query, func(found store.Found, err error) {
			switch {
			case !done():
			case err != nil:
				refuse(storeError(err))
			default:
				a.answerFound(call, f.Conv, found)
			}
		})
	}, refuse)
}

func (a *account) answerFound(call module.Call, of backend.Conv, found store.Found) {
	var extension abi.Text
	if found.Incomplete {
		extension = abi.Raw(`{"incomplete":true}`)
	}
	a.answer(call, abi.AnswerMsglogQuery(int(nimerr.OK.Code), abi.Raw(of.ID), int(of.Kind),
		abi.Raw(a.appendList(nil, found.Messages, sourceLocal)), extension))
}

// messageIn is the visible message of a client id; with a conversation only one
// in it. nil: there is none.
func (a *account) messageIn(r store.Reader, of backend.Conv, id string) (*store.Message, error) {
	m, err := r.MessageByID(id)
	if err != nil || m == nil || of.ID == "" || m.Conversation == of.Name() {
		return m, err
	}
	for _, sender := range []string{a.ID, of.ID} { // another conversation has the id too
		m, err = r.Message(store.Key{Conversation: of.Name(), Sender: sender, ClientID: id})
		if err != nil || m != nil && m.Visible() {
			return m, err
		}
	}
	return nil, nil
}

// searches run one after the other beside the engine, on the store's own
// connection.
type searches struct {
	waiting []search
	runs    bool
	stop    context.CancelFunc // of the one that runs
}

type search struct {
	q    store.Query
	done func(store.Found, error)
}

// search looks through the texts; done runs on this goroutine.
func (a *account) search(q store.Query, done func(store.Found, error)) {
	a.searches.waiting = append(a.searches.waiting, search{q, done})
	a.nextSearch()
}

func (a *account) nextSearch() {
	s := &a.searches
	if s.runs || len(s.waiting) == 0 || a.store == nil {
		return
	}
	next := s.waiting[0]
	s.waiting = s.waiting[1:]
	s.runs = true
	from := a.store
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go func() {
		found, err := searched(ctx, from, next.q)
		stop()
		a.do(func() {
			s.runs = false
			next.done(found, err)
			a.nextSearch()
		})
	}()
}

func searched(ctx context.Context, s store.Store, q store.Query) (found store.Found, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", store.ErrUnusable, p)
		}
	}()
	return s.Search(ctx, q)
}

// opened notes a call whose answer takes a while. done says whether it is still to
// be answered: at the end of a login refuse answers what is open.
func (a *account) opened(refuse func(*nimerr.Error)) (done func() bool) {
	a.lastCall++
	n := a.lastCall
	a.calls[n] = refuse
	return func() bool {
		_, open := a.calls[n]
		delete(a.calls, n)
		return open
	}
}

// endCalls refuses the calls that are open, in the order in which they came.
func (a *account) endCalls(why *nimerr.Error) {
	for _, n := range slices.Sorted(maps.Keys(a.calls)) {
		refuse := a.calls[n]
		delete(a.calls, n)
		refuse(why)
	}
	a.searches.waiting = nil
	if a.searches.stop != nil {
		a.searches.stop()
	}
}
