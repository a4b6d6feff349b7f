package dial

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"syscall"

	"github.com/libnim/libnim/internal/nimerr"
)

// networkKind returns the row for a failure of the transport.
func networkKind(err error) *nimerr.Kind {
	if e, ok := errors.AsType[*nimerr.Error](err); ok {
		return e.Kind
	}
	if no, ok := errors.AsType[syscall.Errno](err); ok {
		switch {
		case slices.Contains(errnoRefused, no):
			return nimerr.ConnectionRefused
		case slices.Contains(errnoUnreachable, no):
			return nimerr.NetworkUnreachable
		case slices.Contains(errnoReset, no):
			return nimerr.ConnectionLost
		}
	}
	switch {
	case errors.Is(err, context.Canceled):
		return nimerr.Cancelled
	case isTimeout(err):
		return nimerr.Timeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return nimerr.ConnectionLost
	}
	return nimerr.ConnectionFailed
}

func isTimeout(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return true
	}
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

// plainText is the innermost text of a network error, without the addresses
// that net puts around it.
func plainText(err error) string {
	if e, ok := errors.AsType[*nimerr.Error](err); ok {
		return e.Error()
	}
	if no, ok := errors.AsType[syscall.Errno](err); ok {
		return no.Error()
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Err != nil {
		return e.Err.Error()
	}
	return err.Error()
}

// ended returns the error of a attempt whose context ended, or nil: what broke
// after that broke because of it.
func (t *attempt) ended(ctx context.Context) *nimerr.Error {
	switch ctx.Err() {
	case nil:
		return nil
	case context.Canceled:
		return &nimerr.Error{Kind: nimerr.Cancelled, Detail: t.step, Cause: context.Canceled}
	}
	return nimerr.Timeout.New(t.step)
}

// broken returns the error for a transport that failed in the current step.
func (t *attempt) broken(ctx context.Context, err error) *nimerr.Error {
	if e := t.ended(ctx); e != nil {
		return e
	}
	switch {
	case errors.Is(err, errTooMuch):
		return nimerr.ProtocolError.Newf("%s: %v", t.step, errTooMuch)
	case isTimeout(err):
		return nimerr.Timeout.New(t.step)
	}
	kind := networkKind(err)
	if kind == nimerr.ConnectionLost {
		return kind.Newf("%s: closed by the other side", t.step)
	}
	return kind.Newf("%s: %s", t.step, plainText(err))
}
