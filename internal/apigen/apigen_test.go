package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden generates everything from a small description that uses each
// feature once, and compares with testdata/toy/golden.
func TestGolden(t *testing.T) {
	spec, err := Load("testdata/toy")
	if err != nil {
		t.Fatal(err)
	}
	files, err := generate(spec)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, f := range files {
		path := filepath.Join("testdata/toy/golden", filepath.FromSlash(f.Path)+".golden")
		want[path] = true
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, f.Text, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		golden, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(golden, f.Text) {
			t.Errorf("%s differs at line %d; go test -update rewrites it", path, firstDifference(golden, f.Text))
		}
	}
	err = filepath.WalkDir("testdata/toy/golden", func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !want[path] {
			t.Errorf("%s is not generated any more", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func firstDifference(a, b []byte) int {
	la, lb := strings.Split(string(a), "\n"), strings.Split(string(b), "\n")
	for i := range min(len(la), len(lb)) {
		if la[i] != lb[i] {
			return i + 1
		}
	}
	return min(len(la), len(lb)) + 1
}

// TestNotice checks the first line of every output.
func TestNotice(t *testing.T) {
	spec, err := Load("../../api")
	if err != nil {
		t.Fatal(err)
	}
	files, err := generate(spec)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		first, _, _ := strings.Cut(string(f.Text), "\n")
		if !strings.Contains(first, "Code generated") || !strings.Contains(first, "DO NOT EDIT.") {
			t.Errorf("%s begins with %q", f.Path, first)
		}
		if bytes.Contains(f.Text, []byte(" \n")) {
			t.Errorf("%s has a line that ends in a space", f.Path)
		}
	}
}

// TestUpToDate fails when an output was not generated again after a change.
func TestUpToDate(t *testing.T) {
	if err := run("../..", true); err != nil {
		t.Error(err)
	}
}

// TestNames counts what programs link against: the 399 names of the NIM C API,
// 194 of them with a known signature.
func TestNames(t *testing.T) {
	spec, err := Load("../../api")
	if err != nil {
		t.Fatal(err)
	}
	var nim, known int
	for _, n := range spec.names() {
		if strings.HasPrefix(n, "nim_") {
			nim++
		}
	}
	for _, m := range spec.Modules {
		for _, f := range m.Functions {
			if strings.HasPrefix(f.Name, "nim_") {
				known++
			}
		}
	}
	if nim != 399 || known != 386 {
		t.Errorf("%d nim_ names, %d with a signature; want 399 and 386", nim, known)
	}
}

func TestRunWrites(t *testing.T) {
	root := t.TempDir()
	if err := os.CopyFS(filepath.Join(root, "api"), os.DirFS("testdata/toy")); err != nil {
		t.Fatal(err)
	}
	if err := run(root, true); err == nil {
		t.Error("-check accepts outputs that are missing")
	}
	if err := run(root, false); err != nil {
		t.Fatal(err)
	}
	if err := run(root, true); err != nil {
		t.Errorf("-check after writing: %v", err)
	}
	stray := filepath.Join(root, "include", "nim_old.h")
	if err := os.WriteFile(stray, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(root, true); err == nil || !strings.Contains(err.Error(), "nim_old.h is not generated any more") {
		t.Errorf("-check with a stray header: %v", err)
	}
	if err := os.WriteFile(filepath.Join(root, "nim.def"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(root, true); err == nil || !strings.Contains(err.Error(), "nim.def is not up to date") {
		t.Errorf("-check after an edit: %v", err)
	}
}
