package openim

import (
	"context"
	"testing"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/tests/openimfake"
)

// settle lets the server publish who is online.
const settle = 1100 * time.Millisecond

func ids(list []backend.Device) (out []string) {
	for _, d := range list {
		out = append(out, d.ID)
	}
	return out
}

func TestOthersAtLogin(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		defer b.device("alice", 2).Close()
		defer b.device("alice", 9).Close()
		defer b.device("bob", 5).Close()
		time.Sleep(settle)
		x, ok := b.loggedIn(b.login("alice", b.fake.Token("alice", linux)))
		defer x.close()
		want := []backend.Device{
			{Account: "alice", ID: "platform:2", ClientType: clientAndroid, OS: "Android"},
			{Account: "alice", ID: "platform:9", ClientType: clientIOS, OS: "iPad"},
		}
		if len(ok.Others) != 2 || ok.Others[0] != want[0] || ok.Others[1] != want[1] {
			b.Errorf("got %+v, want %+v", ok.Others, want)
		}
		x.quiet(time.Minute) // its own coming online is no notice
	})
}

func TestDevicesComeAndGo(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		x, _ := b.loggedIn(b.login("alice", b.fake.Token("alice", linux)))
		defer x.close()
		x.quiet(settle)
		phone := b.device("alice", 2)
		in := want[backend.Presence](x)
		if in.Type != noticeIn || len(in.Devices) != 1 || in.Devices[0].ID != "platform:2" || in.Devices[0].LoginTime.IsZero() {
			b.Errorf("got %+v, want platform:2 coming, with a time", in)
		}
		phone.Close()
		start := time.Now()
		out := want[backend.Presence](x)
		if out.Type != noticeOut || len(out.Devices) != 1 || out.Devices[0].ID != "platform:2" {
			b.Errorf("got %+v, want platform:2 leaving", out)
		}
		if took := time.Since(start); took > time.Second+leaveWait {
			b.Errorf("told after %v", took)
		}
		x.quiet(time.Minute)
	})
}

// A device that only reconnects does not leave.
func TestReconnectOfAnotherDeviceIsNoNotice(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		x, _ := b.loggedIn(b.login("alice", b.fake.Token("alice", linux)))
		defer x.close()
		phone := b.device("alice", 2)
		want[backend.Presence](x)
		phone.Close()
		x.quiet(settle) // the server has said that it is gone
		defer b.device("alice", 2).Close()
		x.quiet(time.Minute)
	})
}

// Subscriptions die with a connection; the next login makes them anew.
func TestPresenceAfterReconnect(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		token := b.fake.Token("alice", linux)
		x, _ := b.loggedIn(b.login("alice", token))
		b.fake.Cut()
		x.wantLost(nimerr.ConnectionLost)
		x.close()
		phone := b.device("alice", 2)
		time.Sleep(settle)
		again := b.login("alice", token)
		again.Relogin = true
		x, ok := b.loggedIn(again)
		defer x.close()
		if got := ids(ok.Others); len(got) != 1 || got[0] != "platform:2" {
			b.Errorf("others %v, want [platform:2]", got)
		}
		phone.Close()
		if out := want[backend.Presence](x); out.Type != noticeOut {
			b.Errorf("got %+v, want a leave", out)
		}
	})
}

// A build that pushes no status still answers the subscription.
func TestServerWithoutOnlinePushes(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		b.fake.SetFaults(openimfake.Faults{NoOnline: true})
		x, _ := b.loggedIn(b.login("alice", b.fake.Token("alice", linux)))
		defer x.close()
		defer b.device("alice", 2).Close()
		x.quiet(time.Minute)
	})
}

// Without a reply to the subscription the login is late, not lost.
func TestNoReplyToTheSubscription(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		b.fake.SetFaults(openimfake.Faults{NoReplies: true})
		start := time.Now()
		x, ok := b.loggedIn(b.login("alice", b.fake.Token("alice", linux)))
		defer x.close()
		if took := time.Since(start); took != gatherWait || len(ok.Others) != 0 {
			b.Errorf("others %v after %v, want none after %v", ok.Others, took, gatherWait)
		}
	})
}

// Frames this version has no use for change nothing.
func TestUnknownPushesAreIgnored(t *testing.T) {
	everywhere(t, openimfake.Options{}, func(b *bed) {
		x, _ := b.loggedIn(b.login("alice", b.fake.Token("alice", linux)))
		defer x.close()
		b.fake.Push("alice", openimfake.Response{ReqIdentifier: 4711, OperationID: "op", Data: []byte("any")})
		b.fake.Push("alice", openimfake.Response{ReqIdentifier: openimfake.OpOnlineStatus, MsgIncr: "99", Data: []byte{0xff}}) // a reply to nothing
		if err := x.link.Send(8, backend.Logout{}); err != nil {
			b.Fatal(err)
		}
		if a := want[backend.Answer](x); a.ID != 8 {
			b.Errorf("got %+v, want the answer to the logout", a)
		}
	})
}

func TestMalformedPresenceEndsTheLink(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		x, _ := b.loggedIn(b.login("alice", b.fake.Token("alice", linux)))
		defer x.close()
		b.fake.Push("alice", openimfake.Response{ReqIdentifier: openimfake.OpOnlineStatus, Data: []byte{0xff}})
		x.wantLost(nimerr.ProtocolError)
	})
}

func TestPlatforms(t *testing.T) {
	for goos, want := range map[string]int{"windows": 3, "darwin": 4, "linux": 7, "freebsd": 7} {
		if got := hostPlatform(goos); got != want {
			t.Errorf("%s: %d, want %d", goos, got, want)
		}
	}
	for id, want := range map[int]int{1: clientIOS, 3: clientPC, 4: clientMacOS, 6: clientWeb, 7: clientPC, 10: clientREST, 11: clientUnknown, 99: clientUnknown} {
		if got := clientType(id); got != want {
			t.Errorf("platform %d is client type %d, want %d", id, got, want)
		}
		if back, ok := devicePlatform(deviceID(id)); !ok || back != id {
			t.Errorf("%s: %d %v, want %d", deviceID(id), back, ok, id)
		}
	}
	if got := platformName(99); got != "platform 99" {
		t.Errorf("got %q", got)
	}
	for _, id := range []string{"", "platform:", "platform:0", "platform:-1", "platform:+3", "platform:03", "3", "platform:3 "} {
		if n, ok := devicePlatform(id); ok {
			t.Errorf("%q is platform %d", id, n)
		}
	}
}

// The default platform is the one of this machine.
func TestDefaultPlatform(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		b.backend.PlatformID = 0
		x, _ := b.loggedIn(b.login("alice", b.fake.Token("alice", b.backend.platform())))
		x.close()
	})
}

func TestConnectIsCancelled(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		b.fake.Freeze()
		ctx, cancel := context.WithTimeout(b.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := b.backend.Connect(ctx, b.fake.WSAddr(), b.login("alice", b.fake.Token("alice", linux)), nil)
		if err == nil || time.Since(start) != time.Second {
			b.Errorf("%v after %v, want an error after 1s", err, time.Since(start))
		}
	})
}
