package cabi

/*
#define NIM_GO_SIDE
#include <stdlib.h>
#include "front_gen.h"
*/
import "C"

import (
	"time"
	"unsafe"

	"github.com/libnim/libnim/core/ask"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/internal/abi"
)

// desk has the questions of all uses of the library: their numbers are never used
// twice, so an answer to an earlier use finds nothing.
var desk = ask.NewDesk(questions{})

func (sink) Ask(q abi.Question, done func(module.Reply)) (node uint64, backlog int) {
	return desk.Ask(q, done)
}

func (sink) TakeBack(s abi.Slot) { desk.TakeBack(s) }

// questions implements ask.Queue on the front.
type questions struct{}

func (questions) Ask(id uint64, q *abi.Question) (node uint64, backlog int) {
	where := packed(&q.Posting, func(run unsafe.Pointer, n C.size_t) C.nim_posted {
		return C.nim_ask(C.uint64_t(id), C.int(q.Slot()), C.int(q.Callback()), run, n)
	})
	return uint64(where.node), int(where.backlog)
}

func (questions) TakeBack(s abi.Slot, idle time.Duration) (ids []uint64, next time.Duration) {
	var room [256]C.uint64_t
	for {
		var ms C.int
		n := C.nim_asks_take_back(C.int(s), C.int(idle.Milliseconds()), &room[0], C.int(len(room)), &ms)
		for _, id := range room[:n] {
			ids = append(ids, uint64(id))
		}
		if ms != 0 {
			return ids, time.Duration(ms) * time.Millisecond
		}
	}
}

//export nim_go_answered
func nim_go_answered(id C.uint64_t, heard C.int, number C.int64_t, text *C.char, n C.size_t) {
	defer survive("answered")
	r := module.Reply{Number: int64(number), Text: C.GoStringN(text, C.int(n))}
	if heard == 0 {
		r.Outcome = module.Nobody
	}
	desk.Answered(uint64(id), r)
}
