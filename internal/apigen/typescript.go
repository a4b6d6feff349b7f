package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// typeScript writes what the Node binding takes from the description: enums,
// the error table, the payloads, and every function of the modules that are
// built, once as a table for the foreign-function layer and once as an
// interface.
func typeScript(s *Spec) ([]File, error) {
	g := &tsWriter{types: s.types()}
	g.p("// %s", notice)
	modules := builtModules(s)
	for _, m := range modules {
		for _, e := range m.Enums {
			g.enum(e)
		}
	}
	codes := Enum{Name: "NIMResCode", Doc: "Result codes of the NIM ABI. This library's own are in errorTable."}
	for _, c := range s.Codes {
		codes.Values = append(codes.Values, EnumValue{c.Name, c.Value, c.Doc})
	}
	g.enum(codes)
	g.errors(s.Errors)
	for _, m := range modules {
		for _, p := range m.Payloads {
			g.payload(p)
		}
	}
	g.callbacks(modules)
	g.functions(modules)
	files := []File{g.file("bindings/node/src/generated.ts")}
	return append(files, g.tsGlue(s, modules)...), nil
}

// builtModules are those with an implemented function.
func builtModules(s *Spec) []*Module {
	var list []*Module
	for _, m := range s.Modules {
		if slices.ContainsFunc(m.Functions, func(f *Function) bool { return f.Status == Implemented }) {
			list = append(list, m)
		}
	}
	return list
}

type tsWriter struct {
	text
	*types
}

// doc writes a documentation comment.
func (g *tsWriter) doc(indent, s string) {
	if s == "" {
		return
	}
	lines := wrap(s, 100-len(indent))
	if len(lines) == 1 {
		g.p("%s/** %s */", indent, lines[0])
		return
	}
	g.p("%s/**", indent)
	for _, l := range lines {
		g.p("%s", strings.TrimRight(indent+" * "+l, " "))
	}
	g.p("%s */", indent)
}

// enum writes an enum as a constant object and the union of its values.
func (g *tsWriter) enum(e Enum) {
	name := strings.TrimPrefix(e.Name, "NIM")
	if rest, ok := strings.CutPrefix(e.Name, "nimx_"); ok {
		name = camel(rest)
	}
	g.p("")
	g.doc("", e.Doc)
	g.p("export const %s = {", name)
	for _, v := range e.Values {
		g.doc("  ", v.Doc)
		g.p("  %s: %d,", tsMember(e.Name, v.Name), v.Value)
	}
	g.p("} as const;")
	g.p("export type %s = (typeof %s)[keyof typeof %s];", name, name, name)
}

// tsMember is the name of an enum value without the words that it shares with
// the name of its enum.
func tsMember(enum, value string) string {
	for prefix := enum; prefix != "NIM" && prefix != ""; prefix = withoutLastWord(prefix) {
		if rest, ok := strings.CutPrefix(value, "k"+prefix); ok && rest != "" {
			return rest
		}
	}
	if strings.HasPrefix(enum, "nimx_") {
		prefix := strings.ToUpper(strings.SplitN(enum, "_", 3)[1])
		return camel(strings.ToLower(strings.TrimPrefix(strings.TrimPrefix(value, "NIMX_"), prefix+"_")))
	}
	return strings.TrimPrefix(value, "kNIM")
}

func withoutLastWord(camel string) string {
	return camel[:max(strings.LastIndexFunc(camel, unicode.IsUpper), 0)]
}

func (g *tsWriter) errors(rows []ErrorRow) {
	g.p("\n/** One row of the error table: docs/ERRORS.md. */")
	g.p("export interface ErrorRow {\n  readonly code: number;\n  readonly domain: 'caller' | 'network' | 'server' | 'auth';")
	g.p("  readonly retryable: boolean;\n  /** Tencent IM's number, 0 if it has none. */\n  readonly tencent: number;")
	g.p("  /** OpenIM's number, 0 if it has none. */\n  readonly openim: number;\n  readonly text: string;\n}")
	g.p("\n/** The error table by err_name. */\nexport const errorTable = {")
	for _, r := range rows {
		g.p("  %s: { code: %d, domain: '%s', retryable: %v, tencent: %d, openim: %d, text: %s },",
			r.Name, r.Code, r.Domain, r.Retryable, r.Tencent, r.OpenIM, strconv.Quote(r.Text))
	}
	g.p("} as const satisfies Record<string, ErrorRow>;")
	g.p("\n/** A stable name of an error. */\nexport type ErrorName = keyof typeof errorTable;")
}

// tsType is the type of a payload member.
func tsType(f PayloadField) string {
	union := []string{tsScalar(f.Type)}
	for _, a := range f.Accept {
		switch a {
		case "int":
			union = append(union, "number")
		case "bool", "ignore-bool":
			union = append(union, "boolean")
		default:
			union = append(union, a)
		}
	}
	return strings.Join(union, " | ")
}

func tsScalar(typ string) string {
	if elem, ok := strings.CutPrefix(typ, "[]"); ok {
		return tsScalar(elem) + "[]"
	}
	switch typ {
	case "string":
		return "string"
	case "int", "int64":
		return "number"
	case "bool", "?bool":
		return "boolean"
	case "any", "raw":
		return "unknown"
	}
	return strings.TrimPrefix(typ, "*")
}

// payload writes an interface, without the keys that are not used. What the library may leave out, and all that a
// program tells it, is optional.
func (g *tsWriter) payload(p *Payload) {
	g.p("")
	g.doc("", p.Doc)
	extends := ""
	if len(p.Include) > 0 {
		extends = " extends " + strings.Join(p.Include, ", ")
	}
	g.p("export interface %s%s {", p.Name, extends)
	for _, f := range p.Fields {
		if f.Decoded != nil && !*f.Decoded {
			continue
		}
		g.doc("  ", f.Doc)
		optional := ""
		if p.Dir == "in" || f.Omit || strings.HasPrefix(f.Type, "*") {
			optional = "?"
		}
		g.p("  %s%s: %s;", tsKey(f.Key), optional, tsType(f))
	}
	g.p("}")
}

func tsKey(key string) string {
	if strings.ContainsAny(key, ".-") {
		return "'" + key + "'"
	}
	return key
}

// callbacks writes the callback types that the functions of modules use.
func (g *tsWriter) callbacks(modules []*Module) {
	g.p("\n/** Result and parameters, by the names of the foreign-function layer. */")
	g.p("export type Signature = readonly [result: string, parameters: readonly string[]];")
	g.p("\n/** The callback types. */\nexport const callbackTypes = {")
	var done []*Callback
	for _, m := range modules {
		for _, f := range g.callable(m) {
			for _, p := range f.Params {
				name, isCallback := strings.CutSuffix(g.ffiParam(p), " *")
				cb := g.callback(name)
				if !isCallback || cb == nil || slices.Contains(done, cb) {
					continue
				}
				done = append(done, cb)
				g.p("  %s: ['%s', %s],", cb.Name, g.ffi(cb.Returns), g.ffiList(cb.Params))
			}
		}
	}
	g.p("} as const satisfies Record<string, Signature>;")
}

// callable are the functions that take no struct by value.
func (g *tsWriter) callable(m *Module) []*Function {
	return slices.DeleteFunc(slices.Clone(m.Functions), g.takesStruct)
}

func (g *tsWriter) functions(modules []*Module) {
	g.p("\n/** Every function of the modules that are built. A result 'owned' is a text that the caller frees. */")
	g.p("export const functionTypes = {")
	for _, m := range modules {
		for _, f := range g.callable(m) {
			g.p("  %s: ['%s', %s],", f.Name, g.ffi(f.Returns), g.ffiList(f.Params))
		}
	}
	g.p("} as const satisfies Record<string, Signature>;")
	g.p("\n/** A text; null is the same as ''. */\nexport type Text = string | null;")
	g.p("\n/** A registered callback; null is none. */\nexport type CallbackPointer = bigint | null;")
	g.p("\n/** The functions as programs call them. */\nexport interface Functions {")
	for _, m := range modules {
		for _, f := range g.callable(m) {
			var params []string
			for _, p := range f.Params {
				params = append(params, p.Name+": "+tsParam(g.ffiParam(p)))
			}
			g.doc("  ", f.Doc)
			g.p("  %s(%s): %s;", f.Name, strings.Join(params, ", "), g.tsResult(f.Returns))
		}
	}
	g.p("}")
}

func (g *tsWriter) ffiList(params []Param) string {
	var list []string
	for _, p := range params {
		list = append(list, "'"+g.ffiParam(p)+"'")
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// ffiParam is ffi of a parameter. A text to free goes back as the pointer that
// it came as. There is no type for the function that tells of pending callbacks:
// the binding polls, and a wake could block the thread that runs JavaScript.
func (g *tsWriter) ffiParam(p Param) string {
	if p.Role == "wake" || p.Type == "char *" {
		return "void *"
	}
	return g.ffi(p.Type)
}

// ffi names a C type for the foreign-function layer. user_data travels as a
// number: the binding puts the id of the call there.
func (g *tsWriter) ffi(typ string) string {
	switch typ {
	case "":
		return "void"
	case "const char *":
		return "str"
	case "char *":
		return "owned"
	case "bool", "int", "int64_t", "uint64_t", "uint32_t":
		return typ
	case "const void *":
		return "uintptr_t"
	case "nimx_destroy_func":
		return "void *"
	}
	switch g.mustKind(typ) {
	case Num:
		return "int"
	case Call, CallRef:
		return g.callback(strings.Trim(strings.TrimPrefix(typ, "const "), " &")).Name + " *"
	}
	return "void *"
}

func tsParam(ffi string) string {
	switch ffi {
	case "bool":
		return "boolean"
	case "int", "uint32_t", "int64_t", "uint64_t", "uintptr_t":
		return "number"
	case "str":
		return "Text"
	case "owned", "void *":
		return "unknown"
	}
	return "CallbackPointer"
}

func (g *tsWriter) tsResult(typ string) string {
	switch g.ffi(typ) {
	case "void":
		return "void"
	case "bool":
		return "boolean"
	case "str", "owned":
		return "string"
	case "int", "uint32_t", "int64_t", "uint64_t":
		return "number"
	}
	panic(fmt.Sprintf("apigen: no TypeScript result for %q", typ))
}
