package tools

import (
	"os"
	"path/filepath"
	"testing"
)

// The digests of RFC 1321.
func TestMD5(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]string{
		"":               "d41d8cd98f00b204e9800998ecf8427e",
		"abc":            "900150983cd24fb0d6963f7d28e17f72",
		"message digest": "f96b697d7cb7938d525a2f31aaf161d0",
	} {
		if got := MD5(text); got != want {
			t.Errorf("MD5(%q) = %s, want %s", text, got, want)
		}
		path := filepath.Join(dir, "file")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := FileMD5(path); got != want {
			t.Errorf("FileMD5 of %q = %s, want %s", text, got, want)
		}
	}
	for _, path := range []string{"", dir, filepath.Join(dir, "none"), os.DevNull} {
		if got := FileMD5(path); got != "" {
			t.Errorf("FileMD5(%q) = %s", path, got)
		}
	}
}

func TestID(t *testing.T) {
	a, b := ID(), ID()
	if len(a) != 32 || a == b {
		t.Errorf("got %q and %q", a, b)
	}
}
