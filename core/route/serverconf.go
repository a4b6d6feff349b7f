package route

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
	"github.com/tidwall/gjson"
)

// serverConfMax bounds the file that server_conf_file_path names, and with it
// how deep its JSON can be nested.
const serverConfMax = 64 << 10

// byteOrderMark is what editors on Windows put before UTF-8. It is no JSON.
var byteOrderMark = []byte("\ufeff")

// serverConfName is the file beside the program that is read where the settings
// name neither servers nor a file, as the NIM SDK does.
const serverConfName = "nim_server.conf"

// ProgramDirs returns where the running program is. Under Mono and .NET the
// executable is the runtime: the managed program, which it was given to run, is
// another place.
func ProgramDirs() []string {
	var dirs []string
	if exe, err := os.Executable(); err == nil {
		dirs = append(dirs, filepath.Dir(exe))
	}
	return append(dirs, managedDirs(os.Args)...)
}

// managedDirs returns the directory of the managed program on a command line.
func managedDirs(args []string) []string {
	for _, a := range args[min(1, len(args)):] {
		switch strings.ToLower(filepath.Ext(a)) {
		case ".exe", ".dll":
			if path, err := filepath.Abs(a); err == nil {
				return []string{filepath.Dir(path)}
			}
		}
	}
	return nil
}

// LoadServerConf reads the servers from the file that the settings name, or
// from the one in dir, where the settings themselves name none. The file holds a
// private_server_setting object, bare or under that key.
func LoadServerConf(o *abi.InitOptions, dirs ...string) *nimerr.Error {
	if p := &o.PrivateServerSetting; len(p.Link)+len(p.LinkIpv6) > 0 || p.Lbs != "" || p.WsAddr != "" {
		return nil
	}
	path, called := o.ServerConfFilePath, "server_conf_file_path"
	if path == "" {
		if path = beside(dirs); path == "" {
			return nil
		}
		called = path
	}
	data, err := os.ReadFile(path)
	switch {
	case err != nil:
		return nimerr.InvalidArgument.Newf("%s: %v", called, err)
	case len(data) > serverConfMax:
		return nimerr.InvalidArgument.Newf("%s: want at most %d bytes, got %d", called, serverConfMax, len(data))
	}
	text := string(bytes.TrimPrefix(data, byteOrderMark))
	if fault := abi.JSONFault(text); fault != "" {
		return nimerr.InvalidArgument.New(called + ": " + fault)
	}
	if !gjson.Get(text, "private_server_setting").IsObject() {
		text = `{"private_server_setting":` + text + `}`
	}
	conf, err := abi.DecodeInitOptions(text)
	if err != nil {
		return nimerr.InvalidArgument.New(called + ": " + nimerr.From(err, nimerr.InvalidArgument).Detail)
	}
	o.PrivateServerSetting = conf.PrivateServerSetting
	return nil
}

// beside returns the server file in the first directory that has one, "" if none
// has.
func beside(dirs []string) string {
	for _, dir := range dirs {
		path := filepath.Join(dir, serverConfName)
		if _, err := os.Stat(path); dir != "" && !errors.Is(err, fs.ErrNotExist) {
			return path
		}
	}
	return ""
}
