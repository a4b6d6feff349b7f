package server_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/libnim/libnim/internal/wire"
)

// pages asks for a list in pages and returns the accounts of all of them;
// between runs before each page but the first.
func (e *edge) pages(path string, limit int, between func()) (names []string) {
	e.t.Helper()
	for cursor := ""; ; between() {
		out := e.do("GET", fmt.Sprintf("%s&limit=%d&cursor=%s", path, limit, cursor), nil)
		list := out["accounts"].([]any)
		if len(list) > limit {
			e.t.Fatalf("%d entries, at most %d were wanted", len(list), limit)
		}
		for _, a := range list {
			names = append(names, a.(map[string]any)["account"].(string))
		}
		if cursor = out["next_cursor"].(string); cursor == "" {
			return names
		}
	}
}

func TestAccountsAreListedInPages(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	e.do("POST", "/apps", map[string]any{"app_key": "other"})
	e.do("POST", "/accounts", map[string]any{"app_key": "other", "account": "stranger", "token": "t"})
	want := []string{}
	for i := range 25 {
		name := fmt.Sprint("a", i)
		e.account(name)
		want = append(want, name)
	}
	list := "/accounts?app_key=" + e.AppKey
	if got := e.pages(list, 10, func() {}); !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	if got := e.pages(list, 25, func() {}); !slices.Equal(got, want) { // nothing is left for a second page
		t.Errorf("listed %v, want %v", got, want)
	}
	// The account that a cursor stands for goes; one comes, one changes.
	first := true
	got := e.pages(list, 10, func() {
		if first {
			first = false
			e.do("DELETE", "/accounts/a9?app_key="+e.AppKey, nil)
			e.do("DELETE", "/accounts/a10?app_key="+e.AppKey, nil)
			e.do("POST", "/accounts", map[string]any{"app_key": e.AppKey, "account": "a15", "name": "x"})
			e.account("new")
		}
	})
	want = append(slices.DeleteFunc(want, func(s string) bool { return s == "a10" || s == "a15" }), "a15", "new")
	if !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	view := e.do("GET", list+"&limit=1", nil)["accounts"].([]any)[0].(map[string]any)
	if view["has_token"] != true || view["app_key"] != e.AppKey || strings.Contains(fmt.Sprint(view), "a0-token") {
		t.Errorf("listed as %v", view)
	}
}

func TestOnlineIsListedInPages(t *testing.T) {
	edges := startEdges(t, 2, nil)
	want := []string{}
	for i := range 7 {
		name := fmt.Sprint("a", i)
		edges[0].account(name)
		edges[i%2].online(name, "d", pc)
		want = append(want, name)
	}
	late, _ := edges[0].online("a0", "phone", ios) // which moves it to the end
	first := true
	got := edges[1].pages("/online?app_key="+edges[0].AppKey, 2, func() {
		if first {
			first = false
			edges[0].do("POST", "/kick", map[string]any{"account": "a4"})
		}
	})
	want = append(slices.DeleteFunc(want[1:], func(s string) bool { return s == "a4" }), "a0")
	if !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	late.ask(wire.OpTime, nil, nil)
	if status, out := edges[0].admin("GET", "/online?cursor=99999999", nil); status != http.StatusBadRequest {
		t.Errorf("a cursor that was never given: %d %v", status, out)
	}
}
