package server

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Files in the data directory. They are made at the first start; edges of one
// cluster must have the same pepper, and do well to have the same admin key.
const (
	pepperFile   = "pepper"
	adminKeyFile = "admin.key"
)

// loadSecret reads a secret of this server, or makes it, and says which.
func loadSecret(dir, name string) (secret string, created bool, err error) {
	path := filepath.Join(dir, name)
	data, err := os.ReadFile(path)
	if err == nil {
		if secret = strings.TrimSpace(string(data)); len(secret) < 16 {
			return "", false, fmt.Errorf("%s: want at least 16 characters", path)
		}
		if name == adminKeyFile && strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return "", false, fmt.Errorf("%s: want printable ASCII without spaces: no other key can be sent in an HTTP header", path)
		}
		return secret, false, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", false, err
	}
	secret = rand.Text()
	if err := writeDurably(path, secret+"\n"); err != nil {
		return "", false, err
	}
	return secret, true, nil
}

// writeDurably creates a file that only the owner reads, and returns when a
// loss of power no longer takes it away. A file that exists is an error.
func writeDurably(path, content string) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.WriteString(content)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil {
		return err
	}
	if runtime.GOOS == "windows" { // which has no sync of a directory
		return nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// pepperCheck is stored beside the data, so that an edge with another pepper
// is told at its start and not by logins that fail.
func pepperCheck(pepper string) []byte {
	m := hmac.New(sha256.New, []byte(pepper))
	m.Write([]byte("nimd pepper check"))
	return m.Sum(nil)
}
