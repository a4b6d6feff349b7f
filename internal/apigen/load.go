package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

// moduleOrder fixes the order of modules in every output. A module that is not
// in it comes last, by name.
var moduleOrder = []string{"client", "global", "data_sync", "talk", "session", "sysmsg", "msglog", "user", "friend", "team"}

// Load reads every YAML file of dir and checks the result.
func Load(dir string) (*Spec, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	sort.Strings(files)
	s := &Spec{}
	for _, f := range files {
		if err := s.loadFile(f); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(f), err)
		}
	}
	slices.SortStableFunc(s.Modules, func(a, b *Module) int {
		if d := rank(a.Module) - rank(b.Module); d != 0 {
			return d
		}
		return strings.Compare(a.Module, b.Module)
	})
	return s, s.check()
}

func rank(module string) int {
	if i := slices.Index(moduleOrder, module); i >= 0 {
		return i
	}
	if module == "nimx" {
		return len(moduleOrder) + 1
	}
	return len(moduleOrder)
}

// loadFile adds one file. What it holds is told by its name: build, codes,
// errors and opaque are tables, everything else is a module or more of a module.
func (s *Spec) loadFile(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	switch filepath.Base(path) {
	case "build.yaml":
		return strict(text, &struct{ Build *Build }{&s.Build})
	case "codes.yaml":
		return strict(text, &struct{ Codes *[]Code }{&s.Codes})
	case "errors.yaml":
		return strict(text, &struct{ Errors *[]ErrorRow }{&s.Errors})
	case "opaque.yaml":
		return strict(text, &struct{ Opaque *[]OpaqueGroup }{&s.Opaque})
	}
	m := &Module{}
	if err := strict(text, m); err != nil {
		return err
	}
	for _, have := range s.Modules {
		if have.Module == m.Module {
			return have.merge(m)
		}
	}
	s.Modules = append(s.Modules, m)
	return nil
}

// strict decodes one YAML document; a key that out does not have is an error.
func strict(text []byte, out any) error {
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(out); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// merge adds a second file of the same module.
func (m *Module) merge(more *Module) error {
	if more.Title != "" || more.Header != "" || more.Def != "" || more.Doc != "" {
		return fmt.Errorf("module %s is described by another file; this one may only add to its lists", m.Module)
	}
	m.Enums = append(m.Enums, more.Enums...)
	m.Structs = append(m.Structs, more.Structs...)
	m.Callbacks = append(m.Callbacks, more.Callbacks...)
	m.Functions = append(m.Functions, more.Functions...)
	m.Payloads = append(m.Payloads, more.Payloads...)
	m.Keys = append(m.Keys, more.Keys...)
	return nil
}
