package dial

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
)

// Rejected is the cause of an error when a server answered with another status
// than the one asked for. Its text holds nothing of what the server wrote.
type Rejected struct {
	Status int
	Header http.Header
	Body   []byte // at most 4 KiB
}

// Error implements error.
func (r *Rejected) Error() string { return statusText(r.Status) }

func statusText(status int) string {
	return strings.TrimSpace(fmt.Sprintf("HTTP %d %s", status, http.StatusText(status)))
}

// rejectedUpgrade returns the error for an HTTP answer that is no upgrade.
// gorilla keeps 1 KiB of the body only, so the answer is read again from the
// start.
func (t *attempt) rejectedUpgrade(ctx context.Context, rec *recorder, resp *http.Response) error {
	again := io.MultiReader(bytes.NewReader(rec.seen), rec.Conn)
	full, err := http.ReadResponse(bufio.NewReader(again), &http.Request{Method: http.MethodGet})
	if err != nil {
		full = resp
	}
	return t.rejected(ctx, full)
}

// rejected reads what is kept of an answer and returns its row. A body that
// breaks off or comes too slowly is kept as far as it came.
func (t *attempt) rejected(ctx context.Context, resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxRejected))
	if err != nil && ctx.Err() == context.Canceled {
		return t.ended(ctx)
	}
	r := &Rejected{Status: resp.StatusCode, Header: resp.Header, Body: body}
	e := &nimerr.Error{Kind: nimerr.NotAGateway, Detail: r.describe(), Cause: r}
	if r.wantsTLS() {
		e.Detail += ", " + speaksTLS
	}
	switch {
	case r.Status == http.StatusServiceUnavailable:
		e.Kind, e.RetryAfter = nimerr.ServerBusy, retryAfter(resp.Header)
	case r.Status == http.StatusTooManyRequests:
		e.Kind, e.RetryAfter = nimerr.RateLimited, retryAfter(resp.Header)
	case r.Status >= 500 && r.Status != http.StatusNetworkAuthenticationRequired: // that one is the network's sign-in page
		e.Kind, e.RetryAfter = nimerr.ServerError, retryAfter(resp.Header)
	}
	return e
}

// retryAfter reads a delay in seconds or a date; at most 5 minutes are believed:
// anything on the way to the server can answer so.
func retryAfter(h http.Header) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	var d time.Duration
	if s, err := strconv.ParseUint(v, 10, 31); err == nil {
		d = time.Duration(s) * time.Second
	} else if at, err := http.ParseTime(v); err == nil {
		d = time.Until(at)
	}
	return min(max(d, 0), 5*time.Minute)
}

// describe says what an answer looks like: status, kind of content, server,
// where it redirects to.
func (r *Rejected) describe() string {
	text := statusText(r.Status)
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil {
		text += ", " + kind
	}
	if name := serverName(r.Header.Get("Server")); name != "" {
		text += ", server " + name
	}
	if to, err := url.Parse(r.Header.Get("Location")); err == nil && to.Scheme != "" && to.Host != "" {
		text += ", redirects to " + to.Scheme + "://" + to.Host
	}
	return text
}

// wantsTLS reports whether a web server says that it was spoken to without TLS:
// Go's and nginx name HTTPS, Apache names SSL.
func (r *Rejected) wantsTLS() bool {
	return r.Status == http.StatusBadRequest &&
		(bytes.Contains(r.Body, []byte("HTTPS")) || bytes.Contains(r.Body, []byte("SSL-enabled")))
}

// serverName returns the product name of a Server header.
func serverName(v string) string {
	end := 0
	for end < len(v) && end < 32 && (v[end] == '-' || v[end] == '_' || isAlnum(v[end])) {
		end++
	}
	return v[:end]
}

func isAlnum(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
}

const speaksTLS = "it speaks TLS; use_https, wss:// or https:// may be missing"

// speaks names the protocol that bytes look like, without repeating them.
func speaks(b []byte) string {
	switch {
	case len(b) >= 2 && b[0] == 0x15 && b[1] == 3:
		return speaksTLS
	case bytes.HasPrefix(b, []byte("SSH-")):
		return "it speaks SSH"
	case bytes.HasPrefix(b, []byte("HTTP/2")), bytes.HasPrefix(b, []byte("\x00\x00")):
		return "it does not speak HTTP/1"
	}
	return "it does not speak HTTP"
}

// isTransport reports whether the connection failed, rather than what was said
// on it.
func isTransport(err error) bool {
	_, isNet := errors.AsType[net.Error](err)
	return isNet || errors.Is(err, errTooMuch) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || isTimeout(err)
}
