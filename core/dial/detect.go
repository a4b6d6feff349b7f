package dial

import (
	"context"
	"net/url"
	"strings"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/proxy"
	"github.com/libnim/libnim/internal/nimerr"
)

// DetectProxy connects to target through a proxy, and to nothing else: nil means
// that the proxy opened the connection. A zero cfg tries the direct way. target is host:port, or a ws, wss, http
// or https URL; of a secure one the TLS handshake is done as well. d gives the
// rest of the way, and its own proxy is not used. Where ctx has no deadline,
// DefaultTimeout holds. The error is a *nimerr.Error.
func DetectProxy(ctx context.Context, cfg proxy.Config, target string, d *Dialer) error {
	if !strings.Contains(target, "://") {
		target = "ws://" + target
	}
	plain, secure := "ws", "wss"
	if u, err := url.Parse(target); err == nil && strings.HasPrefix(u.Scheme, "http") {
		plain, secure = "http", "https"
	}
	to, err := parseTarget(target, plain, secure)
	if err != nil {
		return err
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, DefaultTimeout)
		defer cancel()
	}
	through := *d
	through.Proxy = cfg
	l, err := through.newAttempt(to, new(backend.Attempt)).open(ctx)
	if err != nil {
		return nimerr.From(err, nimerr.ConnectionFailed).At(to.endpoint)
	}
	l.close()
	return nil
}
