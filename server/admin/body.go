package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/server/accounts"
	"github.com/libnim/libnim/server/bus"
)

// read decodes the body of a call over v: unknown keys and wrong types are
// errors that name the key.
func read(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
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
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		key := wrong.Field
		if key == "" {
			key = "body"
		}
		return nimerr.InvalidArgument.Newf("%s: want %s, not %s", key, describe(wrong.Type), wrong.Value)
	}
	if errors.Is(err, io.EOF) {
		return nimerr.InvalidArgument.New("the body is empty")
	}
	return nimerr.InvalidArgument.New(strings.TrimPrefix(err.Error(), "json: "))
}

// describe names what JSON has for a type.
func describe(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "an integer"
	case reflect.Slice:
		return "a list"
	}
	return "an object"
}

// limit returns an error that names key when value is longer than n bytes.
func limit(key, value string, n int) error {
	if len(value) > n {
		return nimerr.InvalidArgument.Newf("%s: more than %d bytes", key, n)
	}
	return nil
}

// withQuery refuses a call whose query has other keys than those: one that is
// misspelt would make it mean another account, or all of them.
func withQuery(keys []string, f endpoint) endpoint {
	return func(ctx context.Context, r *http.Request) (any, error) {
		for key := range r.URL.Query() {
			if !slices.Contains(keys, key) {
				return nil, nimerr.InvalidArgument.Newf("%q: this call has no such key in its query", key)
			}
		}
		return f(ctx, r)
	}
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
	if errors.Is(err, bus.ErrCursor) {
		return nimerr.InvalidArgument.New("cursor: want the next_cursor of an earlier answer to the same call, or none to begin anew")
	}
	return err
}
