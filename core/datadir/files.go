package datadir

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
)

const accountsDir = "accounts"

// Files says what there is of one kind of an account's received files.
type Files struct {
	Count int
	Bytes int64
	Path  string // of the directory; it may not exist
}

// CacheInfo counts the files of one kind ("res", "image", "audio", "video")
// that an account has received and that were last changed at until or before;
// a zero until means all. Links and what they lead to are not counted.
func (d *Dir) CacheInfo(account, fileType string, until time.Time) (Files, *nimerr.Error) {
	dir, bad := fileDir(account, fileType)
	if bad != nil {
		return Files{}, bad
	}
	info := Files{Path: filepath.Join(d.path, filepath.FromSlash(dir))}
	err := d.eachFile(dir, until, func(_ *os.Root, _ string, size int64) error {
		info.Count++
		info.Bytes += size
		return nil
	})
	if err != nil {
		return info, nimerr.DataDirUnusable.Wrap(err)
	}
	return info, nil
}

// CacheDelete removes the files that CacheInfo counts. It goes on past a file
// that cannot be removed and returns data_dir_unusable at the end.
func (d *Dir) CacheDelete(account, fileType string, until time.Time) *nimerr.Error {
	dir, bad := fileDir(account, fileType)
	if bad != nil {
		return bad
	}
	var failed []error
	err := d.eachFile(dir, until, func(root *os.Root, name string, _ int64) error {
		if err := removeFile(root, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, err)
		}
		return nil
	})
	if err == nil && len(failed) > 0 {
		err = failed[0]
	}
	if err != nil {
		return nimerr.DataDirUnusable.Wrap(err)
	}
	return nil
}

// AccountDir makes the directory of an account, or for "" the one above those of
// all accounts, and returns its path; "" if it cannot.
func (d *Dir) AccountDir(account string) string {
	dir := accountsDir
	if account != "" {
		name, bad := encodeName(account)
		if bad != nil {
			return ""
		}
		dir = path.Join(dir, name)
	}
	if err := d.root.MkdirAll(dir, 0o700); err != nil {
		return ""
	}
	return filepath.Join(d.path, filepath.FromSlash(dir))
}

// FileDir returns the path of the directory of one kind of an account's files;
// "" if either does not exist.
func (d *Dir) FileDir(account, fileType string) string {
	dir, bad := fileDir(account, fileType)
	if bad != nil {
		return ""
	}
	return filepath.Join(d.path, filepath.FromSlash(dir))
}

// fileDir returns the directory of one kind of files, relative, with slashes.
func fileDir(account, fileType string) (string, *nimerr.Error) {
	switch fileType {
	case "res", "image", "audio", "video":
	default:
		return "", nimerr.InvalidArgument.Newf("file type %q is none of res, image, audio, video", fileType)
	}
	name, bad := encodeName(account)
	if bad != nil {
		return "", bad
	}
	return path.Join(accountsDir, name, fileType), nil
}

// eachFile calls visit for every regular file in dir and below that was last
// changed at until or before. A directory that does not exist has no files.
func (d *Dir) eachFile(dir string, until time.Time, visit func(root *os.Root, name string, size int64) error) error {
	root, err := d.openDir(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) { // removed meanwhile
			return nil
		}
		if err != nil || (!until.IsZero() && info.ModTime().After(until)) {
			return err
		}
		return visit(root, name, info.Size())
	})
}

// openDir opens a directory below the root, refusing links on the way: one
// that stays inside the root could still lead from the files of one account to
// those of another.
func (d *Dir) openDir(dir string) (*os.Root, error) {
	for part := dir; part != "."; part = path.Dir(part) {
		info, err := d.root.Lstat(part)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			return nil, &fs.PathError{Op: "open", Path: part, Err: fs.ErrInvalid}
		}
	}
	return d.root.OpenRoot(dir)
}

// removeFile removes a regular file. Wine, and some file systems of Windows, do
// not know the delete that an os.Root asks for; the old one serves there.
func removeFile(root *os.Root, name string) error {
	err := root.Remove(name)
	if err != nil && runtime.GOOS == "windows" {
		err = os.Remove(filepath.Join(root.Name(), filepath.FromSlash(name)))
	}
	return err
}
