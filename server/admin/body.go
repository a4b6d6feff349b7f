package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/accounts"
	"github.com/libnim/libnim/server/bus"
)

// read decodes the body of a call over v: unknown keys, keys given twice and
// wrong types are errors that name the key.
func read(r *http.Request, v any) error {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return unreadable(err)
	}
	if err := checkBody(data, v); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return unreadable(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nimerr.InvalidArgument.New("more than one JSON value in the body")
	}
	return nil
}

// readFor is read for a call that means an app: the one with the key that is
// then at appKey, a field of v.
func (a *API) readFor(r *http.Request, v any, appKey *string) (*accounts.App, error) {
	if err := read(r, v); err != nil {
		return nil, err
	}
	return a.app(*appKey)
}

// unreadable says what is wrong with a body, in the terms of who sent it.
func unreadable(err error) error {
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &httpError{http.StatusRequestEntityTooLarge, nimerr.InvalidArgument.Newf("the body is longer than %d bytes", large.Limit)}
	}
	if errors.Is(err, io.EOF) {
		return nimerr.InvalidArgument.New("the body is empty")
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nimerr.InvalidArgument.New("the body ends in the middle of its JSON")
	}
	if bad, ok := errors.AsType[*json.SyntaxError](err); ok {
		return nimerr.InvalidArgument.Newf("the body is not valid JSON: %v, at byte %d", bad, bad.Offset)
	}
	return nimerr.InvalidArgument.New(wire.Explain(err))
}

// limit returns an error that names key when value is longer than n bytes.
func limit(key, value string, n int) error {
	if len(value) > n {
		return nimerr.InvalidArgument.Newf("%s: more than %d bytes", key, n)
	}
	return nil
}

// limitOf reads how many entries a call that lists shall answer.
func limitOf(q url.Values, usual, most int) (int, error) {
	s := q.Get("limit")
	if s == "" {
		return usual, nil
	}
	limit, err := strconv.Atoi(s)
	if err != nil || limit < 1 || limit > most {
		return 0, nimerr.InvalidArgument.Newf("limit: want 1 to %d", most)
	}
	return limit, nil
}

// pageError is err, unless the cursor is to blame.
func pageError(err error) error {
	if errors.Is(err, bus.ErrCursor) || errors.Is(err, accounts.ErrCursor) {
		return nimerr.InvalidArgument.New("cursor: want the next_cursor of an earlier answer to the same call, or none to begin anew")
	}
	return err
}
