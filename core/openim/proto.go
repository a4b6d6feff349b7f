package openim

import (
	"encoding/binary"
	"errors"
	"math"
)

// The few protobuf messages of the session, by hand: the generated runtime
// would cost the library more than two megabytes.

// errProto is any malformed protobuf.
var errProto = errors.New("malformed protobuf")

// Wire types of protobuf.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// A field is one field of a message: number with wireVarint, or bytes with
// wireBytes. Fields of fixed size are skipped by fields.
type field struct {
	num    uint64
	wire   int
	number uint64
	bytes  []byte
}

// fields calls f for each field of a message, in order, until f fails. bytes
// are a part of data.
func fields(data []byte, f func(field) error) error {
	for len(data) > 0 {
		key, n := binary.Uvarint(data)
		if n <= 0 || key>>3 == 0 || key>>3 > 1<<29-1 {
			return errProto
		}
		data = data[n:]
		x := field{num: key >> 3, wire: int(key & 7)}
		size := 0
		switch x.wire {
		case wireVarint:
			if x.number, size = binary.Uvarint(data); size <= 0 {
				return errProto
			}
		case wireBytes:
			length, n := binary.Uvarint(data)
			if n <= 0 || length > uint64(len(data)-n) {
				return errProto
			}
			size = n + int(length)
			x.bytes = data[n:size]
		case wireFixed32:
			size = 4
		case wireFixed64:
			size = 8
		default:
			return errProto // groups are gone from protobuf
		}
		if size > len(data) {
			return errProto
		}
		data = data[size:]
		if x.wire != wireVarint && x.wire != wireBytes {
			continue
		}
		if err := f(x); err != nil {
			return err
		}
	}
	return nil
}

func appendString(b []byte, num uint64, s string) []byte {
	b = binary.AppendUvarint(b, num<<3|wireBytes)
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendInt(b []byte, num uint64, v int) []byte {
	b = binary.AppendUvarint(b, num<<3|wireVarint)
	return binary.AppendUvarint(b, uint64(v))
}

// subscribe is sdkws.SubUserOnlineStatus with users to subscribe to.
func subscribe(users ...string) []byte {
	var b []byte
	for _, u := range users {
		b = appendString(b, 1, u)
	}
	return b
}

// userPlatform is push.DelUserPushTokenReq.
func userPlatform(user string, platform int) []byte {
	return appendInt(appendString(nil, 1, user), 2, platform)
}

// A status says on which platforms a user is online; none is offline.
type status struct {
	user      string
	platforms []int
}

// statuses reads sdkws.SubUserOnlineStatusTips.
func statuses(data []byte) ([]status, error) {
	var list []status
	err := fields(data, func(f field) error {
		if f.num != 1 || f.wire != wireBytes {
			return nil
		}
		s, err := readStatus(f.bytes)
		list = append(list, s)
		return err
	})
	return list, err
}

// readStatus reads sdkws.SubUserOnlineStatusElem. Its platforms may be packed
// or not: a reader of protobuf takes both.
func readStatus(data []byte) (s status, err error) {
	add := func(v uint64) error {
		if v > math.MaxInt32 {
			return errProto
		}
		s.platforms = append(s.platforms, int(v))
		return nil
	}
	err = fields(data, func(f field) error {
		switch {
		case f.num == 1 && f.wire == wireBytes:
			s.user = string(f.bytes)
		case f.num == 2 && f.wire == wireVarint:
			return add(f.number)
		case f.num == 2 && f.wire == wireBytes:
			return packed(f.bytes, add)
		}
		return nil
	})
	return s, err
}

func packed(data []byte, f func(uint64) error) error {
	for len(data) > 0 {
		v, n := binary.Uvarint(data)
		if n <= 0 {
			return errProto
		}
		if err := f(v); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}
