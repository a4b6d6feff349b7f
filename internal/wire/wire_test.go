package wire

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDecodeRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"empty":             {"", "not valid JSON"},
		"text":              {"hello", "not valid JSON"},
		"two values":        {`{"op":"time"} {}`, "not valid JSON"},
		"array":             {`[]`, "not a JSON object"},
		"no op":             {`{"id":1}`, `"op" is missing`},
		"op as number":      {`{"op":1}`, `"op": want a string`},
		"id as string":      {`{"op":"x","id":"1"}`, `"id"`},
		"id as fraction":    {`{"op":"x","id":1.5}`, `"id"`},
		"id negative":       {`{"op":"x","id":-1}`, `"id"`},
		"code out of range": {`{"op":"x","code":4294967296}`, `"code"`},
		"retry as string":   {`{"op":"x","retry_after_ms":"soon"}`, `"retry_after_ms"`},
		"op twice":          {`{"op":"x","op":"y"}`, `"op" twice`},
		"not UTF-8":         {"{\"op\":\"\xff\"}", "UTF-8"},
		"nested":            {strings.Repeat("[", 1000), "nested deeper"},
		"too long":          {`{"op":"` + strings.Repeat("x", MaxFrame) + `"}`, "limit"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode([]byte(tc.in))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
		})
	}
}

func TestDecodeIgnoresWhatItDoesNotKnow(t *testing.T) {
	f, err := Decode([]byte(`{"op":"of_tomorrow","new":[{"a":1}],"new":2,"id":7}`))
	if err != nil || f.Op != "of_tomorrow" || f.ID != 7 {
		t.Errorf("got %+v, %v", f, err)
	}
}

func TestNestingInsideStringsDoesNotCount(t *testing.T) {
	in := `{"op":"x","body":"` + strings.Repeat(`[\"`, 500) + `"}`
	if _, err := Decode([]byte(in)); err != nil {
		t.Error(err)
	}
	deepest := `{"op":"x","body":` + strings.Repeat("[", MaxNesting-1) + strings.Repeat("]", MaxNesting-1) + `}`
	if _, err := Decode([]byte(deepest)); err != nil {
		t.Error(err)
	}
}

func TestDecodeBodyNamesTheKey(t *testing.T) {
	f, err := Decode([]byte(`{"op":"login","id":1,"body":{"client_type":"PC"}}`))
	if err != nil {
		t.Fatal(err)
	}
	var l Login
	if err := f.DecodeBody(&l); err == nil || err.Error() != "body of login: client_type: want an integer, not string" {
		t.Errorf("got %v", err)
	}
	l.Force = true
	empty := Frame{Op: OpLogin}
	if err := empty.DecodeBody(&l); err != nil || !l.Force {
		t.Errorf("a missing body changed the value: %v", err)
	}
}

// FuzzDecode holds that Decode never panics, and that what it accepts survives
// being encoded and decoded again.
func FuzzDecode(f *testing.F) {
	frames, err := os.ReadFile(filepath.Join("testdata", "frames.jsonl"))
	if err != nil {
		f.Fatal(err)
	}
	for line := range bytes.Lines(frames) {
		f.Add(bytes.TrimSpace(line))
	}
	f.Add([]byte(`{"op":"x","body":null,"id":9223372036854775807}`))
	f.Add([]byte(`{"\u006fp":"x"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Decode(data)
		if err != nil {
			return
		}
		if got.Op == "" || len(data) > MaxFrame || !utf8.Valid(data) {
			t.Fatalf("accepted %q", data)
		}
		line, err := json.Marshal(got)
		if err != nil {
			t.Fatalf("accepted %q, which cannot be encoded: %v", data, err)
		}
		if len(line) > MaxFrame {
			return // escapes can make it longer
		}
		again, err := Decode(line)
		if err != nil {
			t.Fatalf("%q became %q, which is refused: %v", data, line, err)
		}
		if again.Op != got.Op || again.ID != got.ID || again.Code != got.Code || again.ErrMsg != got.ErrMsg ||
			again.ErrName != got.ErrName || again.ServerCode != got.ServerCode || again.RetryAfterMS != got.RetryAfterMS {
			t.Fatalf("%+v became %+v", got, again)
		}
	})
}
