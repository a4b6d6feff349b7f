package auth

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/server/accounts"
)

func TestGoldenWebhookSums(t *testing.T) {
	bodyMD5, checkSum := webhookSums("demo_secret", []byte("{}"), "1541583920979")
	if bodyMD5 != "99914b932bd37a50b983c5e7c90ae93b" || checkSum != "94b1c1f04a1a8b9fed4f475e6953ff330b44fdd4" {
		t.Errorf("got %s, %s", bodyMD5, checkSum)
	}
}

func TestWebhookAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		want   *nimerr.Kind
		code   int32
	}{
		"allowed":               {200, `{"errCode":0}`, nil, 0},
		"refused":               {200, `{"errCode":1}`, nimerr.WebhookRefused, 0},
		"refused with its code": {200, `{"errCode":1,"responseCode":20099}`, nimerr.WebhookRefused, 20099},
		"code of another range": {200, `{"errCode":1,"responseCode":20100}`, nimerr.WebhookRefused, 0},
		"no errCode":            {200, `{}`, nimerr.WebhookUnreachable, 0},
		"no JSON":               {200, `ok`, nimerr.WebhookUnreachable, 0},
		"error":                 {500, `{"errCode":0}`, nimerr.WebhookUnreachable, 0},
		"redirect":              {302, ``, nimerr.WebhookUnreachable, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				calls.Add(1)
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			}))
			defer s.Close()
			err := newWebhook().ask(context.Background(), webhookRequest(s.URL), time.Now())
			e, _ := errors.AsType[*nimerr.Error](err)
			if tc.want == nil && err != nil || tc.want != nil && (!errors.Is(err, tc.want) || e.ServerCode != tc.code) {
				t.Errorf("got %+v, want %v with %d", err, tc.want, tc.code)
			}
			if calls.Load() != 1 {
				t.Errorf("%d calls, want 1", calls.Load())
			}
		})
	}
}

// What a webhook answers is bounded before it is read, head included.
func TestAnEndlessHeadIsNotRead(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Padding", strings.Repeat("x", 1<<20))
		_, _ = io.WriteString(w, `{"errCode":0}`)
	}))
	defer s.Close()
	if err := newWebhook().ask(context.Background(), webhookRequest(s.URL), time.Now()); !errors.Is(err, nimerr.WebhookUnreachable) {
		t.Errorf("got %v", err)
	}
}

func TestWebhookIsToldWhoAsks(t *testing.T) {
	now := time.UnixMilli(1541583920979)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		bodyMD5, checkSum := webhookSums("demo_secret", body, "1541583920979")
		for key, want := range map[string]string{
			"AppKey": "demo", "CurTime": "1541583920979", "MD5": bodyMD5, "CheckSum": checkSum, "Content-Type": "application/json",
		} {
			if got := r.Header.Get(key); got != want {
				t.Errorf("%s: got %q, want %q", key, got, want)
			}
		}
		var got webhookEvent
		if err := json.Unmarshal(body, &got); err != nil {
			t.Error(err)
		}
		want := webhookEvent{
			EventType: 36, Account: "alice", DeviceID: "d1", ClientType: "MAC", ClientIP: "192.0.2.1", ClientPort: 99,
			Token: "t", AuthType: 2, Timestamp: 1541583920979, CustomTag: "tag", LoginEx: "ex",
		}
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		_, _ = io.WriteString(w, `{"errCode":0}`)
	}))
	defer s.Close()
	if err := newWebhook().ask(context.Background(), webhookRequest(s.URL), now); err != nil {
		t.Error(err)
	}
}

func TestUnreachableWebhookFollowsItsDefault(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close() // nobody listens there any more
	v := NewVerifier(nil, slog.New(slog.DiscardHandler), nil)
	r := webhookRequest(s.URL)
	err := v.askWebhook(context.Background(), r)
	e, ok := errors.AsType[*nimerr.Error](err)
	if !ok || e.Kind != nimerr.WebhookUnreachable || e.Detail != "" || e.Cause == nil {
		t.Errorf("deny: %+v", err)
	}
	r.App.Webhook.OnFailure = accounts.OnFailureAllow
	if err := v.askWebhook(context.Background(), r); err != nil {
		t.Errorf("allow: %v", err)
	}
}

func webhookRequest(url string) Request {
	return Request{
		App:     &accounts.App{Key: "demo", Secret: "demo_secret", Webhook: &accounts.Webhook{URL: url, OnFailure: accounts.OnFailureDeny}},
		Account: "alice", Token: "t", AuthType: TypeWebhook,
		Client: Client{DeviceID: "d1", ClientType: 64, Address: "192.0.2.1:99", CustomTag: "tag", LoginEx: "ex"},
	}
}

// Strangers cannot make an app's server be asked by many at a time; whoever
// comes from one place gets a small share, the others wait.
func TestWebhookCallsAreBounded(t *testing.T) {
	for name, tc := range map[string]struct {
		address     string
		calls, most int
		allServed   bool
	}{
		"of one place": {"192.0.2.1:1", 600, webhookFrom, false},
		"of all":       {"127.0.0.1:1", 2 * webhookCalls, webhookCalls, true},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			now, most := 0, 0
			full := make(chan struct{}) // closed when as many as may are there
			fill := sync.OnceFunc(func() { close(full) })
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				mu.Lock()
				now++
				most = max(most, now)
				if now == tc.most {
					fill()
				}
				mu.Unlock()
				<-full
				mu.Lock()
				now--
				mu.Unlock()
				_, _ = io.WriteString(w, `{"errCode":0}`)
			}))
			defer s.Close()
			w := newWebhook()
			errs := make(chan error, tc.calls)
			for range tc.calls {
				go func() {
					r := webhookRequest(s.URL)
					r.Client.Address = tc.address
					errs <- w.ask(context.Background(), r, time.Now())
				}()
			}
			served := 0
			for range tc.calls {
				if err := <-errs; err == nil {
					served++
				} else if e, _ := errors.AsType[*nimerr.Error](err); !errors.Is(err, ErrWebhookBusy) || e.Kind != nimerr.ServerBusy || e.RetryAfter == 0 {
					t.Errorf("refused with %v", err)
				}
			}
			if most > tc.most || served < tc.most || tc.allServed != (served == tc.calls) {
				t.Errorf("%d calls at a time, %d of %d served", most, served, tc.calls)
			}
			if len(w.apps) != 0 {
				t.Errorf("%d apps are remembered after all calls", len(w.apps))
			}
		})
	}
}
