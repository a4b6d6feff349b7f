// Package presence keeps who is on line: one record per account, changed only
// by compare-and-set, whose entries count while the lease of their edge lives.
// It decides who may be on line together and never talks to a client.
package presence

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/libnim/libnim/internal/wire"
)

// A Device is one session in a record.
type Device struct {
	DeviceID         string `json:"device_id"`
	ClientType       int    `json:"client_type"`
	CustomClientType int    `json:"custom_client_type,omitempty"`
	ClientOS         string `json:"client_os,omitempty"`
	Mac              string `json:"mac,omitempty"`
	CustomTag        string `json:"custom_tag,omitempty"`
	LoginTimeMS      int64  `json:"login_time"`
	Edge             string `json:"edge"`
	Epoch            uint64 `json:"edge_epoch"`
	Session          string `json:"session"`
	Instance         string `json:"instance,omitempty"`
	Attempt          uint64 `json:"attempt,omitempty"`
	BeganMS          int64  `json:"began,omitempty"` // when the session logged in first, where this login is a later one of it
}

// began is when the session logged in first.
func (d Device) began() int64 { return cmp.Or(d.BeganMS, d.LoginTimeMS) }

// supersedes reports whether d is a later login of the same run of a client as
// x: one that was given up may get here after the one that came instead.
func (d Device) supersedes(x Device) bool {
	return d.DeviceID == x.DeviceID && d.Instance != "" && d.Instance == x.Instance && d.Attempt > x.Attempt
}

// Wire is what other devices of the account are told of d.
func (d Device) Wire(account string) wire.Device {
	return wire.Device{
		Account:          account,
		ClientType:       d.ClientType,
		CustomClientType: d.CustomClientType,
		ClientOS:         d.ClientOS,
		Mac:              d.Mac,
		DeviceID:         d.DeviceID,
		LoginTimeMS:      d.LoginTimeMS,
		CustomTag:        d.CustomTag,
	}
}

// WireList is Wire for each device but those with the device id except.
func WireList(account string, devices []Device, except string) []wire.Device {
	out := make([]wire.Device, 0, len(devices))
	for _, d := range devices {
		if d.DeviceID != except {
			out = append(out, d.Wire(account))
		}
	}
	return out
}

// away is a device that lost its connection without a logout, and may come
// back on its own.
type away struct {
	DeviceID   string `json:"device_id"`
	ClientType int    `json:"client_type"`
	SinceMS    int64  `json:"since"`
	BeganMS    int64  `json:"began,omitempty"` // when its session logged in first
}

// offlineKick is a kick of a device that was away, told at its next relogin.
type offlineKick struct {
	DeviceID string      `json:"device_id"`
	Kicked   wire.Kicked `json:"kicked"`
}

// record is the presence of one account. Each of its revisions holds only live
// entries that the policy of that revision lets be on line together.
type record struct {
	PolicyRev     uint64        `json:"policy_rev"`
	AccountRev    uint64        `json:"account_rev,omitempty"` // logins that were verified with an older account are not let in
	ActiveDay     int64         `json:"active_day,omitempty"`  // UTC day of the newest login
	Devices       []Device      `json:"devices"`
	Away          []away        `json:"away,omitempty"`
	KickedOffline []offlineKick `json:"kicked_offline,omitempty"`
}

// Bounds of what a record remembers of devices that are not on line.
const (
	maxRemembered = 20
	rememberFor   = 7 * 24 * time.Hour
	// emptyFor keeps a record that holds nothing for as long as its day counts.
	emptyFor = 25 * time.Hour
)

func decodeRecord(data []byte) (record, error) {
	var r record
	if data == nil {
		return r, nil
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("presence record: %w", err)
	}
	return r, nil
}

// ttl is how long the record may stay if nothing changes it. Live entries are
// ended by their edge's lease, never by the record's age.
func (r *record) ttl() time.Duration {
	switch {
	case len(r.Devices) > 0:
		return 0
	case len(r.Away)+len(r.KickedOffline) > 0:
		return rememberFor
	default:
		return emptyFor
	}
}

// session returns the entry with that session id.
func (r *record) session(id string) (Device, bool) {
	for _, d := range r.Devices {
		if d.Session == id {
			return d, true
		}
	}
	return Device{}, false
}

// beside returns the entries of other devices than d.
func (r *record) beside(d Device) []Device {
	return slices.DeleteFunc(slices.Clone(r.Devices), func(x Device) bool { return x.DeviceID == d.DeviceID })
}

// alsoGone adds to gone the entries that an earlier try took out, unless r, as
// it is now, holds them all the same.
func (r *record) alsoGone(gone, earlier []Device) []Device {
	for _, d := range earlier {
		if _, in := r.session(d.Session); !in && !slices.Contains(gone, d) {
			gone = append(gone, d)
		}
	}
	return gone
}

// take removes the devices that match and returns them.
func (r *record) take(match func(Device) bool) (taken []Device) {
	r.Devices = slices.DeleteFunc(r.Devices, func(d Device) bool {
		if !match(d) {
			return false
		}
		taken = append(taken, d)
		return true
	})
	return taken
}

// remember notes that d may come back.
func (r *record) remember(d Device, now time.Time) {
	r.forget(d.DeviceID)
	r.Away = append(r.Away, away{DeviceID: d.DeviceID, ClientType: d.ClientType, SinceMS: now.UnixMilli(), BeganMS: d.began()})
	if n := len(r.Away) - maxRemembered; n > 0 {
		r.Away = slices.Delete(r.Away, 0, n)
	}
}

// forget drops what is remembered of a device that is away.
func (r *record) forget(deviceID string) {
	r.Away = slices.DeleteFunc(r.Away, func(a away) bool { return a.DeviceID == deviceID })
}

// kickAway turns the devices that are away and match into kicks that wait for
// them, and returns their device ids.
func (r *record) kickAway(match func(away) bool, by wire.Kicked) (ids []string) {
	r.Away = slices.DeleteFunc(r.Away, func(a away) bool {
		if !match(a) {
			return false
		}
		ids = append(ids, a.DeviceID)
		return true
	})
	for _, id := range ids {
		r.noteKick(id, by)
	}
	return ids
}

// noteKick keeps a kick for the next relogin of a device. It is noted for
// devices on line too: a client whose connection just broke never reads the
// kick, and would come back and displace the one that displaced it. A client
// that did read it logs in anew, which drops the note.
func (r *record) noteKick(deviceID string, by wire.Kicked) {
	r.takeOfflineKick(deviceID)
	r.KickedOffline = append(r.KickedOffline, offlineKick{DeviceID: deviceID, Kicked: by})
	if n := len(r.KickedOffline) - maxRemembered; n > 0 {
		r.KickedOffline = slices.Delete(r.KickedOffline, 0, n)
	}
}

// takeOfflineKick removes and returns the kick that waits for a device.
func (r *record) takeOfflineKick(deviceID string) *wire.Kicked {
	for i, k := range r.KickedOffline {
		if k.DeviceID == deviceID {
			r.KickedOffline = slices.Delete(r.KickedOffline, i, i+1)
			return &k.Kicked
		}
	}
	return nil
}

// expire drops what was remembered for too long.
func (r *record) expire(now time.Time) {
	oldest := now.Add(-rememberFor).UnixMilli()
	r.Away = slices.DeleteFunc(r.Away, func(a away) bool { return a.SinceMS < oldest })
	r.KickedOffline = slices.DeleteFunc(r.KickedOffline, func(k offlineKick) bool { return k.Kicked.TimeMS < oldest })
}
