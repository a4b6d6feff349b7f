// Package wire is the protocol nim.v1.json: frames that core/nimlink and the
// gateway exchange as WebSocket text messages. docs/PROTOCOL.md is its text.
package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// Subprotocol is what both sides name in the WebSocket upgrade. A later,
// incompatible protocol gets another name, and a client offers all it speaks.
const Subprotocol = "nim.v1.json"

// Limits that both sides keep.
const (
	MaxFrame     = 1 << 20 // bytes of one frame
	MaxNesting   = 64      // of objects and arrays inside each other
	MaxFrameKeys = 64      // of the frame itself, those that nobody knows included
)

// MaxRequestKeys bounds the keys of a request, body and all: a frame of nothing
// but keys costs far more time than its bytes say.
const MaxRequestKeys = 32 << 10

// Op names what a frame is. A receiver ignores an op it does not know.
type Op string

// Operations.
const (
	// server -> client, pushes
	OpHello         Op = "hello"          // Hello; the first frame of a connection
	OpKicked        Op = "kicked"         // Kicked; the last frame of a connection
	OpPresence      Op = "presence"       // Presence
	OpGoingAway     Op = "going_away"     // GoingAway
	OpTokenExpiring Op = "token_expiring" // TokenExpiry; early notice
	OpTokenExpired  Op = "token_expired"  // TokenExpiry
	OpPushChanged   Op = "push_changed"   // PushConfig, set by another device

	// client -> server, requests: each is answered by one OpReply with its id
	OpLogin      Op = "login"       // Login -> LoginOK
	OpLogout     Op = "logout"      // Logout -> nothing
	OpKickOther  Op = "kick_other"  // KickOther -> KickOtherOK
	OpRenewToken Op = "renew_token" // RenewToken -> TokenExpiry
	OpPushGet    Op = "push_get"    // nothing -> PushConfig
	OpPushSet    Op = "push_set"    // PushConfig -> PushConfig
	OpTime       Op = "time"        // nothing -> Time
	OpUploadLog  Op = "upload_log"  // UploadLog -> nothing

	OpReply Op = "reply"
)

// WebSocket close codes of the gateway, in the private range.
const (
	CloseKicked       = 4001
	CloseLoginTimeout = 4002 // no login within the time allowed
	CloseSlowConsumer = 4003 // the client did not read fast enough
	CloseProtocol     = 4004 // a frame that breaks the protocol
	CloseRateLimited  = 4005
	CloseGoingAway    = 4006
	CloseLoggedOut    = 4007
	CloseRefused      = 4008 // after the reply that refused a login
	CloseFenced       = 4009 // the edge can no longer vouch for its presence entries
)

// A Frame is one message. Code, ErrName, ErrMsg, ServerCode and RetryAfterMS
// appear in replies only.
type Frame struct {
	Op           Op              `json:"op"`
	ID           uint64          `json:"id,omitempty"` // of a request, repeated in its reply; 0 in a push
	Code         int32           `json:"code,omitempty"`
	ErrName      string          `json:"err_name,omitempty"`
	ErrMsg       string          `json:"err_msg,omitempty"`
	ServerCode   int32           `json:"server_code,omitempty"`
	RetryAfterMS int64           `json:"retry_after_ms,omitempty"`
	Body         json.RawMessage `json:"body,omitempty"`
}

// Encode returns the bytes of a frame with the given body; body may be nil. A
// json.RawMessage must be valid JSON, and is passed on as it is.
func Encode(f Frame, body any) ([]byte, error) {
	raw, isRaw := body.(json.RawMessage)
	if body != nil && !isRaw {
		var err error
		if raw, err = marshal(body); err != nil {
			return nil, fmt.Errorf("body of %s: %w", f.Op, err)
		}
	}
	head, err := marshal(f)
	if err != nil || len(raw) == 0 {
		return head, err
	}
	out := make([]byte, 0, len(head)+len(raw)+9)
	out = append(append(out, head[:len(head)-1]...), `,"body":`...)
	return append(append(out, raw...), '}'), nil
}

// marshal is json.Marshal without the escaping that HTML wants: it makes six
// bytes of one, and a frame of text longer than a frame may be.
func marshal(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Decode reads a frame. The body stays raw: a receiver that does not know the
// op never parses it.
func Decode(data []byte) (Frame, error) {
	if err := check(data); err != nil {
		return Frame{}, err
	}
	root := gjson.ParseBytes(data)
	if !root.IsObject() {
		return Frame{}, fmt.Errorf("frame is not a JSON object")
	}
	var f Frame
	var err error
	var seen [8]string // the keys of a frame that came; others are not kept
	known := seen[:0]
	root.ForEach(func(k, v gjson.Result) bool {
		var ours bool
		if ours, err = f.take(k.Str, v); err == nil && ours && slices.Contains(known, k.Str) {
			err = fmt.Errorf("key %q twice", k.Str)
		}
		if ours {
			known = append(known, k.Str)
		}
		return err == nil
	})
	if err != nil {
		return Frame{}, err
	}
	if f.Op == "" {
		return Frame{}, fmt.Errorf("key %q is missing", "op")
	}
	return f, nil
}

// check bounds the bytes before a parser sees them.
func check(data []byte) error {
	if len(data) > MaxFrame {
		return fmt.Errorf("frame of %d bytes, limit %d", len(data), MaxFrame)
	}
	if err := checkShape(data); err != nil {
		return err
	}
	if !utf8.Valid(data) {
		return fmt.Errorf("frame is not valid UTF-8")
	}
	if !gjson.ValidBytes(data) {
		return fmt.Errorf("frame is not valid JSON")
	}
	return nil
}

// take reads one member of a frame; a key that frames do not have is ignored.
func (f *Frame) take(key string, v gjson.Result) (known bool, err error) {
	switch key {
	case "op":
		var op string
		op, err = text(key, v)
		f.Op = Op(op)
	case "err_name":
		f.ErrName, err = text(key, v)
	case "err_msg":
		f.ErrMsg, err = text(key, v)
	case "id":
		f.ID, err = strconv.ParseUint(v.Raw, 10, 63)
		err = want(key, "a non-negative integer", err)
	case "retry_after_ms":
		var n uint64
		n, err = strconv.ParseUint(v.Raw, 10, 63)
		f.RetryAfterMS, err = int64(n), want(key, "a non-negative integer", err)
	case "code":
		f.Code, err = number(key, v)
	case "server_code":
		f.ServerCode, err = number(key, v)
	case "body":
		f.Body = json.RawMessage(v.Raw)
	default:
		return false, nil
	}
	return true, err
}

func text(key string, v gjson.Result) (string, error) {
	if v.Type != gjson.String {
		return "", fmt.Errorf("key %q: want a string", key)
	}
	return v.Str, nil
}

func number(key string, v gjson.Result) (int32, error) {
	n, err := strconv.ParseInt(v.Raw, 10, 32)
	return int32(n), want(key, "a 32-bit integer", err)
}

func want(key, what string, err error) error {
	if err != nil {
		return fmt.Errorf("key %q: want %s", key, what)
	}
	return nil
}

// DecodeBody reads the body of a frame into v. A missing body leaves v as it is.
func (f *Frame) DecodeBody(v any) error {
	if len(f.Body) == 0 {
		return nil
	}
	if err := json.Unmarshal(f.Body, v); err != nil {
		return fmt.Errorf("body of %s: %s", f.Op, Explain(err))
	}
	return nil
}

// checkShape bounds the depth, and the keys of the frame itself, before any
// parser sees the bytes.
func checkShape(data []byte) error {
	depth, keys, inString := 0, 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > MaxNesting {
				return fmt.Errorf("nested deeper than %d", MaxNesting)
			}
		case c == '}' || c == ']':
			depth--
		case c == ':' && depth == 1:
			if keys++; keys > MaxFrameKeys {
				return fmt.Errorf("more than %d keys", MaxFrameKeys)
			}
		}
	}
	return nil
}

// CheckKeys returns an error when JSON has more than MaxRequestKeys keys.
func CheckKeys(data []byte) error {
	keys, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case !inString && c == ':':
			keys++
		}
	}
	if keys > MaxRequestKeys {
		return fmt.Errorf("%d keys, limit %d", keys, MaxRequestKeys)
	}
	return nil
}
