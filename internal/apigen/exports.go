package main

import "slices"

// names lists every exported name, sorted.
func (s *Spec) names() []string {
	var names []string
	for _, m := range s.Modules {
		for _, f := range m.Functions {
			names = append(names, f.Name)
		}
	}
	for _, g := range s.Opaque {
		names = append(names, g.Names...)
	}
	slices.Sort(names)
	return names
}

// exportLists writes exports.map for ELF linkers and nim.def for Windows.
func exportLists(s *Spec) ([]File, error) {
	var elf, def text
	elf.p("# %s\nNIM_1 {\nglobal:", notice)
	def.p("; %s\nLIBRARY nim.dll\nEXPORTS", notice)
	for _, n := range s.names() {
		elf.p("    %s;", n)
		def.p("    %s", n)
	}
	elf.p("local:\n    *;\n};")
	return []File{elf.file("exports.map"), def.file("nim.def")}, nil
}
