package openim

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"reflect"
	"testing"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/tests/openimfake"
)

func unbase64(t testing.TB, text string) []byte {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The frames that a real deployment was seen to take and send, byte for byte.
func TestCapturedRequest(t *testing.T) {
	got, err := encode(&envelope{ID: 1001, SendID: "alice", OperationID: "op-A-1", MsgIncr: "A_1", Data: appendString(nil, 1, "alice")}, false)
	if err != nil || string(got) != openimfake.CapturedRequest {
		t.Errorf("got  %s %v\nwant %s", got, err, openimfake.CapturedRequest)
	}
}

func TestCapturedFrames(t *testing.T) {
	for text, want := range map[string]response{
		openimfake.CapturedReply: {ID: 1001, MsgIncr: "A_1", OperationID: "op-A-1", Data: unbase64(t, "ChAKDHNpX2FsaWNlX2JvYhAB")},
		openimfake.CapturedKick:  {ID: opKicked},
	} {
		if got, err := decode([]byte(text), false); err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("got %+v %v, want %+v", got, err, want)
		}
	}
	if got, err := decode([]byte(openimfake.CapturedMessage), false); err != nil || got.ID != 2001 || got.MsgIncr != "" {
		t.Errorf("message: %+v %v", got, err)
	}
	online, err := decode([]byte(openimfake.CapturedOnline), false)
	if err != nil || online.ID != opOnlineStatus {
		t.Fatalf("online: %+v %v", online, err)
	}
	list, err := statuses(online.Data)
	if err != nil || !reflect.DeepEqual(list, []status{{"alice", []int{2, 3}}}) {
		t.Errorf("online: %+v %v", list, err)
	}
}

func TestCapturedProtobuf(t *testing.T) {
	if got, want := subscribe("alice", "bob"), unbase64(t, openimfake.CapturedSubscription); !bytes.Equal(got, want) {
		t.Errorf("subscription %x, want %x", got, want)
	}
	for text, want := range map[string][]status{
		openimfake.CapturedTips: {{"alice", []int{3}}, {"bob", nil}}, openimfake.CapturedOffline: {{"bob", nil}}, "": nil,
	} {
		if got, err := statuses(unbase64(t, text)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v %v, want %+v", text, got, err, want)
		}
	}
	// userID "bob" on platform 7, and platforms that are not packed.
	if got, want := userPlatform("bob", 7), []byte("\x0a\x03bob\x10\x07"); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
	if got, err := readStatus([]byte("\x0a\x03bob\x10\x07\x10\x03\x1d\x01\x02\x03\x04")); err != nil || !reflect.DeepEqual(got, status{"bob", []int{7, 3}}) {
		t.Errorf("got %+v %v", got, err)
	}
}

func TestMalformedProtobuf(t *testing.T) {
	for _, text := range []string{
		"\x80", "\x00\x00", "\x0a", "\x0a\x05a", "\x08", "\x0d\x01", "\x09\x01", "\x0b", "\x0f\x00",
		"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x12\x01\x80",
	} {
		if s, err := readStatus([]byte(text)); err == nil {
			t.Errorf("%x is %+v", text, s)
		}
	}
}

func TestCapturedRefusals(t *testing.T) {
	want := []*nimerr.Kind{
		nimerr.TokenInvalid, nimerr.TokenKeyMismatch, nimerr.TokenRevoked, nimerr.TokenExpired,
		nimerr.TokenInvalid, nimerr.TokenInvalid, nimerr.KickedOffline, nimerr.InvalidArgument,
	}
	for i, text := range openimfake.CapturedRefusals {
		r, ok := parseResult([]byte(text))
		if !ok {
			t.Errorf("%s is no result", text)
			continue
		}
		if e := failed(r, "secret"); e.Kind != want[i] || e.ServerCode != r.code {
			t.Errorf("%s: %s %d", text, e.Kind.Name, e.ServerCode)
		}
	}
	if r, ok := parseResult([]byte(openimfake.CapturedAccepted)); !ok || r.code != 0 {
		t.Errorf("accepted: %+v %v", r, ok)
	}
}

func TestInflateIsBounded(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(make([]byte, maxInflated+1))
	z.Close()
	big := b.Bytes()
	if _, err := decode(big, true); err != errInflated {
		t.Errorf("got %v, want %v", err, errInflated)
	}
	if _, err := decode([]byte("plain"), true); err == nil {
		t.Error("plain text was inflated")
	}
	if _, err := decode(big[:len(big)/2], true); err == nil {
		t.Error("half a gzip was inflated")
	}
}

func FuzzProto(f *testing.F) {
	f.Add(unbase64(f, openimfake.CapturedTips))
	f.Add(unbase64(f, openimfake.CapturedSubscription))
	f.Add([]byte("\x0a\x03bob\x10\x07\x1d\x01\x02\x03\x04\x21\x01\x02\x03\x04\x05\x06\x07\x08"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := statuses(data)
		total := 0
		for _, s := range list {
			total += len(s.user) + len(s.platforms)
			for _, p := range s.platforms {
				if p < 0 {
					t.Fatalf("platform %d", p)
				}
			}
		}
		if total > len(data) {
			t.Fatalf("%d bytes gave %d of content, %v", len(data), total, err)
		}
	})
}

func FuzzEnvelope(f *testing.F) {
	f.Add([]byte(openimfake.CapturedReply), false)
	f.Add([]byte(openimfake.CapturedKick), false)
	zipped, err := encode(&envelope{ID: 1, Data: []byte("x")}, true)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(zipped, true)
	f.Fuzz(func(t *testing.T, data []byte, compressed bool) {
		r, err := decode(data, compressed)
		if (r == nil) == (err == nil) {
			t.Fatalf("%+v with %v", r, err)
		}
		if err == nil {
			_, _ = statuses(r.Data)
		}
		if r, ok := parseResult(data); ok && r.code != 0 {
			if e := failed(r, "secret-token"); e.Kind == nil || len(e.Detail) > maxQuoted+len("…") {
				t.Fatalf("%+v", e)
			}
		}
		looksLike(data)
	})
}

func FuzzClaims(f *testing.F) {
	f.Add("h.eyJVc2VySUQiOiJ1IiwiUGxhdGZvcm1JRCI6MywiZXhwIjoxNzAwMDAwMDAwLCJpYXQiOjE2MDAwMDAwMDB9.s")
	f.Fuzz(func(t *testing.T, token string) {
		if c := readClaims(token); !c.expires.IsZero() && (c.expires.Year() < 1970 || c.expires.Year() > 5200) {
			t.Fatalf("expires %v", c.expires)
		}
	})
}
