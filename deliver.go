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
	"time"
	"unsafe"

	"github.com/libnim/libnim/core"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// sink implements core.Sink on the queue of the C front. None of its methods
// but WaitRoom waits.
type sink struct{}

// jsonText is a payload that its callback gets as one JSON object.
type jsonText interface{ AppendJSON(b []byte) []byte }

func (sink) Publish(status core.Status, account string) {
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

func (sink) Event(e core.Event) int {
	switch e := e.(type) {
	case core.DisconnectedEvent:
		return postJSON(C.NIM_SLOT_client_disconnect, &e.DisconnectEvent)
	case core.ReloginEvent:
		return postJSON(C.NIM_SLOT_client_auto_relogin, &e.LoginResult)
	case core.KickoutEvent:
		return post(C.NIM_SLOT_client_kickout, 0, replayed(e.Replay), numbers{}, encode(&e.KickoutEvent), "")
	case core.MultiSpotEvent:
		return postJSON(C.NIM_SLOT_client_multispot_login_notify, &e.MultiSpotEvent)
	case core.KickOtherEvent:
		return postJSON(C.NIM_SLOT_client_kickout_other_client, &e.KickOtherResult)
	case core.ConnectionEvent:
		return post(C.NIM_SLOT_nimx_client_connection, 0, replayed(e.Replay), numbers{}, encode(&e.ConnectionEvent), "")
	case core.PushChangedEvent:
		return post(C.NIM_SLOT_client_sync_multiport_push_config, 0, 0, numbers{int64(nimerr.OK.Code)}, encode(&e.PushConfig), "{}")
	case core.DataSyncedEvent:
		return post(C.NIM_SLOT_data_sync_complete, 0, replayed(e.Replay), numbers{int64(e.Type), abi.DataSyncStatusComplete}, "{}", "")
	}
	return 0
}

func (sink) Answer(id core.Call, payload any, final bool) {
	switch p := payload.(type) {
	case *core.PushConfigResult:
		content := encode(&abi.PushConfig{SwitchOpen: p.SwitchOpen})
		answer(id, final, numbers{int64(p.Error.ErrCode)}, content, encode(&abi.Result{ErrorInfo: p.Error}))
	case *core.ServerTimeResult:
		answer(id, final, numbers{int64(p.Code), 0, p.TimeMS}, "", "")
	case *core.CodeResult:
		answer(id, final, numbers{int64(p.Code)}, "", "")
	case jsonText:
		answer(id, final, numbers{}, encode(p), "")
	}
}

// detectComplete is the only step that nim_global_detect_proxy reports.
const detectComplete = 5

func answerDetected(id core.Call, r *abi.ProxyDetectResult) {
	reached := int64(0)
	if r.ErrCode == int(nimerr.OK.Code) {
		reached = 1
	}
	answer(id, true, numbers{reached, detectComplete}, encode(r), "")
}

// noSlot: an answer goes to its call alone.
const noSlot = -1

// answer queues an answer to a call. One that came without a callback has no id.
func answer(id core.Call, final bool, n numbers, s0, s1 string) {
	if id == 0 {
		return
	}
	flags := C.int(0)
	if final {
		flags = C.NIM_POST_FINAL
	}
	post(noSlot, id, flags, n, s0, s1)
}

func postLog(level journal.Level, line string) {
	post(C.NIM_SLOT_global_sdk_log, 0, C.NIM_POST_DROPPABLE, numbers{int64(level)}, line, "")
}

// spaceEmpty is kNIMSDKExceptionSpaceEmpty.
const spaceEmpty = 1

func postDiskLow(free uint64) {
	details := fmt.Sprintf(`{"free_bytes":%d}`, free)
	post(C.NIM_SLOT_global_exception_report, 0, 0, numbers{spaceEmpty}, details, "")
}

// replayed is the flag of a state that is told again.
func replayed(replay bool) C.int {
	if replay {
		return C.NIM_POST_REPLAY
	}
	return 0
}

func encode(p jsonText) string { return string(p.AppendJSON(nil)) }

func postJSON(slot C.int, p jsonText) int { return post(slot, 0, 0, numbers{}, encode(p), "") }

// numbers are the numeric arguments of a callback, in order.
type numbers [4]int64

// post queues a callback and returns how many wait.
func post(slot C.int, id core.Call, flags C.int, n numbers, s0, s1 string) int {
	return int(C.nim_post(slot, C.uint64_t(id), flags,
		C.int64_t(n[0]), C.int64_t(n[1]), C.int64_t(n[2]), C.int64_t(n[3]),
		chars(s0), C.size_t(len(s0)), chars(s1), C.size_t(len(s1))))
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

// provider implements core.TokenProvider on the front.
type provider struct{}

func (provider) Registered() bool {
	return C.nim_registered(C.NIM_SLOT_client_relogin_request_token) != 0
}

func (provider) Ask(ctx context.Context, r abi.TokenRequest) (string, error) {
	text := encode(&r)
	id := C.nim_token_ask(chars(text), C.size_t(len(text)), C.int(r.DeadlineMs))
	if id == 0 {
		return "", nil // unregistered meanwhile: the old token stays
	}
	cancelled := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(cancelled)
		C.nim_token_cancel()
	})
	defer func() {
		if !stop() {
			<-cancelled // it must not meet the next request
		}
	}()
	var token *C.char
	var n C.size_t
	switch C.nim_token_wait(id, &token, &n) {
	case 1:
		return takeToken(token, n), nil
	case 2:
		return "", nil
	case 0:
		return "", nimerr.TokenProviderTimeout.New("")
	}
	return "", nimerr.Cancelled.New("")
}

func (provider) Late() (string, bool) {
	var token *C.char
	var n C.size_t
	if C.nim_token_late(&token, &n) == 0 {
		return "", false
	}
	return takeToken(token, n), true
}

func (provider) Forget() { C.nim_token_cancel() }

func takeToken(token *C.char, n C.size_t) string {
	defer C.free(unsafe.Pointer(token))
	return C.GoStringN(token, C.int(n))
}
