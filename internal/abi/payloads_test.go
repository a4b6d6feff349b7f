package abi

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

type payload interface{ AppendJSON([]byte) []byte }

var outputs = []payload{
	&LoginResult{}, &ClientPres{}, &DisconnectEvent{}, &LogoutResult{}, &KickoutEvent{}, &MultiSpotEvent{},
	&KickOtherResult{}, &KickedDevice{}, &PushConfig{}, &TokenRequest{}, &ProxyDetectResult{}, &CacheFileInfo{},
	&ConnectionEvent{}, &RenewTokenResult{}, &Result{}, &LoginUser{}, &Capabilities{}, &Diagnostics{}, &Attempt{},
}

// TestEveryOutput fills each payload and looks for each of its members in the
// JSON; then it writes the payload empty, which must be JSON too.
func TestEveryOutput(t *testing.T) {
	for _, p := range outputs {
		name := reflect.TypeOf(p).Elem().Name()
		if empty := p.AppendJSON(nil); !json.Valid(empty) {
			t.Errorf("%s, empty: %s", name, empty)
		}
		members := fill(reflect.ValueOf(p).Elem())
		out := p.AppendJSON([]byte("before"))
		var got map[string]any
		if err := json.Unmarshal(out[len("before"):], &got); err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
			continue
		}
		if len(got) != members {
			t.Errorf("%s: %d members in %s, want %d", name, len(got), out, members)
		}
		for key, value := range got {
			if value == nil || key != strings.ToLower(key) {
				t.Errorf("%s: member %q is %v", name, key, value)
			}
		}
	}
}

// fill sets every field to something that is not zero and returns how many
// members the object then has.
func fill(v reflect.Value) int {
	n := 0
	for i := range v.NumField() {
		f := v.Field(i)
		if v.Type().Field(i).Anonymous {
			n += fill(f)
			continue
		}
		n++
		set(f)
	}
	return n
}

func set(f reflect.Value) {
	switch f.Kind() {
	case reflect.String:
		f.SetString(`{"x":1}`)
	case reflect.Bool:
		f.SetBool(true)
	case reflect.Int, reflect.Int64:
		f.SetInt(-7)
	case reflect.Pointer:
		f.Set(reflect.New(f.Type().Elem()))
		set(f.Elem())
	case reflect.Struct:
		fill(f)
	case reflect.Slice:
		f.Set(reflect.MakeSlice(f.Type(), 2, 2))
		set(f.Index(0))
		set(f.Index(1))
	}
}

func TestDecodeOthers(t *testing.T) {
	if v, err := DecodeLogoutOptions(`{"operation_id":"o"}`); err != nil || v.OperationId != "o" {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err := DecodePushConfig(`{"switch_open":2}`); err != nil || v.SwitchOpen != 2 {
		t.Errorf("%+v, %v", v, err)
	}
	v, err := DecodeRenewTokenOptions(`{"login_ex":"x","operation_id":"o"}`)
	if err != nil || v.AuthType != -1 || v.LoginEx != "x" || v.OperationId != "o" {
		t.Errorf("%+v, %v", v, err)
	}
}
