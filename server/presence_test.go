package server_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server"
)

func TestNewcomerOfTheClassDisplaces(t *testing.T) {
	edges := startEdges(t, 2, nil)
	edges[0].account("alice")
	for _, second := range edges { // on the same edge and on the other
		first, _ := edges[0].online("alice", "desk", pc)
		phone, _ := edges[1].online("alice", "phone", ios)
		first.want(wire.OpPresence, nil)
		_, ok := second.online("alice", "browser", web)
		if len(ok.Others) != 1 || ok.Others[0].DeviceID != "phone" {
			t.Errorf("others = %+v", ok.Others)
		}
		var k wire.Kicked
		first.want(wire.OpKicked, &k)
		if k.Reason != wire.KickSameType || k.ClientType != web || k.DeviceID != "browser" || k.TimeMS == 0 {
			t.Errorf("kick = %+v", k)
		}
		if code, frames := first.wantClose(); code != wire.CloseKicked || len(frames) != 0 {
			t.Errorf("closed with %d after %v", code, frames)
		}
		var out, in wire.Presence
		phone.want(wire.OpPresence, &out)
		phone.want(wire.OpPresence, &in)
		if out.Type != 3 || out.Devices[0].DeviceID != "desk" || in.Type != 2 || in.Devices[0].DeviceID != "browser" {
			t.Errorf("phone told %+v, %+v", out, in)
		}
		edges[0].do("POST", "/kick", map[string]any{"account": "alice"})
		phone.wantClose()
	}
}

func TestSameDeviceReplacesItself(t *testing.T) {
	edges := startEdges(t, 2, nil)
	edges[0].account("alice")
	old, _ := edges[0].online("alice", "desk", pc)
	c := edges[1].dial()
	l := edges[1].loginAs("alice", "desk", pc)
	l.Force, l.Relogin = false, true // its own ghost is never in the way
	if ok := c.mustLogin(l); len(ok.Others) != 0 {
		t.Errorf("others = %+v", ok.Others)
	}
	var k wire.Kicked
	if old.want(wire.OpKicked, &k); k.Reason != wire.KickSameType || k.DeviceID != "desk" {
		t.Errorf("kick = %+v", k)
	}
}

func TestWithoutForceNobodyIsDisplaced(t *testing.T) {
	edges := startEdges(t, 2, nil)
	edges[0].account("alice")
	first, _ := edges[0].online("alice", "desk", pc)
	c := edges[1].dial()
	l := edges[1].loginAs("alice", "other", mac)
	l.Force = false
	var body wire.LoginRefused
	f := c.ask(wire.OpLogin, l, &body)
	if f.Code != 417 || f.ErrName != "other_device_online" || len(body.Others) != 1 || body.Others[0].DeviceID != "desk" {
		t.Errorf("refused with %d %s %+v", f.Code, f.ErrName, body)
	}
	first.ask(wire.OpTime, nil, nil) // still there
}

func TestPolicies(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	for _, tc := range []struct {
		policy map[string]any
		types  []int
		left   int // how many stay on line
	}{
		{map[string]any{"multi_login": "one"}, []int{pc, android, web}, 1},
		{map[string]any{"multi_login": "class"}, []int{pc, android, web, ios}, 2},
		{map[string]any{"multi_login": "all"}, []int{pc, android, web, ios, pc, pc, pc, pc, pc, pc, pc, pc}, 10},
		{map[string]any{"multi_login": "custom", "classes": []map[string]any{
			{"name": "m", "client_types": []int{android, ios}, "max": 2}, {"name": "rest", "max": 1},
		}}, []int{android, ios, android, pc, web}, 3},
	} {
		name := tc.policy["multi_login"].(string)
		t.Run(name, func(t *testing.T) {
			e.account(name)
			e.do("PUT", "/policy", tc.policy)
			var clients []*client
			for i, clientType := range tc.types {
				c, _ := e.online(name, fmt.Sprint("d", i), clientType)
				clients = append(clients, c)
			}
			devices := e.onlineDevices(name)
			if len(devices) != tc.left {
				t.Errorf("on line: %v, want %d", devices, tc.left)
			}
			// The earliest login had to go.
			if code, _ := clients[0].wantClose(); code != wire.CloseKicked {
				t.Errorf("the first device was closed with %d", code)
			}
		})
	}
}

// onlineDevices returns the device ids of an account that are on line.
func (e *edge) onlineDevices(account string) (ids []string) {
	e.t.Helper()
	for _, a := range e.do("GET", "/online?account="+account, nil)["accounts"].([]any) {
		for _, d := range a.(map[string]any)["devices"].([]any) {
			ids = append(ids, d.(map[string]any)["device_id"].(string))
		}
	}
	return ids
}

func TestKickOther(t *testing.T) {
	edges := startEdges(t, 2, nil)
	edges[0].account("alice")
	edges[0].do("PUT", "/policy", map[string]any{"multi_login": "all"})
	desk, _ := edges[0].online("alice", "desk", pc)
	phone, _ := edges[1].online("alice", "phone", android)
	desk.want(wire.OpPresence, nil)
	id := desk.send(wire.OpKickOther, wire.KickOther{DeviceIDs: []string{"phone", "nothing", "desk"}})
	var result wire.KickOtherOK
	var out wire.Presence
	for range 2 { // in either order
		switch f := desk.next(); f.Op {
		case wire.OpReply:
			if err := f.DecodeBody(&result); err != nil || f.ID != id {
				t.Errorf("reply %d: %v", f.ID, err)
			}
		case wire.OpPresence:
			if err := f.DecodeBody(&out); err != nil {
				t.Error(err)
			}
		}
	}
	want := []wire.KickResult{{DeviceID: "phone", Code: 200}, {DeviceID: "nothing", Code: 404}, {DeviceID: "desk", Code: 404}}
	if fmt.Sprint(result.Results) != fmt.Sprint(want) {
		t.Errorf("results = %v, want %v", result.Results, want)
	}
	if out.Type != 3 || len(out.Devices) != 1 || out.Devices[0].DeviceID != "phone" {
		t.Errorf("notice = %+v", out)
	}
	var k wire.Kicked
	if phone.want(wire.OpKicked, &k); k.Reason != wire.KickByOther || k.DeviceID != "desk" || k.ClientType != pc {
		t.Errorf("kick = %+v", k)
	}
}

func TestAdminKickReachesEveryEdge(t *testing.T) {
	edges := startEdges(t, 2, nil)
	edges[0].account("alice")
	c, _ := edges[1].online("alice", "desk", pc)
	if got := edges[0].do("POST", "/kick", map[string]any{"account": "alice", "device_ids": []string{"x"}}); len(got["kicked"].([]any)) != 0 {
		t.Errorf("kicked %v", got)
	}
	edges[0].do("POST", "/kick", map[string]any{"account": "alice", "reason": "bye"})
	var k wire.Kicked
	if c.want(wire.OpKicked, &k); k.Reason != wire.KickByServer || k.Description != "bye" || k.DeviceID != "" {
		t.Errorf("kick = %+v", k)
	}
}

func TestLostEdgeIsAnnounced(t *testing.T) {
	var frozen atomic.Int64 // what the second edge's clock is ahead
	start := time.Now()
	edges := startEdges(t, 2, func(i int, c *server.Config) {
		c.Lease = time.Second
		if i == 1 {
			c.Clock = func() time.Duration { return time.Since(start) + time.Duration(frozen.Load()) }
		}
	})
	edges[0].account("alice")
	desk, _ := edges[0].online("alice", "desk", pc)
	phone, _ := edges[1].online("alice", "phone", android)
	desk.want(wire.OpPresence, nil)

	// The edge's clock jumps over its lease: it closes its clients by itself,
	// and the entries are taken out.
	frozen.Store(int64(900 * time.Millisecond))
	if code, _ := phone.wantClose(); code != wire.CloseFenced {
		t.Errorf("closed with %d, want %d", code, wire.CloseFenced)
	}
	var out wire.Presence
	if desk.want(wire.OpPresence, &out); out.Type != 3 || out.Devices[0].DeviceID != "phone" {
		t.Errorf("notice = %+v", out)
	}
	// It takes clients again under a new lease.
	waitFor(t, "a login on the fenced edge", func() bool {
		c := edges[1].dial()
		return c.ask(wire.OpLogin, edges[1].loginAs("alice", "phone", android), nil).Code == 200
	})
}
