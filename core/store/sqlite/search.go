package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/fold"
)

// piece is how many rows a search looks at before it lets others have the
// connection, and asks whether time is up.
const piece = 2000

// Search asks the index where it can; else it reads texts one by one.
func (d *database) Search(ctx context.Context, q store.Query) (store.Found, error) {
	ctx, cancel := context.WithTimeout(ctx, store.SearchBudget)
	defer cancel()
	c, err := d.openSearcher()
	if err != nil {
		return store.Found{}, d.note(err)
	}
	s := &search{d: d, c: c, q: q, folded: fold.Text(q.Text)}
	done, err := s.run(ctx)
	if err != nil {
		return store.Found{}, d.note(err)
	}
	if !done && d.sealer.indexed() {
		if err := s.addWords(); err != nil {
			return store.Found{}, d.note(err)
		}
	}
	return store.Found{Messages: s.found, Incomplete: !done}, nil
}

func (d *database) openSearcher() (*conn, error) {
	d.searching.Lock()
	defer d.searching.Unlock()
	if d.closed.Load() {
		return nil, store.ErrClosed
	}
	if d.searcher == nil {
		c, err := d.another("PRAGMA cache_size=-1000")
		if err != nil {
			return nil, err
		}
		d.searcher = c
	}
	return d.searcher, nil
}

type search struct {
	d      *database
	c      *conn
	q      store.Query
	folded string
	found  []store.Message
}

func (s *search) full() bool { return s.q.Limit > 0 && len(s.found) >= s.q.Limit }

// run says whether it has looked at all that it had to.
func (s *search) run(ctx context.Context) (done bool, err error) {
	if s.folded == "" {
		return true, s.with(func(v view) error {
			s.found, err = v.page(s.q)
			return err
		})
	}
	if p := phrase(s.folded); p != "" && s.d.sealer.indexed() {
		return s.candidates(ctx, p)
	}
	return s.scan(ctx)
}

// with runs f while it has the connection.
func (s *search) with(f func(view) error) error {
	s.c.Lock()
	defer s.c.Unlock()
	if s.d.closed.Load() {
		return store.ErrClosed
	}
	return f(view{s.c, s.d.sealer, s.d.self})
}

// timeUp tells the end of the time from a failure.
func timeUp(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, store.ErrUnusable))
}

// candidates reads the messages that the index names, in the order of time.
func (s *search) candidates(ctx context.Context, phrase string) (done bool, err error) {
	low, high := int64(0), int64(1<<63-1)
	if s.q.After > 0 {
		low = indexRow(min(s.q.After, maxTime)+1, 0)
	}
	if s.q.Before > 0 {
		high = indexRow(min(s.q.Before, maxTime), 0) - 1
	}
	for more := true; more; {
		if ctx.Err() != nil {
			return false, nil
		}
		err = s.with(func(v view) error {
			more, err = s.candidatesPiece(ctx, v, phrase, &low, &high)
			return err
		})
		if timeUp(ctx, err) {
			return false, nil
		}
		if err != nil || s.full() {
			break
		}
	}
	s.sort()
	return true, err
}

// candidatesPiece looks at some between low and high and moves the end it came from.
func (s *search) candidatesPiece(ctx context.Context, v view, phrase string, low, high *int64) (more bool, err error) {
	match := "body : " + phrase
	if s.q.Conversation != "" {
		n, err := v.c.number("SELECT id FROM conversation WHERE name = ?", s.q.Conversation)
		if err != nil || n == 0 {
			return false, err
		}
		match = fmt.Sprintf(`place : "c%d" AND body : %s`, n, phrase)
	}
	c := conditionsOf(s.q)
	c.behind(s.q.From, s.q.OldestFirst)
	direction := " ORDER BY s.rowid DESC"
	if s.q.OldestFirst {
		direction = " ORDER BY s.rowid"
	}
	sql := "SELECT " + messageColumns + `, c.name, s.rowid FROM search s
		CROSS JOIN message m ON m.time = s.rowid >> 21 AND (m.id & 2097151) = (s.rowid & 2097151)
		CROSS JOIN conversation c ON c.id = m.conversation
		WHERE search MATCH ? AND s.rowid >= ? AND s.rowid <= ? AND ` + c.sql.String() + direction + " LIMIT ?"
	n := 0
	args := append([]driver.Value{match, *low, *high}, c.args...)
	err = v.c.each(ctx, sql, append(args, int64(piece)), func(r row) error {
		if s.full() {
			return errStop
		}
		at, err := r.int(messageWidth + 1)
		if err != nil {
			return err
		}
		if n++; s.q.OldestFirst {
			*low = at + 1
		} else {
			*high = at - 1
		}
		return s.look(v, r)
	})
	if errors.Is(err, errStop) {
		return false, nil
	}
	return n == piece, err
}

var errStop = errors.New("enough")

// look keeps the message of a row if its text matches.
func (s *search) look(v view, r row) error {
	m, err := v.readMessage(r, "")
	if err == nil && strings.Contains(fold.Text(m.Text), s.folded) {
		s.found = append(s.found, m)
	}
	return err
}

// scan reads the texts one by one.
func (s *search) scan(ctx context.Context) (done bool, err error) {
	q := s.q
	for more := true; more && !s.full(); {
		if ctx.Err() != nil {
			return false, nil
		}
		err := s.with(func(v view) error {
			more, err = s.scanPiece(ctx, v, &q)
			return err
		})
		if timeUp(ctx, err) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// scanPiece reads on behind q.From, which it moves. Where texts lie open it asks
// for little else, since most do not match.
func (s *search) scanPiece(ctx context.Context, v view, q *store.Query) (more bool, err error) {
	c := conditionsOf(*q)
	c.behind(q.From, q.OldestFirst)
	what, look := selectMessages, s.look
	if v.sealer.indexed() {
		what, look = "SELECT m.id, m.seq, m.body, m.time FROM message m ", s.lookIfItMay
	}
	n := 0
	sql := what + "WHERE " + c.sql.String() + order(q.OldestFirst) + " LIMIT ?"
	err = v.c.each(ctx, sql, append(c.args, int64(piece)), func(r row) error {
		if s.full() {
			return errStop
		}
		n++
		if err := r.ints(0, &q.From.Row, &q.From.Seq); err != nil {
			return err
		}
		if err := r.ints(3, &q.From.Time); err != nil {
			return err
		}
		return look(v, r)
	})
	if errors.Is(err, errStop) {
		return false, nil
	}
	return n == piece, err
}

// lookIfItMay looks at a text that lies open in the row; if it matches, the whole
// message is read and checked.
func (s *search) lookIfItMay(v view, r row) error {
	blob, err := r.bytes(2)
	if err != nil {
		return err
	}
	if len(blob) >= openHeader {
		text, _, err := cutField(blob[openHeader:])
		if err == nil && !strings.Contains(fold.Text(string(text)), s.folded) {
			return nil
		}
	}
	return v.c.each(context.Background(), selectMessages+"WHERE m.id = ?", []driver.Value{r[0]}, func(r row) error {
		return s.look(v, r)
	})
}

// addWords adds what the index knows, since the scan did not come to its end.
func (s *search) addWords() error {
	p := words(s.folded)
	if p == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), store.SearchBudget/10)
	defer cancel()
	more := &search{d: s.d, c: s.c, q: s.q, folded: s.folded}
	if _, err := more.candidates(ctx, p); err != nil {
		return err
	}
	for _, m := range more.found {
		if !slices.ContainsFunc(s.found, func(o store.Message) bool { return o.Row == m.Row }) {
			s.found = append(s.found, m)
		}
	}
	s.sort()
	if s.q.Limit > 0 && len(s.found) > s.q.Limit {
		s.found = s.found[:s.q.Limit]
	}
	return nil
}

// sort puts what was found in the order of positions. Pointers are what is sorted:
// rows are large, and sorting them would be code of their own.
func (s *search) sort() {
	order := make([]*store.Message, len(s.found))
	for i := range s.found {
		order[i] = &s.found[i]
	}
	slices.SortFunc(order, func(a, b *store.Message) int {
		c := a.Position().Compare(b.Position())
		if s.q.OldestFirst {
			return c
		}
		return -c
	})
	sorted := make([]store.Message, len(order))
	for i, m := range order {
		sorted[i] = *m
	}
	s.found = sorted
}
