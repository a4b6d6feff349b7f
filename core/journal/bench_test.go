package journal

import (
	"testing"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
)

func BenchmarkAdd(b *testing.B) {
	for _, c := range []struct {
		name    string
		file    bool
		secrets []string
	}{
		{name: "ring"},
		{name: "file", file: true},
		{name: "file and secrets", file: true, secrets: []string{
			"0123456789abcdef0123456789abcdef", "an-app-secret-of-some-length", "hunter22",
			"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJlLW9mLXRoaXMtdG9rZW4",
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			o := Options{Level: Pro}
			if c.file {
				o.Dir = b.TempDir()
			}
			j := New(o)
			defer j.Close()
			for _, s := range c.secrets {
				j.Secret(s)
			}
			err := nimerr.ConnectionRefused.New("dial tcp 127.0.0.1:443: connect: connection refused")
			b.ReportAllocs()
			for b.Loop() {
				j.Add(App, "login_step", Str("op", "0f3c2a9d"), Int("step", 3),
					Dur("took", 12345*time.Microsecond), Str("endpoint", "wss://im.example.com:443/nim"), Err(err))
			}
		})
	}
}
