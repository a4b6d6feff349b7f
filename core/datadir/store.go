package datadir

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"

	"github.com/libnim/libnim/internal/nimerr"
)

// MaxCache is the most that WriteCache keeps under one name, in bytes.
const MaxCache = 256 << 10

const cacheDir = "cache"

// WriteCache keeps data under name in place of what was there. A reader sees
// the old or the new, whole, even after a crash.
func (d *Dir) WriteCache(name string, data []byte) error {
	file, bad := encodeName(name)
	if bad != nil {
		return bad
	}
	if len(data) > MaxCache {
		return nimerr.InvalidArgument.Newf("%d bytes are too many for the cache", len(data))
	}
	if err := d.root.MkdirAll(cacheDir, 0o700); err != nil {
		return nimerr.DataDirUnusable.Wrap(err)
	}
	if err := d.replaceFile(path.Join(cacheDir, file), data); err != nil {
		return nimerr.DataDirUnusable.Wrap(err)
	}
	return nil
}

// ReadCache returns what WriteCache kept under name, and whether there is
// anything.
func (d *Dir) ReadCache(name string) ([]byte, bool) {
	file, bad := encodeName(name)
	if bad != nil {
		return nil, false
	}
	data, err := d.readFile(path.Join(cacheDir, file), MaxCache)
	return data, err == nil
}

var errTooLarge = errors.New("larger than anything that is written there")

// readFile returns the whole regular file if it has at most max bytes.
func (d *Dir) readFile(name string, max int64) ([]byte, error) {
	// Asked before it is opened: opening a pipe would wait for its writer.
	if info, err := d.root.Stat(name); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrInvalid}
	}
	f, err := d.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, max+1))
	if err == nil && int64(len(data)) > max {
		err = errTooLarge
	}
	return data, err
}

// replaceFile puts a file in place by rename, after its content has reached
// the disk.
func (d *Dir) replaceFile(name string, data []byte) error {
	return d.putFile(name, data, d.root.Rename)
}

// putFile writes a file and lets put give it its name. There is one temporary
// file for each name and place.
func (d *Dir) putFile(name string, data []byte, put func(temporary, name string) error) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	temporary := numbered(name+".new", ".", d.place)
	f, err := d.root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = put(temporary, name)
	}
	if err != nil {
		_ = removeFile(d.root, temporary)
		return err
	}
	return d.syncDir(path.Dir(name))
}

// syncDir makes a rename survive a power loss. Windows knows nothing like it.
func (d *Dir) syncDir(name string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := d.root.Open(name)
	if err != nil {
		return err
	}
	err = dir.Sync()
	_ = dir.Close()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrInvalid) {
		return nil
	}
	return err
}
