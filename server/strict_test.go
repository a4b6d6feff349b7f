package server_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libnim/libnim/server"
)

// rest makes a call as its bytes say.
func (e *edge) rest(method, pathAndQuery, scheme, body string) (int, map[string]any) {
	e.t.Helper()
	r, err := http.NewRequest(method, e.Admin+pathAndQuery, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	r.Header.Set("Authorization", scheme+" "+e.AdminKey)
	noRedirects := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := noRedirects.Do(r)
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	var out map[string]any
	_ = json.Unmarshal(data, &out) // what is no JSON fails the test by what is missing
	return resp.StatusCode, out
}

// A call that can be read in two ways, or not at all, changes nothing.
func TestACallMeansWhatItSays(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	for _, tc := range []struct{ method, call, body, want string }{
		{"DELETE", "/accounts?account=v1&app_key=other%zz", "", "query"},
		{"DELETE", "/accounts?account=v1;app_key=other", "", "query"},
		{"DELETE", "/accounts?account=v1&account=v2", "", "account: given twice"},
		{"DELETE", "/accounts/v1?app_key=" + e.AppKey + "&app_key=other", "", "app_key: given twice"},
		{"DELETE", "/accounts/v1?app_key=", "", "app_key: empty"},
		{"GET", "/online?account=v1&%zz", "", "query"},
		{"POST", "/accounts", `{"account":"v1","name":"a","name":"b"}`, "name: given twice"},
		{"POST", "/accounts", `{"Account":"v1"}`, `"Account"`},
		{"POST", "/accounts", `{"account":"v1","app_Key":"other"}`, `"app_Key"`},
		{"POST", "/accounts", "{\"account\":\"v1\",\"name\":\"\xff\"}", "UTF-8"},
		{"POST", "/accounts", `{"account":"v1","name":"\ud83d"}`, "name: not valid Unicode"},
		{"POST", "/accounts", `{"account":"v1","name":7}`, "name: want a string"},
		{"POST", "/accounts", `{"account":"v1"`, "ends in the middle"},
		{"POST", "/accounts", `{"account":"v1",}`, "not valid JSON"},
		{"POST", "/accounts", `[]`, "body: want an object"},
		{"POST", "/apps", `{"webhook":{"url":"http://a","url":"http://b"}}`, "webhook.url: given twice"},
		{"POST", "/apps", `{"webhook":{"URL":"http://a"}}`, `"webhook.URL"`},
		{"POST", "/apps", `{"kinds":["\udc00"]}`, "kinds: not valid Unicode"},
		{"PUT", "/policy", `{"multi_login":"custom","classes":[{"name":"a","max":1,"Max":2}]}`, `"classes.Max"`},
	} {
		e.rest("POST", "/accounts", "Bearer", `{"account":"v1","token":"v1-token"}`)
		status, out := e.rest(tc.method, tc.call, "Bearer", tc.body)
		text, _ := out["err_msg"].(string)
		if status != http.StatusBadRequest || !strings.Contains(text, tc.want) || strings.Contains(text, "Go ") || strings.Contains(text, "struct") {
			t.Errorf("%s %s %s: %d %q, want 400 and %q", tc.method, tc.call, tc.body, status, text, tc.want)
		}
		if status, _ := e.rest("GET", "/accounts/v1", "Bearer", ""); status != http.StatusOK {
			t.Errorf("%s %s: v1 is gone", tc.method, tc.call)
		}
	}
	if status, out := e.rest("POST", "/accounts", "Bearer", `{"account":"v1","name":"\ufffd \ud83d\ude00 �"}`); status != 200 || out["name"] != "\ufffd 😀 �" {
		t.Errorf("text that is right: %d %v", status, out)
	}
}

func TestTheSchemeMayBeInAnyCase(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	for scheme, want := range map[string]int{"Bearer": 200, "bearer": 200, "BEARER": 200, "Basic": 401, "": 401} {
		if status, _ := e.rest("GET", "/apps", scheme, ""); status != want {
			t.Errorf("%q: %d, want %d", scheme, status, want)
		}
	}
}

// Accounts and apps may have names that are something else in a path.
func TestNamesOfDots(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	e.account("alice")
	for _, name := range []string{".", ".."} {
		e.account(name)
		if status, out := e.rest("GET", "/accounts/"+strings.ReplaceAll(name, ".", "%2e"), "Bearer", ""); status != 200 || out["account"] != name {
			t.Errorf("GET %s: %d %v", name, status, out)
		}
		if status, out := e.rest("DELETE", "/accounts/"+strings.ReplaceAll(name, ".", "%2E")+"?app_key="+e.AppKey, "Bearer", ""); status != 200 {
			t.Errorf("DELETE %s: %d %v", name, status, out)
		}
		if status, _ := e.rest("GET", "/accounts?account="+name, "Bearer", ""); status != http.StatusNotFound {
			t.Errorf("%s is still there: %d", name, status)
		}
		e.do("POST", "/apps", map[string]any{"app_key": name})
		if status, out := e.rest("GET", "/apps/"+strings.ReplaceAll(name, ".", "%2e"), "Bearer", ""); status != 200 || out["app_key"] != name {
			t.Errorf("app %s: %d %v", name, status, out)
		}
		if status, out := e.rest("DELETE", "/apps/"+strings.ReplaceAll(name, ".", "%2e"), "Bearer", ""); status != 200 {
			t.Errorf("DELETE app %s: %d %v", name, status, out)
		}
	}
	if status, _ := e.rest("GET", "/accounts/alice", "Bearer", ""); status != 200 {
		t.Error("another account went")
	}
}

// A key that no HTTP header can carry would lock the operator out.
func TestAKeyThatCannotBeSentIsRefused(t *testing.T) {
	for _, key := range []string{"sixteen bytes and\x00more", "two words of a key", "ключ из шестнадцати"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "admin.key"), []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := server.Start(t.Context(), server.Config{Listen: "127.0.0.1:0", DataDir: dir})
		if err == nil {
			_ = s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "admin.key") || strings.Contains(err.Error(), key) {
			t.Errorf("%q: %v", key, err)
		}
	}
}
