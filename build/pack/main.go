// Pack makes the archives of one target from what ./build.sh has built: the
// library with its headers and licenses, its symbols, and a bill of materials.
// The same products give the same bytes, whenever and wherever it runs.
//
//	pack -version 0.1.0 -target linux-amd64 -products dist/linux-amd64 -out dist
package main

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Files of the project that every archive has. The headers and the README send
// their readers to docs/.
var documents = []string{"CHANGELOG.md", "LICENSE", "README.md", "README.zh-CN.md", "docs/*.md", "docs/adr/*.md", "bindings/cpp/*.md"}

func main() {
	version := flag.String("version", "", "version of the archives")
	target := flag.String("target", "", "os-arch")
	products := flag.String("products", "", "what was built")
	out := flag.String("out", "", "where the archives go")
	flag.Parse()
	if err := pack(*version, *target, *products, *out); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

// pack writes the archives of one target.
func pack(version, target, products, out string) error {
	binaries, err := filepath.Glob(filepath.Join(products, "lib", "*nim.*"))
	if err != nil {
		return err
	}
	binaries = withBuildInfo(append(binaries, filepath.Join(products, "bin", "nimd")))
	bill, err := newBill(version, target, binaries)
	if err != nil {
		return err
	}
	content, err := contentOf(products, bill)
	if err != nil {
		return err
	}
	name := "libnim-" + version + "-" + target
	write, suffix := writeTar, ".tar.gz"
	if strings.HasPrefix(target, "windows-") {
		write, suffix = writeZip, ".zip"
	}
	if err := write(filepath.Join(out, name+suffix), name, content); err != nil {
		return err
	}
	symbols, err := filesBelow(products, "symbols")
	if err != nil || len(symbols) == 0 {
		return err
	}
	return write(filepath.Join(out, name+"-symbols"+suffix), name+"-symbols", symbols)
}

// A file goes into an archive under a path with slashes.
type file struct {
	path       string
	data       []byte
	executable bool
}

// contentOf collects what the archive of the library holds.
func contentOf(products string, bill *bill) ([]file, error) {
	var content []file
	for _, dir := range []string{"bin", "include", "lib"} {
		files, err := filesBelow(products, dir)
		if err != nil {
			return nil, err
		}
		content = append(content, files...)
	}
	for _, pattern := range documents {
		names, err := filepath.Glob(pattern)
		if err == nil && len(names) == 0 {
			err = fmt.Errorf("%s: no such file", pattern)
		}
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			content = append(content, file{path: filepath.ToSlash(name), data: data})
		}
	}
	text, err := bill.json()
	if err != nil {
		return nil, err
	}
	licenses, err := bill.licenses()
	if err != nil {
		return nil, err
	}
	return append(content,
		file{path: "THIRD_PARTY_LICENSES.txt", data: licenses},
		file{path: "sbom.cdx.json", data: text}), nil
}

// filesBelow reads the files of a directory of the products, if there is one.
// The notes that build.sh keeps about its inputs stay behind, and so does a
// server for Windows, which nobody has run.
func filesBelow(products, dir string) ([]file, error) {
	var files []file
	root := os.DirFS(products)
	err := fs.WalkDir(root, dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) == ".inputs" || name == "bin/nimd.exe" {
			return err
		}
		data, err := fs.ReadFile(root, name)
		files = append(files, file{path: name, data: data, executable: dir == "bin"})
		return err
	})
	if os.IsNotExist(err) {
		return nil, nil
	}
	return files, err
}
