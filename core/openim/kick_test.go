package openim

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/tests/openimfake"
)

// A kick is one event, and then the link is over: the close that follows at
// once must not hide it.
func TestKickedByALoginElsewhere(t *testing.T) {
	everywhere(t, openimfake.Options{DistinctTokens: true}, func(b *bed) {
		token := b.fake.Token("alice", linux)
		x, _ := b.loggedIn(b.login("alice", token))
		defer x.close()
		defer b.device("alice", linux).Close()
		k := want[backend.Kicked](x)
		if k.Reason != kickSame || k.Description == "" || k.Time.IsZero() {
			b.Errorf("got %+v, want reason 1, a description and the time", k)
		}
		x.wantLost(nimerr.Kicked)
		// The token was revoked by the login elsewhere.
		if err, body := b.refused(b.login("alice", token)); err.Kind != nimerr.KickedOffline || body.Kicked == nil {
			b.Errorf("got %v, want kicked_offline", err)
		}
	})
}

func TestKickReasons(t *testing.T) {
	tests := []struct {
		name   string
		kick   func(b *bed, token string)
		reason int
	}{
		{"force_logout", func(b *bed, _ string) { b.fake.ForceLogout("alice", linux) }, kickSame}, // cannot be told
		{"token still valid", func(b *bed, _ string) { b.fake.KickKeepingToken("alice", linux) }, kickServer},
		{"token gone", func(b *bed, token string) {
			b.fake.ForgetToken(token)
			b.fake.KickKeepingToken("alice", linux)
		}, kickServer},
		{"API down", func(b *bed, _ string) {
			b.fake.SetFaults(openimfake.Faults{SlowAPI: true})
			b.fake.KickKeepingToken("alice", linux)
		}, kickSame},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, openimfake.Options{}, func(b *bed) {
				token := b.fake.Token("alice", linux)
				x, _ := b.loggedIn(b.login("alice", token))
				defer x.close()
				tt.kick(b, token)
				if k := want[backend.Kicked](x); k.Reason != tt.reason {
					b.Errorf("reason %d, want %d", k.Reason, tt.reason)
				}
				x.wantLost(nimerr.Kicked)
			})
		})
	}
}

// A kick while the answer to the login is still being put together comes after
// that answer.
func TestKickedWhileGathering(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		b.fake.SetFaults(openimfake.Faults{SlowAPI: true, NoReplies: true})
		login := b.login("alice", b.fake.Token("alice", linux))
		x := b.open(login)
		defer x.close()
		if err := x.link.Send(7, login); err != nil {
			b.Fatal(err)
		}
		time.Sleep(gatherWait / 2)
		b.fake.ForceLogout("alice", linux)
		if a := want[backend.Answer](x); a.ID != 7 || a.Err != nil {
			b.Errorf("got %+v, want success", a)
		}
		want[backend.Kicked](x)
		x.wantLost(nimerr.Kicked)
	})
}

func TestKickOther(t *testing.T) {
	everywhere(t, openimfake.Options{DistinctTokens: true}, func(b *bed) {
		b.backend.AdminToken = b.fake.Token(openimfake.AdminID, 10)
		defer b.device("alice", 2).Close()
		defer b.device("alice", 5).Close()
		x, ok := b.loggedIn(b.login("alice", b.fake.Token("alice", linux)))
		defer x.close()
		for len(ok.Others) < 2 { // the status of the last second may be missing
			e := want[backend.Presence](x)
			ok.Others = append(ok.Others, e.Devices...)
		}
		devices := []string{"platform:2", "platform:7", "platform:9", "other", "platform:02"}
		if err := x.link.Send(8, backend.KickOther{DeviceIDs: devices}); err != nil {
			b.Fatal(err)
		}
		got := map[string]int32{}
		a := want[backend.Answer](x)
		for _, r := range a.Body.(backend.KickOtherOK).Results {
			got[r.DeviceID] = r.Code
		}
		for id, code := range map[string]int32{"platform:2": 200, "platform:7": 414, "platform:9": 404, "other": 404, "platform:02": 404} {
			if got[id] != code {
				b.Errorf("%s: %d, want %d", id, got[id], code)
			}
		}
		out := want[backend.Presence](x)
		if out.Type != noticeOut || len(out.Devices) != 1 || out.Devices[0].ID != "platform:2" {
			b.Errorf("got %+v, want platform:2 leaving", out)
		}
		if on := b.fake.Online("alice"); !slices.Equal(on, []int{5, linux}) {
			b.Errorf("online %v, want [5 7]", on)
		}
	})
}

func TestKickOtherWithAPoorToken(t *testing.T) {
	inBubble(t, openimfake.Options{DistinctTokens: true}, func(b *bed) {
		b.backend.AdminToken = b.fake.Token("bob", 3) // no administrator
		defer b.device("alice", 2).Close()
		time.Sleep(2 * time.Second)
		x, _ := b.loggedIn(b.login("alice", b.fake.Token("alice", linux)))
		defer x.close()
		if err := x.link.Send(8, backend.KickOther{DeviceIDs: []string{"platform:2"}}); err != nil {
			b.Fatal(err)
		}
		r := want[backend.Answer](x).Body.(backend.KickOtherOK).Results
		if len(r) != 1 || r[0].Code != nimerr.Forbidden.Code {
			b.Errorf("got %+v, want 403", r)
		}
		for _, line := range b.journal.Trace() {
			if strings.Contains(line, b.backend.AdminToken) {
				b.Errorf("the admin token is in %s", line)
			}
		}
	})
}
