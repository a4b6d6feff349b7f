package upload

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// What is uploaded is the newest part of the newest files, whole and in order.
func TestLogParts(t *testing.T) {
	j := journal.New(journal.Options{Dir: t.TempDir(), MaxFileBytes: 1 << 20, Files: 8})
	defer j.Close()
	line := strings.Repeat("x", 2000)
	for i := range 2600 { // more than largest
		j.Add(journal.App, "filler", journal.Str("text", line))
		if i%100 == 0 {
			j.Files() // waits for the file
		}
	}
	if j.Lost() > 0 {
		t.Fatal("the journal lost lines")
	}
	j.Add(journal.App, "the_newest")
	parts := logParts(j)
	total, text := 0, ""
	for i, p := range parts {
		if p.Part != i || p.Name == "" || strings.Contains(p.Name, "/") || len(p.Data) > partSize || p.Last {
			t.Errorf("part %d: %d %q of %d bytes, last %v", i, p.Part, p.Name, len(p.Data), p.Last)
		}
		total += len(p.Data)
		text = string(p.Data)
	}
	if total != largest {
		t.Errorf("%d bytes, want %d", total, largest)
	}
	if !strings.Contains(text, "the_newest") {
		t.Errorf("the last part ends with %.200q", text[max(0, len(text)-200):])
	}
	if parts := logParts(nil); len(parts) != 0 {
		t.Errorf("%d parts without a journal", len(parts))
	}
}

// A session grants requests until it fails, and keeps what it is told.
type session struct {
	module.Session
	fail *nimerr.Error
	sent string
	told []int32
}

func (s *session) Run(f func()) { f() }

func (s *session) Do(r backend.Request, _ time.Duration, done func(backend.Result)) {
	u := r.(backend.UploadLog)
	s.sent += fmt.Sprintf("%s%d %v %s;", u.Name, u.Part, u.Last, u.Feedback)
	done(backend.Result{Err: s.fail})
}

func (s *session) Answer(_ module.Call, p abi.Posting, final bool) {
	s.told = append(s.told, int32(p.Number(0)))
}

// A long log goes in parts, the last of which says that it is; the first failure
// ends it. A remark goes without files, and a log that is empty goes all the same.
func TestParts(t *testing.T) {
	parts := []backend.UploadLog{{Name: "a", Part: 0, Data: []byte("x")}, {Name: "a", Part: 1}, {Name: "b", Part: 2}}
	for _, c := range []struct {
		parts []backend.UploadLog
		fail  *nimerr.Error
		sent  string
		code  int32
	}{
		{parts, nil, "a0 false it broke;a1 false it broke;b2 true it broke;", 200},
		{parts, nimerr.Timeout.New(""), "a0 false it broke;", 408},
		{nil, nil, "feedback0 true it broke;", 200},
	} {
		s := &session{fail: c.fail}
		m := &Module{}
		m.Start(s)
		m.send(1, abi.AnswerGlobalUploadSdkLog, "it broke", c.parts)
		if s.sent != c.sent || len(s.told) != 1 || s.told[0] != c.code {
			t.Errorf("sent %q, told %v, want %q, %d", s.sent, s.told, c.sent, c.code)
		}
	}
}
