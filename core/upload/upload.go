// Package upload hands the log of this library to the operator.
package upload

import (
	"os"
	"path/filepath"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/internal/abi"
)

// Limits of an upload: the newest bytes of the newest files. A part is small
// enough for a slow line to carry it between two heartbeats.
const (
	largest  = 4 << 20
	partSize = 64 << 10
)

// Module is the module.
type Module struct {
	module.Passive
	Journal *journal.Journal
}

// Log sends the newest part of the log files with a remark. The files are read on
// a goroutine of their own: the session's does no I/O.
func (m *Module) Log(call module.Call, remark string) {
	go func() {
		defer func() {
			if p := recover(); p != nil {
				m.send(call, abi.AnswerGlobalUploadSdkLog, remark, nil)
			}
		}()
		m.send(call, abi.AnswerGlobalUploadSdkLog, remark, logParts(m.Journal))
	}()
}

// Remark sends a remark without log files.
func (m *Module) Remark(call module.Call, text string) {
	m.send(call, abi.AnswerSdkFeedback, text, nil)
}

// send sends one part after the other; the first failure ends it.
func (m *Module) send(call module.Call, answer func(code int) abi.Posting, remark string, parts []backend.UploadLog) {
	if len(parts) == 0 {
		parts = []backend.UploadLog{{Name: "feedback"}}
	}
	var next func(i int)
	next = func(i int) {
		p := parts[i]
		p.Feedback, p.Last = remark, i == len(parts)-1
		m.Session.Do(p, 0, func(r backend.Result) {
			if r.Err == nil && !p.Last {
				next(i + 1)
				return
			}
			m.Session.Answer(call, answer(module.Code(r.Err)), true)
		})
	}
	m.Session.Run(func() { next(0) })
}

// logParts cuts the log files into requests without feedback, oldest first.
func logParts(j *journal.Journal) []backend.UploadLog {
	var parts []backend.UploadLog
	total := 0
	files := j.Files()
	for i := len(files) - 1; i >= 0 && total < largest; i-- {
		data, err := os.ReadFile(files[i])
		if err != nil {
			continue
		}
		if room := largest - total; len(data) > room {
			data = data[len(data)-room:]
		}
		total += len(data)
		var cut []backend.UploadLog
		for at := 0; at < len(data); at += partSize {
			cut = append(cut, backend.UploadLog{Name: filepath.Base(files[i]), Data: data[at:min(at+partSize, len(data))]})
		}
		parts = append(cut, parts...)
	}
	for i := range parts {
		parts[i].Part = i
	}
	return parts
}
