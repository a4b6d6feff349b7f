// Apigen writes everything that is derived from the description of the C ABI
// in api/: the C headers and the C front, the Go payloads and dispatch, the
// export lists, and the reference in docs/.
//
//	go run ./internal/apigen          write the outputs
//	go run ./internal/apigen -check   fail if an output is not up to date
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// A File is one generated file, its path relative to the root of the project.
type File struct {
	Path string
	Text []byte
}

// An Output turns the description into the files of one consumer. A language
// binding is one more Output.
type Output func(*Spec) ([]File, error)

var outputs = []Output{cHeaders, cFront, cTests, exportLists, goDispatch, goBuild, goPostings, goPayloads, goErrors, typeScript, csharp, cpp, docs}

func main() {
	root := flag.String("root", ".", "root of the project")
	check := flag.Bool("check", false, "write nothing; fail if an output differs")
	flag.Parse()
	if err := run(*root, *check); err != nil {
		fmt.Fprintln(os.Stderr, "apigen:", err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	spec, err := Load(filepath.Join(root, "api"))
	if err != nil {
		return err
	}
	files, err := generate(spec)
	if err != nil {
		return err
	}
	if check {
		return compare(root, files)
	}
	for _, f := range files {
		path := filepath.Join(root, f.Path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.Text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func generate(spec *Spec) ([]File, error) {
	var files []File
	for _, output := range outputs {
		more, err := output(spec)
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	return files, nil
}

// compare reports every file whose content on disk is not what it should be.
func compare(root string, files []File) error {
	var faults []error
	for _, f := range files {
		have, err := os.ReadFile(filepath.Join(root, f.Path))
		if err != nil {
			faults = append(faults, err)
		} else if !bytes.Equal(have, f.Text) {
			faults = append(faults, fmt.Errorf("%s is not up to date: run go run ./internal/apigen", f.Path))
		}
	}
	faults = append(faults, strays(root, files)...)
	return errors.Join(faults...)
}

// strays finds headers that are not generated any more: include/ holds nothing
// else.
func strays(root string, files []File) []error {
	made := map[string]bool{}
	for _, f := range files {
		made[filepath.Join(root, f.Path)] = true
	}
	headers, err := filepath.Glob(filepath.Join(root, "include", "*"))
	if err != nil {
		return []error{err}
	}
	var faults []error
	for _, h := range headers {
		if !made[h] {
			faults = append(faults, fmt.Errorf("%s is not generated any more", h))
		}
	}
	return faults
}
