package session

import (
	"time"

	"github.com/libnim/libnim/core/backend"
)

// Config is what the session needs of the init settings.
type Config struct {
	Version       string // of this library, for diagnostics
	Backend       string // private_server_setting.backend
	Server        string // which deployment: its lbs URL, else its first link, as the settings have it
	Instance      string // random: tells this session from every other one
	AppKey        string // for logins that name none
	Device        backend.Device
	LoginRetryMax int           // failed attempts of a first login that are retried; 0: by its time alone
	ReloginMax    int           // failed attempts of an outage that are retried; 0: all
	LoginTimeout  time.Duration // 0: none asked for
	FirstLogin    time.Duration // of a first login without limits of its own; 0: the default
	RefreshLBS    bool          // ask the LBS before each relogin
}
