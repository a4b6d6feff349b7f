package core

import (
	"strings"
	"testing"

	"github.com/libnim/libnim/core/journal"
)

// What is uploaded is the newest part of the newest files, whole and in order.
func TestLogParts(t *testing.T) {
	j := journal.New(journal.Options{Dir: t.TempDir(), MaxFileBytes: 1 << 20, Files: 8})
	defer j.Close()
	line := strings.Repeat("x", 2000)
	for i := range 2600 { // more than uploadMax
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
		if p.Part != i || p.Name == "" || strings.Contains(p.Name, "/") || len(p.Data) > uploadPart || p.Last {
			t.Errorf("part %d: %d %q of %d bytes, last %v", i, p.Part, p.Name, len(p.Data), p.Last)
		}
		total += len(p.Data)
		text = string(p.Data)
	}
	if total != uploadMax {
		t.Errorf("%d bytes, want %d", total, uploadMax)
	}
	if !strings.Contains(text, "the_newest") {
		t.Errorf("the last part ends with %.200q", text[max(0, len(text)-200):])
	}
	if parts := logParts(nil); len(parts) != 0 {
		t.Errorf("%d parts without a journal", len(parts))
	}
}

// A remark goes without files, and a log that is empty goes all the same.
func TestFeedback(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.s.Feedback(st.rec.open("feedback"), "it broke")
		st.want("0s feedback 20001")
		st.online()
		st.s.Feedback(st.rec.open("feedback"), "it broke")
		st.want("0s feedback2 200")
	})
}
