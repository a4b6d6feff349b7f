package main

import "strings"

// What a packed run carries (internal/cabi/pack.h), and how both sides write and
// read it.

// structOf returns the struct that a parameter or field is, or points to.
func (t *types) structOf(typ string) (Struct, bool) {
	if strings.Contains(typ, "**") {
		return Struct{}, false
	}
	st, ok := t.structs[strings.Trim(strings.TrimPrefix(typ, "const "), " *&")]
	return st, ok
}

// fieldKind is what a packed run has for a field of a struct.
type fieldKind int

const (
	fieldNone   fieldKind = iota // no packed run carries it
	fieldCount                   // the length of another field: travels with that one
	fieldNumber                  // bool, integer, enum
	fieldText                    // char *
	fieldChars                   // a char array
	fieldStruct                  // a struct by value
	fieldArray                   // numbers: a pointer and, in another field, their count
)

func (t *types) fieldKind(st Struct, f Field) fieldKind {
	for _, other := range st.Fields {
		if other.Count == f.Name {
			return fieldCount
		}
	}
	elem := strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(f.Type, "const "), "*"))
	_, isStruct := t.structs[f.Type]
	switch {
	case f.Type == "char" && f.Array > 0:
		return fieldChars
	case f.Array > 0:
		return fieldNone
	case f.Type == "char *" || f.Type == "const char *":
		return fieldText
	case isStruct:
		return fieldStruct
	case f.Count != "" && t.isNumber(elem):
		return fieldArray
	case t.isNumber(f.Type):
		return fieldNumber
	}
	return fieldNone
}

func (t *types) isNumber(typ string) bool {
	k, err := t.kind(typ)
	return err == nil && k == Num
}

// carried tells whether a packed run carries a struct.
func (t *types) carried(st Struct) bool {
	for _, f := range st.Fields {
		switch t.fieldKind(st, f) {
		case fieldNone:
			return false
		case fieldStruct:
			if !t.carried(t.structs[f.Type]) {
				return false
			}
		}
	}
	return len(st.Fields) > 0
}

// hasArray tells whether there is an array in a struct. C reads none of them, since
// nobody would free it.
func (t *types) hasArray(st Struct) bool {
	for _, f := range st.Fields {
		k := t.fieldKind(st, f)
		if k == fieldArray || k == fieldStruct && t.hasArray(t.structs[f.Type]) {
			return true
		}
	}
	return false
}

// endsCalls tells whether the events of a registration end calls.
func (s *Spec) endsCalls(slot *Function) bool {
	for _, m := range s.Modules {
		for _, f := range m.Functions {
			if f.Ack == slot.Slot {
				return true
			}
		}
	}
	return slot.Ends
}

// takesStruct tells whether a function has a struct by value among its parameters,
// which not every language of the bindings passes.
func (t *types) takesStruct(f *Function) bool {
	for _, p := range f.Params {
		if t.mustKind(p.Type) == Value {
			return true
		}
	}
	return false
}

// counts names the parameters that are the length of another one.
func counts(params []Param) map[string]bool {
	set := map[string]bool{}
	for _, p := range params {
		if p.Count != "" {
			set[p.Count] = true
		}
	}
	return set
}

// postable tells whether every argument of a callback can be posted; if not, why.
func (t *types) postable(cb *Callback) (bool, string) {
	for _, p := range cb.Params {
		switch t.mustKind(p.Type) {
		case Num, Str, UserData:
		case Out:
			if cb.Ask == nil {
				return false, p.Name
			}
		case Ptr:
			st, known := t.structOf(p.Type)
			if !known || !t.carried(st) || t.hasArray(st) {
				return false, p.Name
			}
		default:
			return false, p.Name
		}
	}
	return true, ""
}

// carriedStructs are the structs that callbacks bring and calls take, with those in
// them, each after what it consists of.
func (f *front) carriedStructs() (taken, put []Struct) {
	seenTaken, seenPut := map[string]bool{}, map[string]bool{}
	for _, cb := range f.realCallbacks() {
		if ok, _ := f.postable(cb); !ok {
			continue
		}
		for _, p := range cb.Params {
			if st, known := f.structOf(p.Type); known {
				f.withParts(st, seenTaken, &taken)
			}
		}
	}
	for _, m := range f.Modules {
		for _, fn := range m.Functions {
			if fn.By != ByGo {
				continue
			}
			for _, p := range fn.Params {
				if st, known := f.structOf(p.Type); known && f.carried(st) {
					f.withParts(st, seenPut, &put)
				}
			}
		}
	}
	return taken, put
}

func (f *front) withParts(st Struct, seen map[string]bool, into *[]Struct) {
	if seen[st.Name] {
		return
	}
	seen[st.Name] = true
	for _, m := range st.Fields {
		if f.fieldKind(st, m) == fieldStruct {
			f.withParts(f.structs[m.Type], seen, into)
		}
	}
	*into = append(*into, st)
}

// takeStruct writes the C function that reads a struct from a packed run.
func (f *front) takeStruct(t *text, st Struct) {
	t.p("\nstatic void take_%s(nim_packed *p, %s *v) {", st.Name, st.Name)
	for _, m := range st.Fields {
		switch f.fieldKind(st, m) {
		case fieldNumber:
			t.p("    v->%s = (%s)nim_take_number(p);", m.Name, cType(m.Type, false))
		case fieldText:
			t.p("    v->%s = (%s)nim_take_text(p);", m.Name, m.Type)
		case fieldChars:
			t.p("    nim_take_chars(p, v->%s, sizeof v->%s);", m.Name, m.Name)
		case fieldStruct:
			t.p("    take_%s(p, &v->%s);", m.Type, m.Name)
		}
	}
	t.p("}")
}

// putStruct writes the C function that packs a struct of a call.
func (f *front) putStruct(t *text, st Struct) {
	t.p("\nstatic void put_%s(nim_call *c, const %s *v) {", st.Name, st.Name)
	array := false
	for _, m := range st.Fields {
		array = array || f.fieldKind(st, m) == fieldArray
	}
	if array {
		t.p("    int i, n;")
	}
	for _, m := range st.Fields {
		switch f.fieldKind(st, m) {
		case fieldNumber:
			t.p("    nim_put_number(c, (int64_t)v->%s);", m.Name)
		case fieldText:
			t.p("    nim_put_text(c, %q, v->%s);", m.Name, m.Name)
		case fieldChars:
			t.p("    nim_put_chars(c, %q, v->%s, sizeof v->%s);", m.Name, m.Name, m.Name)
		case fieldStruct:
			t.p("    put_%s(c, &v->%s);", m.Type, m.Name)
		case fieldArray:
			t.p("    n = nim_put_array(c, %q, v->%s, (int64_t)v->%s, sizeof *v->%s);", m.Name, m.Name, m.Count, m.Name)
			t.p("    for (i = 0; i < n; i++)\n        nim_put_number(c, (int64_t)v->%s[i]);", m.Name)
		}
	}
	t.p("}")
}

// structParam writes what a public function does with a struct parameter.
func (f *front) structParam(t *text, p Param) {
	st, _ := f.structOf(p.Type)
	switch {
	case f.mustKind(p.Type) == Value:
		t.p("    put_%s(&c, &%s);", st.Name, p.Name)
	case p.Count != "":
		t.p("    put_%s_array(&c, %q, %s, (int64_t)%s);", st.Name, p.Name, p.Name, p.Count)
	default:
		t.p("    if (%s != NULL)\n        put_%s(&c, %s);", p.Name, st.Name, p.Name)
		t.p("    else\n        nim_call_missing(&c, %q);", p.Name)
	}
}

// putArray writes the C function that packs an array of structs, where a call takes one.
func (f *front) putArray(t *text, st Struct) {
	for _, m := range f.Modules {
		for _, fn := range m.Functions {
			for _, p := range fn.Params {
				if s, known := f.structOf(p.Type); known && s.Name == st.Name && p.Count != "" && fn.By == ByGo {
					t.p("\nstatic void put_%s_array(nim_call *c, const char *name, const %s *v, int64_t count) {", st.Name, st.Name)
					t.p("    int i, n = nim_put_array(c, name, v, count, sizeof *v);")
					t.p("    for (i = 0; i < n; i++)\n        put_%s(c, &v[i]);", st.Name)
					t.p("}")
					return
				}
			}
		}
	}
}

// plain tells whether the glue of the bindings can carry the arguments of a function and of
// its callback: numbers and texts. What gives something back is asked by hand.
func (t *types) plain(f *Function, cb *Callback) bool {
	return cb.Ask == nil && cb.Returns == "" && t.flat(f, cb)
}

// question tells whether a registration asks for a number and the glue can carry
// it. What asks for a text is done by hand.
func (t *types) question(f *Function, cb *Callback) bool {
	return f.Slot != "" && cb.Ask != nil && cb.Ask.Result != "text" && t.flat(f, cb)
}

// flat tells whether all arguments are numbers and texts.
func (t *types) flat(f *Function, cb *Callback) bool {
	for _, p := range cb.Params {
		if k := t.mustKind(p.Type); k != Num && k != Str && k != UserData {
			return false
		}
	}
	data := false
	for _, p := range f.Params {
		switch t.mustKind(p.Type) {
		case UserData:
			data = true
		case Num, Str, Call, Destroy:
		default:
			return false
		}
	}
	return data
}
