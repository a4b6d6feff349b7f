package main

import (
	"fmt"
	"slices"
	"strings"
)

// decoder writes the strict decoder of an input payload. argument is the name of
// the argument that it is; "": only a member of others.
func (g *payloadWriter) decoder(argument string) {
	if argument != "" {
		g.p("\n// Decode%s reads the text of a %s. No text is an empty object.", g.Name, g.Name)
		g.p("// An error is a *nimerr.Error of kind InvalidArgument that names the key, or the place.")
		unknown := "nil"
		if g.Dir == "in" {
			unknown = "&v.Unknown"
		}
		g.p("func Decode%s(text string) (%s, error) {\n\tvar v %s\n\tv.setDefaults()\n\terr := decode(%q, text, %s, v.decode)\n\treturn v, err\n}", g.Name, g.Name, g.Name, argument, unknown)
	}
	g.p("\nfunc (v *%s) setDefaults() {", g.Name)
	for _, f := range g.used() {
		switch {
		case f.Default != nil:
			if s, ok := f.Default.(string); ok {
				g.p("\tv.%s = %q", camel(f.Key), s)
			} else {
				g.p("\tv.%s = %v", camel(f.Key), f.Default)
			}
		case isPayload(f.Type):
			g.p("\tv.%s.setDefaults()", camel(f.Key))
		}
	}
	g.p("}\n\nfunc (v *%s) decode(d *decoder, key string, r gjson.Result) {\n\tswitch key {", g.Name)
	for _, f := range g.used() {
		keys := []string{fmt.Sprintf("%q", f.Key)}
		for _, a := range f.Aliases {
			keys = append(keys, fmt.Sprintf("%q", a))
		}
		g.p("\tcase %s:\n\t\t%s", strings.Join(keys, ", "), readExpr(f))
	}
	g.p("\tdefault:\n\t\td.unknown()\n\t}\n}")
}

func isPayload(typ string) bool { return typ[0] >= 'A' && typ[0] <= 'Z' }

// readExpr is the statement that reads one member.
func readExpr(f PayloadField) string {
	to := "&v." + camel(f.Key)
	accepts := func(what string) bool { return slices.Contains(f.Accept, what) }
	switch f.Type {
	case "string":
		return fmt.Sprintf("d.text(r, %s)", to)
	case "int", "int64":
		return fmt.Sprintf("integer(d, r, %s)", to)
	case "bool":
		return fmt.Sprintf("d.bool(r, %s, %v)", to, accepts("int"))
	case "?bool":
		return fmt.Sprintf("d.optionalBool(r, %s, %v)", to, accepts("int"))
	case "[]string":
		return fmt.Sprintf("d.texts(r, %s, %v)", to, accepts("string"))
	}
	if accepts("ignore-bool") {
		return fmt.Sprintf("d.objectOrBool(r, v.%s.decode)", camel(f.Key))
	}
	return fmt.Sprintf("d.object(r, v.%s.decode)", camel(f.Key))
}
