package dial

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/libnim/libnim/internal/nimerr"
)

// Get returns the body of an http or https URL that answers 200. It goes the
// same way as WebSocket, follows no redirect, and takes at most maxBody bytes.
// Where ctx has no deadline, DefaultTimeout holds. The error is a *nimerr.Error,
// with a *Rejected as its cause where the status was another one.
func (d *Dialer) Get(ctx context.Context, url string, maxBody int64) ([]byte, error) {
	return d.exchange(ctx, url, &http.Request{Method: http.MethodGet}, maxBody)
}

// PostJSON posts body as application/json and returns the body of an answer with
// status 200, whatever it says. Everything else is as with Get.
func (d *Dialer) PostJSON(ctx context.Context, url string, header map[string]string, body []byte, maxBody int64) ([]byte, error) {
	req := &http.Request{
		Method:        http.MethodPost,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	return d.exchange(ctx, url, req, maxBody)
}

// exchange sends one request over a connection of its own.
func (d *Dialer) exchange(ctx context.Context, url string, req *http.Request, maxBody int64) ([]byte, error) {
	to, err := parseTarget(url, "http", "https")
	if err != nil {
		return nil, err
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, DefaultTimeout)
		defer cancel()
	}
	t := d.newAttempt(to, nil)
	body, err := t.exchange(ctx, req, maxBody)
	if err != nil {
		return nil, nimerr.From(err, nimerr.ConnectionFailed).At(to.endpoint)
	}
	return body, nil
}

func (t *attempt) exchange(ctx context.Context, req *http.Request, maxBody int64) ([]byte, error) {
	l, err := t.open(ctx)
	if err != nil {
		return nil, err
	}
	defer l.close()

	req.URL, req.Host, req.Close = t.to.url, t.to.url.Host, true
	req.Proto, req.ProtoMajor, req.ProtoMinor = "HTTP/1.1", 1, 1
	req.Header = header(req.Header)
	t.step = "sending the request"
	if err := req.Write(l.conn); err != nil {
		return nil, t.broken(ctx, err)
	}
	t.step = "waiting for the answer"
	rec := &recorder{Conn: l.conn}
	resp, err := http.ReadResponse(bufio.NewReader(rec), req)
	if err != nil {
		return nil, t.notAnswered(ctx, rec, err)
	}
	rec.finish()
	l.raw.lift() // the headers are through; from here maxBody bounds
	if resp.StatusCode != http.StatusOK {
		return nil, t.rejected(ctx, resp)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case int64(len(body)) > maxBody:
		return nil, nimerr.ProtocolError.Newf("the answer has more than %d bytes", maxBody)
	case err != nil && isTransport(err):
		return nil, t.broken(ctx, err)
	case err != nil:
		return nil, nimerr.ProtocolError.New("the body of the answer is malformed")
	}
	return body, nil
}
