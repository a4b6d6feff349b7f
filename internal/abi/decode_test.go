package abi

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/libnim/libnim/internal/nimerr"
)

// The texts of the two NetEase wrappers, as they send them.
const (
	cppInit = `{"app_key":"k","global_config":{"db_encrypt_key":"","preload_attach":true,"sdk_log_level":5,` +
		`"login_retry_max_times":0,"use_https":true,"need_update_lbs_befor_relogin":false,"custom_client_type":0,` +
		`"sync_data_type_config":[{"key":1,"value":2}]},"private_server_setting":{"link":"im.example:8080","lbs":"",` +
		`"lbs.backup":["http://a/lbs"],"nos_uploader":"nos.example:80","dedicated_cluste_flag":true,"version":0}}` + "\n"
	csharpInit = `{"global_config":{"private_server_setting":true,"sdk_log_level":6,"use_https":false},` +
		`"private_server_setting":{"default_link":["a:1","b:2"],"rsa_public_key_module":"x"}}`
)

func TestDecodeWhatWrappersSend(t *testing.T) {
	v, err := DecodeInitOptions(cppInit)
	if err != nil {
		t.Fatal(err)
	}
	p := v.PrivateServerSetting
	if v.AppKey != "k" || !reflect.DeepEqual(p.Link, []string{"im.example:8080"}) ||
		!reflect.DeepEqual(p.LbsBackup, []string{"http://a/lbs"}) || p.Backend != "nim" ||
		v.GlobalConfig.UseHttps == nil || !*v.GlobalConfig.UseHttps {
		t.Errorf("C++ init: %+v", v)
	}
	v, err = DecodeInitOptions(csharpInit)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(v.PrivateServerSetting.Link, []string{"a:1", "b:2"}) || v.GlobalConfig.SdkLogLevel != 6 {
		t.Errorf("C# init: %+v", v)
	}
}

func TestDecodeDefaults(t *testing.T) {
	for _, text := range []string{"", " \n", "{}", "null", `{"nimx":null,"global_config":{"use_https":null}}`} {
		v, err := DecodeInitOptions(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if !v.Nimx.ReportMac || v.Nimx.LoginTimeoutMs != 0 || v.GlobalConfig.UseHttps != nil || v.PrivateServerSetting.Backend != "nim" {
			t.Errorf("%q: %+v", text, v)
		}
	}
	o, err := DecodeLoginOptions(`{"force":false,"timeout_ms":5,"unknown":{"a":[1]}}`)
	if err != nil || o.Force || o.TimeoutMs != 5 {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestDecodeFaults(t *testing.T) {
	initOptions := func(s string) error { _, err := DecodeInitOptions(s); return err }
	login := func(s string) error { _, err := DecodeLoginOptions(s); return err }
	kick := func(s string) error { _, err := DecodeKickOtherRequest(s); return err }
	push := func(s string) error { _, err := DecodePushConfig(s); return err }
	for _, c := range []struct {
		decode func(string) error
		text   string
		want   string
	}{
		{initOptions, `{"global_config":{"login_retry_max_times":"3"}}`, `global_config.login_retry_max_times: want an integer, got a string "3"`},
		{initOptions, `{"global_config":[]}`, `global_config: want an object, got an array`},
		{initOptions, `{"private_server_setting":{"link":["a",3]}}`, `private_server_setting.link.1: want a string, got a number`},
		{initOptions, `{"private_server_setting":{"lbs":true}}`, `private_server_setting.lbs: want a string, got true`},
		{initOptions, `{"nimx":{"report_mac":1}}`, `nimx.report_mac: want true or false, got the number 1`},
		{initOptions, `{"global_config":{"use_https":2}}`, `global_config.use_https: want true or false, got the number 2`},
		{login, `[]`, `json_extension: want an object, got an array`},
		{login, `{`, `json_extension: not valid JSON at line 1, column 2: the text ends in the middle`},
		{initOptions, "{\n\t\"app_key\": \"é\",\n}", `json_extension: not valid JSON at line 3, column 1: a comma before }`},
		{initOptions, `{"nimx":{"spki_pins":["a", ]}}`, `json_extension: not valid JSON at line 1, column 28: a comma before ]`},
		{login, `{'force':true}`, `json_extension: not valid JSON at line 1, column 2: a single quote, where JSON has double ones`},
		{login, "{ // mine\n}", `json_extension: not valid JSON at line 1, column 3: a comment, which JSON does not have`},
		{push, `{"switch_open":1}x`, `switch_content: not valid JSON at line 1, column 18: invalid character 'x' after top-level value`},
		{login, `{"auth_type":1.5}`, `auth_type: want an integer, got the number 1.5`},
		{login, `{"auth_type":99999999999}`, `auth_type: want an integer, got the number 99999999999`},
		{initOptions, `{"private_server_setting":{"admin_token":123456}}`, `private_server_setting.admin_token: want a string, got a number`},
		{login, `{"login_ex":{}}`, `login_ex: want a string, got an object`},
		{login, `{"force":"` + strings.Repeat("é", 40) + `"}`, `force: want true or false, got a string "` + strings.Repeat("é", 16) + `…"`},
		{kick, `{"device_ids":7}`, `device_ids: want an array of strings, got the number 7`},
	} {
		err := c.decode(c.text)
		if !errors.Is(err, nimerr.InvalidArgument) {
			t.Errorf("%s: %v is not an invalid argument", c.text, err)
			continue
		}
		if got := strings.TrimPrefix(err.Error(), nimerr.InvalidArgument.Text+": "); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

// Unknown keys are no fault, but they are named.
func TestUnknownKeys(t *testing.T) {
	o, err := DecodeInitOptions(`{"appkey":1,"nimx":{"device_id":"d","spkipins":[]},"global_config":{"use_https":true}}`)
	if err != nil || !reflect.DeepEqual(o.Unknown, []string{"appkey", "nimx.spkipins"}) {
		t.Errorf("%q, %v", o.Unknown, err)
	}
	l, err := DecodeLoginOptions("{" + strings.Repeat(`"x":1,`, 100) + `"force":false}`)
	if err != nil || len(l.Unknown) != maxUnknown || l.Force {
		t.Errorf("%d keys, %v", len(l.Unknown), err)
	}
}

func TestDecodeDeviations(t *testing.T) {
	if o, err := DecodeLoginOptions("\ufeff" + `{"login_ex":"x"}`); err != nil || o.LoginEx != "x" {
		t.Errorf("with a byte order mark: %+v, %v", o, err)
	}
	k, err := DecodeKickOtherRequest(`{"device_ids":"one"}`)
	if err != nil || !reflect.DeepEqual(k.DeviceIds, []string{"one"}) {
		t.Errorf("%+v, %v", k, err)
	}
	k, err = DecodeKickOtherRequest(`{"device_ids":""}`)
	if err != nil || len(k.DeviceIds) != 0 {
		t.Errorf("%+v, %v", k, err)
	}
	v, err := DecodeInitOptions(`{"global_config":{"use_https":0},"private_server_setting":false}`)
	if err != nil || v.GlobalConfig.UseHttps == nil || *v.GlobalConfig.UseHttps {
		t.Errorf("%+v, %v", v, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(cppInit)
	f.Add(csharpInit)
	f.Add(`{"private_server_setting":{"link":[null,"a"],"link":1e9}}`)
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Count(text, "[")+strings.Count(text, "{") > 64 {
			return // the C front refuses it
		}
		_, err := DecodeInitOptions(text)
		if err != nil && !errors.Is(err, nimerr.InvalidArgument) {
			t.Fatal(err)
		}
		if err == nil && strings.TrimSpace(text) != "" && !gjson.Valid(text) {
			t.Fatal("accepted what is not JSON")
		}
	})
}
