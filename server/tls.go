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
	read              atomic.Pointer[stamp] // of the files, before current was read from them
}

// stamp changes when one of the files does.
type stamp [2]string

func (c *certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.current.Load(), nil
}

func (c *certificates) load() error {
	now := c.stamp()
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("tls-cert, tls-key: %w", err)
	}
	c.current.Store(&pair)
	c.read.Store(&now)
	return nil
}

// follow reads the files again each time they have changed, until ctx ends.
func (c *certificates) follow(ctx context.Context) {
	tick := time.NewTicker(certificateCheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if c.stamp() == *c.read.Load() {
			continue
		}
		if err := c.load(); err != nil {
			c.log.Warn("server: certificate not reloaded", "err", err) // perhaps half written: looked at again
			continue
		}
		c.log.Info("server: certificate reloaded")
	}
}

func (c *certificates) stamp() (s stamp) {
	for i, name := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(name); err == nil {
			s[i] = fmt.Sprint(info.ModTime(), info.Size())
		}
	}
	return s
}
