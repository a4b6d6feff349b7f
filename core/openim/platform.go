package openim

import (
	"strconv"
	"strings"
)

// OpenIM's platform ids. A platform is all that OpenIM tells of another device.
const (
	platformWindows = 3
	platformMacOS   = 4
	platformLinux   = 7
)

// MaxPlatform is the highest platform id; the lowest is 1.
const MaxPlatform = 12

// NIMClientType of the platforms.
const (
	clientUnknown = 0
	clientAndroid = 1
	clientIOS     = 2
	clientPC      = 4
	clientWeb     = 16
	clientREST    = 32
	clientMacOS   = 64
)

// platforms says what a program of the NIM ABI sees of a platform: Linux counts
// as PC and mini programs as Web, as everywhere in this library; the name says
// the rest.
var platforms = [MaxPlatform + 1]struct {
	name       string
	clientType int
}{
	1:  {"iOS", clientIOS},
	2:  {"Android", clientAndroid},
	3:  {"Windows", clientPC},
	4:  {"macOS", clientMacOS},
	5:  {"Web", clientWeb},
	6:  {"MiniWeb", clientWeb},
	7:  {"Linux", clientPC},
	8:  {"AndroidPad", clientAndroid},
	9:  {"iPad", clientIOS},
	10: {"Admin", clientREST},
	11: {"HarmonyOS", clientUnknown},
	12: {"Bot", clientUnknown},
}

// hostPlatform is the platform of an operating system. What OpenIM has no
// number for counts as Linux.
func hostPlatform(goos string) int {
	switch goos {
	case "windows":
		return platformWindows
	case "darwin":
		return platformMacOS
	}
	return platformLinux
}

func platformName(id int) string {
	if id > 0 && id <= MaxPlatform {
		return platforms[id].name
	}
	return "platform " + strconv.Itoa(id)
}

func clientType(platform int) int {
	if platform > 0 && platform <= MaxPlatform {
		return platforms[platform].clientType
	}
	return clientUnknown
}

// deviceID names the devices of a platform; OpenIM knows no device ids.
func deviceID(platform int) string { return devicePrefix + strconv.Itoa(platform) }

const devicePrefix = "platform:"

// devicePlatform is the way back; ok is false for any other text.
func devicePlatform(id string) (platform int, ok bool) {
	digits, found := strings.CutPrefix(id, devicePrefix)
	n, err := strconv.Atoi(digits)
	if !found || err != nil || n <= 0 || deviceID(n) != id {
		return 0, false
	}
	return n, true
}
