package openim

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/dial"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/internal/memnet"
	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/tests/openimfake"
)

// linux is the platform of every client under test.
const linux = platformLinux

// A bed is a deployment and a backend for it. In a bubble both are on an
// in-memory network, else on the loopback interface.
type bed struct {
	testing.TB
	net     *memnet.Network // nil: loopback
	fake    *openimfake.Server
	gateway string
	backend *Backend
	journal *journal.Journal
	attempt backend.Attempt // of the last connect
}

// inBubble runs a test on virtual time.
func inBubble(t *testing.T, o openimfake.Options, f func(b *bed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		gateway, err1 := n.Listen("gw:10001")
		api, err2 := n.Listen("api:10002")
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		fake, err := openimfake.New(gateway, api, o)
		if err != nil {
			t.Fatal(err)
		}
		b := newBed(t, fake)
		b.net = n
		d := &dial.Dialer{NetDial: n.Dial}
		b.backend.Dialer = func() *dial.Dialer { return d }
		defer fake.Close()
		f(b)
	})
}

// onLoopback runs a test on real sockets.
func onLoopback(t *testing.T, o openimfake.Options, f func(b *bed)) {
	t.Helper()
	fake, err := openimfake.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	defer fake.Close()
	f(newBed(t, fake))
}

// everywhere runs a test in both places.
func everywhere(t *testing.T, o openimfake.Options, f func(b *bed)) {
	t.Run("bubble", func(t *testing.T) { inBubble(t, o, f) })
	t.Run("loopback", func(t *testing.T) { onLoopback(t, o, f) })
}

func newBed(t testing.TB, fake *openimfake.Server) *bed {
	for _, u := range []string{"alice", "bob"} {
		fake.AddUser(openimfake.User{UserID: u, Nickname: "Nick of " + u, FaceURL: "https://face/" + u, Ex: "{}"})
	}
	j := journal.New(journal.Options{})
	t.Cleanup(j.Close)
	d := &dial.Dialer{}
	return &bed{TB: t, fake: fake, gateway: fake.WSAddr(), journal: j, backend: &Backend{
		Dialer: func() *dial.Dialer { return d }, APIAddr: fake.APIAddr(), PlatformID: linux,
		SDK: "libnim/test", Journal: j,
	}}
}

// login is a login of a user with a token.
func (b *bed) login(user, token string) *backend.Login {
	return &backend.Login{
		AppKey: "app", Account: user, Token: token, Force: true, OperationID: "op&1=x",
		Device: backend.Device{ID: "this-device", ClientType: clientPC, OS: "Linux"},
	}
}

// A tap is a link with its reader, as the session has it.
type tap struct {
	b      *bed
	link   backend.Link
	events chan backend.Event
	lost   chan *nimerr.Error
	left   chan struct{}
	reader sync.WaitGroup

	profiles chan backend.Profile // those that came after the login: when is up to the REST API
}

// open connects, and does not log in yet.
func (b *bed) open(login *backend.Login) *tap {
	b.Helper()
	b.attempt = backend.Attempt{}
	link, err := b.backend.Connect(b.Context(), b.gateway, login, &b.attempt)
	if err != nil {
		b.Fatalf("Connect: %v", err)
	}
	x := &tap{b: b, link: link, events: make(chan backend.Event), lost: make(chan *nimerr.Error, 1), left: make(chan struct{}), profiles: make(chan backend.Profile, 1)}
	x.reader.Go(func() {
		for {
			e, err := link.Receive()
			if err != nil {
				if _, again := link.Receive(); again == nil {
					b.Error("Receive went on after an error")
				}
				x.lost <- nimerr.From(err, nimerr.Internal)
				return
			}
			if p, ok := e.(backend.Profile); ok {
				x.profiles <- p
				continue
			}
			select {
			case x.events <- e:
			case <-x.left:
				return
			}
		}
	})
	return x
}

// profile returns the profile that came with the login or after it.
func (x *tap) profile(ok backend.LoginOK) backend.Profile {
	x.b.Helper()
	if ok.Profile != nil {
		return *ok.Profile
	}
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case p := <-x.profiles:
		return p
	case <-t.C:
		x.b.Fatalf("no profile in %v", patience)
	}
	return backend.Profile{}
}

// close ends the link and waits for everything that belongs to it.
func (x *tap) close() {
	close(x.left)
	x.link.Close()
	x.link.Close()
	x.reader.Wait()
}

const patience = 20 * time.Second

// want returns the next event, which must be a T.
func want[T backend.Event](x *tap) T {
	x.b.Helper()
	var zero T
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case e := <-x.events:
		v, ok := e.(T)
		if !ok {
			x.b.Fatalf("got %T %+v, want %T", e, e, zero)
		}
		return v
	case err := <-x.lost:
		x.b.Fatalf("the link ended with %v (%s), want %T", err, err.Kind.Name, zero)
	case <-t.C:
		x.b.Fatalf("no %T in %v", zero, patience)
	}
	return zero
}

// wantAfterPresence returns the next event that is no notice of other devices.
func wantAfterPresence[T backend.Event](x *tap) T {
	x.b.Helper()
	t := time.NewTimer(patience)
	defer t.Stop()
	for {
		select {
		case e := <-x.events:
			if v, ok := e.(T); ok {
				return v
			}
			if _, ok := e.(backend.Presence); !ok {
				x.b.Fatalf("got %T %+v", e, e)
			}
		case <-t.C:
			x.b.Fatalf("nothing in %v", patience)
		}
	}
}

// wantLost waits for the end of the link.
func (x *tap) wantLost(kind *nimerr.Kind) *nimerr.Error {
	x.b.Helper()
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case e := <-x.events:
		x.b.Fatalf("got %T %+v, want the end of the link", e, e)
	case err := <-x.lost:
		if err.Kind != kind {
			x.b.Fatalf("the link ended with %s: %v, want %s", err.Kind.Name, err, kind.Name)
		}
		return err
	case <-t.C:
		x.b.Fatalf("the link did not end in %v", patience)
	}
	return nil
}

// quiet checks that nothing happens for a while of virtual time.
func (x *tap) quiet(d time.Duration) {
	x.b.Helper()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case e := <-x.events:
		x.b.Fatalf("got %T %+v, want silence", e, e)
	case err := <-x.lost:
		x.b.Fatalf("the link ended with %v", err)
	case <-t.C:
	}
}

// loggedIn connects and logs in.
func (b *bed) loggedIn(login *backend.Login) (*tap, backend.LoginOK) {
	b.Helper()
	x := b.open(login)
	if err := x.link.Send(7, login); err != nil {
		b.Fatalf("Send: %v", err)
	}
	a := want[backend.Answer](x)
	if a.ID != 7 || a.Err != nil {
		b.Fatalf("answer %d %v, want 7 and success", a.ID, a.Err)
	}
	return x, a.Body.(backend.LoginOK)
}

// refused connects and logs in, and is refused.
func (b *bed) refused(login *backend.Login) (*nimerr.Error, backend.LoginRefused) {
	b.Helper()
	x := b.open(login)
	defer x.close()
	if err := x.link.Send(7, login); err != nil {
		b.Fatalf("Send: %v", err)
	}
	a := want[backend.Answer](x)
	if a.ID != 7 || a.Err == nil {
		b.Fatalf("answer %d %+v, want 7 and an error", a.ID, a.Body)
	}
	x.wantLost(nimerr.ConnectionLost)
	return a.Err, a.Body.(backend.LoginRefused)
}

// device brings another device online and keeps it there.
func (b *bed) device(user string, platform int) *openimfake.Device {
	b.Helper()
	var way func(ctx context.Context, network, address string) (net.Conn, error)
	if b.net != nil {
		way = b.net.Dial
	}
	d, err := b.fake.Connect(b.Context(), user, platform, way)
	if err != nil {
		b.Fatalf("device: %v", err)
	}
	go d.Drain()
	return d
}
