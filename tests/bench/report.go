package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

func printReport(inside, across floor, push, pull *figures, size int64) {
	fmt.Println("login, from nim_client_login to the callback of step 3, loopback")
	floorRows("bare gorilla dial + echo, one process", inside)
	floorRows("bare gorilla dial + echo, two processes", across)
	loginRows("libnim and nimd, to dials in one process", push, inside)
	loginRows("libnim and nimd, to dials in two", push, across)
	where(push)
	row("libnim and nimd, p99, in a row", time.Duration(push.values["login_p99"]))
	row("logout, median", time.Duration(push.values["logout"]))

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

// floorRows and loginRows print the median of what comes in a row, and of what
// comes after a rest.
func floorRows(name string, f floor) {
	fmt.Printf("  %-44s %v in a row, %v after a rest\n", name, f.inARow, f.rested)
}

func loginRows(name string, f *figures, bare floor) {
	inARow, rested := time.Duration(f.values["login"]), time.Duration(f.values["login_rested"])
	fmt.Printf("  %-44s %v in a row, %v after a rest: %.1f and %.1f times the bare dial\n", name, inARow, rested,
		float64(inARow)/float64(bare.inARow), float64(rested)/float64(bare.rested))
}

func row(name string, d time.Duration) { fmt.Printf("  %-44s %v\n", name, d) }

func where(f *figures) {
	fmt.Printf("  %-44s %s\n", "where the time of the last login went", lastAttempt(f))
}

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
