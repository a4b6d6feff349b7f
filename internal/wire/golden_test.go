package wire

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/frames.jsonl anew")

// goldens holds one frame of every kind, as they are on the wire. A change of
// their bytes is a change of the protocol.
var goldens = []struct {
	frame Frame
	body  any
}{
	{Frame{Op: OpHello}, Hello{Server: "nimd/1.0", HeartbeatMS: 5000, ServerTimeMS: 1700000000000, Conn: "c1"}},
	{Frame{Op: OpLogin, ID: 1}, Login{
		AppKey: "demo", Account: "alice", Token: "secret", AuthType: 1, LoginEx: "{}", CustomTag: "tag", ClientType: 4,
		CustomClientType: 7, ClientOS: "Linux", DeviceID: "d1", Mac: "02:00:00:00:00:01", SDK: "libnim/1.0",
		OperationID: "op-1", Force: true, Relogin: true, Instance: "run", Attempt: 2, SessionBeganMS: 1699999990000,
	}},
	{Frame{Op: OpReply, ID: 1, Code: 200}, LoginOK{
		Session: "s1", ServerTimeMS: 1700000000001, TokenExpiresAtMS: 1700000600000, TokenExpiringMS: 60000, SwitchOpen: 2,
		Others: []Device{{
			Account: "alice", ClientType: 1, CustomClientType: 3, ClientOS: "Android 14", Mac: "", DeviceID: "d2",
			LoginTimeMS: 1699999999000, CustomTag: "t",
		}},
		Profile: &Profile{Account: "alice", Name: "Alice", Icon: "https://example.com/a.png", Ex: "x"},
	}},
	{Frame{Op: OpReply, ID: 1, Code: 302, ErrName: "token_expired", ErrMsg: "the token has expired", ServerCode: 70001}, nil},
	{Frame{Op: OpReply, ID: 1, Code: 417, ErrName: "other_device_online", ErrMsg: "another device of this account is online"},
		LoginRefused{Others: []Device{{Account: "alice", ClientType: 64, ClientOS: "macOS", DeviceID: "d3", LoginTimeMS: 1}}}},
	{Frame{Op: OpReply, ID: 1, Code: 417, ErrName: "kicked_offline"},
		LoginRefused{Kicked: &Kicked{Reason: KickByServer, Description: "bye", TimeMS: 2}}},
	{Frame{Op: OpReply, ID: 1, Code: 503, ErrName: "rate_limited", ErrMsg: "too many attempts; try again later", RetryAfterMS: 1500}, nil},
	{Frame{Op: OpPresence}, Presence{Type: 3, Devices: []Device{{Account: "alice", ClientType: 16, ClientOS: "", DeviceID: "d4", LoginTimeMS: 3}}}},
	{Frame{Op: OpKicked}, Kicked{Reason: KickSameType, Description: "another device", ClientType: 16, CustomClientType: 1, DeviceID: "d4", TimeMS: 4}},
	{Frame{Op: OpGoingAway}, GoingAway{Reason: "maintenance", RetryAfterMS: 2500}},
	{Frame{Op: OpTokenExpiring}, TokenExpiry{ExpiresAtMS: 5}},
	{Frame{Op: OpTokenExpired}, TokenExpiry{ExpiresAtMS: 5, ServerCode: 70001}},
	{Frame{Op: OpRenewToken, ID: 2}, RenewToken{Token: "new", AuthType: 1, LoginEx: "{}"}},
	{Frame{Op: OpKickOther, ID: 3}, KickOther{DeviceIDs: []string{"d2", "d9"}}},
	{Frame{Op: OpReply, ID: 3, Code: 200}, KickOtherOK{Results: []KickResult{{"d2", 200}, {"d9", 404}}}},
	{Frame{Op: OpPushGet, ID: 4}, nil},
	{Frame{Op: OpPushSet, ID: 5}, PushConfig{SwitchOpen: 1}},
	{Frame{Op: OpPushChanged}, PushConfig{SwitchOpen: 1}},
	{Frame{Op: OpTime, ID: 6}, nil},
	{Frame{Op: OpReply, ID: 6, Code: 200}, Time{ServerTimeMS: 6}},
	{Frame{Op: OpUploadLog, ID: 7}, UploadLog{Feedback: "it broke", Name: "nim.log", Part: 0, Last: true, Data: []byte("log")}},
	{Frame{Op: OpLogout, ID: 8}, Logout{Type: 1}},
}

func TestGoldenFrames(t *testing.T) {
	path := filepath.Join("testdata", "frames.jsonl")
	var got bytes.Buffer
	for _, g := range goldens {
		line, err := Encode(g.frame, g.body)
		if err != nil {
			t.Fatal(err)
		}
		got.Write(append(line, '\n'))
	}
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := bytes.Split(got.Bytes(), []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range max(len(gotLines), len(wantLines)) {
		var g, w []byte
		if i < len(gotLines) {
			g = gotLines[i]
		}
		if i < len(wantLines) {
			w = wantLines[i]
		}
		if !bytes.Equal(g, w) {
			t.Errorf("frame %d:\n got %s\nwant %s", i, g, w)
		}
	}
}

func TestDecodeUndoesEncode(t *testing.T) {
	for _, g := range goldens {
		line, err := Encode(g.frame, g.body)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Decode(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		again, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again, line) {
			t.Errorf("\n got %s\nwant %s", again, line)
		}
	}
}
