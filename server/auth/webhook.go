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
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
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

// webhook asks an app's own server whether a login is right.
type webhook struct{ client *http.Client }

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
	return &webhook{&http.Client{
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
