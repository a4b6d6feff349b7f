package abi

import (
	"encoding/json"
	"errors"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/libnim/libnim/internal/nimerr"
)

func TestAppendLoginResult(t *testing.T) {
	r := LoginResult{
		ErrorInfo: Success(),
		LoginStep: LoginStepLogin,
		OtherClientsPres: []ClientPres{
			{AppAccount: "a", ClientType: ClientTypePCWindows, DeviceId: "d", LoginTime: 1700000000123},
			{AppAccount: "a", CustomClientType: 9},
		},
	}
	want := `{"err_code":200,"login_step":3,"relogin":false,"retrying":false,"other_clients_pres":[` +
		`{"app_account":"a","client_type":4,"client_os":"","mac":"","device_id":"d","login_time":1700000000123,"custom_tag":""},` +
		`{"app_account":"a","client_type":0,"client_os":"","mac":"","device_id":"","login_time":0,"custom_tag":"","custom_client_type":9}]}`
	if got := string(r.AppendJSON(nil)); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestAppendOptionalMembers(t *testing.T) {
	var v ConnectionEvent
	if got := string(v.AppendJSON(nil)); got != `{"err_code":0,"event":"","status":0}` {
		t.Error(got)
	}
	v.ErrorInfo = ErrorInfoOf(&nimerr.Error{Kind: nimerr.RateLimited, Detail: "edge", RetryAfter: 2 * time.Second, Endpoint: "wss://h/nim"})
	v.Kicked = &KickoutEvent{ReasonCode: KickReasonServerKick}
	want := `{"err_code":503,"err_name":"rate_limited","err_msg":"too many attempts; try again later: edge","domain":"server",` +
		`"retryable":true,"endpoint":"wss://h/nim","retry_in_ms":2000,"event":"","status":0,` +
		`"kicked":{"client_type":0,"reason_code":2,"reason_description":"","custom_client_type":0}}`
	if got := string(v.AppendJSON(nil)); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestAppendNested(t *testing.T) {
	d := Diagnostics{
		ErrorInfo: Success(),
		Attempts:  []Attempt{{ErrorInfo: Success(), DnsUs: 3, TotalUs: 9}},
		Trace:     []string{`{"t":1}`, `{"t":2}`},
	}
	var back struct {
		Attempts []struct {
			DNS int64 `json:"dns_us"`
		}
		Trace []struct{ T int }
	}
	if err := json.Unmarshal(d.AppendJSON(nil), &back); err != nil {
		t.Fatal(err)
	}
	if back.Attempts[0].DNS != 3 || back.Trace[1].T != 2 {
		t.Errorf("%+v", back)
	}
}

func TestErrorInfoOf(t *testing.T) {
	if got := ErrorInfoOf(nil); got != Success() {
		t.Errorf("nil: %+v", got)
	}
	var none *nimerr.Error
	if got := ErrorInfoOf(none); got != Success() {
		t.Errorf("nil *Error: %+v", got)
	}
	if got := ErrorInfoOf(errors.New("odd")); got.ErrName != "internal" || got.ErrCode != 21000 {
		t.Errorf("foreign error: %+v", got)
	}
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "a\"\\\n\r\t\x00\x1f", "é€😀", "\xff\xc3", "</script>\u2028\x7f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var back string
		out := appendString(nil, s)
		if err := json.Unmarshal(out, &back); err != nil {
			t.Fatalf("%q: %v", out, err)
		}
		if want := string([]rune(s)); back != want {
			t.Fatalf("%q came back as %q", s, back)
		}
		if !utf8.Valid(out) {
			t.Fatalf("%q is not UTF-8", out)
		}
	})
}
