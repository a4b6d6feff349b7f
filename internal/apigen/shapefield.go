package main

import (
	"slices"
	"sort"
	"strings"
)

// A fieldRef is a field of a struct argument that an answer gives back. It
// travels in nim_args behind the arguments that are no structs.
type fieldRef struct {
	param Param
	field Field
	kind  byte // 's' in str[], 'n' in num[]
	at    int
}

// String is how an answer names it.
func (f fieldRef) String() string { return f.param.Name + "." + f.field.Name }

// fieldRefs lists the fields that the answer of fn names.
func (t *types) fieldRefs(fn *Function) []fieldRef {
	var list []fieldRef
	next := map[byte]int{}
	for i, at := range t.place(fn.Params) {
		switch t.mustKind(fn.Params[i].Type) {
		case Num, Out:
			next['n'] = max(next['n'], at+1)
		case Str:
			next['s'] = max(next['s'], at+1)
		}
	}
	for _, name := range answerNames(fn) {
		param, field, _ := strings.Cut(name, ".")
		i := slices.IndexFunc(fn.Params, func(p Param) bool { return p.Name == param })
		if i < 0 || slices.ContainsFunc(list, func(f fieldRef) bool { return f.String() == name }) {
			continue
		}
		base := strings.Trim(strings.TrimPrefix(fn.Params[i].Type, "const "), " *&")
		for _, m := range t.structs[base].Fields {
			if k, err := t.kind(m.Type); m.Name == field && (m.Array > 0 && m.Type == "char" || err == nil && k == Num) {
				kind := byte('n')
				if m.Array > 0 {
					kind = 's'
				}
				list = append(list, fieldRef{fn.Params[i], m, kind, next[kind]})
				next[kind]++
			}
		}
	}
	return list
}

// answerNames lists what the places of fn's answer name, in a fixed order.
func answerNames(fn *Function) []string {
	var names []string
	for _, v := range fn.Answer {
		if s, isText := v.(string); isText {
			for _, m := range place.FindAllStringSubmatch(s, -1) {
				refs, _, _ := strings.Cut(m[1], ":")
				names = append(names, strings.Split(refs, "|")...)
			}
		}
	}
	sort.Strings(names)
	return names
}

// fieldArguments puts the fields that the answer names into c.
func (f *front) fieldArguments(t *text, fn *Function) {
	for _, r := range f.fieldRefs(fn) {
		x, indent := r.param.Name+"."+r.field.Name, "    "
		if r.kind == 's' {
			t.p("    c.args.str[%d] = \"\";", r.at)
		}
		if f.mustKind(r.param.Type) == Ptr {
			x = r.param.Name + "->" + r.field.Name
			t.p("    if (%s != NULL)", r.param.Name)
			indent += "    "
		}
		if r.kind == 'n' {
			t.p("%sc.args.num[%d] = (int64_t)%s;", indent, r.at, x)
			continue
		}
		t.p("%snim_call_chars(&c, %d, %q, %s, sizeof %s);", indent, r.at, r.String(), x, x)
	}
}
