package engine

import (
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// post posts for as long as the login lasts and returns the number of the posting,
// 0 when nobody is registered for it or it came too late.
func (a *account) post(p abi.Posting) (number uint64) {
	backlog := 0
	a.Gate.Pass(func() { number, backlog = a.env.Sink.Post(p) })
	a.backlogged(backlog)
	return number
}

// backlogged stops telling and pulling while the host has too much to consume.
func (a *account) backlogged(backlog int) {
	if backlog > module.Backlog && !a.full {
		a.full, a.fullSince = true, time.Now()
		go func() {
			a.env.Sink.WaitRoom(module.BacklogLow)
			a.do(func() {
				a.full = false
				a.heldUp += time.Since(a.fullSince)
				if a.Engine.acct == a {
					a.tellAll()
				}
			})
		}()
	}
}

// held is for how long, in all, the host has had too much to consume.
func (a *account) held() time.Duration {
	if a.full {
		return a.heldUp + time.Since(a.fullSince)
	}
	return a.heldUp
}

// answer completes a call. Past the end of the login the front has done so.
func (a *account) answer(call module.Call, p abi.Posting) {
	a.Gate.Pass(func() { a.env.Sink.Answer(call, p, true) })
}

// synced tells that one of the syncs after a login is over, while the login that
// it is about lasts.
func (a *account) synced(kind int) {
	if a.online == nil {
		return
	}
	a.online.Ready.Pass(func() {
		a.post(abi.OnDataSyncComplete(kind, abi.DataSyncStatusComplete, abi.Raw("{}")))
	})
}

// The answers of calls.
func sessionAnswer(code int32, item []byte, total int64) abi.Posting {
	return abi.AnswerSessionChange(int(code), abi.Raw(item), int(total), nil)
}

func listAnswer(code int32, of backend.Conv, list []byte) abi.Posting {
	return abi.AnswerMsglogQuery(int(code), abi.Raw(of.ID), int(of.Kind), abi.Raw(list), nil)
}

func messageAnswer(code int32, id string, m []byte) abi.Posting {
	return abi.AnswerMsglogQuerySingle(int(code), abi.Raw(id), abi.Raw(m), nil)
}

// code is the result code of an error, nil is success.
func code(err *nimerr.Error) int32 {
	if err == nil {
		return nimerr.OK.Code
	}
	return err.Kind.Code
}
