package openim

import (
	"context"
	"encoding/json"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/dial"
	"github.com/libnim/libnim/internal/nimerr"
)

// An api is the REST API as seen by one login. Its calls open a connection
// each and end at once with their context.
type api struct {
	dialer *dial.Dialer
	base   string // "": there is no API
	op     string // operation id
}

// post calls a method. token goes into a header; "" sends none. A result that
// is no success is not an error here.
func (a *api) post(ctx context.Context, path, token string, in any) (result, *nimerr.Error) {
	body, err := json.Marshal(in)
	if err != nil {
		return result{}, nimerr.Internal.Wrap(err)
	}
	header := map[string]string{"operationID": a.op}
	if token != "" {
		header["token"] = token
	}
	text, err := a.dialer.PostJSON(ctx, a.base+path, header, body, maxREST)
	if err != nil {
		return result{}, stranger(err, "OpenIM's REST API")
	}
	r, ok := parseResult(text)
	if !ok {
		return result{}, nimerr.NotAGateway.New("want OpenIM's REST API, found JSON or text of something else").At(a.base + path)
	}
	return r, nil
}

// profile returns what the server knows of the user who is logging in.
func (a *api) profile(ctx context.Context, account, token string) (*backend.Profile, *nimerr.Error) {
	r, err := a.post(ctx, "/user/get_users_info", token, struct {
		UserIDs []string `json:"userIDs"`
	}{[]string{account}})
	switch {
	case err != nil:
		return nil, err
	case r.code != 0:
		return nil, failed(r, token)
	}
	var data struct {
		UsersInfo []struct {
			UserID   string `json:"userID"`
			Nickname string `json:"nickname"`
			FaceURL  string `json:"faceURL"`
			Ex       string `json:"ex"`
		} `json:"usersInfo"`
	}
	if json.Unmarshal(r.data, &data) == nil {
		for _, u := range data.UsersInfo {
			if u.UserID == account {
				return &backend.Profile{Account: account, Name: u.Nickname, Icon: u.FaceURL, Ex: u.Ex}, nil
			}
		}
	}
	return nil, nimerr.ProtocolError.New("/user/get_users_info: the answer does not list the user")
}

// check asks what the server thinks of a token: a code, 0 for a valid one.
func (a *api) check(ctx context.Context, token string) (int32, *nimerr.Error) {
	r, err := a.post(ctx, "/auth/parse_token", "", struct {
		Token string `json:"token"`
	}{token})
	return r.code, err
}

// forceLogout disconnects a platform of a user and revokes its tokens.
func (a *api) forceLogout(ctx context.Context, account string, platform int, admin string) *nimerr.Error {
	r, err := a.post(ctx, "/auth/force_logout", admin, struct {
		UserID     string `json:"userID"`
		PlatformID int    `json:"platformID"`
	}{account, platform})
	switch {
	case err != nil:
		return err
	case r.code != 0:
		return failed(r, admin)
	}
	return nil
}
