package core

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

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

// programDir returns the directory of the running program, "" if unknown.
func programDir() string {
	exe, err := os.Executable()
	if err != nil {
		return ""
	}
	return filepath.Dir(exe)
}

// loadServerConf reads the servers from the file that the settings name, or
// from the one in dir, where the settings themselves name none. The file holds a
// private_server_setting object, bare or under that key.
func loadServerConf(o *abi.InitOptions, dir string) *nimerr.Error {
	if p := &o.PrivateServerSetting; len(p.Link)+len(p.LinkIpv6) > 0 || p.Lbs != "" || p.WsAddr != "" {
		return nil
	}
	path, called := o.ServerConfFilePath, "server_conf_file_path"
	if path == "" {
		path = filepath.Join(dir, serverConfName)
		called = path
		if _, err := os.Stat(path); dir == "" || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	data, err := os.ReadFile(path)
	switch {
	case err != nil:
		return nimerr.InvalidArgument.Newf("%s: %v", called, err)
	case len(data) > serverConfMax:
		return nimerr.InvalidArgument.Newf("%s: want at most %d bytes, got %d", called, serverConfMax, len(data))
	}
	text := string(bytes.TrimPrefix(data, byteOrderMark))
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
