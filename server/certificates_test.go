package server

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func (c *certificates) write(t *testing.T, serial int64) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		c.certFile: {Type: "CERTIFICATE", Bytes: cert}, c.keyFile: {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// The files change after they were read and before they are first looked at.
func TestACertificateThatChangesAtTheStartIsNoticed(t *testing.T) {
	dir := t.TempDir()
	c := &certificates{
		certFile: filepath.Join(dir, "cert.pem"), keyFile: filepath.Join(dir, "key.pem"), log: slog.New(slog.DiscardHandler),
	}
	c.write(t, 1)
	if err := c.load(); err != nil {
		t.Fatal(err)
	}
	c.write(t, 2)
	go c.follow(t.Context())
	ctx, cancel := context.WithTimeout(t.Context(), 5*certificateCheck)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for c.current.Load().Leaf.SerialNumber.Int64() != 2 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("the first certificate is still in use")
		}
	}
}
