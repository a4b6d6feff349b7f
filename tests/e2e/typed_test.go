package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"testing"
	"time"
)

// messageFixtures hold the JSON of messages by type. One quoted number ends a
// program of the original C++ wrapper.
var messageFixtures = map[string]string{
	"nim_talk_ack_cb_func.result":                     "ack_1",
	"nim_talk_receive_cb_func.content":                "recv_1",
	"nim_session_change_cb_func.result":               "session_1",
	"nim_session_query_recent_session_cb_func.result": "sessions_1",
	"nim_msglog_query_cb_func.result":                 "msglogs_1",
}

// TestMessagesAreTyped sends a message from one program to another and holds
// the types of all that they are told to what existing programs parse.
func TestMessagesAreTyped(t *testing.T) {
	must(t, compile("typed", "typed.c", "host.c"))
	server := theServer(t)
	from, to := account(t, server), account(t, server)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	run := func(as, peer, do string) *exec.Cmd {
		return program(ctx, "typed", server.Link, server.AppKey, as, "secret", t.TempDir(), peer, do)
	}
	sent, err := run(from, to, "send").Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, sent)
	}
	heard, err := run(to, from, "wait").Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, heard)
	}
	seen := map[string]bool{}
	for line := range bytes.Lines(append(sent, heard...)) {
		var o outcome
		if line[0] != '{' || json.Unmarshal(line, &o) != nil {
			continue
		}
		o.Function = o.Callback
		for name, value := range o.Arguments {
			file := messageFixtures[o.Callback+"."+name]
			if file == "" {
				continue
			}
			seen[o.Callback] = true
			got, want := parsed(t, o.Function, name, value), fixture(t, file)
			if file == "msglogs_1" { // its messages are short ones
				want.(map[string]any)["content"] = []any{fixture(t, "recv_1/content")}
				if list, _ := got.(map[string]any)["content"].([]any); len(list) != 1 {
					t.Errorf("the history is %v, want one message", got)
				}
			}
			if batch, isBatch := got.([]any); isBatch && file == "recv_1" {
				for _, one := range batch {
					o.checkType(t, name, one, want)
				}
				continue
			}
			o.checkType(t, name, got, want)
		}
	}
	if len(seen) != len(messageFixtures) {
		t.Errorf("heard of %v alone", seen)
	}
}
