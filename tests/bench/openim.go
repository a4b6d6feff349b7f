package main

import (
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/tests/openimfake"
)

const linux = 7 // OpenIM's number of the platform

// openIM measures logins to the double of an OpenIM deployment against a bare
// dial with the same URL. Both are served by this process.
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

// bareOpenIM returns the median time of a dial.
func bareOpenIM(gateway, token string) (time.Duration, error) {
	q := url.Values{
		"sendID": {account}, "token": {token}, "platformID": {"7"}, "operationID": {"bench"},
		"isBackground": {"false"}, "sdkType": {"js"}, "isMsgResp": {"true"},
	}
	took := make([]time.Duration, 0, logins)
	for range logins {
		began := time.Now()
		c, _, err := websocket.DefaultDialer.Dial(gateway+"/?"+q.Encode(), nil)
		if err != nil {
			return 0, err
		}
		took = append(took, time.Since(began))
		_ = c.Close()
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}
