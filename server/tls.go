package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// certificateCheck is how often the certificate files are looked at.
const certificateCheck = 2 * time.Second

// certificates is the certificate in use, read again when its files change. A
// pair that cannot be read leaves the one before in use.
type certificates struct {
	certFile, keyFile string
	log               *slog.Logger
	current           atomic.Pointer[tls.Certificate]
}

func (c *certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.current.Load(), nil
}

func (c *certificates) load() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	c.current.Store(&pair)
	return nil
}

// follow reads the files again each time they have changed, until ctx ends.
func (c *certificates) follow(ctx context.Context) {
	tick := time.NewTicker(certificateCheck)
	defer tick.Stop()
	seen := c.stamp()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := c.stamp()
		if now == seen {
			continue
		}
		if err := c.load(); err != nil {
			c.log.Warn("server: certificate not reloaded", "err", err) // perhaps half written: looked at again
			continue
		}
		seen = now
		c.log.Info("server: certificate reloaded")
	}
}

// stamp changes when one of the files does.
func (c *certificates) stamp() (s [2]string) {
	for i, name := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(name); err == nil {
			s[i] = fmt.Sprint(info.ModTime(), info.Size())
		}
	}
	return s
}
