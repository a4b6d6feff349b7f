// Command openimfake runs the double of an OpenIM deployment for tests in any
// language. It prints one line of JSON when it is ready and ends when its
// standard input does, or on a signal.
//
//	{"ws_addr":"ws://127.0.0.1:40001","api_addr":"http://127.0.0.1:40002","secret":"openIM123","admin_token":"…"}
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/libnim/libnim/tests/openimfake"
)

func main() {
	policy := flag.Int("policy", 1, "multiLogin.policy: 0, 1, 4 or 5")
	users := flag.String("users", "alice,bob", "users to register, by comma")
	lag := flag.Duration("lag", time.Second, "how long changes of online status are merged")
	flag.Parse()
	if err := run(openimfake.Options{Policy: policy, Lag: *lag, DistinctTokens: true}, strings.Split(*users, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "openimfake:", err)
		os.Exit(1)
	}
}

func run(o openimfake.Options, users []string) error {
	s, err := openimfake.Start(o)
	if err != nil {
		return err
	}
	defer s.Close()
	for _, u := range users {
		s.AddUser(openimfake.User{UserID: u, Nickname: strings.ToUpper(u[:min(1, len(u))]) + u[min(1, len(u)):]})
	}
	line := map[string]string{
		"ws_addr": s.WSAddr(), "api_addr": s.APIAddr(), "secret": "openIM123",
		"admin_token": s.Token(openimfake.AdminID, 10),
	}
	if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
