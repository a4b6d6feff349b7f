package main

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"compress/gzip"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// epoch is the time of every file in an archive.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func (f *file) mode() fs.FileMode {
	if f.executable {
		return 0o755
	}
	return 0o644
}

// writeTar writes files below a directory named top into a compressed tar file.
func writeTar(name, top string, files []file) error {
	return writeFile(name, func(out *bufio.Writer) error {
		packed, err := gzip.NewWriterLevel(out, gzip.BestCompression)
		if err != nil {
			return err
		}
		archive := tar.NewWriter(packed)
		for _, f := range sorted(files) {
			err = archive.WriteHeader(&tar.Header{
				Typeflag: tar.TypeReg, Name: top + "/" + f.path, Size: int64(len(f.data)),
				Mode: int64(f.mode()), ModTime: epoch, Format: tar.FormatUSTAR,
			})
			if err != nil {
				return err
			}
			if _, err = archive.Write(f.data); err != nil {
				return err
			}
		}
		return errors.Join(archive.Close(), packed.Close())
	})
}

// writeZip does the same with a zip file.
func writeZip(name, top string, files []file) error {
	return writeFile(name, func(out *bufio.Writer) error {
		archive := zip.NewWriter(out)
		for _, f := range sorted(files) {
			header := &zip.FileHeader{Name: top + "/" + f.path, Method: zip.Deflate, Modified: epoch}
			header.SetMode(f.mode())
			entry, err := archive.CreateHeader(header)
			if err != nil {
				return err
			}
			if _, err = entry.Write(f.data); err != nil {
				return err
			}
		}
		return archive.Close()
	})
}

func sorted(files []file) []file {
	return slices.SortedFunc(slices.Values(files), func(a, b file) int { return strings.Compare(a.path, b.path) })
}

// writeFile creates a file that is there whole or not at all.
func writeFile(name string, write func(*bufio.Writer) error) error {
	f, err := os.Create(name + ".new")
	if err != nil {
		return err
	}
	out := bufio.NewWriter(f)
	err = write(out)
	if err = errors.Join(err, out.Flush(), f.Close()); err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	return os.Rename(f.Name(), name)
}
