// Package tools is what programs of the NIM SDK take from it besides the
// session: checksums, and random ids, which are also this library's own.
package tools

import (
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"io"
	"os"
)

// MD5 returns the checksum of a text in hex digits.
func MD5(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// FileMD5 returns the checksum of a regular file in hex digits, "" if it cannot
// be read.
func FileMD5(path string) string {
	// Asked before it is opened: opening a pipe would wait for its writer.
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	h := md5.New()
	if _, err := io.Copy(h, f); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}

// ID returns 128 random bits in hex digits.
func ID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
