package abi

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// A Posting is a callback to come, with its arguments. The generated functions On…
// make one for a registration, the functions Answer… one for the callback of a call;
// each takes every argument of its callback, so that none can be forgotten. What no
// packed run carries (a void *, a pointer to pointers) has no such function.
type Posting struct {
	slot     Slot
	callback callback
	flags    PostFlags
	nums     int
	texts    int
	num      [maxNumbers]int64
	text     [maxTexts]Text
	structs  []byte
}

const (
	maxNumbers = 8 // NIM_MAX_NUM
	maxTexts   = 5 // NIM_MAX_STR
)

// Slot numbers a registration as enum nim_slot does.
type Slot int32

// NoSlot is the slot of an answer.
const NoSlot Slot = -1

// callback numbers a typedef as enum nim_callback does.
type callback int32

// PostFlags say how a posting is treated; their values are those of bridge.h.
type PostFlags int32

// Flags.
const (
	Droppable PostFlags = 2 // a log line: dropped when much is pending
	Replay    PostFlags = 4 // the present state, for a registration that has heard no news since a detach
)

// A Question is a callback that gives something back.
type Question struct {
	Posting
	Result ResultKind
	Within time.Duration // in which the host does nothing: then it is not waited for any longer; 0: who asks sees to that
}

// ResultKind is what a Question is answered with.
type ResultKind int32

// Kinds.
const (
	ResultFlag   ResultKind = iota // a bool
	ResultNumber                   // an int
	ResultText                     // a string of the host's, copied at once and never freed by us
)

// With returns the posting with more flags.
func (p Posting) With(f PostFlags) Posting {
	p.flags |= f
	return p
}

// Replayed returns the posting as the present state told again, if replay is true.
func (p Posting) Replayed(replay bool) Posting {
	if replay {
		p.flags |= Replay
	}
	return p
}

// Slot is the registration that it goes to, or NoSlot.
func (p *Posting) Slot() Slot { return p.slot }

// Callback numbers the typedef that it is for.
func (p *Posting) Callback() int { return int(p.callback) }

// Flags are its flags.
func (p *Posting) Flags() PostFlags { return p.flags }

// Number is the i-th of its numbers: bools, integers and enums in order.
func (p *Posting) Number(i int) int64 { return p.num[i] }

// Text is the i-th of its texts.
func (p *Posting) Text(i int) Text { return p.text[i] }

// String says what it is, for logs and tests.
func (p Posting) String() string {
	var b strings.Builder
	name := callbackNames[p.callback]
	if p.slot != NoSlot {
		name = slotNames[p.slot]
	}
	b.WriteString(name + "(")
	for i := range p.nums {
		fmt.Fprintf(&b, "%d ", p.num[i])
	}
	for i := range p.texts {
		text := ""
		if p.text[i] != nil {
			text = string(p.text[i].AppendJSON(nil))
		}
		fmt.Fprintf(&b, "%q ", text)
	}
	return strings.TrimSuffix(b.String(), " ") + ")"
}

// AppendPacked appends its arguments as C takes them.
func (p *Posting) AppendPacked(b []byte) []byte {
	b = binary.NativeEndian.AppendUint32(b, uint32(p.nums))
	b = binary.NativeEndian.AppendUint32(b, uint32(p.texts))
	for _, v := range p.num[:p.nums] {
		b = packNumber(b, v)
	}
	for _, t := range p.text[:p.texts] {
		b = packText(b, t)
	}
	return append(b, p.structs...)
}

func (p *Posting) addNumber(v int64) {
	p.num[p.nums] = v
	p.nums++
}

func (p *Posting) addBool(v bool) {
	if v {
		p.num[p.nums] = 1
	}
	p.nums++
}

func (p *Posting) addText(t Text) {
	p.text[p.texts] = t
	p.texts++
}
