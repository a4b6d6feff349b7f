package route

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
)

// addressBook is a Backend whose addresses answer as a test says.
type addressBook struct {
	answers map[string]error // missing or nil: a link
	slow    map[string]time.Duration
	asked   []string
}

func (*addressBook) Name() string                       { return "book" }
func (*addressBook) Capabilities() backend.Capabilities { return backend.Capabilities{} }

// Connect implements backend.Backend.
func (b *addressBook) Connect(ctx context.Context, address string, _ *backend.Login, a *backend.Attempt) (backend.Link, error) {
	b.asked = append(b.asked, address)
	a.Endpoint = address
	select {
	case <-time.After(b.slow[address]):
	case <-ctx.Done():
		return nil, nimerr.Cancelled.New("")
	}
	if err := b.answers[address]; err != nil {
		return nil, err
	}
	return noLink{}, nil
}

var refused = nimerr.ConnectionRefused.New("")

// noLink is a link that a test does not use.
type noLink struct{ backend.Link }

// asks returns which addresses one attempt asks, in order.
func (b *addressBook) asks(r *Routes) (string, error) {
	b.asked = nil
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, tried, err := r.Connect(ctx, &backend.Login{}, false)
	if len(tried) != len(b.asked) {
		return "", errors.New("not every address has its record")
	}
	return strings.Join(b.asked, " "), err
}

// The addresses are tried in turn; the one that worked is the first next time.
func TestRoutesFailOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := &addressBook{answers: map[string]error{"a": refused, "b": nimerr.HostNotFound.New("")}}
		r := &Routes{Backend: book, Fixed: []string{"a", "b", "c"}}
		for i, want := range []string{"a b c", "c"} {
			if got, err := book.asks(r); got != want || err != nil {
				t.Errorf("attempt %d asks %q, %v, want %q", i, got, err, want)
			}
		}
		book.answers["c"] = refused
		for i, want := range []string{"c a b", "c a b"} {
			got, err := book.asks(r)
			if got != want || !errors.Is(err, nimerr.HostNotFound) {
				t.Errorf("attempt %d asks %q, %v, want %q", i, got, err, want)
			}
		}
		book.answers["a"] = nil
		if got, err := book.asks(r); got != "c a" || err != nil {
			t.Errorf("asks %q, %v, want %q", got, err, "c a")
		}
	})
}

// A server that has spoken speaks for all: what it says is not asked elsewhere.
// The next attempt begins with another.
func TestRoutesStopWhereAServerSpoke(t *testing.T) {
	later := nimerr.ConnectionFailed.New("")
	later.RetryAfter = time.Second
	for _, err := range []*nimerr.Error{nimerr.ServerBusy.New(""), nimerr.TokenInvalid.New(""), nimerr.GoingAway.New(""), nimerr.VersionRefused.New(""), later} {
		synctest.Test(t, func(t *testing.T) {
			book := &addressBook{answers: map[string]error{"a": err}}
			r := &Routes{Backend: book, Fixed: []string{"a", "b"}}
			if got, e := book.asks(r); got != "a" || !errors.Is(e, err.Kind) {
				t.Errorf("%s: asks %q, %v, want a only", err.Kind.Name, got, e)
			}
			if got, e := book.asks(r); got != "b" || e != nil {
				t.Errorf("%s: then asks %q, %v, want b", err.Kind.Name, got, e)
			}
		})
	}
}

// An attempt that runs out of time is a timeout that names the address, and the
// next one begins behind it.
func TestRoutesTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := &addressBook{slow: map[string]time.Duration{"a": time.Hour}}
		r := &Routes{Backend: book, Fixed: []string{"a", "b"}}
		got, err := book.asks(r)
		e := nimerr.From(err, nimerr.Internal)
		if got != "a" || e.Kind != nimerr.Timeout || e.Endpoint != "a" {
			t.Errorf("asks %q, %v at %q", got, e, e.Endpoint)
		}
		if got, err := book.asks(r); got != "b" || err != nil {
			t.Errorf("then asks %q, %v, want b", got, err)
		}
	})
}

// Addresses of which none works are doubted after a while: the LBS is asked anew,
// and not more than once a minute.
func TestRoutesDoubtDeadAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lbs := newLBS()
		book := &addressBook{answers: map[string]error{"ws://one/nim": refused, "ws://two/nim": refused, "ws://new/nim": refused}}
		r := &Routes{Backend: book, Discover: lbs.discovery("http://lbs")}
		began, asked := time.Now(), []string{}
		attempt := func() error {
			_, err := book.asks(r)
			for range lbs.asked {
				asked = append(asked, time.Since(began).String())
			}
			lbs.asked = nil
			time.Sleep(time.Second)
			return err
		}
		attempt()
		lbs.text["http://lbs"] = `{"link":["ws://new/nim"],"ttl_s":3600}`
		for range 89 {
			attempt()
		}
		if got := strings.Join(asked, " "); got != "0s 10s 1m10s" {
			t.Errorf("the LBS is asked at %s", got)
		}
		book.answers["ws://new/nim"] = nil
		if err := attempt(); err != nil {
			t.Errorf("the new address: %v", err)
		}
		time.Sleep(10 * time.Minute) // what worked is not doubted at the first failure
		book.answers["ws://new/nim"], asked = refused, nil
		attempt()
		book.answers["ws://new/nim"] = nimerr.ServerBusy.New("")
		attempt() // it speaks, so it works
		book.answers["ws://new/nim"] = refused
		for range 9 {
			attempt()
		}
		if len(asked) != 0 {
			t.Errorf("the LBS is asked at %s", asked)
		}
	})
}

// Discovered addresses come before the fixed ones; the fixed ones serve where
// there is no discovery.
func TestRoutesWithDiscovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lbs := newLBS()
		book := &addressBook{answers: map[string]error{"ws://one/nim": refused, "ws://two/nim": refused}}
		r := &Routes{Backend: book, Discover: lbs.discovery("http://lbs"), Fixed: []string{"fixed"}}
		if got, err := book.asks(r); got != "ws://one/nim ws://two/nim fixed" || err != nil {
			t.Errorf("asks %q, %v", got, err)
		}
		lbs.fail["http://lbs"] = refused
		clear(lbs.disk)
		r = &Routes{Backend: book, Discover: lbs.discovery("http://lbs"), Fixed: []string{"fixed"}}
		if got, err := book.asks(r); got != "fixed" || err != nil {
			t.Errorf("without the LBS asks %q, %v", got, err)
		}
		r = &Routes{Backend: book, Discover: lbs.discovery("http://lbs")}
		if got, err := book.asks(r); got != "" || !errors.Is(err, nimerr.ConnectionRefused) {
			t.Errorf("without any address asks %q, %v", got, err)
		}
	})
}
