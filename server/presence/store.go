package presence

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/bus"
)

// Bounds of one change of a record.
const (
	maxTries   = 8
	tryTimeout = 2 * time.Second
	maxPause   = 40 * time.Millisecond
	retryAfter = time.Second // told to a client whose login met too much contention
)

// ErrAccountChanged says that the account was put out since the login was
// verified: it has to be verified again.
var ErrAccountChanged = errors.New("the account changed meanwhile")

// Store changes records by compare-and-set.
type Store struct {
	Lease *Lease
	Edges *Edges

	bucket *bus.Bucket
	policy func(ctx context.Context, app string, atLeast uint64) (Policy, error)
	log    *slog.Logger
}

// NewStore returns a store for the edge that holds lease. policy gives an app's
// policy as of the revision atLeast or later.
func NewStore(b *bus.Bus, lease *Lease, policy func(ctx context.Context, app string, atLeast uint64) (Policy, error), log *slog.Logger) *Store {
	return &Store{Lease: lease, Edges: NewEdges(b, lease), bucket: b.Presence, policy: policy, log: log}
}

// Join puts a device on line, or returns a *Refused. The epoch under which it
// did is in the entry that the record now holds, and returned.
//
// With an error too, Admitted says whose sessions have to end: those that a try
// took out which may have been written although it did not look so. With a
// *Refused and ErrAccountChanged they are out of the record as of its revision,
// and the newcomer is not in it; with any other error that is not known.
func (s *Store) Join(ctx context.Context, l Login) (Admitted, uint64, error) {
	policy, err := s.policy(ctx, l.App, 0)
	if err != nil {
		return Admitted{}, 0, err
	}
	var out Admitted
	var refused *Refused
	l.Device.Edge = s.Lease.Edge
	rev, err := s.change(ctx, l.App, l.Account, func(r *record) (bool, error) {
		if _, done := r.session(l.Device.Session); done {
			// An earlier try was written although it did not look so. Others
			// may have come and gone since.
			out = out.since(Admitted{Others: r.beside(l.Device), First: out.First}, r)
			return false, nil
		}
		if refused != nil && refused.Kicked != nil {
			// An earlier try took the kick, which the record no longer holds if
			// that was written: the device is told of it all the same.
			r.forget(l.Device.DeviceID)
			out = out.since(Admitted{}, r)
			return r.takeOfflineKick(l.Device.DeviceID) != nil, nil
		}
		if r.AccountRev > l.AccountRev {
			out = out.since(Admitted{}, r)
			return false, ErrAccountChanged
		}
		if r.PolicyRev > policy.Rev {
			if policy, err = s.policy(ctx, l.App, r.PolicyRev); err != nil {
				return false, err
			}
		}
		epoch := s.Lease.Epoch()
		if epoch == 0 {
			return false, Fenced()
		}
		l.Device.Epoch = epoch
		var now Admitted
		var write bool
		now, refused, write = admit(r, l, policy, s.dead(ctx), time.Now())
		out = out.since(now, r)
		return write, nil
	})
	out.Revision = rev
	if err == nil && refused != nil {
		err = refused
	}
	return out, l.Device.Epoch, err
}

// Left is what a departure did to the record. With an error, Gone are entries
// that may have been removed although it did not look so.
type Left struct {
	Revision uint64
	Gone     []Device               // entries that this change removed
	Rest     []Device               // live entries that stay
	Offline  []string               // device ids that were away and now have a kick waiting
	By       map[string]wire.Kicked // Enforce: the kick of each session in Gone. Sweep: the kick that waits for a device id
}

// Leave removes one session. comesBack says that it lost its connection rather
// than logged out. Nothing is gone when it had been displaced before.
func (s *Store) Leave(ctx context.Context, app, account, session string, comesBack bool) (Left, error) {
	return s.remove(ctx, app, account, func(r *record, left *Left) {
		for _, d := range r.take(func(d Device) bool { return d.Session == session }) {
			left.Gone = append(left.Gone, d)
			if comesBack {
				r.remember(d, time.Now())
			}
		}
	})
}

// Evict removes the sessions whose device id match accepts, and leaves a kick
// for each such device, on line or away. It keeps out the logins under way that
// were verified with the account as it was before the revision accountRev.
func (s *Store) Evict(ctx context.Context, app, account string, match func(deviceID string) bool, by wire.Kicked, accountRev uint64) (Left, error) {
	return s.remove(ctx, app, account, func(r *record, left *Left) {
		r.AccountRev = max(r.AccountRev, accountRev)
		left.Offline = append(left.Offline, r.kickAway(func(a away) bool { return match(a.DeviceID) }, by)...)
		for _, d := range r.take(func(d Device) bool { return match(d.DeviceID) }) {
			left.Gone = append(left.Gone, d)
			r.noteKick(d.DeviceID, by)
		}
	})
}

// Offenders returns the accounts of an app that have sessions on line which its
// newest policy does not let be there.
func (s *Store) Offenders(ctx context.Context, app string) ([]string, error) {
	policy, err := s.policy(ctx, app, 0)
	if err != nil {
		return nil, err
	}
	var out []string
	_, err = s.PageOnline(ctx, app, "", func(account string, devices []Device) bool {
		if gone, _ := enforce(&record{Devices: devices}, policy); len(gone) > 0 {
			out = append(out, account)
		}
		return true
	})
	return out, err
}

// Enforce removes the sessions that the newest policy of the app does not let
// be on line together, the earliest first.
func (s *Store) Enforce(ctx context.Context, app, account string) (Left, error) {
	policy, err := s.policy(ctx, app, 0)
	if err != nil {
		return Left{}, err
	}
	by := map[string]wire.Kicked{}
	left, err := s.remove(ctx, app, account, func(r *record, left *Left) {
		gone, heirs := enforce(r, policy)
		left.Gone = gone
		for i, d := range gone {
			by[d.Session] = KickBy(heirs[i], wire.KickSameType, TextPolicy, time.Now())
			if slices.Contains(gone, heirs[i]) { // nobody takes its place
				by[d.Session] = KickBy(Device{}, wire.KickByServer, TextPolicy, time.Now())
			}
			r.noteKick(d.DeviceID, by[d.Session])
		}
	})
	left.By = by
	return left, err
}

// Sweep removes the entries whose edge is gone. It is an error when that could
// not be asked of every entry's edge.
func (s *Store) Sweep(ctx context.Context, app, account string) (Left, error) {
	by := map[string]wire.Kicked{}
	var unknown error
	dead := func(d Device) bool {
		alive, err := s.Edges.alive(ctx, d.Edge, d.Epoch)
		if err != nil {
			unknown = err
		}
		return err == nil && !alive
	}
	left, err := s.remove(ctx, app, account, func(r *record, left *Left) {
		unknown = nil
		for _, d := range r.take(dead) {
			left.Gone = append(left.Gone, d)
			r.remember(d, time.Now())
		}
		clear(by)
		for _, k := range r.KickedOffline {
			by[k.DeviceID] = k.Kicked
		}
	})
	left.By = by
	if err == nil && unknown != nil {
		err = busy(unknown)
	}
	return left, err
}

// Online returns the live entries of an account.
func (s *Store) Online(ctx context.Context, app, account string) ([]Device, error) {
	e, err := s.bucket.Get(ctx, bus.AccountKey(app, account))
	if err != nil {
		return nil, busy(err)
	}
	r, err := decodeRecord(e.Value)
	if err != nil {
		return nil, nimerr.ServerError.Wrap(err)
	}
	return slices.DeleteFunc(r.Devices, s.dead(ctx)), nil
}

// Holding returns the edges that the record of an account names, as the leader
// has it. An edge may be dead already.
func (s *Store) Holding(ctx context.Context, app, account string) (edges []string, err error) {
	e, err := s.bucket.Get(ctx, bus.AccountKey(app, account))
	if err != nil {
		return nil, busy(err)
	}
	r, err := decodeRecord(e.Value)
	if err != nil {
		return nil, nimerr.ServerError.Wrap(err)
	}
	for _, d := range r.Devices {
		if !slices.Contains(edges, d.Edge) {
			edges = append(edges, d.Edge)
		}
	}
	return edges, nil
}

// PageOnline calls yield for the accounts of an app with live entries until it
// returns false: from cursor on, which an earlier PageOnline returned, or all.
// An account whose record changes meanwhile may come again.
func (s *Store) PageOnline(ctx context.Context, app, cursor string, yield func(account string, devices []Device) bool) (next string, err error) {
	dead := s.dead(ctx)
	next, err = s.bucket.Page(ctx, bus.AppPrefix(app), cursor, func(e bus.Entry) bool {
		_, account, ok := bus.SplitAccountKey(e.Key)
		r, err := decodeRecord(e.Value)
		if !ok || err != nil {
			return true
		}
		devices := slices.DeleteFunc(r.Devices, dead)
		return len(devices) == 0 || yield(account, devices)
	})
	if err != nil && !errors.Is(err, bus.ErrCursor) {
		err = busy(err)
	}
	return next, err
}

func (s *Store) dead(ctx context.Context) func(Device) bool {
	return func(d Device) bool { return !s.Edges.Alive(ctx, d.Edge, d.Epoch) }
}

// remove runs a change that takes entries out. A try whose answer was lost may
// have been written: its entries are then reported although a later try finds
// none of them. A device of theirs may be on line again by then.
func (s *Store) remove(ctx context.Context, app, account string, take func(*record, *Left)) (Left, error) {
	var out Left
	rev, err := s.change(ctx, app, account, func(r *record) (bool, error) {
		var now Left
		known := r.AccountRev
		take(r, &now)
		write := len(now.Gone)+len(now.Offline) > 0 || r.AccountRev != known
		now.Rest = slices.Clone(r.Devices)
		now.Gone = r.alsoGone(now.Gone, out.Gone)
		for _, id := range out.Offline {
			if !slices.Contains(now.Offline, id) {
				now.Offline = append(now.Offline, id)
			}
		}
		out = now
		return write, nil
	})
	out.Revision = rev
	return out, err
}

// change reads the record from the leader, lets edit change it and writes it
// back if nobody else did meanwhile; otherwise it starts over, after a pause
// that spreads the contenders. edit may run several times and returns false
// for a record that needs no write.
func (s *Store) change(ctx context.Context, app, account string, edit func(*record) (bool, error)) (uint64, error) {
	key := bus.AccountKey(app, account)
	var last error
	for try := range maxTries {
		if try > 0 && !pause(ctx, try) {
			break
		}
		rev, err := s.changeOnce(ctx, key, edit)
		if err == nil {
			return rev, nil
		}
		if e, ok := errors.AsType[*nimerr.Error](err); ok {
			return 0, e
		}
		if errors.Is(err, ErrAccountChanged) {
			return rev, err
		}
		last = err
	}
	return 0, busy(last)
}

func (s *Store) changeOnce(ctx context.Context, key string, edit func(*record) (bool, error)) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	e, err := s.bucket.Get(ctx, key)
	if err != nil {
		return 0, err
	}
	r, err := decodeRecord(e.Value)
	if err != nil {
		return 0, nimerr.ServerError.Wrap(err)
	}
	write, err := edit(&r)
	if err != nil || !write {
		return e.Revision, err
	}
	data, err := json.Marshal(r)
	if err != nil {
		return 0, nimerr.ServerError.Wrap(err)
	}
	return s.bucket.Set(ctx, key, data, e.Revision, r.ttl())
}

// pause waits U(0, 1) of a bound that doubles with each try.
func pause(ctx context.Context, try int) bool {
	bound := min(time.Millisecond<<try, maxPause)
	t := time.NewTimer(rand.N(bound) + 1)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func busy(cause error) *nimerr.Error {
	e := nimerr.ServerBusy.New("presence could not be read or changed")
	e.RetryAfter, e.Cause = retryAfter, cause
	return e
}

// Fenced is the answer of an edge that cannot take logins.
func Fenced() *nimerr.Error {
	e := nimerr.ServerBusy.New("this edge is cut off from the cluster")
	e.RetryAfter = retryAfter
	return e
}
