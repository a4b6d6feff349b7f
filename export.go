// Command libnim is the Go side of the C ABI: a c-shared library whose public
// symbols are defined in C (bridge.c, bridge_gen.c) and whose work is done in
// core. This file turns calls into calls on core.Client; deliver.go turns what
// core reports into callbacks.
package main

/*
#define NIM_GO_SIDE
#include <stdlib.h>
#include "bridge_gen.h"
*/
import "C"

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/libnim/libnim/core"
	"github.com/libnim/libnim/core/proxy"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

func main() {} // a c-shared library has one that never runs

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
		Version: version, DataDir: dir, Settings: settings, Sink: sink{}, Tokens: provider{},
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
	return C.int64_t(dispatch(handler, int(c.op), call{c}))
}

//export nim_go_text
func nim_go_text(c *C.nim_call) *C.char {
	defer survive("call")
	return C.CString(dispatchText(handler, int(c.op), call{c}))
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
		c.Replay(core.ConnectionStream)
	case C.NIM_SLOT_client_kickout:
		c.Replay(core.KickoutStream)
	case C.NIM_SLOT_data_sync_complete:
		c.Replay(core.DataSyncStream)
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
			k.RefuseKick(err)
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
type call struct{ c *C.nim_call }

func (c call) id() core.Call     { return core.Call(c.c.id) }
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
func behind(k *core.Client, id core.Call, f func(ctx context.Context)) {
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

// refused refuses a call whose callback takes one JSON object.
func refused(c call) func(*nimerr.Error) {
	return refusal(c, c.id() != 0, func(err *nimerr.Error) {
		sink{}.Answer(c.id(), &abi.LoginResult{ErrorInfo: abi.ErrorInfoOf(err), LoginStep: abi.LoginStepLogin}, true)
	})
}

func (calls) clientLogin(c call, appKey, account, token, extension string) {
	options(extension, abi.DecodeLoginOptions, refused(c), func(o abi.LoginOptions) {
		with(func(k *core.Client) {
			k.Login(c.id(), core.LoginRequest{AppKey: appKey, Account: account, Token: token, Options: o})
		})
	})
}

func (calls) clientRelogin(call, string) { with(func(k *core.Client) { k.Relogin() }) }

func (calls) clientLogout(c call, kind int, extension string) {
	o, _ := abi.DecodeLogoutOptions(extension) // nobody stays logged in because of a wrong extension
	with(func(k *core.Client) { k.Logout(c.id(), kind, o.OperationId) })
}

func (calls) clientKickOtherClient(c call, extension string) {
	refuse := refusal(c, kickHeard(), func(err *nimerr.Error) {
		with(func(k *core.Client) { k.RefuseKick(err) })
	})
	options(extension, abi.DecodeKickOtherRequest, refuse, func(r abi.KickOtherRequest) {
		if len(r.DeviceIds) == 0 {
			refuse(nimerr.InvalidArgument.New("device_ids: want the ids of the devices to drop, got none"))
			return
		}
		with(func(k *core.Client) { k.KickOther(r.DeviceIds) })
	})
}

func (calls) clientSetMultiportPushConfig(c call, content, _ string) {
	refuse := refusal(c, c.id() != 0, func(err *nimerr.Error) {
		sink{}.Answer(c.id(), &core.PushConfigResult{Error: abi.ErrorInfoOf(err)}, true)
	})
	options(content, abi.DecodePushConfig, refuse, func(p abi.PushConfig) {
		if p.SwitchOpen != 1 && p.SwitchOpen != 2 {
			refuse(nimerr.InvalidArgument.Newf("switch_open: want 1 or 2, got %d", p.SwitchOpen))
			return
		}
		with(func(k *core.Client) { k.SetPushConfig(c.id(), p.SwitchOpen) })
	})
}

func (calls) clientGetMultiportPushConfig(c call, _ string) {
	with(func(k *core.Client) { k.PushConfig(c.id()) })
}

func (calls) clientGetServerCurrentTime(c call, _ bool, _ string) {
	with(func(k *core.Client) { k.ServerTime(c.id()) })
}

func (calls) globalSetProxy(_ call, kind int, host string, port int, user, password string) {
	p := proxy.Config{Type: proxy.Type(kind), Host: host, Port: port, User: user, Password: password}
	if p.Type == proxy.None {
		p = proxy.Config{}
	}
	outlet.Store(&p)
	with(func(k *core.Client) { k.SetProxy(p) })
}

// detectLimit bounds nim_global_detect_proxy.
const detectLimit = 10 * time.Second

func (calls) globalDetectProxy(c call, kind int, host string, port int, user, password string) {
	p := proxy.Config{Type: proxy.Type(kind), Host: host, Port: port, User: user, Password: password}
	id := c.id() // c does not live as long as the test
	with(func(k *core.Client) {
		behind(k, id, func(ctx context.Context) {
			ctx, cancel := context.WithTimeout(ctx, detectLimit)
			defer cancel()
			start := time.Now()
			err := k.DetectProxy(ctx, p)
			r := abi.ProxyDetectResult{ErrorInfo: abi.ErrorInfoOf(err), ElapsedMs: time.Since(start).Milliseconds()}
			answerDetected(id, &r)
		})
	})
}

func (calls) globalGetSdkCacheFileInfoAsync(c call, account, fileType string, until int64, _ string) {
	id := c.id()
	with(func(k *core.Client) {
		behind(k, id, func(context.Context) {
			f, err := k.CacheInfo(account, fileType, until)
			r := abi.CacheFileInfo{FileType: fileType, FilePath: f.Path, FileCount: f.Count, TotalSize: f.Bytes}
			if err != nil {
				r.ErrCode = int(err.Kind.Code)
			}
			sink{}.Answer(id, &r, true)
		})
	})
}

func (calls) globalDelSdkCacheFileAsync(c call, account, fileType string, until int64, _ string) {
	id := c.id()
	with(func(k *core.Client) {
		behind(k, id, func(context.Context) {
			code := nimerr.OK.Code
			if err := k.CacheDelete(account, fileType, until); err != nil {
				code = err.Kind.Code
			}
			sink{}.Answer(id, &core.CodeResult{Code: code}, true)
		})
	})
}

func (calls) globalUploadSdkLog(c call, feedback string) {
	with(func(k *core.Client) { k.UploadLog(c.id(), feedback) })
}

func (calls) globalSdkFeedbackAsync(c call, url, _ string) {
	with(func(k *core.Client) { k.Feedback(c.id(), url) })
}

func (calls) nimxClientGetLoginUser(call) (text string) {
	with(func(k *core.Client) { text = string(k.LoginUser().AppendJSON(nil)) })
	return text
}

func (calls) nimxClientRenewToken(c call, token, extension string) {
	options(extension, abi.DecodeRenewTokenOptions, refused(c), func(o abi.RenewTokenOptions) {
		with(func(k *core.Client) { k.RenewToken(c.id(), token, o) })
	})
}

func (calls) nimxClientNetworkChanged(call, string) {
	with(func(k *core.Client) { k.NetworkChanged() })
}

func (calls) nimxClientPause(c call, _ string) { with(func(k *core.Client) { k.Pause(c.id()) }) }

func (calls) nimxClientResume(c call, _ string) { with(func(k *core.Client) { k.Resume(c.id()) }) }

func (calls) nimxClientDiagnostics(c call, _ string) {
	with(func(k *core.Client) { k.Diagnostics(c.id()) })
}

func (calls) nimxClientCapabilities(call) (text string) {
	with(func(k *core.Client) { text = string(k.Describe().AppendJSON(nil)) })
	return text
}
