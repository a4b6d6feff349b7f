package main

import (
	"fmt"
	"strings"
)

// payloads writes a class for each JSON object: options, which the program
// fills and the library reads, and results, with which it is the other way.
func (g *csWriter) payloads(modules []*Module) error {
	for _, m := range modules {
		var options, results []*Payload
		for _, p := range m.Payloads {
			if p.Dir == "in" || p.Dir == "both" {
				options = append(options, p)
			} else {
				results = append(results, p)
			}
		}
		name := camel(m.Module)
		if err := g.payloadFile(name+"Options", options); err != nil {
			return err
		}
		if err := g.payloadFile(name+"Results", results); err != nil {
			return err
		}
	}
	return nil
}

func (g *csWriter) payloadFile(name string, list []*Payload) error {
	if len(list) == 0 {
		return nil
	}
	g.begin("LibNim", "System.Collections.Generic")
	for i, p := range list {
		if i > 0 {
			g.p("")
		}
		if err := g.payload(p); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	g.end(name)
	return nil
}

// payload writes one class. What is not set in options is not sent, so that the
// library's own default holds.
func (g *csWriter) payload(p *Payload) error {
	if len(p.Include) > 1 {
		return fmt.Errorf("includes %v; a C# class has one base", p.Include)
	}
	sealed, base := "sealed ", "JsonPayload"
	if p.Dir == "group" {
		sealed = ""
	}
	if len(p.Include) == 1 {
		base = p.Include[0]
	}
	g.doc("    ", p.Doc)
	g.p("    public %sclass %s : %s\n    {", sealed, p.Name, base)
	var used []PayloadField
	for _, f := range p.Fields {
		if f.Decoded == nil || *f.Decoded {
			used = append(used, f)
		}
	}
	for _, f := range used {
		if err := g.property(f, p.Dir); err != nil {
			return err
		}
	}
	if p.Dir != "in" {
		g.reader(p, used)
	}
	g.writer(p, used)
	g.p("    }")
	return nil
}

func (g *csWriter) property(f PayloadField, dir string) error {
	typ, err := g.csType(f)
	if err != nil {
		return err
	}
	if dir == "in" && isNumber(f.Type) {
		typ += "?"
	}
	g.doc("        ", f.Doc)
	set := "internal set"
	if dir != "out" && dir != "group" {
		set = "set"
	}
	g.p("        public %s %s { get; %s; }\n", typ, camel(f.Key), set)
	return nil
}

func isNumber(typ string) bool {
	return typ == "int" || typ == "int64" || typ == "bool" || typ == "?bool"
}

// reader writes Read, which never fails: what is missing is zero or empty.
func (g *csWriter) reader(p *Payload, used []PayloadField) {
	if p.Dir == "group" {
		g.p("        internal void ReadMembers(JsonObject o)\n        {")
	} else {
		g.p("        internal static %s Read(JsonObject o)\n        {", p.Name)
		g.p("            var v = new %s();", p.Name)
		if len(p.Include) == 1 {
			g.p("            v.ReadMembers(o);")
		}
	}
	target := "v."
	if p.Dir == "group" {
		target = ""
	}
	for _, f := range used {
		g.p("            %s%s = %s;", target, camel(f.Key), g.readExpr(f))
	}
	if p.Dir != "group" {
		g.p("            return v;")
	}
	g.p("        }\n")
}

func (g *csWriter) readExpr(f PayloadField) string {
	typ, _ := g.csType(f)
	key := fmt.Sprintf("%q", f.Key)
	elem, list := strings.CutPrefix(strings.TrimPrefix(f.Type, "*"), "[]")
	switch {
	case strings.HasPrefix(typ, "NIM."):
		return fmt.Sprintf("(%s)o.Int(%s)", typ, key)
	case f.Type == "string":
		return "o.String(" + key + ")"
	case f.Type == "int":
		return "o.Int(" + key + ")"
	case f.Type == "int64":
		return "o.Long(" + key + ")"
	case f.Type == "bool" || f.Type == "?bool":
		return "o.Bool(" + key + ")"
	case f.Type == "[]raw":
		return "o.Raws(" + key + ")"
	case f.Type == "[]string":
		return "o.Strings(" + key + ")"
	case list:
		return fmt.Sprintf("o.List(%s, LibNim.%s.Read)", key, elem)
	}
	return fmt.Sprintf("o.Has(%s) ? LibNim.%s.Read(o.Object(%s)) : null", key, elem, key)
}

// writer writes WriteMembers, which appends the members that are set.
func (g *csWriter) writer(p *Payload, used []PayloadField) {
	g.p("        internal override void WriteMembers(JsonWriter w)\n        {")
	if len(p.Include) == 1 {
		g.p("            base.WriteMembers(w);")
	}
	for _, f := range used {
		method := "Member"
		if f.Type == "[]raw" {
			method = "RawMember"
		}
		value := camel(f.Key)
		if typ, _ := g.csType(f); strings.HasPrefix(typ, "NIM.") {
			cast := "(int)"
			if p.Dir == "in" {
				cast = "(int?)"
			}
			value = cast + value
		}
		if f.Omit || p.Dir == "in" || strings.HasPrefix(f.Type, "*") {
			method = strings.Replace(method, "Member", "OptionalMember", 1)
		}
		g.p("            w.%s(%q, %s);", method, f.Key, value)
	}
	g.p("        }")
}
