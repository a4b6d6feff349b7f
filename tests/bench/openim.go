package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/tests/openimfake"
)

const linux = 7 // OpenIM's number of the platform

// openIM measures logins to the double of an OpenIM deployment against a bare
// dial with the same URL. Both are served by this process and run in others.
func openIM(c client) error {
	s, err := openimfake.Start(openimfake.Options{DistinctTokens: true})
	if err != nil {
		return err
	}
	defer s.Close()
	s.AddUser(openimfake.User{UserID: account, Nickname: "Bench"})
	c.server, c.app, c.token = s.WSAddr(), s.APIAddr(), s.Token(account, linux)
	var bare samples
	var logins loginReport
	for range rounds {
		b, err := bareOpenIM(c.server, c.token)
		if err != nil {
			return err
		}
		bare.add(b)
		if err := logins.round(c); err != nil {
			return err
		}
	}
	fmt.Println("backend openim: login to ready, loopback, against the double")
	printFloor("bare gorilla dial with the same URL", bare)
	logins.print("libnim", bare)
	logins.printParts()
	return nil
}

// dialFlag makes the program the bare client, in a process of its own as the
// library is.
const dialFlag = "-dial"

// bareOpenIM has another process dial for one round.
func bareOpenIM(gateway, token string) (samples, error) {
	q := url.Values{
		"sendID": {account}, "token": {token}, "platformID": {"7"}, "operationID": {"bench"},
		"isBackground": {"false"}, "sdkType": {"js"}, "isMsgResp": {"true"},
	}
	out, err := exec.Command(os.Args[0], dialFlag, gateway+"/?"+q.Encode()).Output()
	if err != nil {
		return samples{}, err
	}
	var s samples
	return s, json.Unmarshal(out, &s)
}

// dialAway dials for one round and prints what that took.
func dialAway(address string) {
	s, err := round(func() (*websocket.Conn, error) {
		c, _, err := websocket.DefaultDialer.Dial(address, nil)
		return c, err
	})
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
