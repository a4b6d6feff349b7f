package openimfake

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
)

// What an envelope is for (reqIdentifier).
const (
	OpGetMaxSeq     = 1001
	OpPullByRange   = 1002
	OpSendMessage   = 1003
	OpReadAndMax    = 1006
	OpPushMessage   = 2001
	OpKicked        = 2002
	OpLogout        = 2003
	OpSetBackground = 2004
	OpOnlineStatus  = 2005
)

// A Request is the envelope from a client.
type Request struct {
	ReqIdentifier int32  `json:"reqIdentifier"`
	Token         string `json:"token"`
	SendID        string `json:"sendID"`
	OperationID   string `json:"operationID"`
	MsgIncr       string `json:"msgIncr"`
	Data          []byte `json:"data"`
}

// A Response is the envelope to a client.
type Response struct {
	ReqIdentifier int32  `json:"reqIdentifier"`
	MsgIncr       string `json:"msgIncr"`
	OperationID   string `json:"operationID"`
	ErrCode       int    `json:"errCode"`
	ErrMsg        string `json:"errMsg"`
	Data          []byte `json:"data"`
}

// A failure is an error as the server tells it, in a handshake or over REST.
type failure struct {
	ErrCode int    `json:"errCode"`
	ErrMsg  string `json:"errMsg"`
	ErrDlt  string `json:"errDlt"`
}

func (f *failure) with(detail string) *failure { return &failure{f.ErrCode, f.ErrMsg, detail} }

// text is the JSON of a failure; of nil, that of success.
func (f *failure) text() []byte {
	if f == nil {
		f = &failure{}
	}
	return mustJSON(f)
}

var (
	errMalformed = &failure{1503, "TokenMalformedError", ""}
	errSignature = &failure{1505, "signature is invalid", ""}
	errNotExist  = &failure{1507, "TokenNotExistError", ""}
	errExpired   = &failure{1501, "TokenExpiredError", ""}
	errNotYet    = &failure{1504, "TokenNotValidYetError", ""}
	errInvalid   = &failure{1502, "TokenInvalidError", ""}
	errKicked    = &failure{1506, "TokenKickedError", ""}
	errConnArgs  = &failure{1602, "args err, need token, sendID, platformID", ""}
	errInternal  = &failure{500, "ServerInternalError", ""}
	errArgs      = &failure{1001, "ArgsError", ""}
	errForbidden = &failure{1002, "NoPermissionError", ""}
	errNotFound  = &failure{1004, "RecordNotFoundError", ""}
	errBlocked   = &failure{1302, "BlockedByPeer", ""}
	errRepeated  = &failure{1102, "RegisteredAlreadyError", ""}
)

func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // only types of this package, which all marshal
	}
	return data
}

// encodeFrame makes the payload of a binary frame.
func encodeFrame(r *Response, compress bool) []byte {
	data := mustJSON(r)
	if !compress {
		return data
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(data) // a bytes.Buffer takes everything
	_ = z.Close()
	return b.Bytes()
}

// decodeFrame reads the payload of a binary frame. It is stricter than a real
// server: every key must be there, and no other.
func decodeFrame(data []byte, compressed bool) (*Request, error) {
	if compressed {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		if data, err = io.ReadAll(z); err != nil {
			return nil, err
		}
	}
	var keys map[string]json.RawMessage
	r := &Request{}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := errors.Join(json.Unmarshal(data, &keys), d.Decode(r)); err != nil {
		return nil, err
	}
	for _, k := range []string{"reqIdentifier", "token", "sendID", "operationID", "msgIncr", "data"} {
		if _, ok := keys[k]; !ok {
			return nil, errors.New("the envelope has no " + k)
		}
	}
	return r, nil
}

var errProto = errors.New("bad protobuf")

// protoFields calls f for each field whose value is bytes.
func protoFields(data []byte, f func(num uint64, value []byte)) error {
	return protoEach(data, func(num, _ uint64, value []byte) {
		if value != nil {
			f(num, value)
		}
	})
}

// protoEach calls f for each field: with a number, or with bytes that are not
// nil. These messages have no other kinds.
func protoEach(data []byte, f func(num, number uint64, value []byte)) error {
	varint := func() (uint64, bool) {
		v, n := binary.Uvarint(data)
		if n > 0 {
			data = data[n:]
		}
		return v, n > 0
	}
	for len(data) > 0 {
		tag, ok1 := varint()
		v, ok2 := varint()
		switch {
		case !ok1 || !ok2 || tag>>3 == 0:
			return errProto
		case tag&7 == 0:
			f(tag>>3, v, nil)
		case tag&7 == 2 && v <= uint64(len(data)):
			f(tag>>3, 0, data[:v:v])
			data = data[v:]
		default:
			return errProto
		}
	}
	return nil
}

// protoNumber appends a field whose value is a number.
func protoNumber(b []byte, num, v uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, num<<3), v)
}

// protoBytes appends a field whose value is bytes.
func protoBytes(b []byte, num uint64, v []byte) []byte {
	b = binary.AppendUvarint(b, num<<3|2)
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

// subscription reads sdkws.SubUserOnlineStatus.
func subscription(data []byte) (add, remove []string, err error) {
	err = protoFields(data, func(num uint64, v []byte) {
		switch num {
		case 1:
			add = append(add, string(v))
		case 2:
			remove = append(remove, string(v))
		}
	})
	return add, remove, err
}

// An onlineStatus is one sdkws.SubUserOnlineStatusElem.
type onlineStatus struct {
	user      string
	platforms []int
}

// tips is sdkws.SubUserOnlineStatusTips.
func tips(list []onlineStatus) []byte {
	var b []byte
	for _, s := range list {
		e := protoBytes(nil, 1, []byte(s.user))
		if len(s.platforms) > 0 {
			var packed []byte
			for _, p := range s.platforms {
				packed = binary.AppendUvarint(packed, uint64(p))
			}
			e = protoBytes(e, 2, packed)
		}
		b = protoBytes(b, 1, e)
	}
	return b
}
