package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// csharp writes what the C# and Unity bindings take from the description:
// enums, result codes, the error table, key constants, the imports, the glue
// and the payloads of the modules that are built.
func csharp(s *Spec) ([]File, error) {
	g := &csWriter{types: s.types()}
	modules := builtModules(s)
	g.enums(modules)
	g.codes(s)
	g.errors(s.Errors)
	g.keys(modules)
	if err := g.native(modules); err != nil {
		return nil, err
	}
	if err := g.glue(modules); err != nil {
		return nil, err
	}
	if err := g.payloads(modules); err != nil {
		return nil, err
	}
	return g.files, nil
}

// csWriter collects the files of the C# binding.
type csWriter struct {
	text
	*types
	files []File
}

// begin starts a file: its usings and its namespace.
func (g *csWriter) begin(namespace string, usings ...string) {
	g.Reset()
	g.p("// %s", notice)
	for _, u := range usings {
		g.p("using %s;", u)
	}
	g.p("\nnamespace %s\n{", namespace)
}

// end closes the namespace and files the text.
func (g *csWriter) end(name string) {
	g.p("}")
	g.files = append(g.files, g.file("bindings/csharp/src/Generated"+name+".cs"))
}

var csEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// doc writes a documentation comment.
func (g *csWriter) doc(indent, s string) {
	if s == "" {
		return
	}
	lines := wrap(csEscapes.Replace(upperFirst(s)), 100-len(indent))
	if len(lines) == 1 {
		g.p("%s/// <summary>%s</summary>", indent, lines[0])
		return
	}
	g.p("%s/// <summary>", indent)
	for _, l := range lines {
		g.p("%s", strings.TrimRight(indent+"/// "+l, " "))
	}
	g.p("%s/// </summary>", indent)
}

// upperFirst makes the first letter of a sentence a capital, unless it begins
// with a name such as nimd or wss.
func upperFirst(s string) string {
	first, _, _ := strings.Cut(s, " ")
	if s == "" || first == "enum" || strings.ContainsAny(first, "_:/") {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// csEnum is the name of an enum in C#. The enums of the NIM ABI keep theirs.
func csEnum(name string) string {
	if rest, ok := strings.CutPrefix(name, "nimx_"); ok {
		return "Nimx" + camel(rest)
	}
	return name
}

// csNamespaces says where the enums of the NIM ABI are that NetEase's SDK has not
// in its namespace NIM.
var csNamespaces = map[string]string{
	"NIMSessionType":       "NIM.Session",
	"NIMSessionCommand":    "NIM.Session",
	"NIMMsgLogStatus":      "NIM.Messagelog",
	"NIMMsgLogSubStatus":   "NIM.Messagelog",
	"NIMMsgLogQueryRange":  "NIM.Messagelog",
	"NIMMsglogQuerySource": "NIM.Messagelog",
}

// csNamespace is where an enum is.
func csNamespace(name string) string {
	if n, apart := csNamespaces[name]; apart {
		return n
	}
	return "NIM"
}

// csEnumMember is the name of a value. Ours lose the prefix of their enum.
func csEnumMember(enum, value string) string {
	if rest, ok := strings.CutPrefix(value, "NIMX_"); ok {
		rest = strings.ToLower(rest)
		prefix, _, _ := strings.Cut(strings.TrimPrefix(enum, "nimx_"), "_")
		return camel(strings.TrimPrefix(rest, prefix+"_"))
	}
	return value
}

func (g *csWriter) enums(modules []*Module) {
	g.begin("NIM")
	namespace, sep := "NIM", ""
	for _, in := range []string{"NIM", "NIM.Session", "NIM.Messagelog"} {
		for _, m := range modules {
			for _, e := range m.Enums {
				if csNamespace(e.Name) != in {
					continue
				}
				if in != namespace {
					g.p("}\n\nnamespace %s\n{", in)
					namespace, sep = in, ""
				}
				g.WriteString(sep)
				g.enum(csEnum(e.Name), e)
				sep = "\n"
			}
		}
	}
	g.end("Enums")
}

func (g *csWriter) enum(name string, e Enum) {
	g.doc("    ", e.Doc)
	g.p("    public enum %s\n    {", name)
	for _, v := range e.Values {
		g.doc("        ", v.Doc)
		g.p("        %s = %d,", csEnumMember(e.Name, v.Name), v.Value)
	}
	g.p("    }")
}

// codes writes enum ResponseCode: the codes of the NIM ABI and, behind them,
// this library's own.
func (g *csWriter) codes(s *Spec) {
	all := Enum{Name: "NIMResCode", Doc: "Result codes of the NIM ABI, and from 21000 on those that only libnim has."}
	for _, c := range s.Codes {
		all.Values = append(all.Values, EnumValue{c.Name, c.Value, c.Doc})
	}
	const own = 21000
	for _, e := range s.Errors {
		if e.Code >= own {
			all.Values = append(all.Values, EnumValue{"kNimx" + camel(e.Name), int64(e.Code), e.Text})
		}
	}
	g.begin("NIM")
	g.enum("ResponseCode", all)
	g.end("Codes")
}

func (g *csWriter) errors(rows []ErrorRow) {
	g.begin("LibNim")
	g.doc("    ", "The error table, one field per err_name: docs/ERRORS.md.")
	g.p("    public static partial class Errors\n    {")
	for _, r := range rows {
		g.doc("        ", r.Text)
		g.p("        public static readonly ErrorKind %s = new ErrorKind(%q, %d, ErrorDomain.%s, %v, %d, %d,\n            %s);",
			camel(r.Name), r.Name, r.Code, camel(r.Domain), r.Retryable, r.Tencent, r.OpenIM, strconv.Quote(r.Text))
	}
	g.p("\n        private static readonly ErrorKind[] Table =\n        {")
	for _, r := range rows {
		g.p("            %s,", camel(r.Name))
	}
	g.p("        };\n    }")
	g.end("Errors")
}

// keys writes the names of JSON members as the NIM headers call them.
func (g *csWriter) keys(modules []*Module) {
	g.begin("NIM")
	g.doc("    ", "Names of JSON members, as the NIM headers call them.")
	g.p("    public static class NIMKeys\n    {")
	for _, m := range modules {
		for _, k := range m.Keys {
			g.doc("        ", k.Doc)
			g.p("        public const string %s = %q;", k.Name, k.Key)
		}
	}
	g.p("    }")
	g.end("Keys")
}

var enumDoc = regexp.MustCompile(`^enum (\w+)`)

// csType is the C# type of a member. A number that is documented as an enum of
// a built module has the type of that enum.
func (g *csWriter) csType(f PayloadField) (string, error) {
	if f.Type == "int" {
		if m := enumDoc.FindStringSubmatch(f.Doc); m != nil {
			if _, known := g.types.enums[m[1]]; known {
				return csNamespace(m[1]) + "." + csEnum(m[1]), nil
			}
		}
	}
	switch f.Type {
	case "string", "int", "bool":
		return f.Type, nil
	case "?bool":
		return "bool", nil
	case "int64":
		return "long", nil
	case "[]string", "[]raw":
		return "IList<string>", nil
	}
	elem, list := strings.CutPrefix(strings.TrimPrefix(f.Type, "*"), "[]")
	if elem == "" || elem != camel(elem) {
		return "", fmt.Errorf("member %s: type %q has no C# type", f.Key, f.Type)
	}
	if list {
		return "IList<" + elem + ">", nil
	}
	return elem, nil
}
