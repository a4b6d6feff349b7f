package admin

import (
	"context"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"github.com/libnim/libnim/internal/nimerr"
)

// A call must mean what it says. The decoder of the standard library takes the
// last of two equal keys, keys in another case, and text that is no text, which
// it changes; a query that cannot be read loses what follows.

// checkObject returns an error that names the key of an object which is given
// twice, is written otherwise than t has it, or holds what is no text.
func checkObject(o gjson.Result, t reflect.Type, path string) (err error) {
	keys, seen := fieldsOf(t), map[string]bool{}
	o.ForEach(func(k, v gjson.Result) bool {
		name := path + k.Str
		field, known := keys[k.Str]
		switch {
		case !known:
			err = nimerr.InvalidArgument.Newf("%q: this call has no such key", nimerr.Clip(name, 64))
		case seen[k.Str]:
			err = nimerr.InvalidArgument.Newf("%s: given twice", name)
		default:
			seen[k.Str] = true
			err = checkValue(v, field, name)
		}
		return err == nil
	})
	return err
}

func checkValue(v gjson.Result, t reflect.Type, name string) (err error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case v.Type == gjson.String:
		if brokenText(v) {
			err = nimerr.InvalidArgument.Newf("%s: not valid Unicode", name)
		}
	case v.IsObject() && t.Kind() == reflect.Struct:
		err = checkObject(v, t, name+".")
	case v.IsArray() && t.Kind() == reflect.Slice:
		v.ForEach(func(_, item gjson.Result) bool {
			err = checkValue(item, t.Elem(), name)
			return err == nil
		})
	}
	return err
}

// brokenText reports that a string holds half of a surrogate pair, of which
// decoding makes U+FFFD.
func brokenText(v gjson.Result) bool {
	const replacement = "\uFFFD"
	meant := strings.Count(v.Raw, replacement) + strings.Count(strings.ToLower(v.Raw), `\ufffd`)
	return strings.Count(v.Str, replacement) > meant
}

// fieldsOf returns the types of the keys that an object of type t has.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		out[name] = t.Field(i).Type
	}
	return out
}

// checkBody is checkObject for the body of a call that is decoded into v. What
// is no object the decoder names.
func checkBody(data []byte, v any) error {
	if !utf8.Valid(data) {
		return nimerr.InvalidArgument.New("the body is not UTF-8")
	}
	if o := gjson.ParseBytes(data); gjson.ValidBytes(data) && o.IsObject() {
		return checkObject(o, reflect.TypeOf(v).Elem(), "")
	}
	return nil
}

// withQuery refuses a call whose query has other keys than those, one of them
// twice, or cannot be read: it would mean another account, or all of them.
func withQuery(keys []string, f endpoint) endpoint {
	return func(ctx context.Context, r *http.Request) (any, error) {
		q, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return nil, nimerr.InvalidArgument.New("the query cannot be read: " + err.Error())
		}
		for key, values := range q {
			switch {
			case !slices.Contains(keys, key):
				return nil, nimerr.InvalidArgument.Newf("%q: this call has no such key in its query", nimerr.Clip(key, 64))
			case len(values) > 1:
				return nil, nimerr.InvalidArgument.Newf("%s: given twice in the query", key)
			case values[0] == "" && key != "cursor":
				return nil, nimerr.InvalidArgument.Newf("%s: empty in the query", key)
			}
		}
		return f(ctx, r)
	}
}

// DotNames makes calls whose path ends in an account or app key of dots work:
// such a path is another path by the rules of HTTP, and h would send them there.
func DotNames(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for path, key := range map[string]string{"/v1/accounts": "account", "/v1/apps": "app_key"} {
			name, found := strings.CutPrefix(r.URL.Path, path+"/")
			if !found || name != "." && name != ".." {
				continue
			}
			r = r.Clone(r.Context())
			r.URL.Path, r.URL.RawPath = path, ""
			r.URL.RawQuery = strings.TrimPrefix(r.URL.RawQuery+"&"+key+"="+name, "&")
		}
		h.ServeHTTP(w, r)
	})
}
