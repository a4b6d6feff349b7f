package route

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
)

// An lbsTable answers discovery requests, and is the disk.
type lbsTable struct {
	text  map[string]string // by URL without query
	fail  map[string]error
	hang  map[string]bool
	asked []string
	app   string // of the last request
	disk  map[string][]byte
	ahead time.Duration // of the wall clock
}

func newLBS() *lbsTable {
	return &lbsTable{
		text: map[string]string{"http://lbs": `{"link":["ws://one/nim"],"link_ipv6":["ws://two/nim"],"ttl_s":3600}`},
		fail: map[string]error{}, hang: map[string]bool{}, disk: map[string][]byte{},
	}
}

func (l *lbsTable) discovery(urls ...string) *Discovery {
	return &Discovery{
		URLs: urls, AppKey: "app&key", Get: l.get,
		Link:  func(a string) (string, *nimerr.Error) { return LinkURL(a, nil) },
		Wall:  func() time.Time { return time.Now().Add(l.ahead) },
		Load:  func(name string) []byte { return l.disk[name] },
		Store: func(name string, data []byte) { l.disk[name] = data },
	}
}

func (l *lbsTable) get(ctx context.Context, address string, _ int64) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	l.app = u.Query().Get("app_key")
	u.RawQuery = ""
	l.asked = append(l.asked, u.String())
	if l.hang[u.String()] {
		<-ctx.Done()
		return nil, nimerr.Timeout.New("")
	}
	return []byte(l.text[u.String()]), l.fail[u.String()]
}

// wantAddresses checks what discovery finds and whom it asks.
func (l *lbsTable) wantAddresses(t *testing.T, d *Discovery, refresh bool, want, asked string) {
	t.Helper()
	l.asked = nil
	got, err := d.Addresses(t.Context(), refresh)
	if strings.Join(got, " ") != want || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if a := strings.Join(l.asked, " "); a != asked {
		t.Errorf("asked %q, want %q", a, asked)
	}
}

const both = "ws://one/nim ws://two/nim"

// An answer holds for as long as the LBS says, also in the next process.
func TestDiscoveryIsCached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLBS()
		d := l.discovery("http://lbs")
		l.wantAddresses(t, d, false, both, "http://lbs")
		if l.app != "app&key" {
			t.Errorf("asked for app key %q", l.app)
		}
		time.Sleep(59 * time.Minute)
		l.wantAddresses(t, d, false, both, "")
		l.wantAddresses(t, l.discovery("http://lbs"), false, both, "")
		l.wantAddresses(t, d, true, both, "http://lbs") // asked for
		l.ahead = 2 * time.Hour
		l.wantAddresses(t, d, false, both, "http://lbs")
	})
}

// A stale answer is better than none, and is not taken for a fresh one.
func TestDiscoveryServesStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLBS()
		d := l.discovery("http://lbs")
		l.wantAddresses(t, d, false, both, "http://lbs")
		l.fail["http://lbs"] = refused
		l.wantAddresses(t, d, true, both, "http://lbs")
		time.Sleep(25 * time.Hour)
		l.wantAddresses(t, d, false, both, "http://lbs")
		l.wantAddresses(t, d, false, both, "http://lbs")
		delete(l.fail, "http://lbs")
		l.text["http://lbs"] = `{"link":["three:80"]}`
		l.wantAddresses(t, d, false, "wss://three:80/nim", "http://lbs")
	})
}

// What another app or other addresses were told is not used.
func TestDiscoveryCacheBelongsToItsSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLBS()
		l.text["http://other"] = `{"link":["ws://other/nim"]}`
		l.wantAddresses(t, l.discovery("http://lbs"), false, both, "http://lbs")
		l.wantAddresses(t, l.discovery("http://other"), false, "ws://other/nim", "http://other")
		d := l.discovery("http://other")
		d.AppKey = "another"
		l.wantAddresses(t, d, false, "ws://other/nim", "http://other")
		for _, text := range []string{"", "{", `{"app_key":"app&key","from":["http://lbs"],"until_ms":99999999999999,"links":[]}`} {
			l.disk[lbsCache] = []byte(text)
			l.wantAddresses(t, l.discovery("http://lbs"), false, both, "http://lbs")
		}
	})
}

func TestDiscoveryBackups(t *testing.T) {
	for name, broken := range map[string]func(l *lbsTable){
		"refused":  func(l *lbsTable) { l.fail["http://first"] = refused },
		"not JSON": func(l *lbsTable) { l.text["http://first"] = "<html>" },
		"no link":  func(l *lbsTable) { l.text["http://first"] = `{"link":[]}` },
		"bad link": func(l *lbsTable) { l.text["http://first"] = `{"link":["ftp://x"]}` },
		"silent":   func(l *lbsTable) { l.hang["http://first"] = true },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLBS()
				broken(l)
				l.wantAddresses(t, l.discovery("http://first", "http://lbs"), false, both, "http://first http://lbs")
			})
		})
	}
}

// An address that nobody can connect to is left out, not tried: its error would
// end the login of everybody whom the LBS tells of it.
func TestDiscoveryLeavesOutBadAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLBS()
		l.text["http://lbs"] = `{"link":["ws://typo:99999/nim","ws://one/nim"]}`
		l.wantAddresses(t, l.discovery("http://lbs"), false, "ws://one/nim", "http://lbs")
	})
}

// An answer may be a file that an editor on Windows has written, and an error
// says what is wrong with one that is not.
func TestDiscoveryReadsTheAnswer(t *testing.T) {
	for text, want := range map[string]string{
		"\ufeff" + `{"link":["ws://one/nim"]}`: "",
		"<html>":                               "the LBS gave no valid JSON",
		`{"link":"ws://one/nim"}`:              "the LBS gave a value of the wrong type: link",
		`{"code":200,"common":{}}`:             "the LBS gave no link that this client can use",
		`{"link":["ftp://one"]}`:               "the LBS gave no link that this client can use",
	} {
		l := newLBS()
		l.text["http://lbs"] = text
		_, err := l.discovery("http://lbs").Addresses(t.Context(), false)
		got := ""
		if err != nil {
			got = nimerr.From(err, nimerr.Internal).Detail
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

// Silent discovery servers leave time to connect, however many there are.
func TestSilentDiscoveryLeavesTimeToConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLBS()
		l.hang["http://a"], l.hang["http://b"], l.hang["http://c"] = true, true, true
		start := time.Now()
		_, err := l.discovery("http://a", "http://b", "http://c").Addresses(t.Context(), false)
		if d := time.Since(start); d != lbsTogether || !errors.Is(err, nimerr.Timeout) {
			t.Errorf("got %v after %v, want a timeout after %v", err, d, lbsTogether)
		}
		start = time.Now()
		_, _ = l.discovery("http://a").Addresses(t.Context(), false)
		if d := time.Since(start); d != lbsTimeout {
			t.Errorf("one address took %v, want %v", d, lbsTimeout)
		}
	})
}

// How long an answer holds is the LBS's say, within reason.
func TestDiscoveryTTL(t *testing.T) {
	for ttl, want := range map[string]time.Duration{
		"0": time.Minute, "-5": time.Minute, "120": 2 * time.Minute, "9223372036854775807": 7 * 24 * time.Hour,
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLBS()
			l.text["http://lbs"] = `{"link":["ws://one/nim"],"ttl_s":` + ttl + `}`
			d := l.discovery("http://lbs")
			l.wantAddresses(t, d, false, "ws://one/nim", "http://lbs")
			time.Sleep(want - time.Millisecond)
			l.wantAddresses(t, d, false, "ws://one/nim", "")
			time.Sleep(time.Millisecond)
			l.wantAddresses(t, d, false, "ws://one/nim", "http://lbs")
		})
	}
}

// An answer that was kept while the clock was years ahead is not believed that
// long.
func TestDiscoveryAfterAWrongClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLBS()
		l.ahead = 10 * 365 * 24 * time.Hour
		l.wantAddresses(t, l.discovery("http://lbs"), false, both, "http://lbs")
		l.ahead = 0
		l.wantAddresses(t, l.discovery("http://lbs"), false, both, "http://lbs")
		l.wantAddresses(t, l.discovery("http://lbs"), false, both, "")
	})
}

// A Discovery without a disk works; an error names the address without query.
func TestDiscoveryWithoutDisk(t *testing.T) {
	l := newLBS()
	l.text["http://lbs/path"] = "[]"
	d := l.discovery("http://lbs/path?secret=1")
	d.Load, d.Store = nil, nil
	_, err := d.Addresses(t.Context(), false)
	e := nimerr.From(err, nimerr.Internal)
	if e.Kind != nimerr.NotAGateway || e.Endpoint != "http://lbs/path" || strings.Contains(e.Error(), "secret") {
		t.Errorf("got %v at %q", e, e.Endpoint)
	}
}
