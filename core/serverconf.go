package core

import (
	"bytes"
	"os"

	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
	"github.com/tidwall/gjson"
)

// serverConfMax bounds the file that server_conf_file_path names, and with it
// how deep its JSON can be nested.
const serverConfMax = 64 << 10

// byteOrderMark is what editors on Windows put before UTF-8. It is no JSON.
var byteOrderMark = []byte("\ufeff")

// loadServerConf reads the servers from the file that the settings name, where
// the settings themselves name none. The file holds a private_server_setting
// object, bare or under that key.
func loadServerConf(o *abi.InitOptions) *nimerr.Error {
	path := o.ServerConfFilePath
	if p := &o.PrivateServerSetting; path == "" || len(p.Link)+len(p.LinkIpv6) > 0 || p.Lbs != "" || p.WsAddr != "" {
		return nil
	}
	data, err := os.ReadFile(path)
	switch {
	case err != nil:
		return nimerr.InvalidArgument.Newf("server_conf_file_path: %v", err)
	case len(data) > serverConfMax:
		return nimerr.InvalidArgument.Newf("server_conf_file_path: want at most %d bytes, got %d", serverConfMax, len(data))
	}
	text := string(bytes.TrimPrefix(data, byteOrderMark))
	if !gjson.Get(text, "private_server_setting").IsObject() {
		text = `{"private_server_setting":` + text + `}`
	}
	conf, err := abi.DecodeInitOptions(text)
	if err != nil {
		return nimerr.InvalidArgument.New("server_conf_file_path: " + nimerr.From(err, nimerr.InvalidArgument).Detail)
	}
	o.PrivateServerSetting = conf.PrivateServerSetting
	return nil
}
