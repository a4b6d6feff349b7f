package core

import (
	"os"
	"path/filepath"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/internal/nimerr"
)

// Limits of a log upload: the newest bytes of the newest files. A part is small
// enough for a slow line to carry it between two heartbeats.
const (
	uploadMax  = 4 << 20
	uploadPart = 64 << 10
)

// UploadLog sends the newest part of the log files to the server. The files
// are read on a goroutine of their own: run does no I/O.
func (s *Session) UploadLog(call Call, feedback string) {
	go func() {
		defer func() {
			if p := recover(); p != nil {
				s.do(cmdUpload{call, feedback, nil}) // the remark at least
			}
		}()
		s.do(cmdUpload{call, feedback, logParts(s.env.Journal)})
	}()
}

// Feedback sends a remark to the server, without log files.
func (s *Session) Feedback(call Call, text string) { s.do(cmdUpload{call, text, nil}) }

// logParts cuts the log files into requests without feedback, oldest first.
func logParts(j *journal.Journal) []backend.UploadLog {
	var parts []backend.UploadLog
	total := 0
	files := j.Files()
	for i := len(files) - 1; i >= 0 && total < uploadMax; i-- {
		data, err := os.ReadFile(files[i])
		if err != nil {
			continue
		}
		if room := uploadMax - total; len(data) > room {
			data = data[len(data)-room:]
		}
		total += len(data)
		var cut []backend.UploadLog
		for at := 0; at < len(data); at += uploadPart {
			cut = append(cut, backend.UploadLog{Name: filepath.Base(files[i]), Data: data[at:min(at+uploadPart, len(data))]})
		}
		parts = append(cut, parts...)
	}
	for i := range parts {
		parts[i].Part = i
	}
	return parts
}

// upload sends one part after the other; the first failure ends it.
func (o *onlineState) upload(c cmdUpload) {
	finish := func(err *nimerr.Error) {
		code := nimerr.OK.Code
		if err != nil {
			code = err.Kind.Code
		}
		o.env.Sink.Answer(c.call, &CodeResult{code}, true)
	}
	parts := c.parts
	if len(parts) == 0 {
		parts = []backend.UploadLog{{Name: "feedback"}}
	}
	var send func(i int)
	send = func(i int) {
		p := parts[i]
		p.Feedback, p.Last = c.feedback, i == len(parts)-1
		o.ask(o.env.Backend.UploadLog, p, func(_ any, err *nimerr.Error) {
			if err != nil || p.Last {
				finish(err)
				return
			}
			send(i + 1)
		})
	}
	send(0)
}
