package bus

import (
	"fmt"
	"log/slog"
)

// engineLog passes the engine's warnings and errors on. Its notices describe
// its start, which says nothing to whoever runs the gateway.
type engineLog struct {
	log    *slog.Logger
	failed func() // each error; may be nil
}

func (engineLog) Noticef(string, ...any) {}
func (engineLog) Debugf(string, ...any)  {}
func (engineLog) Tracef(string, ...any)  {}

func (l engineLog) Warnf(format string, v ...any) {
	l.log.Warn("engine: " + fmt.Sprintf(format, v...))
}

func (l engineLog) Errorf(format string, v ...any) {
	l.log.Error("engine: " + fmt.Sprintf(format, v...))
	if l.failed != nil {
		l.failed()
	}
}

// Fatalf ends nothing: an engine that cannot start never becomes ready, and Open
// reports that.
func (l engineLog) Fatalf(format string, v ...any) { l.Errorf(format, v...) }
