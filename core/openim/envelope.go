package openim

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
)

// What an envelope is for (reqIdentifier).
const (
	opKicked       = 2002 // from the server
	opLogout       = 2003
	opOnlineStatus = 2005 // a subscription, its reply, and what is pushed because of it
)

// envelope is what goes to the server.
type envelope struct {
	ID          int32  `json:"reqIdentifier"`
	Token       string `json:"token"` // unused by the gateway, and left empty
	SendID      string `json:"sendID"`
	OperationID string `json:"operationID"`
	MsgIncr     string `json:"msgIncr"` // comes back in the reply
	Data        []byte `json:"data"`
}

// response is what comes from the server: a reply, or a push with an empty
// MsgIncr.
type response struct {
	ID          int32  `json:"reqIdentifier"`
	MsgIncr     string `json:"msgIncr"`
	OperationID string `json:"operationID"`
	ErrCode     int32  `json:"errCode"`
	ErrMsg      string `json:"errMsg"`
	Data        []byte `json:"data"`
}

var errInflated = errors.New("an inflated frame is larger than 8 MiB")

// encode makes the payload of a binary frame.
func encode(r *envelope, compress bool) ([]byte, error) {
	data, err := json.Marshal(r)
	if err != nil || !compress {
		return data, err
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// decode reads the payload of a binary frame.
func decode(data []byte, compressed bool) (*response, error) {
	if compressed {
		var err error
		if data, err = inflate(data); err != nil {
			return nil, err
		}
	}
	r := &response{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, errors.New("a frame is not the JSON of an envelope") // err may quote the frame
	}
	return r, nil
}

// inflate reads gzip, at most maxInflated bytes of it.
func inflate(data []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, errors.New("a frame is not gzip")
	}
	out, err := io.ReadAll(io.LimitReader(z, maxInflated+1))
	switch {
	case err != nil:
		return nil, errors.New("a frame is broken gzip")
	case len(out) > maxInflated:
		return nil, errInflated
	}
	return out, nil
}

// A result is what OpenIM says to a handshake or a REST call; code 0 is success.
type result struct {
	code    int32
	message string
	detail  string
	data    json.RawMessage
}

// parseResult reads a result. ok is false where the text is something else:
// not JSON, or without an error code.
func parseResult(text []byte) (r result, ok bool) {
	var j struct {
		ErrCode *int32          `json:"errCode"`
		ErrMsg  string          `json:"errMsg"`
		ErrDlt  string          `json:"errDlt"`
		Data    json.RawMessage `json:"data"`
	}
	if json.Unmarshal(text, &j) != nil || j.ErrCode == nil {
		return result{}, false
	}
	return result{*j.ErrCode, j.ErrMsg, j.ErrDlt, j.Data}, true
}
