package main

import (
	"fmt"
	"slices"
	"strings"
)

// goPostings writes internal/abi/postings_gen.go: what makes the posting of each
// registration and of each completion, and the structs in them and in calls.
func goPostings(s *Spec) ([]File, error) {
	f := &front{Spec: s, types: s.types()}
	var t text
	t.p("// %s\n\npackage abi\n\nimport \"time\"\n", notice)
	t.p("// Registrations, as enum nim_slot numbers them.\nconst (")
	for i, fn := range f.slots() {
		t.p("\tSlot%s%s", camel(fn.Slot), first(i, " Slot = iota"))
	}
	t.p(")\n\n// Typedefs, as enum nim_callback numbers them.\nconst (")
	for i, cb := range f.realCallbacks() {
		t.p("\t%s%s", callbackConst(cb), first(i, " callback = iota"))
	}
	t.p(")\n\nvar slotNames = [...]string{")
	for _, fn := range f.slots() {
		t.p("\t%q,", fn.Slot)
	}
	t.p("}\n\nvar callbackNames = [...]string{")
	for _, cb := range f.realCallbacks() {
		t.p("\t%q,", cb.Name)
	}
	t.p("}")
	for _, fn := range f.slots() {
		cb := f.completion(fn)
		name, what := "On"+camel(fn.Slot), "is for"
		if cb.Ask != nil {
			name, what = "Ask"+camel(fn.Slot), "asks"
		}
		f.goPosting(&t, cb, name, "Slot"+camel(fn.Slot), fmt.Sprintf("%s %s the callback of %s.", name, what, fn.Name))
	}
	for _, cb := range f.realCallbacks() {
		if by := f.answeredBy(cb); len(by) > 0 {
			name := "Answer" + callbackStem(cb)
			f.goPosting(&t, cb, name, "NoSlot", fmt.Sprintf("%s answers %s.", name, strings.Join(by, ", ")))
		}
	}
	f.goStructs(&t)
	file, err := goFile("internal/abi/postings_gen.go", &t)
	return []File{file}, err
}

func first(i int, s string) string {
	if i == 0 {
		return s
	}
	return ""
}

// answeredBy names the functions that a typedef completes.
func (f *front) answeredBy(cb *Callback) []string {
	var names []string
	for _, fn := range f.answered() {
		if f.completion(fn) == cb {
			names = append(names, fn.Name)
		}
	}
	return names
}

// callbackStem is the part of a typedef's name that tells it from others.
func callbackStem(cb *Callback) string {
	name := strings.TrimPrefix(cb.Name, "nim_")
	for _, end := range []string{"_func_ex", "_func"} {
		if s, ok := strings.CutSuffix(name, end); ok {
			name = strings.TrimSuffix(s, "_cb") + strings.TrimPrefix(end, "_func")
			break
		}
	}
	return camel(name)
}

func callbackConst(cb *Callback) string { return "cb" + callbackStem(cb) }

// goName is a Go identifier for a parameter.
func goName(name string) string {
	n := lowerCamel(name)
	if slices.Contains([]string{"type", "func", "range", "map", "p", "len", "string"}, n) {
		n += "_"
	}
	return n
}

// goNumber is the Go type of a number.
func goNumber(typ string) string {
	switch typ {
	case "bool":
		return "bool"
	case "int64_t":
		return "int64"
	case "uint64_t":
		return "uint64"
	case "uint32_t":
		return "uint32"
	}
	return "int"
}

// goPosting writes the function that makes the posting of one callback.
func (f *front) goPosting(t *text, cb *Callback, name, slot, doc string) {
	if ok, what := f.postable(cb); !ok {
		t.p("\n// No %s: no packed run carries its %s.", name, what)
		return
	}
	var params []string
	var body text
	lengths := counts(cb.Params)
	for _, p := range cb.Params {
		n := goName(p.Name)
		switch f.mustKind(p.Type) {
		case Num:
			if lengths[p.Name] {
				continue
			}
			params = append(params, n+" "+goNumber(p.Type))
			if p.Type == "bool" {
				body.p("\tp.addBool(%s)", n)
			} else {
				body.p("\tp.addNumber(int64(%s))", n)
			}
		case Str:
			params = append(params, n+" Text")
			body.p("\tp.addText(%s)", n)
		case Ptr:
			st, _ := f.structOf(p.Type)
			typ := structName(st)
			if p.Count == "" {
				params = append(params, n+" *"+typ)
				body.p("\tp.structs = %s.pack(p.structs)", n)
				continue
			}
			params = append(params, n+" []"+typ)
			body.p("\tp.structs = packNumber(p.structs, int64(len(%s)))", n)
			body.p("\tfor i := range %s {\n\t\tp.structs = %s[i].pack(p.structs)\n\t}", n, n)
		}
	}
	t.p("")
	for _, line := range wrap(doc, lineWidth) {
		t.p("// %s", line)
	}
	result := "Posting"
	if cb.Ask != nil {
		result = "Question"
	}
	t.p("func %s(%s) %s {\n\tp := Posting{slot: %s, callback: %s}", name, strings.Join(params, ", "), result, slot, callbackConst(cb))
	if cb.Ask == nil {
		t.p("%s\treturn p\n}", body.String())
		return
	}
	t.p("%s\treturn Question{p, %s, %d * time.Millisecond}\n}", body.String(), "Result"+camel(cb.Ask.Result), cb.Ask.Within)
}

// structName is the Go name of a struct.
func structName(st Struct) string {
	name := strings.TrimPrefix(st.Name, "NIM")
	if strings.HasPrefix(name, "nim_") {
		return camel(strings.TrimPrefix(name, "nim_"))
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

func fieldName(f Field) string { return camel(f.Name) }

// goStructs writes the structs that cross the ABI, and how they are packed or read.
func (f *front) goStructs(t *text) {
	taken, put := f.carriedStructs()
	all := slices.Clone(taken)
	for _, st := range put {
		if !slices.ContainsFunc(all, func(o Struct) bool { return o.Name == st.Name }) {
			all = append(all, st)
		}
	}
	for _, st := range all {
		f.goStruct(t, st)
	}
	for _, st := range taken {
		f.goPack(t, st)
	}
	for _, st := range put {
		f.goUnpack(t, st)
	}
}

func (f *front) goStruct(t *text, st Struct) {
	t.p("\n// %s is %s. %s\ntype %s struct {", structName(st), st.Name, st.Doc, structName(st))
	for _, m := range st.Fields {
		typ := ""
		switch f.fieldKind(st, m) {
		case fieldNumber:
			typ = goNumber(m.Type)
		case fieldText, fieldChars:
			typ = "string"
		case fieldStruct:
			typ = structName(f.structs[m.Type])
		case fieldArray:
			typ = "[]int"
		default:
			continue
		}
		t.p("\t%s %s // %s", fieldName(m), typ, m.Doc)
	}
	t.p("}")
}

func (f *front) goPack(t *text, st Struct) {
	t.p("\nfunc (v *%s) pack(b []byte) []byte {", structName(st))
	for _, m := range st.Fields {
		n := "v." + fieldName(m)
		switch f.fieldKind(st, m) {
		case fieldNumber:
			if m.Type == "bool" {
				t.p("\tb = packBool(b, %s)", n)
			} else {
				t.p("\tb = packNumber(b, int64(%s))", n)
			}
		case fieldText:
			t.p("\tb = packText(b, Raw(%s))", n)
		case fieldChars:
			t.p("\tb = packText(b, bounded(%s, %d))", n, m.Array)
		case fieldStruct:
			t.p("\tb = %s.pack(b)", n)
		}
	}
	t.p("\treturn b\n}")
}

func (f *front) goUnpack(t *text, st Struct) {
	name := structName(st)
	t.p("\n// Take%s reads a %s of a call.\nfunc Take%s(u *Unpacker) %s {\n\tvar v %s", name, st.Name, name, name, name)
	for _, m := range st.Fields {
		n := "v." + fieldName(m)
		switch f.fieldKind(st, m) {
		case fieldNumber:
			if m.Type == "bool" {
				t.p("\t%s = u.flag()", n)
			} else {
				t.p("\t%s = %s(u.number())", n, goNumber(m.Type))
			}
		case fieldText, fieldChars:
			t.p("\t%s = u.text()", n)
		case fieldStruct:
			t.p("\t%s = Take%s(u)", n, structName(f.structs[m.Type]))
		case fieldArray:
			t.p("\tfor n := u.count(); n > 0; n-- {\n\t\t%s = append(%s, int(u.number()))\n\t}", n, n)
		}
	}
	t.p("\treturn v\n}")
	for _, fn := range f.ops() {
		for _, p := range fn.Params {
			if s, known := f.structOf(p.Type); known && s.Name == st.Name && p.Count != "" {
				t.p("\n// Take%ss reads an array of %s of a call.\nfunc Take%ss(u *Unpacker) []%s {\n\tlist := make([]%s, u.count())", name, st.Name, name, name, name)
				t.p("\tfor i := range list {\n\t\tlist[i] = Take%s(u)\n\t}\n\treturn list\n}", name)
				return
			}
		}
	}
}
