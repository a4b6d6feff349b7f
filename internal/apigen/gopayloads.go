package main

import (
	"fmt"
	"strings"
)

// goPayloads writes internal/abi: payload structs with their decoders and
// appenders, and the enum values that Go code names.
func goPayloads(s *Spec) ([]File, error) {
	var t text
	t.p("// %s\n\npackage abi\n", notice)
	t.p("import (\n\t\"strconv\"\n\n\t\"github.com/tidwall/gjson\"\n)")
	for _, m := range s.Modules {
		for _, p := range m.Payloads {
			g := &payloadWriter{text: &t, Payload: p}
			g.declare()
			if p.Dir == "in" || p.Dir == "both" {
				g.decoder(argument(p))
			}
			if p.Dir != "in" {
				g.appender()
			}
		}
	}
	payloads, err := goFile("internal/abi/payloads_gen.go", &t)
	if err != nil {
		return nil, err
	}
	enums, err := goEnums(s)
	return []File{payloads, enums}, err
}

// argument is the name of the argument that a payload is, "" if it is only a
// member of others.
func argument(p *Payload) string {
	for _, use := range p.For {
		if _, parameter, ok := strings.Cut(use, "."); ok && strings.HasPrefix(use, "nim") {
			return parameter
		}
	}
	return ""
}

// goEnums writes the values of enums whose module is built.
func goEnums(s *Spec) (File, error) {
	var t text
	t.p("// %s\n\npackage abi\n", notice)
	for _, m := range s.Modules {
		built := false
		for _, f := range m.Functions {
			built = built || f.Status == Implemented
		}
		if !built {
			continue
		}
		for _, e := range m.Enums {
			t.p("// enum %s.\nconst (", e.Name)
			for _, v := range e.Values {
				doc := ""
				if v.Doc != "" {
					doc = " // " + v.Doc
				}
				t.p("\t%s = %d%s", goConst(v.Name), v.Value, doc)
			}
			t.p(")\n")
		}
	}
	return goFile("internal/abi/enums_gen.go", &t)
}

// goConst turns kNIMLoginStepLink and NIMX_STATUS_ONLINE into Go names.
func goConst(c string) string {
	if n, ok := strings.CutPrefix(c, "kNIM"); ok {
		return n
	}
	return camel(strings.ToLower(strings.TrimPrefix(c, "NIMX_")))
}

// payloadWriter writes the Go code of one payload.
type payloadWriter struct {
	*text
	*Payload
}

func (g *payloadWriter) used() []PayloadField {
	var list []PayloadField
	for _, f := range g.Fields {
		if f.Decoded == nil || *f.Decoded {
			list = append(list, f)
		}
	}
	return list
}

// goType is the Go type of a member.
func goType(typ string) string {
	if elem, ok := strings.CutPrefix(typ, "[]"); ok {
		return "[]" + goType(elem)
	}
	switch typ {
	case "?bool":
		return "*bool"
	case "raw":
		return "string"
	}
	return typ
}

func (g *payloadWriter) declare() {
	g.p("\n// %s: %s", g.Name, lowerFirst(g.Doc))
	if len(g.For) > 0 {
		g.p("// Used by %s.", strings.Join(g.For, ", "))
	}
	g.p("type %s struct {", g.Name)
	for _, inc := range g.Include {
		g.p("\t%s", inc)
	}
	for _, f := range g.used() {
		g.p("\t%s %s // %s", camel(f.Key), goType(f.Type), f.Doc)
	}
	if g.Dir == "in" && argument(g.Payload) != "" {
		g.p("\n\tUnknown []string // keys that nobody takes, with their paths")
	}
	g.p("}")
}

func (g *payloadWriter) appender() {
	if g.Dir == "group" {
		g.p("\nfunc (v *%s) appendMembers(b []byte) []byte {", g.Name)
	} else {
		g.p("\n// AppendJSON appends v as a JSON object.\nfunc (v *%s) AppendJSON(b []byte) []byte {\n\tb = append(b, '{')", g.Name)
		for _, inc := range g.Include {
			g.p("\tb = v.%s.appendMembers(b)", inc)
		}
	}
	for _, f := range g.used() {
		g.member(f)
	}
	if g.Dir == "group" {
		g.p("\treturn b\n}")
	} else {
		g.p("\treturn append(b, '}')\n}")
	}
}

// member writes the code that appends one member.
func (g *payloadWriter) member(f PayloadField) {
	name := "v." + camel(f.Key)
	value, zero := "", "0"
	switch {
	case strings.HasPrefix(f.Type, "[]"):
		value, zero = arrayExpr(f.Type[2:], name), "nil"
	case strings.HasPrefix(f.Type, "*"):
		g.p("\tif %s != nil {\n\t\tb = %s.AppendJSON(appendKey(b, %q))\n\t}", name, name, f.Key)
		return
	case f.Type == "string":
		value, zero = fmt.Sprintf("appendString(appendKey(b, %q), %s)", f.Key, name), `""`
	case f.Type == "bool":
		value = fmt.Sprintf("strconv.AppendBool(appendKey(b, %q), %s)", f.Key, name)
	case f.Type == "int":
		value = fmt.Sprintf("strconv.AppendInt(appendKey(b, %q), int64(%s), 10)", f.Key, name)
	case f.Type == "int64":
		value = fmt.Sprintf("strconv.AppendInt(appendKey(b, %q), %s, 10)", f.Key, name)
	default:
		value = fmt.Sprintf("%s.AppendJSON(appendKey(b, %q))", name, f.Key)
	}
	value = strings.Replace(value, "KEY", fmt.Sprintf("appendKey(b, %q)", f.Key), 1)
	switch {
	case !f.Omit:
		g.p("\tb = %s", value)
	case f.Type == "bool":
		g.p("\tif %s {\n\t\tb = %s\n\t}", name, value)
	default:
		g.p("\tif %s != %s {\n\t\tb = %s\n\t}", name, zero, value)
	}
}

func arrayExpr(elem, name string) string {
	switch elem {
	case "string":
		return fmt.Sprintf("appendStrings(KEY, %s)", name)
	case "raw":
		return fmt.Sprintf("appendRaw(KEY, %s)", name)
	}
	return fmt.Sprintf("appendObjects(KEY, %s, (*%s).AppendJSON)", name, elem)
}
