package session

import "time"

// A clockWatch notices that the machine was asleep: the wall clock ran on
// while monotonic time, and with it every timer, stood still.
type clockWatch struct {
	wallNow    func() time.Time
	wall, mono time.Time
}

func newClockWatch(wall func() time.Time) *clockWatch {
	return &clockWatch{wallNow: wall, wall: wall(), mono: time.Now()}
}

// jumped reports whether the wall clock has gained since the last call.
func (w *clockWatch) jumped() bool {
	wall, mono := w.wallNow(), time.Now()
	// Round(0) strips the monotonic reading, so that Sub compares wall clocks.
	gain := wall.Round(0).Sub(w.wall.Round(0)) - mono.Sub(w.mono)
	w.wall, w.mono = wall, mono
	return gain > wallJumpSize
}
