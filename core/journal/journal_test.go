package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.FixedZone("", 2*3600))

const head = `{"t":"2026-05-01T10:00:00.000Z","lvl":"app","ev":"x"`

func atNoon() time.Time { return noon }

// decoded parses a line, which has to be one JSON object.
func decoded(t testing.TB, line string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(line), &m); err != nil {
		t.Fatalf("not a JSON object: %v\n%s", err, line)
	}
	return m
}

func events(t testing.TB, lines []string) []string {
	t.Helper()
	var all []string
	for _, line := range lines {
		all = append(all, decoded(t, line)["ev"].(string))
	}
	return all
}

func want[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

func TestLine(t *testing.T) {
	refused := nimerr.ConnectionRefused.New("dial tcp 127.0.0.1:1: refused").At("ws://127.0.0.1:1/nim")
	refused.ServerCode = 9511
	caused := &nimerr.Error{Kind: nimerr.Timeout, Cause: errors.New("i/o timeout")}
	wrapped := nimerr.TLSFailed.Wrap(errors.New("bad record"))
	for _, c := range []struct {
		name   string
		fields []Field
		want   string
	}{
		{"none", nil, ``},
		{"text", []Field{Str("a", "b"), Str("c", "")}, `,"a":"b","c":""`},
		{"escapes", []Field{Str("a", "\"\\\n\r\t\x00\x1b\x7f/<>&")}, `,"a":"\"\\\n\u000d\u0009\u0000\u001b\u007f/<>&"`},
		{"unicode", []Field{Str("a", "é你\U0001F600\u0085\u2028")}, `,"a":"é你` + "\U0001F600" + `\u0085\u2028"`},
		{"not utf-8", []Field{Str("a", "x\xffy\xc3")}, `,"a":"x\ufffdy\ufffd"`},
		{"number", []Field{Int("n", -42), Int("m", 1<<62)}, `,"n":-42,"m":4611686018427387904`},
		{"duration", []Field{Dur("took", 1234567*time.Nanosecond), Dur("d", 0), Dur("h", time.Hour)},
			`,"took_ms":1.235,"d_ms":0.000,"h_ms":3600000.000`},
		{"bool", []Field{Bool("a", true), Bool("b", false)}, `,"a":true,"b":false`},
		{"no error", []Field{Err(nil), Err((*nimerr.Error)(nil)), Int("n", 1)}, `,"n":1`},
		{"error", []Field{Err(io.EOF)}, `,"err":"EOF"`},
		{"kind", []Field{Err(nimerr.Cancelled)}, `,"err_name":"cancelled","err":"cancelled: cancelled by logout or cleanup"`},
		{"nimerr", []Field{Err(refused)}, `,"err_name":"connection_refused",` +
			`"err":"the server refused the connection: dial tcp 127.0.0.1:1: refused","server_code":9511,"err_at":"ws://127.0.0.1:1/nim"`},
		{"cause", []Field{Err(caused)}, `,"err_name":"timeout","err":"no answer in time","err_cause":"i/o timeout"`},
		{"cause in detail", []Field{Err(wrapped)}, `,"err_name":"tls_failed","err":"the TLS handshake failed: bad record"`},
		{"wrapped", []Field{Err(fmt.Errorf("login: %w", wrapped))},
			`,"err_name":"tls_failed","err":"login: the TLS handshake failed: bad record"`},
		{"quiet", []Field{Str("a", "b"), Quiet()}, `,"a":"b"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := New(Options{Now: atNoon})
			j.Add(App, "x", c.fields...)
			want(t, "line", j.Trace(), []string{head + c.want + "}"})
			decoded(t, j.Trace()[0])
		})
	}
}

func TestLevelNames(t *testing.T) {
	var got []string
	for l := Level(0); l <= 8; l++ {
		got = append(got, l.String())
	}
	want(t, "names", got, strings.Fields("fatal fatal error warn app app pro pro pro"))
}

func TestLongLine(t *testing.T) {
	j := New(Options{})
	j.Add(App, "long", Str("a", strings.Repeat("é", maxValue)))
	m := decoded(t, j.Trace()[0])
	if got := m["a"].(string); len(got) != maxValue || strings.Trim(got, "é") != "" {
		t.Errorf("a has %d bytes, want %d, whole characters", len(got), maxValue)
	}
	if m["a_cut_bytes"] != float64(maxValue) {
		t.Errorf("a_cut_bytes = %v, want %d", m["a_cut_bytes"], maxValue)
	}

	var fields []Field
	for i := range 20 {
		fields = append(fields, Str(fmt.Sprintf("k%02d", i), strings.Repeat("v", 1000)))
	}
	j.Add(App, "wide", fields...)
	line := j.Trace()[1]
	if m := decoded(t, line); len(line) > maxLine+2000 || m["cut_fields"] == nil || m["k00"] == nil || m["k19"] != nil {
		t.Errorf("a line of %d bytes, cut_fields %v", len(line), m["cut_fields"])
	}
}

func TestRing(t *testing.T) {
	j := New(Options{Level: Error, RingLines: 4})
	var all []string
	for i := range 11 {
		ev := fmt.Sprint("e", i)
		j.Add([]Level{Fatal, Error, Warn, App, Pro}[i%5], ev)
		all = append(all, ev)
		want(t, "ring", events(t, j.Trace()), all[max(0, len(all)-4):])
	}
	if j.Lost() != 0 || j.Files() != nil {
		t.Errorf("Lost() = %d, Files() = %v without a file", j.Lost(), j.Files())
	}
}

func TestNil(t *testing.T) {
	var j *Journal
	j.Add(App, "x", Str("a", "b"))
	j.Secret("secret")
	j.Forget("secret")
	j.SetLevel(Pro)
	j.SetCallback(func(Level, string) {})
	j.Flush()
	j.Close()
	if j.Trace() != nil || j.Files() != nil || j.Lost() != 0 {
		t.Error("a nil journal has something")
	}
}

// A recorder is a callback that keeps what it gets.
type recorder struct {
	mu    sync.Mutex
	lines []string
}

func (r *recorder) call(_ Level, line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, line)
}

func (r *recorder) events(t *testing.T) []string {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	return events(t, r.lines)
}

func TestLevels(t *testing.T) {
	var r recorder
	j := New(Options{Level: Warn, Dir: t.TempDir(), Callback: r.call})
	defer j.Close()
	add := func(suffix string) {
		for _, l := range []Level{Fatal, Error, Warn, App, Pro} {
			j.Add(l, l.String()+suffix)
		}
	}
	add("1")
	j.SetLevel(Error)
	add("2")
	j.SetLevel(0)
	add("3")
	j.Flush()
	out := strings.Fields("fatal1 error1 warn1 fatal2 error2 fatal3 error3 warn3 app3 pro3")
	want(t, "callback", r.events(t), out)
	want(t, "file", events(t, fileLines(t, j)), out)
	if got := len(j.Trace()); got != 15 {
		t.Errorf("%d lines in the ring, want all 15", got)
	}
}

func TestCallbackMayCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j *Journal
		var r recorder
		running := 0
		j = New(Options{Callback: func(l Level, line string) {
			if running++; running != 1 {
				t.Error("the callback runs twice at once")
			}
			j.Add(App, "own", Quiet())
			j.Secret("whatever")
			j.Forget("whatever")
			j.SetLevel(Pro)
			j.Trace()
			r.call(l, line)
			running--
		}})
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 50 {
					j.Add(App, "x")
				}
			})
		}
		wg.Wait()
		j.Flush()
		want(t, "callback", r.events(t), slices.Repeat([]string{"x"}, 200))
		if got := len(j.Trace()); got != 400 {
			t.Errorf("%d lines in the ring, want 400", got)
		}
		// The bubble ends without Close: no goroutine may be left.
	})
}

func TestCallbackOrderIsTheRing(t *testing.T) {
	var r recorder
	j := New(Options{RingLines: 1000, Callback: r.call, Dir: t.TempDir()})
	defer j.Close()
	var wg sync.WaitGroup
	for i := range 5 {
		wg.Go(func() {
			for n := range 200 {
				j.Add(App, "x", Int("i", int64(i)), Int("n", int64(n)))
			}
		})
	}
	wg.Wait()
	j.Flush()
	want(t, "callback", r.lines, j.Trace())
	want(t, "file", fileLines(t, j), j.Trace())
}

func TestCallbackIsReplaced(t *testing.T) {
	var a, b recorder
	j := New(Options{Callback: a.call})
	j.Add(App, "one")
	j.Flush()
	j.SetCallback(b.call)
	j.Add(App, "two")
	j.Flush()
	j.SetCallback(nil)
	j.Add(App, "three")
	j.Flush()
	want(t, "first", a.events(t), []string{"one"})
	want(t, "second", b.events(t), []string{"two"})
}

func TestCallbackPanics(t *testing.T) {
	var r recorder
	j := New(Options{Dir: t.TempDir(), Callback: func(l Level, line string) {
		if strings.Contains(line, "bomb") {
			panic("callback bomb")
		}
		r.call(l, line)
	}})
	defer j.Close()
	j.Add(App, "before")
	j.Add(App, "bomb")
	j.Add(App, "after")
	j.Flush()
	want(t, "callback", r.events(t), []string{"before", "after"})
	want(t, "file", events(t, fileLines(t, j)), []string{"before", "bomb", "after"})
	if !slices.Contains(events(t, j.Trace()), "log_callback_panicked") || j.Lost() != 1 {
		t.Errorf("Lost() = %d, ring %v", j.Lost(), j.Trace())
	}
}

func TestClose(t *testing.T) {
	var r recorder
	j := New(Options{Dir: t.TempDir(), Callback: r.call})
	j.Add(App, "one")
	j.Close()
	j.Add(App, "two")
	j.Flush()
	j.Close()
	want(t, "callback", r.events(t), []string{"one"})
	want(t, "file", events(t, fileLines(t, j)), []string{"one"})
	want(t, "ring", events(t, j.Trace()), []string{"one", "two"})
}

// fileLines returns the lines of all files, oldest first.
func fileLines(t testing.TB, j *Journal) []string {
	t.Helper()
	var all []string
	for _, path := range j.Files() {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if !strings.HasSuffix(line, "\n") {
				t.Errorf("%s ends with half a line: %q", path, line)
			}
			all = append(all, strings.TrimSuffix(line, "\n"))
		}
	}
	return all
}
