package main

import (
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
	after, err := bareOpenIM(s.WSAddr(), token)
	if err != nil {
		return err
	}
	bare = mean(bare, after)
	fmt.Println("backend openim: login to ready, loopback, against the double")
	floorRows("bare gorilla dial with the same URL", bare)
	loginRows("libnim", f, bare)
	where(f)
	return nil
}

// dialFlag makes the program the bare client, in a process of its own as the
// library is.
const dialFlag = "-dial"

// bareOpenIM measures a dial from another process.
func bareOpenIM(gateway, token string) (f floor, err error) {
	q := url.Values{
		"sendID": {account}, "token": {token}, "platformID": {"7"}, "operationID": {"bench"},
		"isBackground": {"false"}, "sdkType": {"js"}, "isMsgResp": {"true"},
	}
	out, err := exec.Command(os.Args[0], dialFlag, gateway+"/?"+q.Encode()).Output()
	if err == nil {
		_, err = fmt.Sscan(string(out), &f.inARow, &f.rested)
	}
	return f, err
}

// dialAway prints the floor, in nanoseconds.
func dialAway(address string) {
	f, err := measureFloor(func() (func(), error) {
		c, _, err := websocket.DefaultDialer.Dial(address, nil)
		return func() { _ = c.Close() }, err
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(int64(f.inARow), int64(f.rested))
}
