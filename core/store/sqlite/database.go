package sqlite

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libnim/libnim/core/store"
)

// A database is a store.Store. Lock order: searcher, reader, writer.
type database struct {
	path   string // "" in memory
	self   string
	now    func() time.Time
	sealer *sealer

	writer, reader *conn // may be one and the same

	searching sync.Mutex // guards searcher
	searcher  *conn      // nil until the first search

	damaged atomic.Bool
	closed  atomic.Bool
}

var _ store.Store = (*database)(nil)

func (d *database) InMemory() bool { return d.path == "" }

// note remembers damage, so that Close sets the file aside.
func (d *database) note(err error) error {
	if errors.Is(err, store.ErrDamaged) {
		d.damaged.Store(true)
	}
	return err
}

// Update runs change in a transaction of its own.
func (d *database) Update(change func(store.Tx) error) (err error) {
	d.writer.Lock()
	defer d.writer.Unlock()
	if d.closed.Load() {
		return store.ErrClosed
	}
	if err := d.writer.script("BEGIN IMMEDIATE"); err != nil {
		return d.note(err)
	}
	committed := false
	defer func() { // also of a panic
		if !committed {
			_ = d.writer.script("ROLLBACK")
		}
	}()
	tx := &transaction{view: view{d.writer, d.sealer, d.self}, numbers: map[string]int64{}, index: map[int64]string{}}
	if err = change(tx); err == nil {
		err = tx.failed
	}
	if err == nil {
		err = tx.writeIndex()
	}
	if err == nil {
		err = d.writer.script("COMMIT")
		committed = err == nil
	}
	return d.note(err)
}

// Close may be called more than once.
func (d *database) Close() error {
	d.searching.Lock()
	defer d.searching.Unlock()
	if d.closed.Swap(true) {
		return nil
	}
	err := d.disconnect()
	if d.damaged.Load() && d.path != "" {
		_, failed := setAside(d.path, d.now())
		err = errors.Join(err, failed)
	}
	return err
}

// disconnect closes each connection once, after whoever uses it.
func (d *database) disconnect() (err error) {
	seen := map[*conn]bool{nil: true}
	for _, c := range []*conn{d.searcher, d.reader, d.writer} {
		if !seen[c] {
			seen[c] = true
			c.Lock()
			err = errors.Join(err, c.close())
			c.Unlock()
		}
	}
	return err
}

// read runs f on the connection for pages.
func read[T any](d *database, f func(view) (T, error)) (T, error) {
	d.reader.Lock()
	defer d.reader.Unlock()
	if d.closed.Load() {
		var none T
		return none, store.ErrClosed
	}
	v, err := f(view{d.reader, d.sealer, d.self})
	return v, d.note(err)
}

func (d *database) Conversations() ([]store.Conversation, error) {
	return read(d, view.Conversations)
}

func (d *database) Conversation(name string) (*store.Conversation, error) {
	return read(d, func(v view) (*store.Conversation, error) { return v.Conversation(name) })
}

func (d *database) Message(k store.Key) (*store.Message, error) {
	return read(d, func(v view) (*store.Message, error) { return v.Message(k) })
}

func (d *database) MessageByID(clientID string) (*store.Message, error) {
	return read(d, func(v view) (*store.Message, error) { return v.MessageByID(clientID) })
}

func (d *database) MessageByServerID(conversation string, id int64) (*store.Message, error) {
	return read(d, func(v view) (*store.Message, error) { return v.MessageByServerID(conversation, id) })
}

func (d *database) MessagesBySeq(conversation string, first, last int64, limit int) ([]store.Message, error) {
	return read(d, func(v view) ([]store.Message, error) { return v.MessagesBySeq(conversation, first, last, limit) })
}

func (d *database) MessagesByStatus(conversation string, status int32, limit int) ([]store.Message, error) {
	return read(d, func(v view) ([]store.Message, error) { return v.MessagesByStatus(conversation, status, limit) })
}

func (d *database) Asking() ([]store.Message, error) { return read(d, view.Asking) }

func (d *database) Messages(q store.Query) ([]store.Message, error) {
	return read(d, func(v view) ([]store.Message, error) { return v.Messages(q) })
}

func (d *database) Newest(conversation string, excluded ...int32) (*store.Message, error) {
	return read(d, func(v view) (*store.Message, error) { return v.Newest(conversation, excluded...) })
}

func (d *database) Notices(q store.NoticeQuery) ([]store.Notice, error) {
	return read(d, func(v view) ([]store.Notice, error) { return v.Notices(q) })
}

func (d *database) Notice(id int64) (*store.Notice, error) {
	return read(d, func(v view) (*store.Notice, error) { return v.Notice(id) })
}

func (d *database) CountNotices(q store.NoticeQuery) (int, error) {
	return read(d, func(v view) (int, error) { return v.CountNotices(q) })
}

func (d *database) Value(name string) ([]byte, error) {
	return read(d, func(v view) ([]byte, error) { return v.Value(name) })
}

func (d *database) Values(prefix string) (map[string][]byte, error) {
	return read(d, func(v view) (map[string][]byte, error) { return v.Values(prefix) })
}
