package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/server/auth/token"
)

func TestTokenCommandMintsEveryKind(t *testing.T) {
	env := func(string) (string, bool) { return "demo_secret", true }
	for kind, verify := range map[string]func(string, token.Expect) (token.Claims, error){
		"hmac": token.VerifyHMAC, "jwt": token.VerifyJWT, "dynamic": token.VerifyDynamic, "usersig": token.VerifyUserSig,
	} {
		var out bytes.Buffer
		err := mint([]string{"--kind", kind, "--app-key", "demo", "--sdkappid", "14", "--account", "alice", "--ttl", "1h"}, env, &out)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		var made struct {
			Token    string `json:"token"`
			AuthType int    `json:"auth_type"`
		}
		if err := json.Unmarshal(out.Bytes(), &made); err != nil {
			t.Errorf("%s: %q: %v", kind, out.String(), err)
		}
		expect := token.Expect{AppKey: "demo", SDKAppID: 14, Account: "alice", Secrets: []string{"demo_secret"}, Now: time.Now()}
		if _, err := verify(made.Token, expect); err != nil || (made.AuthType == 1) != (kind == "dynamic") {
			t.Errorf("%s: auth_type %d, %v", kind, made.AuthType, err)
		}
	}
}

func TestTokenCommandSaysWhatIsMissing(t *testing.T) {
	with := func(string) (string, bool) { return "demo_secret", true }
	without := func(string) (string, bool) { return "", false }
	for _, tc := range []struct {
		args []string
		env  func(string) (string, bool)
		says string
	}{
		{[]string{"--app-key", "demo", "--account", "alice"}, without, "NIMD_APP_SECRET"},
		{[]string{"--account", "alice"}, with, "app_key"},
		{[]string{"--app-key", "demo"}, with, "account"},
		{[]string{"--app-key", "demo", "--account", "alice", "--kind", "magic"}, with, "kind"},
		{[]string{"--app-key", "demo", "--account", "alice", "--ttl", "0s"}, with, "ttl"},
		{[]string{"--app-key", "demo", "--account", "alice", "--kind", "usersig"}, with, "sdkappid"},
	} {
		if err := mint(tc.args, tc.env, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%v: %v, want %q in it", tc.args, err, tc.says)
		}
	}
}
