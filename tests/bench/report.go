package main

import (
	"fmt"
	"time"
)

func row(name string, d time.Duration) { fmt.Printf("  %-44s %v\n", name, d) }

// reportCalls prints what calls and callbacks cost.
func reportCalls(push, pull *figures) {
	each := func(f *figures, name, figure string) { row(name, time.Duration(f.value(figure))) }
	fmt.Println("calls")
	each(push, "nim_client_get_login_state (answered in C)", "getter_state")
	each(push, "nim_client_current_user_account (in C)", "getter_account")
	each(push, "nimx_client_capabilities (C to Go and back)", "go_call")
	each(push, "server time, from the server, to its callback", "server_round_trip")

	fmt.Println("callbacks, each begun by a call of its own")
	for _, m := range []struct {
		name string
		f    *figures
	}{{"push", push}, {"pull", pull}} {
		each(m.f, m.name+": per callback, call included", "callback")
		each(m.f, m.name+": the call alone", "post")
		each(m.f, m.name+": one at a time, call to callback", "local_round_trip")
	}
}
