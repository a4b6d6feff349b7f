package engine

import (
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
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
func sessionAnswer(item []byte, total int64) abi.Posting {
	return abi.AnswerSessionChange(int(nimerr.OK.Code), abi.Raw(item), int(total), nil)
}

// Code is the result code of an error; nil is success. Why a call was refused is
// written down: many callbacks have room for the code alone.
func (e *Engine) Code(err *nimerr.Error) int {
	switch {
	case err == nil:
		return int(nimerr.OK.Code)
	case err.Kind == nimerr.InvalidArgument || err.Kind == nimerr.UnreadableMessage:
		e.env.Journal.Add(journal.Warn, "call_refused", journal.Err(err))
	default:
		e.env.Journal.Add(journal.Pro, "call_refused", journal.Err(err))
	}
	return int(err.Kind.Code)
}

// errorInfo is the json_extension of an answer: what is wrong; nil is success.
func errorInfo(err *nimerr.Error) abi.Text {
	if err == nil {
		return nil
	}
	b := appendText([]byte{'{'}, "err_name", err.Kind.Name)
	return abi.Raw(append(appendText(b, "err_msg", err.Error()), '}'))
}

func listAnswer(of backend.Conv, list []byte) abi.Posting {
	return abi.AnswerMsglogQuery(int(nimerr.OK.Code), abi.Raw(of.ID), int(of.Kind), abi.Raw(list), nil)
}

func messageAnswer(id string, m []byte) abi.Posting {
	return abi.AnswerMsglogQuerySingle(int(nimerr.OK.Code), abi.Raw(id), abi.Raw(m), nil)
}

// code is the result code of an error, nil is success.
func code(err *nimerr.Error) int32 {
	if err == nil {
		return nimerr.OK.Code
	}
	return err.Kind.Code
}
