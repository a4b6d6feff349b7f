package nimlink

import (
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/wire"
)

// What an account asks of its past, and changes of it for itself.
var historyRequests = requestTable{
	of[backend.Past](): {op: wire.OpHistory, asked: true, encode: encode(history), answer: read(historyPage)},
	of[backend.SetPin](): {
		op: wire.OpPin, asked: true,
		encode: encode(func(r backend.SetPin) any {
			return wire.Pin{Conversation: name(r.Conv), Off: r.Off, Ext: r.Ext}
		}),
		answer: read(headChanged),
	},
	of[backend.Clear](): {
		op: wire.OpClear, asked: true,
		encode: encode(func(r backend.Clear) any {
			return wire.Clear{Conversation: name(r.Conv), Ext: r.Ext, Silent: r.Silent}
		}),
		answer: read(headChanged),
	},
	of[backend.Delete](): {op: wire.OpDelete, asked: true, encode: encode(deletes), answer: read(headChanged)},
	of[backend.Deleted](): {
		op: wire.OpDeleted, asked: true,
		encode: encode(func(r backend.Deleted) any { return wire.Deleted{Conversation: name(r.Conv), After: r.After} }),
		answer: decode(deletedPage),
	},
}

func history(r backend.Past) any {
	w := wire.History{
		Conversation: name(r.Conv), FromMS: r.From, ToMS: r.To, Known: r.Known, OldestFirst: r.OldestFirst, Limit: r.Limit,
		Exclude: r.Exclude, Text: r.Text, At: r.At,
	}
	for _, t := range r.Types {
		w.Types = append(w.Types, int(t))
	}
	return w
}

func historyPage(w *wire.HistoryPage) (any, error) {
	list, err := entryList(w.Entries)
	return backend.PastPage{Entries: list, Next: w.Next}, err
}

func deletes(r backend.Delete) any {
	w := wire.Delete{Conversation: name(r.Conv)}
	for _, d := range r.Items {
		w.Messages = append(w.Messages, wire.DeleteItem{Sender: d.Sender, ClientMsgID: d.ClientID, Ext: d.Ext})
	}
	return w
}

func deletedPage(w *wire.DeletedPage) any {
	p := backend.DeletedPage{More: w.More}
	for _, d := range w.Deletions {
		p.Deletions = append(p.Deletions, backend.Deletion{ID: d.ID, Seq: d.Seq, Sender: d.Sender, ClientID: d.ClientMsgID, Ext: d.Ext})
	}
	return p
}

// state is what a head says of what the account keeps.
func state(w *wire.Head) *backend.State {
	s := &backend.State{Deleted: w.Deleted}
	if w.Conversation == wire.ConvNotices || w.Conversation == wire.ConvBroadcast {
		return nil
	}
	if p := w.Pin; p != nil {
		s.Pin = &backend.Pin{Ext: p.Ext, Time: at(p.TimeMS), Updated: at(p.UpdatedMS)}
	}
	if c := w.Clear; c != nil {
		s.Clear = &backend.Cleared{Seq: c.Seq, Time: at(c.TimeMS), Ext: c.Ext, Silent: c.Silent}
	}
	return s
}
