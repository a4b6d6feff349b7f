package engine

import (
	"context"
	"errors"

	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// A watched store tells when it finds that it is damaged. That may be on any
// goroutine.
type watched struct {
	store.Store
	damaged func()
}

func (w watched) see(err error) error {
	if errors.Is(err, store.ErrDamaged) {
		w.damaged()
	}
	return err
}

func seen[T any](w watched, v T, err error) (T, error) { return v, w.see(err) }

func (w watched) Update(change func(store.Tx) error) error { return w.see(w.Store.Update(change)) }

func (w watched) Search(ctx context.Context, q store.Query) (store.Found, error) {
	v, err := w.Store.Search(ctx, q)
	return seen(w, v, err)
}

func (w watched) Conversation(name string) (*store.Conversation, error) {
	v, err := w.Store.Conversation(name)
	return seen(w, v, err)
}

func (w watched) Message(k store.Key) (*store.Message, error) {
	v, err := w.Store.Message(k)
	return seen(w, v, err)
}

func (w watched) MessageByID(id string) (*store.Message, error) {
	v, err := w.Store.MessageByID(id)
	return seen(w, v, err)
}

func (w watched) MessagesBySeq(conversation string, first, last int64, limit int) ([]store.Message, error) {
	v, err := w.Store.MessagesBySeq(conversation, first, last, limit)
	return seen(w, v, err)
}

func (w watched) MessagesByStatus(conversation string, status int32, limit int) ([]store.Message, error) {
	v, err := w.Store.MessagesByStatus(conversation, status, limit)
	return seen(w, v, err)
}

func (w watched) Messages(q store.Query) ([]store.Message, error) {
	v, err := w.Store.Messages(q)
	return seen(w, v, err)
}

func (w watched) Newest(conversation string, excluded ...int32) (*store.Message, error) {
	v, err := w.Store.Newest(conversation, excluded...)
	return seen(w, v, err)
}

func (w watched) Asking() ([]store.Message, error) {
	v, err := w.Store.Asking()
	return seen(w, v, err)
}

// beginAnew goes on with a new store after this one was found to be damaged: the
// file is set aside when it is closed. What is open ends with an error, and the
// server brings back what it has, as to a new device.
func (a *account) beginAnew() {
	why := nimerr.StoreUnusable.New("the store is damaged; a new one is begun")
	a.env.Journal.Add(journal.Error, "store_damaged")
	a.endQuestions()
	a.failAll(why)
	a.endCalls(why)
	online := a.online
	a.online = nil
	a.shut()
	b := newAccount(a.Engine, a.Account)
	b.anew = true
	b.since, b.ended, b.duplicates = a.since, a.ended, a.duplicates
	a.Engine.acct = b
	b.open()
	b.storeProblem(store.ErrDamaged)
	if b.online = online; b.online != nil && b.store != nil {
		b.takeLimits(online.Server.Limits)
		b.startSync()
	}
}

// storeProblem tells the program what is wrong with its store.
func (a *account) storeProblem(err error) {
	b := appendText([]byte{'{'}, "db_name", "messages")
	b = appendInt(b, "operation", abi.DBOperationRead)
	b = appendInt(b, "error_code", int64(storeError(err).Kind.Code))
	b = appendText(b, "error_description", err.Error())
	a.post(abi.OnGlobalSdkDbError(abi.Raw(append(appendText(b, "error_attach", ""), '}'))))
}
