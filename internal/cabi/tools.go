package cabi

import (
	"path/filepath"

	"github.com/libnim/libnim/core"
	"github.com/libnim/libnim/core/datadir"
	"github.com/libnim/libnim/core/tools"
	"github.com/libnim/libnim/internal/abi"
)

func (calls) toolGetMd5(_ call, input string) string { return tools.MD5(input) }

func (calls) toolGetFileMd5(_ call, path string) string { return tools.FileMD5(path) }

func (calls) toolGetUuid(call) string { return tools.ID() }

func (calls) toolGetLocalAppdataDir(call) string { return asDir(datadir.UserDir()) }

func (calls) toolGetUserAppdataDir(_ call, account string) (dir string) {
	with(func(k *core.Client) { dir = k.AccountDir(account) })
	return asDir(dir)
}

func (calls) toolGetUserSpecificAppdataDir(_ call, account string, kind int) (dir string) {
	with(func(k *core.Client) { dir = k.FileDir(account, fileTypes[kind]) })
	return asDir(dir)
}

// asDir ends a path with a separator: programs put a name right behind it.
func asDir(path string) string {
	if path == "" {
		return ""
	}
	return path + string(filepath.Separator)
}

// fileTypes names the kinds of received files.
var fileTypes = map[int]string{
	abi.AppDataTypeUnknownOtherRes: "res", abi.AppDataTypeImage: "image",
	abi.AppDataTypeAudio: "audio", abi.AppDataTypeVideo: "video",
}
