package datadir

import (
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/libnim/libnim/core/tools"
	"github.com/libnim/libnim/internal/nimerr"
)

const (
	deviceFile   = "device_id"
	deviceDigits = 32  // of hex: 128 bits
	maxOverride  = 128 // bytes
)

// DeviceID returns the id of this installation: override if it is given, else
// the random one of the directory, made at the first call. It is the same for
// as long as the Dir is open, whatever happens to the file.
//
// The id is usable even when there is an error: data_dir_unusable says that it
// could not be stored and the next run will have another. Only an override
// that cannot be a device id gives invalid_argument and no id.
func (d *Dir) DeviceID(override string) (string, error) {
	if override != "" {
		if len(override) > maxOverride || !utf8.ValidString(override) || strings.ContainsFunc(override, unicode.IsControl) || strings.TrimSpace(override) == "" {
			return "", nimerr.InvalidArgument.Newf("nimx.device_id: want 1 to %d bytes of text without control characters", maxOverride)
		}
		return override, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.deviceID != "" {
		return d.deviceID, nil
	}
	if d.deviceID = d.storedID(); d.deviceID != "" {
		return d.deviceID, nil
	}
	d.deviceID = tools.ID()
	err := d.putFile(deviceFile, []byte(d.deviceID+"\n"), func(temporary, name string) error {
		if d.root.Link(temporary, name) == nil { // fails where another process was faster
			return removeFile(d.root, temporary)
		}
		if id := d.storedID(); id != "" {
			d.deviceID = id
			return removeFile(d.root, temporary)
		}
		return d.root.Rename(temporary, name) // over what is no id; or there are no links
	})
	if err != nil {
		return d.deviceID, nimerr.DataDirUnusable.Wrap(err)
	}
	return d.deviceID, nil
}

// storedID is the id in the file, "" if there is none.
func (d *Dir) storedID() string {
	stored, err := d.readFile(deviceFile, deviceDigits+2)
	if id := strings.TrimSpace(string(stored)); err == nil && isDeviceID(id) {
		return id
	}
	return ""
}

// isDeviceID says whether id is one of ours, and not what a crash or an editor
// has left.
func isDeviceID(id string) bool {
	raw, err := hex.DecodeString(id)
	return err == nil && len(raw) == deviceDigits/2
}
