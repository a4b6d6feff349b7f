package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/libnim/libnim/server/bus"
	"github.com/libnim/libnim/server/store"
)

// A Finding is the answer of one check: what was looked at, and what is wrong with
// it and what to do, or why it is well.
type Finding struct {
	What string
	Says string
	Bad  bool
}

// certificateNotice is how long before its end a certificate is found wanting.
const certificateNotice = 14 * 24 * time.Hour

// Check looks at all that a nimd with this configuration needs, beside one that
// runs or without. It changes nothing.
func Check(ctx context.Context, cfg Config) []Finding {
	c := checking{ctx: ctx, cfg: cfg}
	if err := cfg.Validate(); err != nil {
		c.bad("configuration", "%v", err)
		return c.out
	}
	c.good("configuration", "it is consistent")
	c.directory()
	c.store()
	c.nats()
	c.certificate()
	return c.out
}

type checking struct {
	ctx context.Context
	cfg Config
	out []Finding
}

func (c *checking) good(what, says string, args ...any) {
	c.out = append(c.out, Finding{What: what, Says: fmt.Sprintf(says, args...)})
}

func (c *checking) bad(what, says string, args ...any) {
	c.out = append(c.out, Finding{What: what, Says: fmt.Sprintf(says, args...), Bad: true})
}

func (c *checking) directory() {
	const what = "data directory"
	for _, name := range []string{"", pepperFile, adminKeyFile} {
		info, err := os.Stat(filepath.Join(c.cfg.DataDir, name))
		if errors.Is(err, fs.ErrNotExist) {
			if name == "" {
				c.bad(what, "%s does not exist; the first start makes it", c.cfg.DataDir)
				return
			}
			c.bad(what, "%s is missing: a start makes a new one, which on a store that has accounts is refused (pepper) or locks you out (admin.key)", name)
			continue
		}
		if err != nil {
			c.bad(what, "%v", err)
			continue
		}
		if info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
			c.bad(what, "%s can be read by other users: chmod go= %s", filepath.Join(c.cfg.DataDir, name), filepath.Join(c.cfg.DataDir, name))
		}
	}
	if lock, err := lockDir(c.cfg.DataDir); err == nil {
		_ = lock.Close()
		c.good(what, "%s, no nimd uses it", c.cfg.DataDir)
	} else {
		c.good(what, "%s, a nimd uses it", c.cfg.DataDir)
	}
}

func (c *checking) store() {
	const what = "store"
	cfg := store.Config{URL: c.cfg.Store, PasswordFile: c.cfg.StorePass, Dir: c.cfg.DataDir}
	if cfg.URL == "" {
		if _, err := os.Stat(filepath.Join(cfg.Dir, store.SQLiteFile)); err != nil {
			c.bad(what, "%v; the first start makes it", err)
			return
		}
	}
	ctx, cancel := context.WithTimeout(c.ctx, startTimeout)
	db, err := store.Inspect(ctx, cfg)
	cancel()
	if err != nil {
		c.bad(what, "%v", err)
		return
	}
	defer func() { _ = db.Close() }()
	if m, kept, err := db.Mark(c.ctx); err == nil && kept {
		if seen, err := readMark(c.cfg.DataDir); err == nil && m.Less(seen) {
			c.bad(what, "it is at %v, and was seen at %v: put the newer file back, or use nimd restore", m, seen)
		}
	}
	damaged := 0
	rows, err := db.Verify(c.ctx, func(row string) {
		if damaged++; damaged <= 20 {
			c.bad(what, "damaged: %s", row)
		}
	})
	switch {
	case err != nil:
		c.bad(what, "%v", err)
	case damaged > 0:
		c.bad(what, "%d damaged: restore the newest backup (nimd restore FILE), and look after the disk", damaged)
	default:
		c.good(what, "epoch %d, %d rows, none damaged", db.Epoch(), rows)
	}
	for _, says := range db.Advice(c.ctx) {
		c.bad(what, "%s", says)
	}
}

func (c *checking) nats() {
	const what = "NATS"
	if len(c.cfg.NATS) == 0 {
		c.good(what, "embedded")
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, 10*time.Second)
	defer cancel()
	if err := bus.Probe(ctx, bus.Config{URLs: c.cfg.NATS, Credentials: c.cfg.NATSCreds, Replicas: c.cfg.Replicas}); err != nil {
		c.bad(what, "%v", err)
		return
	}
	c.good(what, "connected, JetStream answers")
}

func (c *checking) certificate() {
	const what = "certificate"
	if c.cfg.TLSCert == "" {
		return
	}
	pair, err := tls.LoadX509KeyPair(c.cfg.TLSCert, c.cfg.TLSKey)
	if err != nil {
		c.bad(what, "%v", err)
		return
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		c.bad(what, "%v", err)
		return
	}
	switch left := time.Until(leaf.NotAfter); {
	case time.Now().Before(leaf.NotBefore):
		c.bad(what, "it is not valid before %v: wrong clock, or the wrong file", leaf.NotBefore)
	case left < 0:
		c.bad(what, "it ended on %v: get a new one", leaf.NotAfter)
	case left < certificateNotice:
		c.bad(what, "it ends on %v: renew it", leaf.NotAfter)
	default:
		c.good(what, "until %v", leaf.NotAfter.Format(time.DateOnly))
	}
}
