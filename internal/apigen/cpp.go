package main

import (
	"fmt"
	"slices"
	"strings"
)

// cpp writes what the C++ binding takes from the description: the names of the
// C API in namespace nim, the payloads with their readers and writers, and the
// list of functions that a program which loads the library looks up.
func cpp(s *Spec) ([]File, error) {
	modules := builtModules(s)
	g := &cppWriter{types: s.types(), modules: modules}
	for _, m := range modules {
		g.payloads = append(g.payloads, m.Payloads...)
	}
	return append([]File{g.names(s), g.payloadFile(), g.functions()}, g.glue()...), nil
}

const cppDir = "bindings/cpp/include/"

type cppWriter struct {
	text
	*types
	modules  []*Module
	payloads []*Payload
}

// begin starts a header.
func (g *cppWriter) begin(file, about string, includes ...string) {
	g.Reset()
	guard := strings.ToUpper(strings.ReplaceAll(file, ".", "_"))
	g.p("// %s", notice)
	g.p("//\n// %s: %s.", file, about)
	g.p("#ifndef %s\n#define %s\n", guard, guard)
	for _, i := range includes {
		if i != "" {
			i = "#include " + i
		}
		g.p("%s", i)
	}
}

// end closes the header that begin started.
func (g *cppWriter) end(file string) File {
	g.p("\n#endif")
	return g.file(cppDir + file)
}

// names declares the enums and key constants of the built modules in namespace
// nim. They are the same entities as the global ones, so that a program may use
// both and "using namespace nim" is never ambiguous.
func (g *cppWriter) names(s *Spec) File {
	const file = "nim_cpp_names_gen.h"
	includes := []string{`"nim_res_code_def.h"`}
	for _, m := range g.modules {
		includes = append(includes, fmt.Sprintf("%q", m.Header))
	}
	g.begin(file, "the names of the C API in namespace nim", includes...)
	g.p("\nnamespace nim {\n")
	g.using("NIMResCode")
	for _, c := range s.Codes {
		g.using(c.Name)
	}
	for _, m := range g.modules {
		for _, e := range m.Enums {
			g.p("")
			g.using(e.Name)
			for _, v := range e.Values {
				g.using(v.Name)
			}
		}
		if len(m.Keys) > 0 {
			g.p("")
		}
		for _, k := range m.Keys {
			g.using(k.Name)
		}
		if m.Module == "nimx" {
			g.ownErrors(s.Errors)
		}
	}
	g.p("\n}  // namespace nim")
	return g.end(file)
}

// ownErrors names the codes that only this library uses, as nimx.h declares them.
func (g *cppWriter) ownErrors(rows []ErrorRow) {
	g.p("")
	g.using("nimx_error")
	for _, r := range rows {
		if r.Code >= 21000 && r.Code <= 21999 {
			g.using("NIMX_ERR_" + strings.ToUpper(r.Name))
		}
	}
}

func (g *cppWriter) using(name string) { g.p("using ::%s;", name) }

// functions lists what a program that loads the library looks up.
func (g *cppWriter) functions() File {
	const file = "nim_cpp_functions_gen.h"
	g.begin(file, "the functions of the modules that are built")
	g.p("// X(name) for each function.\n#define NIM_CPP_FUNCTIONS(X) \\")
	var names []string
	for _, m := range g.modules {
		for _, f := range m.Functions {
			names = append(names, f.Name)
		}
	}
	for i, n := range names {
		if i < len(names)-1 {
			g.p("    X(%s) \\", n)
		} else {
			g.p("    X(%s)", n)
		}
	}
	return g.end(file)
}

// payloadFile writes the structs, and behind them a reader for each that the
// library sends and a writer for each that it takes.
func (g *cppWriter) payloadFile() File {
	const file = "nim_cpp_payloads_gen.h"
	g.begin(file, "the JSON objects of the C API as structs",
		"<cstdint>", "<optional>", "<string>", "<string_view>", "<vector>", "", `"nim_cpp_json.h"`)
	g.p("\nnamespace nim {\nnamespace payload {")
	done := map[string]bool{}
	for _, p := range g.payloads {
		g.declare(p, done)
	}
	g.p("\n// What follows reads and writes them; programs do not call it.\n")
	for _, p := range g.payloads {
		g.prototypes(p)
	}
	for _, p := range g.payloads {
		if p.sent() {
			g.reader(p)
		}
		if p.taken() {
			g.writer(p)
		}
	}
	g.p("\n}  // namespace payload\n}  // namespace nim")
	return g.end(file)
}

// declare writes the struct of p behind those that it is made of.
func (g *cppWriter) declare(p *Payload, done map[string]bool) {
	if done[p.Name] {
		return
	}
	done[p.Name] = true
	for _, other := range g.payloads {
		if slices.Contains(p.Include, other.Name) || slices.ContainsFunc(p.Fields, func(f PayloadField) bool {
			return strings.TrimLeft(f.Type, "[]*") == other.Name
		}) {
			g.declare(other, done)
		}
	}
	g.p("")
	g.lineComment("", p.Doc)
	base := ""
	if len(p.Include) > 0 {
		base = " : " + strings.Join(p.Include, ", ")
	}
	g.p("struct %s%s {", p.Name, base)
	for _, f := range cppFields(p) {
		g.lineComment("  ", f.Doc)
		g.p("  %s %s%s;", cppType(f.Type), cppName(f.Key), cppDefault(f))
	}
	g.p("};")
}

func (g *cppWriter) lineComment(indent, s string) {
	for _, l := range wrap(s, lineWidth+16-len(indent)) {
		g.p("%s// %s", indent, l)
	}
}

// cppFields are the members that mean something to the library.
func cppFields(p *Payload) []PayloadField {
	var list []PayloadField
	for _, f := range p.Fields {
		if f.Decoded == nil || *f.Decoded {
			list = append(list, f)
		}
	}
	return list
}

func cppName(key string) string { return strings.ReplaceAll(key, ".", "_") }

func cppType(typ string) string {
	if elem, ok := strings.CutPrefix(typ, "[]"); ok {
		return "std::vector<" + cppType(elem) + ">"
	}
	if elem, ok := strings.CutPrefix(typ, "*"); ok {
		return "std::optional<" + cppType(elem) + ">"
	}
	switch typ {
	case "string":
		return "std::string"
	case "int", "bool":
		return typ
	case "int64":
		return "std::int64_t"
	case "?bool":
		return "std::optional<bool>"
	case "any", "raw":
		return "RawJson"
	}
	return typ
}

// cppDefault initialises a member with the value that the library takes when it
// is not told.
func cppDefault(f PayloadField) string {
	if f.Default != nil {
		if f.Type == "string" {
			return fmt.Sprintf(" = %q", f.Default)
		}
		return fmt.Sprintf(" = %v", f.Default)
	}
	switch f.Type {
	case "int", "int64":
		return " = 0"
	case "bool":
		return " = false"
	}
	return ""
}

// sent tells whether the library writes p.
func (p *Payload) sent() bool { return p.Dir != "in" }

// taken tells whether the library reads p.
func (p *Payload) taken() bool { return p.Dir == "in" || p.Dir == "both" }

// prototypes come before all definitions, since payloads hold each other.
func (g *cppWriter) prototypes(p *Payload) {
	if p.sent() {
		g.p("inline bool ReadMember(JsonReader &r, std::string_view key, %s &v);", p.Name)
	}
	if p.taken() {
		g.p("inline void Write(JsonWriter &w, const %s &v);", p.Name)
	}
}

func (g *cppWriter) reader(p *Payload) {
	g.p("\ninline bool ReadMember(JsonReader &r, std::string_view key, %s &v) {", p.Name)
	for _, f := range cppFields(p) {
		g.p("  if (key == %q) return r.Read(v.%s), true;", f.Key, cppName(f.Key))
	}
	if len(p.Include) == 0 && len(cppFields(p)) > 0 {
		g.p("  return false;\n}")
		return
	}
	var rest []string
	for _, inc := range p.Include {
		rest = append(rest, fmt.Sprintf("ReadMember(r, key, static_cast<%s &>(v))", inc))
	}
	g.p("  return %s;\n}", strings.Join(rest, " || "))
}

func (g *cppWriter) writer(p *Payload) {
	g.p("\ninline void Write(JsonWriter &w, const %s &v) {\n  const %s standard;\n  w.Begin();", p.Name, p.Name)
	for _, f := range cppFields(p) {
		name := cppName(f.Key)
		if slices.ContainsFunc(g.payloads, func(other *Payload) bool { return other.Name == f.Type }) {
			g.p("  w.Object(%q, v.%s);", f.Key, name)
			continue
		}
		g.p("  if (v.%s != standard.%s) w.Member(%q, v.%s);", name, name, f.Key, name)
	}
	g.p("  w.End();\n}")
}
