package auth

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/server/address"
	"github.com/libnim/libnim/server/turns"
)

// Bounds of one call of an app's webhook. It is never repeated.
const (
	webhookTimeout = 2 * time.Second
	webhookHead    = 16 << 10
	webhookAnswer  = 64 << 10
)

// eventLogin is the number of the login event.
const eventLogin = 36

// Response codes that an app may hand to its client.
const (
	firstAppCode = 20000
	lastAppCode  = 20099
)

// Strangers make an app's server be asked. So many of an app are, at a time, and
// so many for the clients of one place; the rest wait, those of one place do not.
const (
	webhookCalls = 64
	webhookFrom  = 8
	webhookWait  = 4 * time.Second
)

// ErrWebhookBusy says that too many logins ask the app's server.
var ErrWebhookBusy = errors.New("too many logins ask the app's server")

// webhook asks an app's own server whether a login is right.
type webhook struct {
	client *http.Client

	mu   sync.Mutex
	apps map[string]*appCalls // of apps whose server is being asked
}

// appCalls are the calls of one app's server.
type appCalls struct {
	turns turns.Turns
	users int            // how many call or wait
	from  map[string]int // the same by place
}

type webhookEvent struct {
	EventType  int    `json:"eventType"`
	Account    string `json:"fromAccount"`
	DeviceID   string `json:"fromDeviceId"`
	ClientType string `json:"fromClientType"`
	ClientIP   string `json:"fromClientIp"`
	ClientPort int    `json:"fromClientPort"`
	Token      string `json:"token"`
	AuthType   int    `json:"authType"`
	Timestamp  int64  `json:"timestamp"`
	CustomTag  string `json:"customTag,omitempty"`
	LoginEx    string `json:"loginExt,omitempty"`
}

type webhookReply struct {
	ErrCode      *int   `json:"errCode"`
	ResponseCode *int32 `json:"responseCode"`
}

// clientTypeNames are the names of NIM's client types.
var clientTypeNames = map[int]string{1: "AOS", 2: "IOS", 4: "PC", 8: "WINPHONE", 16: "WEB", 32: "REST", 64: "MAC"}

func newWebhook() *webhook {
	return &webhook{apps: map[string]*appCalls{}, client: &http.Client{
		Timeout: webhookTimeout,
		Transport: &http.Transport{
			MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: webhookHead,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// ask returns nil when the app's server lets the login in, webhook_refused when
// it does not, and webhook_unreachable when it gave no usable answer.
func (w *webhook) ask(ctx context.Context, r Request, now time.Time) error {
	event := webhookEvent{
		EventType: eventLogin, Account: r.Account, DeviceID: r.Client.DeviceID,
		ClientType: clientTypeNames[r.Client.ClientType], Token: r.Token, AuthType: r.AuthType,
		Timestamp: now.UnixMilli(), CustomTag: r.Client.CustomTag, LoginEx: r.Client.LoginEx,
	}
	if host, port, err := net.SplitHostPort(r.Client.Address); err == nil {
		event.ClientIP = host
		event.ClientPort, _ = strconv.Atoi(port)
	}
	body, err := json.Marshal(event)
	if err != nil {
		return nimerr.ServerError.Wrap(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.App.Webhook.URL, bytes.NewReader(body))
	if err != nil {
		return nimerr.ServerError.Wrap(err)
	}
	curTime := strconv.FormatInt(now.UnixMilli(), 10)
	bodyMD5, checkSum := webhookSums(r.App.Secret, body, curTime)
	req.Header = http.Header{
		"Content-Type": {"application/json"}, "AppKey": {r.App.Key}, "CurTime": {curTime}, "MD5": {bodyMD5}, "CheckSum": {checkSum},
	}
	leave, err := w.enter(ctx, r.App.Key, address.Place(r.Client.Address))
	if err != nil {
		return err
	}
	defer leave()
	reply, err := w.post(req)
	if err != nil {
		unreachable := nimerr.WebhookUnreachable.New("")
		unreachable.Cause = withoutURL(err) // for the log: the client is told nothing of our network
		return unreachable
	}
	if *reply.ErrCode == 0 {
		return nil
	}
	refused := nimerr.WebhookRefused.New("")
	if c := reply.ResponseCode; c != nil && *c >= firstAppCode && *c <= lastAppCode {
		refused.ServerCode = *c
	}
	return refused
}

// enter waits until one more call may be made for an app, and returns what ends
// it.
func (w *webhook) enter(ctx context.Context, app, place string) (leave func(), err error) {
	w.mu.Lock()
	calls := w.apps[app]
	if calls == nil {
		calls = &appCalls{turns: turns.New(webhookCalls), from: map[string]int{}}
		w.apps[app] = calls
	}
	if place != "" && calls.from[place] >= webhookFrom {
		w.mu.Unlock()
		return nil, webhookBusy()
	}
	calls.users++
	calls.from[place]++
	w.mu.Unlock()
	gone := func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if calls.from[place]--; calls.from[place] == 0 {
			delete(calls.from, place)
		}
		if calls.users--; calls.users == 0 {
			delete(w.apps, app)
		}
	}
	end, ok := calls.turns.Take(ctx, webhookWait)
	if !ok {
		gone()
		return nil, webhookBusy()
	}
	return func() { end(); gone() }, nil
}

func webhookBusy() error {
	busy := nimerr.ServerBusy.New("")
	busy.Cause = ErrWebhookBusy
	busy.RetryAfter = time.Second + rand.N(2*time.Second)
	return busy
}

func (w *webhook) post(req *http.Request) (*webhookReply, error) {
	resp, err := w.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, webhookAnswer))
	if err != nil {
		return nil, err
	}
	var reply webhookReply
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New("answered with HTTP status " + strconv.Itoa(resp.StatusCode))
	}
	if err := json.Unmarshal(data, &reply); err != nil || reply.ErrCode == nil {
		return nil, errors.New("answered without errCode")
	}
	return &reply, nil
}

// webhookSums are the headers by which the app's server knows that we ask.
func webhookSums(secret string, body []byte, curTime string) (bodyMD5, checkSum string) {
	m := md5.Sum(body)
	bodyMD5 = hex.EncodeToString(m[:])
	s := sha1.Sum([]byte(secret + bodyMD5 + curTime))
	return bodyMD5, hex.EncodeToString(s[:])
}

// withoutURL drops the URL from an HTTP error: it may hold the app's secrets.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
