package presence

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
)

var policies = map[string]Policy{
	"one":   {Mode: ModeOne},
	"class": {},
	"all":   {Mode: ModeAll},
	"custom": {Mode: ModeCustom, Classes: []Class{
		{Name: "phones", ClientTypes: []int{1, 2}, Max: 2}, {Name: "none", ClientTypes: []int{32}, Max: 0}, {Name: "rest", Max: 3},
	}},
}

func TestClasses(t *testing.T) {
	for _, tc := range []struct {
		policy     string
		clientType int
		class      string
		limit      int
	}{
		{"one", 1, "", 1}, {"all", 4, "", 10},
		{"class", 1, "mobile", 1}, {"class", 2, "mobile", 1}, {"class", 8, "mobile", 1},
		{"class", 4, "desktop", 1}, {"class", 16, "desktop", 1}, {"class", 64, "desktop", 1}, {"class", 0, "desktop", 1},
		{"custom", 2, "phones", 2}, {"custom", 32, "none", 0}, {"custom", 64, "rest", 3},
	} {
		if class, limit := policies[tc.policy].class(tc.clientType); class != tc.class || limit != tc.limit {
			t.Errorf("%s, type %d: %q %d, want %q %d", tc.policy, tc.clientType, class, limit, tc.class, tc.limit)
		}
	}
	if class, limit := (Policy{Mode: ModeCustom, Classes: []Class{{Name: "p", ClientTypes: []int{1}, Max: 1}}}).class(4); class != "" || limit != 1 {
		t.Errorf("a type that no class names: %q %d", class, limit)
	}
}

func TestPoliciesAreChecked(t *testing.T) {
	for name, p := range map[string]Policy{
		"unknown mode":       {Mode: "two"},
		"classes with one":   {Mode: ModeOne, Classes: []Class{{Name: "a"}}},
		"custom without":     {Mode: ModeCustom},
		"same name":          {Mode: ModeCustom, Classes: []Class{{Name: "a", Max: 1}, {Name: "a", ClientTypes: []int{1}, Max: 1}}},
		"no name":            {Mode: ModeCustom, Classes: []Class{{Max: 1}}},
		"type in two":        {Mode: ModeCustom, Classes: []Class{{Name: "a", ClientTypes: []int{1}}, {Name: "b", ClientTypes: []int{1}}}},
		"two for the rest":   {Mode: ModeCustom, Classes: []Class{{Name: "a"}, {Name: "b"}}},
		"negative count":     {Mode: ModeCustom, Classes: []Class{{Name: "a", Max: -1}}},
		"count out of range": {Mode: ModeCustom, Classes: []Class{{Name: "a", Max: 101}}},
	} {
		if p.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for name, p := range policies {
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// holds returns why a record breaks its policy, or "".
func holds(r record, p Policy) string {
	counts, devices := map[string]int{}, map[string]bool{}
	for _, d := range r.Devices {
		class, limit := p.class(d.ClientType)
		if counts[class]++; counts[class] > limit {
			return fmt.Sprintf("%d in class %q, limit %d", counts[class], class, limit)
		}
		if devices[d.DeviceID] {
			return "device " + d.DeviceID + " twice"
		}
		devices[d.DeviceID] = true
	}
	return ""
}

// Random logins, departures, kicks and dead edges never make a record that its
// policy forbids, and each login has one of the outcomes that there are.
func TestRecordsNeverBreakThePolicy(t *testing.T) {
	for name, p := range policies {
		t.Run(name, func(t *testing.T) {
			seed := rand.Uint64()
			rng := rand.New(rand.NewPCG(seed, 0))
			t.Logf("seed %d", seed)
			var r record
			now := time.Unix(1700000000, 0)
			for step := range 3000 {
				now = now.Add(time.Duration(rng.IntN(1000)) * time.Millisecond)
				id := fmt.Sprint("d", rng.IntN(15))
				dead := func(d Device) bool { return d.Edge == "gone" }
				switch rng.IntN(8) {
				case 0:
					for _, d := range r.take(func(d Device) bool { return d.DeviceID == id }) {
						r.remember(d, now)
					}
				case 1:
					for i := range r.Devices {
						if rng.IntN(4) == 0 {
							r.Devices[i].Edge = "gone"
						}
					}
				default:
					l := Login{
						Device: Device{
							DeviceID: id, ClientType: []int{1, 2, 4, 16, 32, 64}[rng.IntN(6)],
							LoginTimeMS: now.UnixMilli(), Session: fmt.Sprint("s", step), Edge: "e",
						},
						Force: rng.IntN(3) > 0, Relogin: rng.IntN(2) == 0,
					}
					before := slices.Clone(r.Devices)
					a, refused, _ := admit(&r, l, p, dead, now)
					checkOutcome(t, step, l, a, refused, before, r)
				}
				live := record{Devices: slices.DeleteFunc(slices.Clone(r.Devices), dead)}
				if broken := holds(live, p); broken != "" {
					t.Fatalf("step %d: %s", step, broken)
				}
				if len(r.Away) > maxRemembered || len(r.KickedOffline) > maxRemembered {
					t.Fatalf("step %d: remembers %d and %d", step, len(r.Away), len(r.KickedOffline))
				}
			}
		})
	}
}

func checkOutcome(t *testing.T, step int, l Login, a Admitted, refused *Refused, before []Device, r record) {
	t.Helper()
	_, in := r.session(l.Device.Session)
	if in != (refused == nil) {
		t.Fatalf("step %d: in the record: %v, refused: %v", step, in, refused)
	}
	if refused != nil {
		if !l.Force && refused.Err.Kind == nimerr.OtherDeviceOnline && len(refused.Others) == 0 {
			t.Fatalf("step %d: nobody is in the way", step)
		}
		if l.Force && refused.Err.Kind == nimerr.OtherDeviceOnline {
			t.Fatalf("step %d: force was not heard", step)
		}
		if refused.Kicked != nil && !l.Relogin {
			t.Fatalf("step %d: a fresh login was told of an old kick", step)
		}
		return
	}
	for _, d := range a.Displaced {
		if d.DeviceID == l.Device.DeviceID || !slices.Contains(before, d) || !l.Force {
			t.Fatalf("step %d: displaced %+v", step, d)
		}
	}
	for _, d := range a.Others {
		if d.DeviceID == l.Device.DeviceID || slices.Contains(a.Displaced, d) {
			t.Fatalf("step %d: beside itself: %+v", step, d)
		}
	}
}

func TestTheEarliestLoginIsDisplaced(t *testing.T) {
	r := record{Devices: []Device{
		{DeviceID: "b", ClientType: 1, LoginTimeMS: 2, Session: "b"},
		{DeviceID: "a", ClientType: 2, LoginTimeMS: 1, Session: "a"},
	}}
	alive := func(Device) bool { return false }
	login := Login{Device: Device{DeviceID: "c", ClientType: 1, LoginTimeMS: 3, Session: "c"}, Force: true}
	a, refused, _ := admit(&r, login, policies["custom"], alive, time.Unix(0, 0))
	if refused != nil || len(a.Displaced) != 1 || a.Displaced[0].DeviceID != "a" {
		t.Errorf("displaced %+v, %v", a.Displaced, refused)
	}
}

func TestAwayDevicesKeepAFreePlace(t *testing.T) {
	now := time.Unix(1700000000, 0)
	alive := func(Device) bool { return false }
	var r record
	for i, id := range []string{"a", "b", "c"} {
		r.remember(Device{DeviceID: id, ClientType: 4}, now.Add(time.Duration(i)*time.Second))
	}
	login := Login{Device: Device{DeviceID: "d", ClientType: 64, Session: "d"}, Force: true}
	if _, refused, _ := admit(&r, login, policies["custom"], alive, now.Add(time.Minute)); refused != nil {
		t.Fatal(refused)
	}
	if len(r.Away) != 2 || r.Away[0].DeviceID != "b" || len(r.KickedOffline) != 1 || r.KickedOffline[0].DeviceID != "a" {
		t.Errorf("away %+v, kicked %+v", r.Away, r.KickedOffline)
	}
	r.expire(now.Add(rememberFor + time.Hour))
	if len(r.Away)+len(r.KickedOffline) != 0 {
		t.Errorf("remembers for ever: %+v", r)
	}
}

// A relogin whose place later sessions took is refused, although the record
// remembers no kick; whoever began last has the place in any order of relogins.
func TestALaterFirstLoginWins(t *testing.T) {
	alive := func(Device) bool { return false }
	now := time.Unix(1700000000, 0)
	at := func(s int) int64 { return now.Add(time.Duration(s) * time.Second).UnixMilli() }
	relogin := func(id string, clientType, began, login int) Login {
		return Login{Force: true, Relogin: true, Device: Device{
			DeviceID: id, ClientType: clientType, BeganMS: at(began), LoginTimeMS: at(login), Session: id, Instance: "run-" + id,
		}}
	}
	other := relogin("new", 4, 2, 90)
	other.Device.Instance = "another run"
	for name, tc := range map[string]struct {
		online, away []Device
		login        Login
		policy       string
		by           string // the device that the refusal names; empty: admitted
		displaced    string
	}{
		"stale":                       {online: []Device{relogin("new", 4, 5, 50).Device}, login: relogin("old", 4, 1, 60), by: "new"},
		"stale, the other is away":    {away: []Device{relogin("new", 4, 5, 50).Device}, login: relogin("old", 4, 1, 60), by: "new"},
		"the one in use":              {online: []Device{relogin("old", 4, 1, 50).Device}, login: relogin("new", 4, 5, 60), displaced: "old"},
		"another class":               {online: []Device{relogin("new", 1, 5, 50).Device}, login: relogin("old", 4, 1, 60)},
		"a place is left":             {online: []Device{relogin("new", 1, 5, 50).Device}, login: relogin("old", 1, 1, 60), policy: "custom"},
		"no place is left":            {online: []Device{relogin("n1", 1, 5, 50).Device, relogin("n2", 2, 6, 50).Device}, login: relogin("old", 1, 1, 60), policy: "custom", by: "n2"},
		"the earliest session goes":   {online: []Device{relogin("n1", 1, 9, 50).Device, relogin("n2", 2, 1, 51).Device}, login: relogin("n3", 1, 5, 60), policy: "custom", displaced: "n2"},
		"its own earlier session":     {online: []Device{relogin("old", 4, 1, 50).Device}, login: relogin("old", 4, 1, 60)},
		"the device in another run":   {online: []Device{relogin("new", 4, 5, 50).Device}, login: other, by: "new"},
		"a client that does not tell": {online: []Device{relogin("new", 4, 5, 50).Device}, login: Login{Force: true, Relogin: true, Device: Device{DeviceID: "old", ClientType: 4, LoginTimeMS: at(60)}}, displaced: "new"},
		"one that claims the future":  {online: []Device{relogin("new", 4, 5, 50).Device}, login: relogin("old", 4, 1000, 60), displaced: "new"},
	} {
		t.Run(name, func(t *testing.T) {
			r := record{Devices: tc.online}
			for _, d := range tc.away {
				r.remember(d, now)
			}
			a, refused, _ := admit(&r, tc.login, policies[tc.policy], alive, now.Add(time.Minute))
			if tc.by != "" {
				if refused == nil || refused.Err.Kind != nimerr.KickedOffline || refused.Kicked == nil || refused.Kicked.DeviceID != tc.by {
					t.Fatalf("admitted %+v, refused %+v", a, refused)
				}
				return
			}
			displaced := ""
			for _, d := range a.Displaced {
				displaced += d.DeviceID
			}
			if refused != nil || displaced != tc.displaced {
				t.Errorf("displaced %q, refused %+v", displaced, refused)
			}
			if d, in := r.session(tc.login.Device.Session); !in || d.began() > d.LoginTimeMS {
				t.Errorf("in the record: %v, %+v", in, d)
			}
		})
	}
}
