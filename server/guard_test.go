package server_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/libnim/libnim/server"
)

// Wrong admin keys are counted and logged, and bounded; they do not keep out
// whoever has shown the right one from the same address.
func TestWrongAdminKeysAreBounded(t *testing.T) {
	for _, known := range []bool{false, true} {
		t.Run(fmt.Sprintf("the right key was shown before: %v", known), func(t *testing.T) {
			var out strings.Builder
			e := startEdges(t, 1, func(_ int, c *server.Config) {
				c.Log = slog.New(slog.NewTextHandler(&out, nil))
				c.AdminListen = "127.0.0.1:0" // the metrics there want no key
			})[0]
			if known {
				e.do("GET", "/apps", nil)
			}
			key := e.AdminKey
			e.AdminKey = "wrong-" + key
			counts := map[int]int{}
			for range 40 {
				status, _ := e.admin("GET", "/apps", nil)
				counts[status]++
			}
			wrong, tooMany := e.counted(`nimd_admin_refused_total{cause="key"}`), e.counted(`nimd_admin_refused_total{cause="rate"}`)
			if wrong != counts[401] || tooMany != counts[429] {
				t.Errorf("answers %v, counted %d wrong and %d too many", counts, wrong, tooMany)
			}
			e.AdminKey = key
			status, _ := e.admin("GET", "/apps", nil)
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			lines := strings.Count(out.String(), "without the admin key")
			if known && (counts[401] != 40 || status != 200) || !known && (counts[401] < 20 || counts[401] > 25 || counts[429] != 40-counts[401]) || lines != 1 {
				t.Errorf("answers %v, the right key then %d, %d lines", counts, status, lines)
			}
			if strings.Contains(out.String(), key) {
				t.Error("a key is in the log")
			}
		})
	}
}

// The metrics do not go on telling of an app that was deleted.
func TestADeletedAppLeavesTheMetrics(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	secret := e.do("POST", "/apps", map[string]any{"app_key": "other"})["app_secret"]
	if secret == "" {
		t.Fatal("no secret")
	}
	e.do("POST", "/accounts", map[string]any{"app_key": "other", "account": "alice", "token": "alice-token"})
	l := e.loginAs("alice", "desk", pc)
	l.AppKey = "other"
	c := e.dial()
	c.mustLogin(l)
	// A login is counted when its answer has been written.
	waitFor(t, "the app is counted", func() bool { return strings.Contains(e.metrics(), `app_key="other"`) })
	e.do("DELETE", "/apps/other", nil)
	c.wantClose()
	waitFor(t, "the app is counted no more", func() bool { return !strings.Contains(e.metrics(), `app_key="other"`) })
}
