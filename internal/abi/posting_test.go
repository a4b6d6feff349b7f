package abi

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// What a posting packs is what C reads: units of eight bytes, texts with their NUL.
func TestPacked(t *testing.T) {
	p := OnSessionChange(200, Raw("12345678"), 3, nil)
	u := NewUnpacker(p.AppendPacked(nil)[packUnit:])
	if a, b := u.number(), u.number(); a != 200 || b != 3 {
		t.Errorf("numbers %d, %d", a, b)
	}
	if a, b := u.text(), u.text(); a != "12345678" || b != "" || len(u.b) != 0 {
		t.Errorf("texts %q, %q, %d bytes left", a, b, len(u.b))
	}
	head := p.AppendPacked(nil)
	if n, s := binary.NativeEndian.Uint32(head), binary.NativeEndian.Uint32(head[4:]); n != 2 || s != 2 {
		t.Errorf("%d numbers, %d texts", n, s)
	}
	if len(head)%packUnit != 0 || !bytes.Contains(head, []byte("12345678\x00")) {
		t.Errorf("%q", head)
	}
	if got := p.String(); got != `session_change(200 3 "12345678" "")` {
		t.Error(got)
	}
}

// Arrays of structs carry their count; a text is cut where its char array ends, at a
// whole character.
func TestPackedStructs(t *testing.T) {
	name := strings.Repeat("中", 50) // 150 bytes
	p := OnMsglogDeleteHistoryMessages([]DeleteSessionHistoryMessagesNotifyInfo{{ToType: 1, Id: name, Time: 7}, {Id: "b"}})
	u := NewUnpacker(p.AppendPacked(nil)[packUnit:])
	if n := u.count(); n != 2 {
		t.Fatalf("%d elements", n)
	}
	if kind, id := u.number(), u.text(); kind != 1 || id != name[:126] {
		t.Errorf("%d %q", kind, id)
	}
	if time, ext := u.number(), u.text(); time != 7 || ext != "" {
		t.Errorf("%d %q", time, ext)
	}
	if _, id := u.number(), u.text(); id != "b" {
		t.Errorf("%q", id)
	}
}

// Whatever is in a run, reading it ends, and reads no byte beyond it.
func FuzzUnpack(f *testing.F) {
	p := OnTalkAck(Raw("{}"))
	f.Add(p.AppendPacked(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		u := NewUnpacker(b)
		for len(u.b) > 0 {
			before := len(u.b)
			_, _ = u.count(), u.text()
			if len(u.b) >= before {
				t.Fatal("it does not advance")
			}
		}
	})
}

func BenchmarkPack(b *testing.B) {
	text := Raw(strings.Repeat("x", 200))
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		p := OnTalkReceive(text, text)
		buf = p.AppendPacked(buf[:0])
	}
}
