package cabi

/*
#define NIM_GO_SIDE
#include <stdlib.h>
#include "front_gen.h"
*/
import "C"

import (
	"fmt"
	"sync"
	"time"
	"unsafe"

	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/session"
	"github.com/libnim/libnim/internal/abi"
)

// sink implements session.Sink on the queue of the C front. None of its methods
// but WaitRoom waits.
type sink struct{}

func (sink) Publish(status session.Status, account string) {
	C.nim_publish_state(C.int(status.LoginState()), C.int(status), chars(account), C.size_t(len(account)))
}

func (sink) Clock(serverMS int64, known bool) {
	if !known {
		C.nim_publish_clock(0, 0)
		return
	}
	C.nim_publish_clock(C.int64_t(serverMS)-C.nim_boot_time(), 1)
}

func (sink) WaitRoom(low int) { C.nim_wait_room(C.int(low)) }

func (sink) Registered(s abi.Slot) bool { return C.nim_registered(C.int(s)) != 0 }

func (sink) Fate(node uint64) module.Fate { return module.Fate(C.nim_fate(C.uint64_t(node))) }

func (sink) Post(p abi.Posting) (node uint64, backlog int) { return post(0, p, false) }

// Answer answers a call. One that came without a callback has no id.
func (sink) Answer(id module.Call, p abi.Posting, final bool) {
	if id != 0 {
		post(id, p, final)
	}
}

// buffers are for packing: C copies what is posted before post returns.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

const keptBuffer = 64 << 10 // a larger one is left to the collector

func post(id module.Call, p abi.Posting, final bool) (node uint64, backlog int) {
	flags := C.int(p.Flags())
	if final {
		flags |= C.NIM_POST_FINAL
	}
	where := packed(&p, func(run unsafe.Pointer, n C.size_t) C.nim_posted {
		return C.nim_post(C.int(p.Slot()), C.uint64_t(id), flags, C.int(p.Callback()), run, n)
	})
	return uint64(where.node), int(where.backlog)
}

// packed hands the arguments of a callback to the front.
func packed(p *abi.Posting, queue func(run unsafe.Pointer, n C.size_t) C.nim_posted) C.nim_posted {
	buffer := buffers.Get().(*[]byte)
	b := p.AppendPacked((*buffer)[:0])
	where := queue(unsafe.Pointer(unsafe.SliceData(b)), C.size_t(len(b)))
	if cap(b) <= keptBuffer {
		*buffer = b
		buffers.Put(buffer)
	}
	return where
}

func postLog(level journal.Level, line string) {
	sink{}.Post(abi.OnGlobalSdkLog(int(level), abi.Raw(line)).With(abi.Droppable))
}

// spaceEmpty is kNIMSDKExceptionSpaceEmpty.
const spaceEmpty = 1

func postDiskLow(free uint64) {
	sink{}.Post(abi.OnGlobalExceptionReport(spaceEmpty, abi.Raw(fmt.Sprintf(`{"free_bytes":%d}`, free))))
}

// nim_go_retry asks for the delivery thread that the system has refused, until
// it gives one: what waits for it must not depend on a later post.
//
//export nim_go_retry
func nim_go_retry() {
	go func() {
		defer survive("retry")
		t := time.NewTicker(50 * time.Millisecond)
		defer t.Stop()
		for range t.C {
			if C.nim_retry() != 0 {
				return
			}
		}
	}()
}

// chars is the text for C, which copies it before the call returns.
func chars(s string) *C.char { return (*C.char)(unsafe.Pointer(unsafe.StringData(s))) }
