package abi

import (
	"errors"

	"github.com/libnim/libnim/internal/nimerr"
)

// Success is the ErrorInfo of something that worked.
func Success() ErrorInfo { return ErrorInfo{ErrCode: int(nimerr.OK.Code)} }

// ErrorInfoOf tells err as programs read it. nil is success; an error that is
// not a *nimerr.Error is internal.
func ErrorInfoOf(err error) ErrorInfo {
	var e *nimerr.Error
	if err == nil || errors.As(err, &e) && e == nil {
		return Success()
	}
	if e == nil {
		e = nimerr.Internal.Wrap(err)
	}
	return ErrorInfo{
		ErrCode:    int(e.Kind.Code),
		ErrName:    e.Kind.Name,
		ErrMsg:     e.Error(),
		Domain:     string(e.Kind.Domain),
		Retryable:  e.Kind.Retryable,
		Endpoint:   e.Endpoint,
		RetryInMs:  e.RetryAfter.Milliseconds(),
		ServerCode: int(e.ServerCode),
	}
}
