package main

import (
	"fmt"
	"strings"
)

// native writes the imports of the implemented functions and the delegates of
// their callbacks. Text goes in as bytes and callbacks as addresses, so that
// nothing is left for a runtime to marshal but numbers.
func (g *csWriter) native(modules []*Module) error {
	g.begin("LibNim", "System", "System.Runtime.InteropServices", "NIM", "NIM.Messagelog", "NIM.Session")
	g.doc("    ", "The C functions of the built modules, as they are.")
	g.p("    internal static class Native\n    {")
	g.p("        internal const string File = \"nim\";\n")
	g.p("        private const CallingConvention C = CallingConvention.Cdecl;")
	var used []string
	for _, m := range modules {
		for _, f := range m.Functions {
			if f.Status != Implemented || g.takesStruct(f) {
				continue
			}
			for _, p := range f.Params {
				if k := g.mustKind(p.Type); k == Call || k == CallRef || k == Destroy {
					used = append(used, strings.Trim(strings.TrimPrefix(p.Type, "const "), " &"))
				}
			}
			if err := g.external(f); err != nil {
				return err
			}
		}
	}
	g.p("    }")
	if err := g.delegates(used); err != nil {
		return err
	}
	g.end("Native")
	return nil
}

func (g *csWriter) external(f *Function) error {
	var params []string
	for _, p := range f.Params {
		typ, err := g.paramType(p.Type, false)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		params = append(params, typ+" "+csName(p.Name))
	}
	result, err := g.resultType(f.Returns)
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	g.p("\n        [DllImport(File, CallingConvention = C, ExactSpelling = true)]")
	list := strings.Join(params, ", ")
	if len(result)+len(f.Name)+len(list) > 80 {
		list = "\n            " + list
	}
	g.p("        internal static extern %s %s(%s);", result, f.Name, list)
	return nil
}

// delegates writes the types of callbacks, each once.
func (g *csWriter) delegates(used []string) error {
	done := map[string]bool{}
	for _, name := range used {
		c := g.callback(name)
		if done[c.Name] {
			continue
		}
		done[c.Name] = true
		var params []string
		for _, p := range c.Params {
			typ, err := g.paramType(p.Type, true)
			if err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
			params = append(params, typ+" "+csName(p.Name))
		}
		result, err := g.resultType(c.Returns)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		g.p("")
		g.doc("    ", c.Doc)
		g.p("    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]")
		g.p("    internal delegate %s %s(%s);", result, c.Name, strings.Join(params, ", "))
	}
	return nil
}

// paramType is the type of a parameter. A callback gets text as an address, and
// a bool as the four bytes that the library fills.
func (g *csWriter) paramType(typ string, callback bool) (string, error) {
	k, err := g.kind(typ)
	if err != nil {
		return "", err
	}
	switch {
	case k == Str && !callback:
		return "byte[]", nil
	case k == Num:
		return g.number(typ, callback), nil
	case k == Value || k == Float:
		return "", fmt.Errorf("a parameter of type %q has no C# type", typ)
	}
	return "IntPtr", nil
}

func (g *csWriter) number(typ string, callback bool) string {
	if name, ok := strings.CutPrefix(typ, "enum "); ok {
		if name == "NIMResCode" {
			return "ResponseCode"
		}
		return csEnum(name)
	}
	switch typ {
	case "bool":
		if callback {
			return "int"
		}
		return "[MarshalAs(UnmanagedType.I1)] bool"
	case "int64_t":
		return "long"
	case "uint64_t":
		return "ulong"
	case "uint32_t":
		return "uint"
	}
	return typ
}

// resultType is what a function gives back; the library fills all of the
// register with a bool.
func (g *csWriter) resultType(typ string) (string, error) {
	switch typ {
	case "":
		return "void", nil
	case "bool":
		return "int", nil
	}
	return g.paramType(typ, true)
}

// csName keeps a parameter from being a keyword.
func csName(name string) string {
	switch name {
	case "params", "object", "string", "event", "ref", "out", "in", "lock", "base":
		return "@" + name
	}
	return name
}
