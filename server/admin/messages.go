package admin

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/accounts"
	"github.com/libnim/libnim/server/talk"
)

// maxMessages is the most that one answer of GET /v1/messages holds.
const maxMessages = 100

// named is a key of a call and what it says.
type named struct {
	key   string
	value *string
}

// readAs is readFor for a call in the name of an account, about its conversation
// with a peer.
func (a *API) readAs(ctx context.Context, r *http.Request, v any, appKey *string, account, peer named) (who talk.As, err error) {
	app, err := a.readFor(r, v, appKey)
	if err != nil {
		return who, err
	}
	*appKey = app.Key
	return a.as(ctx, app, account, peer)
}

// as finds the account in whose name a call acts, and checks its peer.
func (a *API) as(ctx context.Context, app *accounts.App, account, peer named) (talk.As, error) {
	who := talk.As{App: app.Key, Account: *account.value}
	for _, f := range []named{account, peer} {
		if *f.value == "" {
			return who, nimerr.InvalidArgument.New(f.key + ": missing")
		}
		if err := accounts.CheckName(*f.value); err != nil {
			return who, err
		}
	}
	found, err := a.Accounts.Get(ctx, app.Key, who.Account)
	if errors.Is(err, accounts.ErrUnknown) {
		return who, nimerr.NotFound.New(account.key + ": no such account")
	}
	if err != nil {
		return who, err
	}
	who.Nick = found.Name
	return who, nil
}

// postMessage sends a message in the name of an account.
func (a *API) postMessage(ctx context.Context, r *http.Request) (any, error) {
	var in struct {
		AppKey        string          `json:"app_key"`
		From          string          `json:"from"`
		To            string          `json:"to"`
		ID            string          `json:"client_msg_id"`
		Type          int             `json:"type"`
		Body          string          `json:"body"`
		Content       json.RawMessage `json:"content"`
		History       *int            `json:"cloud_history"`
		Roam          *int            `json:"roam_msg"`
		Sync          *int            `json:"sync_msg"`
		Offline       *int            `json:"offline_msg"`
		Badge         *int            `json:"push_need_badge"`
		UpdateSession *int            `json:"is_update_session"`
		Push          *int            `json:"push_enable"`
		Route         *int            `json:"routable_msg"`
	}
	who, err := a.readAs(ctx, r, &in, &in.AppKey, named{"from", &in.From}, named{"to", &in.To})
	if err != nil {
		return nil, err
	}
	if in.ID == "" {
		in.ID = strings.ToLower(rand.Text())
	}
	sent, err := a.Messages.SendAs(ctx, who, in.To, wire.Message{
		ClientMsgID: in.ID, Type: in.Type, Body: in.Body, Content: in.Content,
		Settings: wire.Settings{
			History: in.History, Roam: in.Roam, Sync: in.Sync, Offline: in.Offline, Badge: in.Badge,
			UpdateSession: in.UpdateSession, Push: in.Push, Route: in.Route,
		},
	})
	if errors.Is(err, nimerr.NotFound) {
		err = nimerr.NotFound.New("to: no such account")
	}
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"app_key": in.AppKey, "from": in.From, "to": in.To, "client_msg_id": sent.ClientMsgID, "server_msg_id": sent.ServerMsgID,
		"seq": sent.Seq, "time_ms": sent.TimeMS, "repeated": sent.Repeated,
	}, nil
}

// recallMessage takes a message of an account back, however old it is.
func (a *API) recallMessage(ctx context.Context, r *http.Request) (any, error) {
	var in struct {
		AppKey  string `json:"app_key"`
		From    string `json:"from"`
		To      string `json:"to"`
		ID      string `json:"client_msg_id"`
		Notify  string `json:"notify"`
		Attach  string `json:"attach"`
		Push    string `json:"push_content"`
		Payload string `json:"push_payload"`
		Env     string `json:"env_config"`
	}
	who, err := a.readAs(ctx, r, &in, &in.AppKey, named{"from", &in.From}, named{"to", &in.To})
	if err != nil {
		return nil, err
	}
	done, err := a.Messages.RecallAs(ctx, who, in.To, in.ID, wire.RecallSaid{
		Notify: in.Notify, Attach: in.Attach, Push: in.Push, Payload: in.Payload, Env: in.Env,
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"app_key": in.AppKey, "from": in.From, "to": in.To, "client_msg_id": in.ID, "time_ms": done.TimeMS,
		"message_time_ms": done.MsgTimeMS, "repeated": done.Repeated,
	}, nil
}

// readMessages moves the read mark of an account forward.
func (a *API) readMessages(ctx context.Context, r *http.Request) (any, error) {
	var in struct {
		AppKey  string `json:"app_key"`
		Account string `json:"account"`
		Peer    string `json:"peer"`
		Seq     uint64 `json:"seq"`
	}
	who, err := a.readAs(ctx, r, &in, &in.AppKey, named{"account", &in.Account}, named{"peer", &in.Peer})
	if err != nil {
		return nil, err
	}
	if in.Seq == 0 {
		return nil, nimerr.InvalidArgument.New("seq: want the number of the last message that was read")
	}
	return nil, a.Messages.ReadAs(ctx, who, in.Peer, in.Seq)
}

// maxConversations is the most that one answer of GET /v1/conversations holds.
const maxConversations = 200

// listConversations answers with the conversations of an account.
func (a *API) listConversations(ctx context.Context, r *http.Request) (any, error) {
	q := r.URL.Query()
	app, err := a.app(q.Get("app_key"))
	if err != nil {
		return nil, err
	}
	account := q.Get("account")
	name := named{"account", &account}
	who, err := a.as(ctx, app, name, name)
	if err != nil {
		return nil, err
	}
	limit, err := limitOf(q, maxConversations, maxConversations)
	if err != nil {
		return nil, err
	}
	list, next, err := a.Messages.ConversationsAs(ctx, who, limit, q.Get("cursor"))
	if errors.Is(err, nimerr.InvalidArgument) { // nothing else of the call goes there
		err = pageError(accounts.ErrCursor)
	}
	if err != nil {
		return nil, err
	}
	return map[string]any{"app_key": app.Key, "account": account, "conversations": list, "next_cursor": next}, nil
}

// listMessages answers with messages of a conversation, as one of its accounts has
// them.
func (a *API) listMessages(ctx context.Context, r *http.Request) (any, error) {
	q := r.URL.Query()
	app, err := a.app(q.Get("app_key"))
	if err != nil {
		return nil, err
	}
	account, peer := q.Get("account"), q.Get("peer")
	who, err := a.as(ctx, app, named{"account", &account}, named{"peer", &peer})
	if err != nil {
		return nil, err
	}
	ask := wire.History{Text: q.Get("text")}
	if ask.Limit, err = limitOf(q, maxMessages, maxMessages); err != nil {
		return nil, err
	}
	if ask.OldestFirst, err = flagOf(q, "oldest_first"); err != nil {
		return nil, err
	}
	for key, to := range map[string]*int64{"from_ms": &ask.FromMS, "to_ms": &ask.ToMS} {
		if *to, err = msOf(q, key); err != nil {
			return nil, err
		}
	}
	if s := q.Get("cursor"); s != "" {
		if ask.At, err = strconv.ParseUint(s, 10, 63); err != nil || ask.At == 0 {
			return nil, pageError(accounts.ErrCursor)
		}
	}
	entries, next, err := a.Messages.HistoryAs(ctx, who, peer, ask)
	if err != nil {
		return nil, err
	}
	cursor := ""
	if next != 0 {
		cursor = strconv.FormatUint(next, 10)
	}
	return map[string]any{"app_key": app.Key, "account": account, "peer": peer, "messages": entries, "next_cursor": cursor}, nil
}

func flagOf(q url.Values, key string) (bool, error) {
	switch s := q.Get(key); s {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	default:
		return false, nimerr.InvalidArgument.Newf("%s: want true or false", key)
	}
}

func msOf(q url.Values, key string) (int64, error) {
	if !q.Has(key) {
		return 0, nil
	}
	n, err := strconv.ParseInt(q.Get(key), 10, 64)
	if err != nil || n < 0 {
		return 0, nimerr.InvalidArgument.Newf("%s: want ms since 1970", key)
	}
	return n, nil
}
