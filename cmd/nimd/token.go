package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/libnim/libnim/server/accounts"
	"github.com/libnim/libnim/server/auth"
	"github.com/libnim/libnim/server/auth/token"
)

// mint is `nimd token`: it makes a signed token from an app's secret, without a
// server, and prints it.
func mint(args []string, env func(string) (string, bool), out io.Writer) error {
	s := token.Spec{IssuedAt: time.Now()}
	fs, kind := newTokenFlags(&s)
	if err := parse(fs, args); errors.Is(err, flag.ErrHelp) {
		fs, _ = newTokenFlags(&s)
		return help(fs)
	} else if err != nil {
		return err
	}
	// A flag would show the secret to every user of the machine.
	s.Secret, _ = env("NIMD_APP_SECRET")
	if s.Secret == "" {
		return errors.New("token: set NIMD_APP_SECRET to the app's secret")
	}
	if err := accounts.CheckAppKey(s.AppKey); err != nil {
		return fmt.Errorf("token: %w", err)
	}
	if err := accounts.CheckName(s.Account); err != nil {
		return fmt.Errorf("token: %w", err)
	}
	made, authType, err := auth.Mint(*kind, s)
	if err != nil {
		return fmt.Errorf("token: %w", err)
	}
	_, err = fmt.Fprintf(out, `{"kind":%q,"auth_type":%d,"token":%q,"expires_at_ms":%d}`+"\n",
		*kind, authType, made, s.IssuedAt.Add(s.TTL).UnixMilli())
	return err
}

func newTokenFlags(s *token.Spec) (fs *flag.FlagSet, kind *string) {
	fs = flag.NewFlagSet("nimd token", flag.ContinueOnError)
	kind = fs.String("kind", accounts.KindHMAC, "hmac, jwt, dynamic or usersig")
	fs.StringVar(&s.AppKey, "app-key", "", "app key")
	fs.Int64Var(&s.SDKAppID, "sdkappid", 0, "number of the app, for a usersig")
	fs.StringVar(&s.Account, "account", "", "account that the token is for")
	fs.DurationVar(&s.TTL, "ttl", 24*time.Hour, "how long the token holds")
	fs.Usage = func() {
		_, _ = fmt.Fprint(fs.Output(), "nimd token [flags]   makes a token signed with the app secret in NIMD_APP_SECRET\n\n")
		fs.PrintDefaults()
	}
	return fs, kind
}
