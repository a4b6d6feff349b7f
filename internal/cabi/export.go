// Package cabi is the C ABI of the library: its public symbols are defined in C
// (front_gen.c, public.c); its Go side turns calls into calls on core.Client
// (export.go) and what core reports into callbacks (deliver.go). bridge.h is the
// contract between the two.
package cabi

/*
// A callback's exception passes through these frames, and a debugger shows them.
#cgo linux CFLAGS: -fasynchronous-unwind-tables
#define NIM_GO_SIDE
#include <stdlib.h>
#include "front_gen.h"
*/
import "C"

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/libnim/libnim/core"
	"github.com/libnim/libnim/core/ask"
	"github.com/libnim/libnim/core/proxy"
	"github.com/libnim/libnim/core/session"
	"github.com/libnim/libnim/core/store/sqlite"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// version is set by the linker.
var version = "0.0.0-dev"

// stopLimit bounds how long cleanup waits for the session to answer its calls.
const stopLimit = time.Second

// The library is one client per process, between init and cleanup. The C front
// serialises init and stop.
var (
	client  atomic.Pointer[core.Client]
	outlet  atomic.Pointer[proxy.Config] // set before or after init; kept across cleanup
	handler callHandler                  = calls{}
)

// survive keeps a panic inside the library. It is deferred by every export.
func survive(what string) {
	if p := recover(); p != nil {
		report(what, p)
	}
}

func report(what string, p any) {
	if c := client.Load(); c != nil {
		c.Panicked(what, fmt.Sprint(p), string(debug.Stack()))
	}
}

//export nim_go_init
func nim_go_init(dataDir, installDir, json *C.char, reattach C.int) (fault *C.char) {
	defer func() {
		if p := recover(); p != nil {
			fault = errorText(nimerr.Internal.Newf("%v", p))
		}
	}()
	settings, err := abi.DecodeInitOptions(C.GoString(json))
	if err != nil {
		return errorText(nimerr.From(err, nimerr.InvalidArgument))
	}
	dir := C.GoString(dataDir)
	if reattach != 0 {
		c := client.Load()
		if c == nil || !c.Same(dir, &settings) {
			return errorText(nimerr.ConfigConflict.New(""))
		}
		return nil
	}
	if n := settings.Nimx.MaxProcs; n > 0 {
		runtime.GOMAXPROCS(n)
	}
	if mb := settings.Nimx.MemoryLimitMb; mb > 0 {
		debug.SetMemoryLimit(int64(mb) << 20)
	}
	o := core.Options{
		Version: version, DataDir: dir, Settings: settings, Sink: sink{}, Store: sqlite.Open, Tokens: &ask.Tokens{Sink: sink{}},
		Log: postLog, DiskLow: postDiskLow,
	}
	if p := outlet.Load(); p != nil {
		o.Proxy = *p
	}
	c, bad := core.Open(o)
	if bad != nil {
		return errorText(bad)
	}
	client.Store(c)
	return nil
}

//export nim_go_stop
func nim_go_stop() {
	defer survive("stop")
	if c := client.Swap(nil); c != nil {
		c.Close(stopLimit)
	}
}

//export nim_go_call
func nim_go_call(c *C.nim_call) C.int64_t {
	defer func() {
		if p := recover(); p != nil {
			report("call", p)
			C.nim_call_failed(c.id)
		}
	}()
	return C.int64_t(dispatch(handler, int(c.op), newCall(c)))
}

//export nim_go_text
func nim_go_text(c *C.nim_call) *C.char {
	defer survive("call")
	return C.CString(dispatchText(handler, int(c.op), newCall(c)))
}

//export nim_go_replay
func nim_go_replay(slot C.int) {
	defer survive("replay")
	c := client.Load()
	if c == nil {
		return
	}
	switch slot {
	case C.NIM_SLOT_nimx_client_connection:
		c.Replay(session.ConnectionStream)
	case C.NIM_SLOT_client_kickout:
		c.Replay(session.KickoutStream)
	case C.NIM_SLOT_data_sync_complete:
		c.Replay(session.DataSyncStream)
	default:
		c.Engine.Want()
	}
}

//export nim_go_refused
func nim_go_refused(op C.int, function, name, detail *C.char) {
	defer survive("refused")
	kind := nimerr.ByName(C.GoString(name))
	if kind == nil {
		kind = nimerr.Internal
	}
	err := kind.New(C.GoString(detail))
	with(func(k *core.Client) {
		if op == C.NIM_OP_client_kick_other_client && kickHeard() {
			k.Kick.Refuse(err)
			return
		}
		k.Refused(C.GoString(function), err)
	})
}

// kickHeard reports whether somebody hears the outcomes of kicks, which are
// events: the calls have no callback of their own.
func kickHeard() bool { return C.nim_registered(C.NIM_SLOT_client_kickout_other_client) != 0 }

//export nim_go_lost
func nim_go_lost(answers C.uint64_t) {
	defer survive("lost")
	with(func(k *core.Client) { k.Lost(uint64(answers)) })
}

// errorText is an error as JSON, allocated for C.
func errorText(err *nimerr.Error) *C.char {
	r := abi.Result{ErrorInfo: abi.ErrorInfoOf(err)}
	return C.CString(string(r.AppendJSON(nil)))
}

// call is one call of the application. It is valid until the export returns.
type call struct {
	c       *C.nim_call
	structs *abi.Unpacker
}

func newCall(c *C.nim_call) call {
	p := c.args.structs
	return call{c, abi.NewUnpacker(unsafe.Slice((*byte)(unsafe.Pointer(p.at)), int(p.len)))}
}

func (c call) id() session.Call  { return session.Call(c.c.id) }
func (c call) num(at int) int64  { return int64(c.c.args.num[at]) }
func (c call) str(at int) string { return C.GoStringN(c.c.args.str[at], C.int(c.c.len[at])) }

// calls implements callHandler. The front calls it only between init and
// cleanup, globalSetProxy excepted; a cleanup may still overtake a call, which
// is then answered by the front.
type calls struct{}

// with runs f on the client, if there is one.
func with(f func(c *core.Client)) {
	if c := client.Load(); c != nil {
		f(c)
	}
}

// behind runs f in the background. If it panics, the call is answered with that.
func behind(k *core.Client, id session.Call, f func(ctx context.Context)) {
	k.Background(func(ctx context.Context) {
		ended := false
		defer func() {
			if !ended {
				C.nim_call_failed(C.uint64_t(id))
			}
		}()
		f(ctx)
		ended = true
	})
}

// options decodes an extension; a fault is answered by refuse.
func options[T any](text string, decode func(string) (T, error), refuse func(*nimerr.Error), run func(T)) {
	v, err := decode(text)
	if err != nil {
		refuse(nimerr.From(err, nimerr.InvalidArgument))
		return
	}
	run(v)
}

// refusal returns what refuses a call: tell answers it, where somebody hears
// that; else a line in the log does.
func refusal(c call, heard bool, tell func(*nimerr.Error)) func(*nimerr.Error) {
	return func(err *nimerr.Error) {
		if heard {
			tell(err)
			return
		}
		with(func(k *core.Client) { k.Refused(C.GoString(C.nim_call_name(c.c)), err) })
	}
}
