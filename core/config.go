package core

import (
	"net"
	"runtime"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/session"
	"github.com/libnim/libnim/internal/abi"
)

// newConfig reads the settings of the session.
func newConfig(o *abi.InitOptions, deviceID string) session.Config {
	d := backend.Device{
		ID: deviceID, ClientType: hostClientType(), OS: hostOS(),
		CustomClientType: o.GlobalConfig.CustomClientType,
	}
	if o.Nimx.ClientType != 0 {
		d.ClientType = o.Nimx.ClientType
	}
	if o.Nimx.ClientOs != "" {
		d.OS = o.Nimx.ClientOs
	}
	if o.Nimx.ReportMac {
		d.Mac = hostMac()
	}
	appKey := o.AppKey
	if appKey == "" && o.PrivateServerSetting.Backend == "openim" {
		appKey = "openim" // OpenIM has no app keys
	}
	return session.Config{
		AppKey: appKey, Device: d, LoginRetryMax: o.GlobalConfig.LoginRetryMaxTimes,
		ReloginMax:   o.Nimx.ReloginMaxAttempts,
		LoginTimeout: time.Duration(o.Nimx.LoginTimeoutMs) * time.Millisecond,
		FirstLogin:   time.Duration(max(o.GlobalConfig.CustomTimeout, 0)) * time.Second,
		RefreshLBS:   o.GlobalConfig.NeedUpdateLbsBeforRelogin,
	}
}

// hostClientType is the PC type also on Linux: the ABI has none for it, and
// client_os says so.
func hostClientType() int {
	if runtime.GOOS == "darwin" {
		return abi.ClientTypeMacOS
	}
	return abi.ClientTypePCWindows
}

func hostOS() string {
	switch runtime.GOOS {
	case "windows":
		return "Windows"
	case "darwin":
		return "macOS"
	case "linux":
		return "Linux"
	}
	return runtime.GOOS
}

// hostMac returns the hardware address of the first interface that has one and
// is up, or "".
func hostMac() string {
	list, err := net.Interfaces()
	if err != nil {
		return ""
	}
	for _, i := range list {
		if i.Flags&net.FlagUp != 0 && i.Flags&net.FlagLoopback == 0 && len(i.HardwareAddr) == 6 {
			return i.HardwareAddr.String()
		}
	}
	return ""
}
