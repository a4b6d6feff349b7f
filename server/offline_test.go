package server_test

import (
	"fmt"
	"testing"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server"
)

// relogin is the login of a device that comes back on its own.
func (e *edge) relogin(account, device string, clientType int) (*client, wire.Frame, wire.LoginRefused) {
	e.t.Helper()
	c := e.dial()
	l := e.loginAs(account, device, clientType)
	l.Relogin = true
	var refused wire.LoginRefused
	f := c.ask(wire.OpLogin, l, nil)
	if f.Code != 200 {
		if err := f.DecodeBody(&refused); err != nil {
			e.t.Fatal(err)
		}
	}
	return c, f, refused
}

// drop cuts a client off without a logout, and waits until it is off line.
func (e *edge) drop(c *client, account string) {
	e.t.Helper()
	_ = c.ws.NetConn().Close()
	waitFor(e.t, "the dropped device goes off line", func() bool { return len(e.onlineDevices(account)) == 0 })
}

func TestKickWhileOfflineIsToldOnce(t *testing.T) {
	edges := startEdges(t, 2, nil)
	for name, kick := range map[string]func(account string){
		"by another login": func(account string) {
			c, _ := edges[1].online(account, "browser", web)
			c.ask(wire.OpLogout, wire.Logout{}, nil)
		},
		"by the server": func(account string) {
			out := edges[1].do("POST", "/kick", map[string]any{"account": account, "reason": "bye"})
			if fmt.Sprint(out["kicked_offline"]) != "[desk]" {
				t.Errorf("kick met %v", out)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			account := fmt.Sprintf("a%d", len(name))
			edges[0].account(account)
			c, _ := edges[0].online(account, "desk", pc)
			edges[0].drop(c, account)
			kick(account)
			again, f, refused := edges[1].relogin(account, "desk", pc)
			if f.Code != 417 || f.ErrName != "kicked_offline" || refused.Kicked == nil || refused.Kicked.TimeMS == 0 {
				t.Fatalf("refused with %d %s %+v", f.Code, f.ErrName, refused)
			}
			again.wantClose()
			if _, f, _ := edges[0].relogin(account, "desk", pc); f.Code != 200 {
				t.Errorf("told twice: %d %s", f.Code, f.ErrName)
			}
		})
	}
}

func TestFreshLoginForgetsTheKick(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	e.account("alice")
	c, _ := e.online("alice", "desk", pc)
	e.drop(c, "alice")
	e.do("POST", "/kick", map[string]any{"account": "alice"})
	c, _ = e.online("alice", "desk", pc)
	e.drop(c, "alice")
	if _, f, _ := e.relogin("alice", "desk", pc); f.Code != 200 {
		t.Errorf("relogin after a fresh login: %d %s", f.Code, f.ErrName)
	}
}

// A client whose connection broke just before it was displaced never reads the
// kick. It must not come back and displace the one that displaced it.
func TestUnreadKickIsToldAtTheRelogin(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	e.account("alice")
	e.online("alice", "desk", pc) // never reads again
	browser, _ := e.online("alice", "browser", web)
	_, f, refused := e.relogin("alice", "desk", pc)
	if f.ErrName != "kicked_offline" || refused.Kicked == nil || refused.Kicked.DeviceID != "browser" {
		t.Errorf("refused with %s %+v", f.ErrName, refused)
	}
	browser.ask(wire.OpTime, nil, nil)
}

func TestLogoutLeavesNothingToKick(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	e.account("alice")
	c, _ := e.online("alice", "desk", pc)
	c.ask(wire.OpLogout, wire.Logout{Type: 1}, nil)
	if out := e.do("POST", "/kick", map[string]any{"account": "alice"}); len(out["kicked_offline"].([]any)) != 0 {
		t.Errorf("kick met %v", out)
	}
}

func TestPolicyAppliesNowOnlyWhenAsked(t *testing.T) {
	edges := startEdges(t, 2, nil)
	edges[0].account("alice")
	edges[0].do("PUT", "/policy", map[string]any{"multi_login": "all"})
	first, _ := edges[0].online("alice", "d1", pc)
	second, _ := edges[1].online("alice", "d2", mac)
	first.want(wire.OpPresence, nil)
	edges[0].do("PUT", "/policy", map[string]any{"multi_login": "one"})
	first.ask(wire.OpTime, nil, nil)
	if out := edges[0].do("PUT", "/policy", map[string]any{"multi_login": "one", "apply_now": true}); out["kicked"] != 1.0 {
		t.Errorf("answer = %v", out)
	}
	var k wire.Kicked
	if first.want(wire.OpKicked, &k); k.Reason != wire.KickSameType || k.DeviceID != "d2" {
		t.Errorf("kick = %+v", k)
	}
	var out wire.Presence
	if second.want(wire.OpPresence, &out); out.Type != 3 || out.Devices[0].DeviceID != "d1" {
		t.Errorf("notice = %+v", out)
	}
	// The other edge knew the policy before the call returned.
	edges[1].online("alice", "d3", android)
	second.want(wire.OpKicked, nil)
}

// A class that nobody may be in any more ends a device that is alone, too.
func TestAPolicyThatLetsAClassOutEndsIt(t *testing.T) {
	edges := startEdges(t, 2, nil)
	edges[0].account("alice")
	browser, _ := edges[1].online("alice", "browser", web)
	out := edges[0].do("PUT", "/policy", map[string]any{
		"multi_login": "custom", "apply_now": true,
		"classes": []map[string]any{{"name": "web", "client_types": []int{web}, "max": 0}, {"name": "rest", "max": 1}},
	})
	if out["kicked"] != 1.0 {
		t.Fatalf("answer = %v", out)
	}
	var k wire.Kicked
	if browser.want(wire.OpKicked, &k); k.Reason != wire.KickByServer || k.DeviceID != "" {
		t.Errorf("kick = %+v", k)
	}
}

// A device loses its network and another takes its place; then nimd restarts
// and remembers neither. Whichever comes back first, the place stays with the
// session that began later.
func TestAStaleDeviceDoesNotKickTheOneInUse(t *testing.T) {
	for _, staleFirst := range []bool{true, false} {
		t.Run(fmt.Sprintf("stale first: %v", staleFirst), func(t *testing.T) {
			cfg := server.Config{Listen: "127.0.0.1:0", DataDir: t.TempDir(), Dev: true, Log: testLog(t)}
			e := startEdge(t, cfg)
			e.account("alice")
			old, oldOK := e.online("alice", "old", pc)
			e.drop(old, "alice")
			_, newOK := e.online("alice", "new", pc)
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			e = startEdge(t, cfg)
			back := func(device string, began int64) (*client, wire.Frame, wire.LoginRefused) {
				c, l := e.dial(), e.loginAs("alice", device, pc)
				l.Relogin, l.SessionBeganMS = true, began
				var refused wire.LoginRefused
				return c, c.ask(wire.OpLogin, l, &refused), refused
			}
			if staleFirst {
				stale, f, _ := back("old", oldOK.ServerTimeMS)
				if f.Code != 200 {
					t.Fatalf("nobody was there, refused with %d %s", f.Code, f.ErrName)
				}
				if _, f, _ := back("new", newOK.ServerTimeMS); f.Code != 200 {
					t.Fatalf("the later session: %d %s", f.Code, f.ErrName)
				}
				if code, _ := stale.wantClose(); code != wire.CloseKicked {
					t.Errorf("the stale device was closed with %d", code)
				}
				return
			}
			inUse, f, _ := back("new", newOK.ServerTimeMS)
			if f.Code != 200 {
				t.Fatalf("the later session: %d %s", f.Code, f.ErrName)
			}
			_, f, refused := back("old", oldOK.ServerTimeMS)
			if f.Code != 417 || f.ErrName != "kicked_offline" || refused.Kicked == nil || refused.Kicked.DeviceID != "new" {
				t.Errorf("the stale device: %d %s %+v", f.Code, f.ErrName, refused.Kicked)
			}
			inUse.ask(wire.OpTime, nil, nil) // was told nothing
		})
	}
}
