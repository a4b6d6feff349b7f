package wire

import (
	"strings"
	"testing"
)

// The largest frames of nothing but keys are refused before they are parsed.
func TestFramesOfKeysAreBounded(t *testing.T) {
	outside := []byte(`{"op":"time","id":1` + strings.Repeat(`,"a":1`, MaxFrameKeys) + `}`)
	if _, err := Decode(outside); err == nil {
		t.Errorf("a frame of more than %d keys was taken", MaxFrameKeys)
	}
	within := []byte(`{"op":"time","id":1` + strings.Repeat(`,"a":1`, MaxFrameKeys-2) + `}`)
	if _, err := Decode(within); err != nil {
		t.Error(err)
	}
	body := `{"a":"x:\":"` + strings.Repeat(`,"a":1`, MaxRequestKeys-1) + `}`
	if err := CheckKeys([]byte(body)); err != nil {
		t.Error(err)
	}
	if err := CheckKeys([]byte(`[` + body + `,{"a":1}]`)); err == nil {
		t.Errorf("more than %d keys were taken", MaxRequestKeys)
	}
}

// What the worst frames cost that are let in.
func BenchmarkDecodeKeys(b *testing.B) {
	frame := []byte(`{"op":"send","id":1,"body":{"conversation":"p:x"` + strings.Repeat(`,"a":1`, MaxRequestKeys-20) + `}}`)
	for b.Loop() {
		f, err := Decode(frame)
		var s Send
		if err != nil || f.DecodeBody(&s) != nil {
			b.Fatal(err)
		}
	}
}

// And those that are not.
func BenchmarkRefuseKeys(b *testing.B) {
	frame := []byte(`{"op":"send","id":1,"body":{"conversation":"p:x"` + strings.Repeat(`,"a":1`, MaxFrame/6-20) + `}}`)
	for b.Loop() {
		if CheckKeys(frame) == nil {
			b.Fatal("taken")
		}
	}
}
