package route

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
)

const (
	lbsTimeout  = 4 * time.Second // for each discovery address
	lbsTogether = 6 * time.Second // for all of them: what is left of an attempt is for connecting
	lbsMax      = 64 << 10        // bytes of an answer
	lbsCache    = "lbs.json"

	shortestTTL = time.Minute
	longestTTL  = 7 * 24 * time.Hour
)

// A Discovery asks an LBS where the gateways are. The answer is cached, also
// on disk, for as long as the LBS allows; a stale one is better than none.
type Discovery struct {
	URLs   []string // the address and its backups, tried in turn
	AppKey string
	Get    func(ctx context.Context, url string, maxBody int64) ([]byte, error)
	Link   func(address string) (string, *nimerr.Error) // to a URL
	Wall   func() time.Time
	Load   func(name string) []byte       // from the data directory; nil: none
	Store  func(name string, data []byte) // to the data directory

	cached *lbsAnswer
}

type lbsAnswer struct {
	AppKey string   `json:"app_key"`
	From   []string `json:"from"` // the discovery URLs this answer belongs to
	Until  int64    `json:"until_ms"`
	Links  []string `json:"links"`
}

// Addresses returns gateway URLs. It fails only when there is no answer, not
// even an old one.
func (d *Discovery) Addresses(ctx context.Context, refresh bool) ([]string, error) {
	if d.cached == nil {
		d.cached = d.load()
	}
	if c := d.cached; c != nil && !refresh {
		left := c.Until - d.Wall().UnixMilli()
		if left > 0 && left <= longestTTL.Milliseconds() { // more: the clock was ahead
			return c.Links, nil
		}
	}
	var err error
	for _, u := range d.URLs {
		var a *lbsAnswer
		if a, err = d.ask(ctx, u); err == nil {
			d.cached = a
			d.store(a)
			return a.Links, nil
		}
	}
	if d.cached != nil {
		return d.cached.Links, nil
	}
	return nil, err
}

// CheckLBS says what is wrong with discovery addresses, or nil.
func CheckLBS(urls []string) *nimerr.Error {
	for i, address := range urls {
		u, err := url.Parse(address)
		bad := "want an http:// or https:// URL without user name"
		if err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil {
			if bad = badHost(u); bad == "" {
				continue
			}
		}
		key := "lbs"
		if i > 0 {
			key = "lbs.backup"
		}
		address, _, _ = strings.Cut(address, "?") // a query may hold a secret
		return nimerr.InvalidArgument.Newf("private_server_setting.%s: %s, got %q", key, bad, nimerr.Clip(hideUser(address), 80))
	}
	return nil
}

func (d *Discovery) ask(ctx context.Context, address string) (*lbsAnswer, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, nimerr.InvalidArgument.New("lbs: not a URL") // CheckLBS has seen it
	}
	endpoint := u.Scheme + "://" + u.Host + u.EscapedPath() // without query
	q := u.Query()
	q.Set("app_key", d.AppKey)
	u.RawQuery = q.Encode()
	ctx, cancel := context.WithTimeout(ctx, min(lbsTimeout, lbsTogether/time.Duration(len(d.URLs))))
	defer cancel()
	data, err := d.Get(ctx, u.String(), lbsMax)
	if err != nil {
		return nil, err
	}
	var w wire.LBS
	if err := json.Unmarshal(bytes.TrimPrefix(data, byteOrderMark), &w); err != nil {
		what := "no valid JSON"
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			what = "a value of the wrong type: " + wrong.Field
		}
		return nil, nimerr.NotAGateway.New("the LBS gave " + what).At(endpoint)
	}
	a := &lbsAnswer{AppKey: d.AppKey, From: d.URLs}
	for _, l := range append(w.Link, w.LinkIPv6...) {
		if link, bad := d.Link(l); bad == nil { // a later LBS may tell of more than this client can use
			a.Links = append(a.Links, link)
		}
	}
	if len(a.Links) == 0 {
		return nil, nimerr.NotAGateway.New("the LBS gave no link that this client can use").At(endpoint)
	}
	ttl := time.Duration(min(max(w.TTLS, int64(shortestTTL/time.Second)), int64(longestTTL/time.Second))) * time.Second
	a.Until = d.Wall().Add(ttl).UnixMilli()
	return a, nil
}

func (d *Discovery) load() *lbsAnswer {
	if d.Load == nil {
		return nil
	}
	var a lbsAnswer
	if json.Unmarshal(d.Load(lbsCache), &a) != nil || a.AppKey != d.AppKey || len(a.Links) == 0 || !slices.Equal(a.From, d.URLs) {
		return nil
	}
	return &a
}

func (d *Discovery) store(a *lbsAnswer) {
	if d.Store == nil {
		return
	}
	if data, err := json.Marshal(a); err == nil {
		d.Store(lbsCache, data)
	}
}
