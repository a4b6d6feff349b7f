package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

func printReport(inside, across time.Duration, push, pull *figures, size int64) {
	login := time.Duration(push.values["login"])
	fmt.Println("login, from nim_client_login to the callback of step 3, loopback")
	row("bare gorilla dial + echo, one process", inside)
	row("bare gorilla dial + echo, two processes", across)
	row("libnim and nimd, median", login)
	row("libnim and nimd, p99", time.Duration(push.values["login_p99"]))
	fmt.Printf("  %-44s %.1f times the bare dial in one process, %.1f times that in two\n", "ratio",
		float64(login)/float64(inside), float64(login)/float64(across))
	row("logout, median", time.Duration(push.values["logout"]))
	fmt.Printf("  %-44s %s\n", "where the time of the last login went", lastAttempt(push))

	fmt.Println("calls")
	row("nim_client_get_login_state (answered in C)", time.Duration(push.values["getter_state"]))
	row("nim_client_current_user_account (in C)", time.Duration(push.values["getter_account"]))
	row("nimx_client_capabilities (C to Go and back)", time.Duration(push.values["go_call"]))
	row("server time, from the server, to its callback", time.Duration(push.values["server_round_trip"]))

	fmt.Println("callbacks, each begun by a call of its own")
	for _, m := range []struct {
		name string
		f    *figures
	}{{"push", push}, {"pull", pull}} {
		row(m.name+": per callback, call included", time.Duration(m.f.values["callback"]))
		row(m.name+": the call alone", time.Duration(m.f.values["post"]))
		row(m.name+": one at a time, call to callback", time.Duration(m.f.values["local_round_trip"]))
	}

	fmt.Println("size")
	fmt.Printf("  %-44s %d bytes\n", "libnim.so", size)
	fmt.Printf("  %-44s %d KiB loaded, %d KiB logged in, %d KiB after %d logins\n", "resident memory",
		push.values["rss_kib_loaded"], push.values["rss_kib_login"], push.values["rss_kib_end"], logins)
	fmt.Printf("  %-44s %d\n", "threads, logged in", push.values["threads_login"])
	row("nim_client_init", time.Duration(push.values["init"]))
}

func row(name string, d time.Duration) { fmt.Printf("  %-44s %v\n", name, d) }

// lastAttempt names the parts of the last connection, as the library's own
// diagnostics tell them.
func lastAttempt(f *figures) string {
	if len(f.diagnostics.Attempts) == 0 {
		return "not told"
	}
	last := f.diagnostics.Attempts[len(f.diagnostics.Attempts)-1]
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(last)) {
		if us, ok := last[key].(float64); ok && strings.HasSuffix(key, "_us") && us > 0 {
			parts = append(parts, fmt.Sprintf("%s %.0f µs", strings.TrimSuffix(key, "_us"), us))
		}
	}
	return strings.Join(parts, ", ")
}
