package main

import (
	"fmt"
	"slices"
	"strings"
)

// cHeaders writes include/: one header pair per module, the result codes, the
// umbrella.
func cHeaders(s *Spec) ([]File, error) {
	h := &headers{Spec: s, types: s.types(), home: map[string]string{"NIMResCode": "nim_res_code_def.h"}}
	for _, m := range s.Modules {
		for _, e := range m.Enums {
			h.home[e.Name] = m.defFile()
		}
		for _, st := range m.Structs {
			h.home[st.Name] = m.defFile()
		}
		for _, cb := range m.Callbacks {
			h.home[cb.Name] = m.defFile()
		}
	}
	files := []File{h.typesHeader(), h.codes(), h.umbrella()}
	for _, m := range s.Modules {
		if m.Def != "" {
			files = append(files, h.module(m, m.Def, true, false))
		}
		if m.Header != "" {
			files = append(files, h.module(m, m.Header, m.Def == "", true))
		}
	}
	return files, nil
}

// defFile is the header that declares the module's types.
func (m *Module) defFile() string {
	if m.Def == "" {
		return m.Header
	}
	return m.Def
}

// headers writes header files; home tells which one declares a type.
type headers struct {
	*Spec
	*types
	home map[string]string
}

func (h *headers) begin(t *text, file, title string) {
	t.p("/* %s", notice)
	t.p(" *")
	t.p(" * %s: %s. */", file, title)
	guard := strings.ToUpper(strings.ReplaceAll(file, ".", "_"))
	t.p("#ifndef %s", guard)
	t.p("#define %s\n", guard)
}

func (h *headers) typesHeader() File {
	var t text
	h.begin(&t, "nim_types.h", "calling convention, scalar types")
	t.WriteString(typesBody)
	return t.file("include/nim_types.h")
}

// module writes one header: the types, the functions, or both.
func (h *headers) module(m *Module, file string, types, functions bool) File {
	var t text
	title := m.Title
	if !functions {
		title += ": types and keys"
	}
	h.begin(&t, file, title)
	if m.Doc != "" && functions {
		t.cComment("", m.Doc)
		t.p("")
	}
	for _, inc := range h.includes(m, file, types, functions) {
		t.p("#include %q", inc)
	}
	t.p("\nNIM_BEGIN_C")
	if types {
		h.enums(&t, m)
		if m.Module == "nimx" {
			h.ownErrors(&t)
		}
		h.structs(&t, m)
		h.callbacks(&t, m)
		h.payloads(&t, m)
		h.keys(&t, m)
	}
	if functions {
		for _, f := range m.Functions {
			h.function(&t, f)
		}
	}
	t.p("\nNIM_END_C\n\n#endif")
	return t.file("include/" + file)
}

// includes lists the headers that declare what this one uses.
func (h *headers) includes(m *Module, file string, types, functions bool) []string {
	var used []string
	use := func(typ string) {
		for _, w := range word.FindAllString(typ, -1) {
			if home := h.home[w]; home != "" && home != file && !slices.Contains(used, home) {
				used = append(used, home)
			}
		}
	}
	if types {
		for _, st := range m.Structs {
			for _, f := range st.Fields {
				use(f.Type)
			}
		}
		for _, cb := range m.Callbacks {
			use(cb.Alias)
			for _, p := range cb.Params {
				use(p.Type)
			}
		}
	}
	if functions {
		if m.Def != "" {
			used = append(used, m.Def)
		}
		for _, f := range m.Functions {
			for _, p := range f.Params {
				use(p.Type)
			}
		}
	}
	slices.Sort(used)
	return append([]string{"nim_types.h"}, slices.Compact(used)...)
}

func (h *headers) enums(t *text, m *Module) {
	for _, e := range m.Enums {
		t.p("")
		if e.Doc != "" {
			t.cComment("", e.Doc)
		}
		enum(t, e)
	}
}

// enum declares e, the comments in a column where they fit beside the values.
func enum(t *text, e Enum) {
	const widest = 2 * lineWidth / 3
	lines := make([]string, len(e.Values))
	column := 0
	for i, v := range e.Values {
		lines[i] = fmt.Sprintf("    %s = %d%s", v.Name, v.Value, comma(i, len(e.Values)))
		column = max(column, len(lines[i]))
	}
	column = min(column, widest)
	t.p("enum %s {", e.Name)
	for i, v := range e.Values {
		if max(column, len(lines[i]))+len(v.Doc)+7 <= lineWidth+20 {
			t.p("%-*s /* %s */", column, lines[i], v.Doc)
		} else {
			t.cComment("    ", v.Doc)
			t.p("%s", lines[i])
		}
	}
	t.p("};")
}

func (h *headers) structs(t *text, m *Module) {
	for _, st := range m.Structs {
		t.p("")
		t.cComment("", st.Doc)
		t.p("typedef struct %s {", st.Name)
		for _, f := range st.Fields {
			t.p("    %s; /* %s */", field(f), f.Doc)
		}
		t.p("} %s;", st.Name)
	}
}

// field declares a struct member.
func field(f Field) string {
	if fn, ok := strings.CutPrefix(f.Type, "fn "); ok {
		ret, params, _ := strings.Cut(strings.TrimSuffix(fn, ")"), "(")
		ret = strings.TrimSpace(ret)
		return fmt.Sprintf("%s(%s)", declare(cType(ret, true), "(NIM_CALL *"+f.Name+")"), cType(params, false))
	}
	d := declare(cType(f.Type, false), f.Name)
	if f.Array > 0 {
		d += fmt.Sprintf("[%d]", f.Array)
	}
	return d
}

func (h *headers) keys(t *text, m *Module) {
	if len(m.Keys) == 0 {
		return
	}
	t.p("\n/* JSON keys. In C++ they are constants, so that they can be named inside a\n * namespace that these headers were included in. */")
	t.p("#ifdef __cplusplus")
	for _, k := range m.Keys {
		t.p("const char *const %s = %q;", k.Name, k.Key)
	}
	t.p("#else")
	for _, k := range m.Keys {
		t.p("#define %s %q%s", k.Name, k.Key, keyDoc(k))
	}
	t.p("#endif")
}

func keyDoc(k Key) string {
	d := k.Type
	if k.Doc != "" {
		if d != "" {
			d += ": "
		}
		d += k.Doc
	}
	if d == "" {
		return ""
	}
	return " /* " + d + " */"
}

func (h *headers) codes() File {
	var t text
	h.begin(&t, "nim_res_code_def.h", "result codes")
	t.cComment("", "Result codes that servers and the library give (err_code, rescode). Codes from 21000 to 21999 are libnim's own: see nimx.h.")
	e := Enum{Name: "NIMResCode"}
	for _, c := range h.Codes {
		e.Values = append(e.Values, EnumValue(struct {
			Name  string
			Value int64
			Doc   string
		}{c.Name, c.Value, c.Doc}))
	}
	enum(&t, e)
	t.p("\n#endif")
	return t.file("include/nim_res_code_def.h")
}

// ownErrors declares the codes that only this library uses.
func (h *headers) ownErrors(t *text) {
	e := Enum{Name: "nimx_error"}
	for _, r := range h.Errors {
		if r.Code >= 21000 && r.Code <= 21999 {
			e.Values = append(e.Values, EnumValue{"NIMX_ERR_" + strings.ToUpper(r.Name), int64(r.Code), r.Text})
		}
	}
	t.p("")
	t.cComment("", "Result codes of this library alone. The whole table, with the err_name of each row, is in docs/ERRORS.md.")
	enum(t, e)
}

func (h *headers) umbrella() File {
	var t text
	h.begin(&t, "nim_c_api.h", "the whole NIM C API")
	t.WriteString(umbrellaDoc)
	t.p("")
	t.p("#include \"nim_res_code_def.h\"")
	for _, m := range h.Modules {
		switch {
		case m.Module == "nimx":
		case m.Header != "":
			t.p("#include %q", m.Header)
		default:
			t.p("#include %q", m.Def)
		}
	}
	t.p("\n#endif")
	return t.file("include/nim_c_api.h")
}
