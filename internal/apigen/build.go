package main

import (
	"fmt"
	"strings"
)

// A Build is what every build of the library is and can do.
type Build struct {
	AbiLevel int `yaml:"abi_level"`
	Backends []string
	Features []Feature
}

// A Feature is a name that nimx_build_has knows.
type Feature struct {
	Name string
	If   string // a condition of the C preprocessor; empty: every build has it
	Doc  string
}

// moduleNames lists the modules of the ABI that are built; nimx is no module of it.
func (s *Spec) moduleNames() []string {
	var names []string
	for _, m := range builtModules(s) {
		if m.Module != "nimx" {
			names = append(names, m.Module)
		}
	}
	return names
}

// abilities lists all that nimx_build_has knows: features, backends, modules.
func (s *Spec) abilities() []Feature {
	list := append([]Feature{}, s.Build.Features...)
	for _, b := range s.Build.Backends {
		list = append(list, Feature{Name: "backend." + b, Doc: "the backend " + b})
	}
	for _, m := range s.moduleNames() {
		list = append(list, Feature{Name: m, Doc: "the module " + m})
	}
	return list
}

// buildTable writes for C what nimx_abi_level and nimx_build_has answer.
func (f *front) buildTable(t *text) {
	t.p("\nconst int nim_abi_level = %d;\n\nconst char *const nim_abilities[] = {", f.Build.AbiLevel)
	for _, a := range f.abilities() {
		if a.If != "" {
			t.p("#if %s\n    %q,\n#endif", a.If, a.Name)
		} else {
			t.p("    %q,", a.Name)
		}
	}
	t.p("    NULL\n};")
}

// goBuild writes internal/abi/build_gen.go: the same for nimx_client_capabilities.
func goBuild(s *Spec) ([]File, error) {
	var t text
	t.p("// %s\n\npackage abi\n", notice)
	t.p("// Level counts the additions to the released ABI.\nconst Level = %d\n", s.Build.AbiLevel)
	t.p("// Backends are those that every build has.\nvar Backends = []string{%s}\n", quoted(s.Build.Backends))
	t.p("// Modules are the modules of the ABI that are built.\nvar Modules = []string{%s}", quoted(s.moduleNames()))
	file, err := goFile("internal/abi/build_gen.go", &t)
	return []File{file}, err
}

func quoted(list []string) string {
	var out []string
	for _, s := range list {
		out = append(out, fmt.Sprintf("%q", s))
	}
	return strings.Join(out, ", ")
}

// build writes the table of docs/API.md.
func (d *reference) build(t *text) {
	t.p("## What a build can do\n\n`nimx_build_has` tells whether a build has one of these, `nimx_abi_level` is %d.\n", d.Build.AbiLevel)
	t.p("| name | what |\n|---|---|")
	for _, a := range d.abilities() {
		doc := cell(a.Doc)
		if a.If != "" {
			doc += "; not in every build"
		}
		t.p("| `%s` | %s |", a.Name, doc)
	}
	t.p("")
}
