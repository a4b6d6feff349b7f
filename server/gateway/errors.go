package gateway

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
)

// reply returns the head of the reply that tells err.
func reply(id uint64, err *nimerr.Error) wire.Frame {
	return wire.Frame{
		Op: wire.OpReply, ID: id,
		Code: err.Kind.Code, ErrName: err.Kind.Name, ErrMsg: err.Error(),
		ServerCode: err.ServerCode, RetryAfterMS: err.RetryAfter.Milliseconds(),
	}
}

// public drops from err what is for the server's log only.
func public(err error) *nimerr.Error {
	e := nimerr.From(err, nimerr.ServerError)
	if e.Kind == nimerr.ServerError {
		return nimerr.ServerError.New("")
	}
	return e
}

func writeUpgradeError(w http.ResponseWriter, status int, err *nimerr.Error) {
	body := map[string]any{"code": err.Kind.Code, "err_name": err.Kind.Name, "err_msg": err.Error()}
	if err.RetryAfter > 0 {
		body["retry_after_ms"] = err.RetryAfter.Milliseconds()
		w.Header().Set("Retry-After", strconv.FormatInt(int64(math.Ceil(err.RetryAfter.Seconds())), 10))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// retrySpread is a delay in milliseconds that keeps clients who are sent away
// together from coming back together.
func (g *Gateway) retrySpread() int64 {
	return (500*time.Millisecond + rand.N(g.cfg.DrainSpread)).Milliseconds()
}

// tooMany is the answer to a client that got no turn.
func (g *Gateway) tooMany(detail string) *nimerr.Error {
	e := nimerr.ServerBusy.New(detail)
	e.RetryAfter = 500*time.Millisecond + rand.N(arrivalSpread)
	return e
}

func (g *Gateway) shutdownNotice() wire.GoingAway {
	return wire.GoingAway{Reason: "the server is shutting down", RetryAfterMS: g.retrySpread()}
}
