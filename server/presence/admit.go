package presence

import (
	"cmp"
	"slices"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
)

// Descriptions of a kick by another login.
const (
	TextDisplaced = "another device of this account logged in"
	TextReplaced  = "this device logged in again"
	TextPolicy    = "the policy for several devices changed"
)

// Login asks to put a device on line.
type Login struct {
	App, Account string
	AccountRev   uint64 // revision of the account that the login was verified with
	Device       Device
	Force        bool // displace others where the policy demands it
	Relogin      bool // the device was on line before and comes back on its own; Device.BeganMS says since when
}

// Admitted is what a login did to the record.
type Admitted struct {
	Revision  uint64
	Others    []Device // on line beside the newcomer, without its device id
	Displaced []Device // other devices that had to go
	Replaced  []Device // earlier sessions of the same device
	First     bool     // the account's first login of this UTC day
}

// since returns what the try that left r did, and those whom the tries before it
// took out: each of them may have been written although it did not look so.
func (a Admitted) since(now Admitted, r *record) Admitted {
	now.Displaced = r.alsoGone(now.Displaced, a.Displaced)
	now.Replaced = r.alsoGone(now.Replaced, a.Replaced)
	return now
}

// Refused tells why a login was not admitted.
type Refused struct {
	Err    *nimerr.Error
	Others []Device     // who is in the way of a login without force
	Kicked *wire.Kicked // the kick that happened while the device was away
}

func (r *Refused) Error() string { return r.Err.Error() }

// Unwrap makes the kind of the refusal visible to errors.Is.
func (r *Refused) Unwrap() error { return r.Err }

// KickBy describes a kick for which d is the cause.
func KickBy(d Device, reason int, text string, now time.Time) wire.Kicked {
	return wire.Kicked{
		Reason: reason, Description: text,
		ClientType: d.ClientType, CustomClientType: d.CustomClientType, DeviceID: d.DeviceID,
		TimeMS: now.UnixMilli(),
	}
}

// admit applies a login to r. Entries for which dead answers true are off line
// already. With a refusal, changed says whether r must be written all the same.
func admit(r *record, l Login, p Policy, dead func(Device) bool, now time.Time) (a Admitted, refused *Refused, changed bool) {
	r.expire(now)
	for _, d := range r.take(dead) {
		r.remember(d, now)
	}
	if slices.ContainsFunc(r.Devices, func(d Device) bool { return d.supersedes(l.Device) }) {
		return a, &Refused{Err: nimerr.ServerBusy.New("a later login of this client is on line")}, false
	}
	if k := r.takeOfflineKick(l.Device.DeviceID); k != nil && l.Relogin {
		r.forget(l.Device.DeviceID)
		return a, &Refused{Err: nimerr.KickedOffline.New(k.Description), Kicked: k}, true
	}
	r.forget(l.Device.DeviceID)
	l.Device.BeganMS = min(l.Device.BeganMS, l.Device.LoginTimeMS) // nobody began in the future

	group, limit := p.class(l.Device.ClientType)
	if limit == 0 {
		return a, &Refused{Err: nimerr.Forbidden.New("the policy lets no device of this client type in")}, false
	}
	inGroup := func(clientType int) bool { g, _ := p.class(clientType); return g == group }
	rivals := slices.DeleteFunc(slices.Clone(r.Devices), func(d Device) bool {
		return d.DeviceID == l.Device.DeviceID || !inGroup(d.ClientType)
	})
	if k := r.outdates(l, limit, inGroup); k != nil {
		return a, &Refused{Err: nimerr.KickedOffline.New(k.Description), Kicked: k}, false
	}
	slices.SortStableFunc(rivals, byBegan)
	surplus := rivals[:max(0, len(rivals)+1-limit)]
	if len(surplus) > 0 && !l.Force {
		return a, &Refused{Err: nimerr.OtherDeviceOnline.New(""), Others: surplus}, false
	}

	a.Replaced = r.take(func(d Device) bool { return d.DeviceID == l.Device.DeviceID })
	a.Displaced = r.take(func(d Device) bool { return slices.Contains(surplus, d) })
	a.Others = slices.Clone(r.Devices)
	r.Devices = append(r.Devices, l.Device)
	r.PolicyRev = p.Rev
	if today := now.Unix() / 86400; r.ActiveDay != today {
		r.ActiveDay, a.First = today, true
	}

	by := KickBy(l.Device, wire.KickSameType, TextDisplaced, now)
	for _, d := range a.Displaced {
		r.noteKick(d.DeviceID, by)
	}
	// Devices that are away keep their place only where the policy has one left.
	gone := len(rivals) - len(surplus) + 1 - limit
	for _, x := range r.Away {
		if inGroup(x.ClientType) {
			gone++
		}
	}
	r.kickAway(func(x away) bool { // oldest first
		if gone <= 0 || !inGroup(x.ClientType) {
			return false
		}
		gone--
		return true
	}, by)
	return a, nil, true
}

// outdates returns the kick that a relogin missed although nobody remembers it,
// as after a restart: sessions that began after its own take all places of its
// group, or the device itself has one in another run. A device that was away
// must not put out the one that took its place.
func (r *record) outdates(l Login, limit int, inGroup func(clientType int) bool) *wire.Kicked {
	if !l.Relogin || l.Device.BeganMS == 0 {
		return nil
	}
	var newest Device
	newer := 0
	count := func(d Device) {
		if d.began() <= l.Device.BeganMS {
			return
		}
		if d.began() > newest.began() {
			newest = d
		}
		newer++
	}
	for _, d := range r.Devices {
		switch {
		case d.DeviceID != l.Device.DeviceID:
			if inGroup(d.ClientType) {
				count(d)
			}
		case d.Instance != l.Device.Instance && d.began() > l.Device.BeganMS:
			k := KickBy(d, wire.KickSameType, TextReplaced, time.UnixMilli(d.began()))
			return &k
		}
	}
	for _, x := range r.Away {
		if inGroup(x.ClientType) {
			count(Device{DeviceID: x.DeviceID, ClientType: x.ClientType, BeganMS: x.BeganMS})
		}
	}
	if newer < limit {
		return nil
	}
	k := KickBy(newest, wire.KickSameType, TextDisplaced, time.UnixMilli(newest.began()))
	return &k
}

// byBegan orders devices by when their sessions began.
func byBegan(x, y Device) int { return cmp.Compare(x.began(), y.began()) }

// enforce takes out the entries that p does not let be on line together, those
// whose sessions began first, and returns what went, each with who stays in its
// place.
func enforce(r *record, p Policy) (gone []Device, heirs []Device) {
	type group struct {
		limit   int
		members []Device
	}
	groups := map[string]*group{}
	for _, d := range r.Devices {
		name, limit := p.class(d.ClientType)
		if groups[name] == nil {
			groups[name] = &group{limit: limit}
		}
		groups[name].members = append(groups[name].members, d)
	}
	for _, g := range groups {
		slices.SortStableFunc(g.members, byBegan)
		surplus := max(0, len(g.members)-g.limit)
		for _, d := range g.members[:surplus] {
			gone = append(gone, d)
			heirs = append(heirs, g.members[len(g.members)-1])
		}
	}
	r.take(func(d Device) bool { return slices.Contains(gone, d) })
	r.PolicyRev = max(r.PolicyRev, p.Rev)
	return gone, heirs
}
