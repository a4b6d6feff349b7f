package main

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/tests/openimfake"
)

const linux = 7 // OpenIM's number of the platform

// openIM measures logins to the double of an OpenIM deployment against a bare
// dial with the same URL. Both are served by this process and run in others.
func openIM(program, data string) error {
	s, err := openimfake.Start(openimfake.Options{DistinctTokens: true})
	if err != nil {
		return err
	}
	defer s.Close()
	s.AddUser(openimfake.User{UserID: account, Nickname: "Bench"})
	token := s.Token(account, linux)
	bare, err := bareOpenIM(s.WSAddr(), token)
	if err != nil {
		return err
	}
	f, err := measure(program, s.WSAddr(), s.APIAddr(), token, data, "openim")
	if err != nil {
		return err
	}
	login := time.Duration(f.values["login"])
	fmt.Println("backend openim: login to ready, loopback, against the double")
	row("bare gorilla dial with the same URL", bare)
	row("libnim, median", login)
	fmt.Printf("  %-44s %.1f times the bare dial\n", "ratio", float64(login)/float64(bare))
	fmt.Printf("  %-44s %s\n", "where the time of the last login went", lastAttempt(f))
	return nil
}

// dialFlag makes the program the bare client, in a process of its own as the
// library is.
const dialFlag = "-dial"

// bareOpenIM returns the median time of a dial from another process.
func bareOpenIM(gateway, token string) (time.Duration, error) {
	q := url.Values{
		"sendID": {account}, "token": {token}, "platformID": {"7"}, "operationID": {"bench"},
		"isBackground": {"false"}, "sdkType": {"js"}, "isMsgResp": {"true"},
	}
	out, err := exec.Command(os.Args[0], dialFlag, gateway+"/?"+q.Encode()).Output()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return time.Duration(n), err
}

// dialAway prints the median time of a dial, in nanoseconds.
func dialAway(address string) {
	took := make([]time.Duration, 0, logins)
	for range logins {
		began := time.Now()
		c, _, err := websocket.DefaultDialer.Dial(address, nil)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		took = append(took, time.Since(began))
		_ = c.Close()
	}
	slices.Sort(took)
	fmt.Println(took[len(took)/2].Nanoseconds())
}
