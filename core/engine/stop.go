package engine

import (
	"slices"

	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/internal/nimerr"
)

// StopSend ends the sending of a message that waits in its lane: its
// acknowledgement is SendStopped. One that is on its way cannot be held, and goes
// on to its own end. to is the receiver; "" is any.
func (e *Engine) StopSend(to, id string) {
	e.withAccount(func(a *account) {
		why := "it is not being sent"
		for _, out := range a.sends {
			if out.row.ClientID != id || to != "" && out.c.of.ID != to {
				continue
			}
			l := &out.c.lane
			if i := slices.Index(l.waiting, out); i >= 0 {
				l.waiting = slices.Delete(l.waiting, i, i+1)
				out.c.fail(out, nimerr.SendStopped.New(""))
				why = "stopped"
			} else {
				why = "it is on its way"
			}
		}
		a.env.Journal.Add(journal.Pro, "stop_send", journal.Str("client_msg_id", id), journal.Str("result", why))
	}, e.RefuseStop)
}

// RefuseStop writes down why a sending was not stopped: the call has no answer.
func (e *Engine) RefuseStop(err *nimerr.Error) {
	e.env.Journal.Add(journal.Warn, "stop_send", journal.Str("err_name", err.Kind.Name), journal.Str("err_msg", err.Error()))
}
