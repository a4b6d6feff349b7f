package core

import (
	"testing"
	"time"

	"github.com/libnim/libnim/internal/abi"
)

// settings decodes init settings as a program gives them.
func settings(t testing.TB, text string) *abi.InitOptions {
	t.Helper()
	o, err := abi.DecodeInitOptions(text)
	if err != nil {
		t.Fatal(err)
	}
	return &o
}

func TestNewConfig(t *testing.T) {
	o := settings(t, `{"app_key":"k","global_config":{"login_retry_max_times":3,"need_update_lbs_befor_relogin":true,"custom_client_type":8,"custom_timeout":15}}`)
	c := newConfig(o, "id")
	if c.AppKey != "k" || c.LoginRetryMax != 3 || !c.RefreshLBS || c.LoginTimeout != 0 || c.FirstLogin != 15*time.Second {
		t.Errorf("got %+v", c)
	}
	if d := c.Device; d.ID != "id" || d.CustomClientType != 8 || d.ClientType != hostClientType() || d.OS != hostOS() || d.OS == "" {
		t.Errorf("device %+v", d)
	}
	o.Nimx.ClientType, o.Nimx.ClientOs, o.Nimx.ReportMac, o.Nimx.LoginTimeoutMs = 16, "Plan 9", false, 1500
	c = newConfig(o, "id")
	if d := c.Device; d.ClientType != 16 || d.OS != "Plan 9" || d.Mac != "" || c.LoginTimeout != 1500*time.Millisecond {
		t.Errorf("got %+v", c)
	}
}
