package main

import (
	"fmt"
	"strings"
)

// goDispatch writes internal/cabi/dispatch_gen.go: the calls that reach Go as an interface,
// and the switch from op to method.
func goDispatch(s *Spec) ([]File, error) {
	f := &front{Spec: s, types: s.types()}
	var t text
	t.p("// %s\n\npackage cabi\n", notice)
	t.p("// Calls, as enum nim_op numbers them.\nconst (\n\topNone = iota")
	for _, fn := range f.ops() {
		t.p("\top%s", camel(short(fn)))
	}
	t.p(")\n\n// callHandler has a method for every call that Go answers. The strings are\n// checked: valid UTF-8, bounded, JSON not nested too deep.\ntype callHandler interface {")
	var plain, texts text
	anyStructs := false
	for _, fn := range f.ops() {
		params, args, structs := f.goParams(fn)
		anyStructs = anyStructs || structs
		result, into := "", &plain
		call := fmt.Sprintf("h.%s(%s)", lowerCamel(short(fn)), strings.Join(append([]string{"c"}, args...), ", "))
		switch fn.Returns {
		case "":
			plain.p("\tcase op%s:\n\t\t%s", camel(short(fn)), call)
		case "char *":
			result, into = " string", &texts
			into.p("\tcase op%s:\n\t\treturn %s", camel(short(fn)), call)
		default:
			result = " int64"
			into.p("\tcase op%s:\n\t\treturn %s", camel(short(fn)), call)
		}
		t.p("\t%s(%s)%s", lowerCamel(short(fn)), strings.Join(append([]string{"c call"}, params...), ", "), result)
	}
	t.p("}\n")
	t.p("// dispatch hands a call to its method and returns the result for C.")
	t.p("func dispatch(h callHandler, op int, c call) int64 {\n\tswitch op {\n%s\t}\n\treturn 0\n}\n", plain.String())
	t.p("// dispatchText is dispatch for the functions that return a text.")
	t.p("func dispatchText(h callHandler, op int, c call) string {\n\tswitch op {\n%s\t}\n\treturn \"\"\n}", texts.String())
	if anyStructs {
		written := t.String()
		t = text{}
		t.p("%s", strings.Replace(written, "package cabi\n", "package cabi\n\nimport \"github.com/libnim/libnim/internal/abi\"\n", 1))
	}
	file, err := goFile("internal/cabi/dispatch_gen.go", &t)
	return []File{file}, err
}

// goParams returns the Go parameters of a call and the arguments read from c.
func (f *front) goParams(fn *Function) (params, args []string, structs bool) {
	at := f.place(fn.Params)
	lengths := counts(fn.Params)
	for i, p := range fn.Params {
		if lengths[p.Name] {
			continue
		}
		name := lowerCamel(p.Name)
		if name == "type" {
			name = "kind"
		}
		switch f.mustKind(p.Type) {
		case Str:
			params = append(params, name+" string")
			args = append(args, fmt.Sprintf("c.str(%d)", at[i]))
		case Num:
			typ, arg := "int", fmt.Sprintf("int(c.num(%d))", at[i])
			switch p.Type {
			case "bool":
				typ, arg = "bool", fmt.Sprintf("c.num(%d) != 0", at[i])
			case "int64_t", "uint64_t":
				typ, arg = "int64", fmt.Sprintf("c.num(%d)", at[i])
			}
			params = append(params, name+" "+typ)
			args = append(args, arg)
		case Ptr, Value:
			st, _ := f.structOf(p.Type)
			typ, take := "abi."+structName(st), "abi.Take"+structName(st)
			if p.Count != "" {
				typ, take = "[]"+typ, take+"s"
			}
			params = append(params, name+" "+typ)
			args = append(args, take+"(c.structs)")
			structs = true
		}
	}
	return params, args, structs
}
