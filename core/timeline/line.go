// Package timeline says, for one conversation, what the server has against what
// is here: which numbers are held, which are holes, what is pulled next and what
// may be told to the host. It is arithmetic on numbers: it knows no store, no
// socket and no message.
//
// The server numbers the entries of a conversation 1, 2, 3 … A number is held
// here when its entry is stored, or when it is known that there is nothing to
// see: a stub. Pushes may come in any order and get lost; heads say how far the
// server is. Whatever the order, what is held, told and asked for ends the same.
package timeline

// FirstTold is how many of the newest messages a device is told of a
// conversation that it meets at its first login.
const FirstTold = 100

// A Line is one conversation. Its zero value knows of nothing.
type Line struct {
	Min  uint64 // nothing below it can be had: joined later, cleared, expired
	Max  uint64 // the server is known to have given it
	Told uint64 // the host was told up to it; never below Min - 1
	Held Set    // the numbers that are here, also below Told
}

// Begin sets Told for a device that has no cursor of heads: it is told what is
// unread, at most the newest FirstTold; what lies below is the past.
func (l *Line) Begin(read uint64) {
	told := min(read, l.Max)
	if l.Max > FirstTold {
		told = max(told, l.Max-FirstTold)
	}
	l.Told = max(l.Told, told)
}

// Head takes what a head, or an answer to a pull, says. A stale one changes
// nothing.
func (l *Line) Head(minSeq, maxSeq uint64) {
	l.Max = max(l.Max, maxSeq)
	l.Min = max(l.Min, minSeq, 1)
	l.Told = max(l.Told, l.Min-1)
}

// Hold takes that the numbers from first to last are stored.
func (l *Line) Hold(first, last uint64) {
	l.Held.Add(first, last)
	l.Max = max(l.Max, last)
}

// Front is the number up to which everything above Told is here: what may be
// told.
func (l *Line) Front() uint64 { return l.Held.Through(l.Told) }

// Complete says that nothing above Told is missing.
func (l *Line) Complete() bool { return l.Front() >= l.Max }

// Missing is the lowest run above Told that is not here. It is pulled first, and
// upwards, since nothing behind it may be told before it.
func (l *Line) Missing() (Range, bool) { return l.Held.Lowest(l.Told+1, l.Max) }

// Past is the highest run at or below Told that is not here. It is pulled
// downwards, the newest first, and never told.
func (l *Line) Past() (Range, bool) { return l.Held.Highest(max(l.Min, 1), l.Told) }

// Tell takes that the host was told up to n.
func (l *Line) Tell(n uint64) { l.Told = max(l.Told, n) }

// Renew forgets all numbers: the server's store has another epoch. The entries
// are pulled again from the lowest, and those that match what was told before
// are not told again.
func (l *Line) Renew() { *l = Line{} }
