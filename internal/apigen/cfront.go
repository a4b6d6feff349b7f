package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// cFront writes internal/cabi/front_gen.h and front_gen.c: every public function that is
// not written by hand, the trampolines, and the tables that bridge.h names.
func cFront(s *Spec) ([]File, error) {
	f := &front{Spec: s, types: s.types()}
	return []File{f.header(), f.source()}, nil
}

type front struct {
	*Spec
	*types
}

// short is a function's name in the names derived from it.
func short(f *Function) string { return strings.TrimPrefix(f.Name, "nim_") }

// ops lists the functions whose calls reach Go, in the order of enum nim_op.
func (s *Spec) ops() []*Function {
	var list []*Function
	for _, m := range s.Modules {
		for _, f := range m.Functions {
			if f.By == ByGo || f.Op {
				list = append(list, f)
			}
		}
	}
	return list
}

// slots lists the registrations, in the order of enum nim_slot.
func (s *Spec) slots() []*Function {
	var list []*Function
	for _, m := range s.Modules {
		for _, f := range m.Functions {
			if f.Slot != "" {
				list = append(list, f)
			}
		}
	}
	return list
}

func (f *front) header() File {
	var t text
	t.p("/* %s", notice)
	t.p(" *")
	t.p(" * front_gen.h: what front.c needs of the description. Not public. */")
	t.p("#ifndef NIM_FRONT_GEN_H\n#define NIM_FRONT_GEN_H\n")
	t.p("#ifndef NIM_LIBRARY\n#define NIM_LIBRARY 1\n#endif")
	t.p("#include \"bridge.h\"\n#include \"../../include/nim_c_api.h\"\n#include \"../../include/nimx.h\"\n")

	t.p("/* Calls that reach Go. NIM_OP_none is the op of a call that never does. */")
	t.p("enum nim_op {\n    NIM_OP_none,")
	for _, fn := range f.ops() {
		t.p("    NIM_OP_%s,", short(fn))
	}
	t.p("    NIM_OP_COUNT\n};")
	t.p("extern const char *const nim_op_names[];    /* by enum nim_op */")
	t.p("extern const unsigned char nim_op_early[]; /* 1: passed to Go before init too */\n")

	t.p("/* Registrations. */\nenum nim_slot {")
	for _, fn := range f.slots() {
		t.p("    NIM_SLOT_%s,", fn.Slot)
	}
	t.p("    NIM_SLOT_COUNT\n};")

	t.p("/* Callback typedefs. NIM_CALLBACK_ANY is for a core that knows no types: its\n * arguments are taken for those of whatever is called. */")
	t.p("enum nim_callback {\n    NIM_CALLBACK_ANY = -1,")
	for _, cb := range f.realCallbacks() {
		t.p("    NIM_CALLBACK_%s,", cb.Name)
	}
	t.p("    NIM_CALLBACK_COUNT\n};\n")

	t.p("/* Rows of nim_error_rows. */\nenum nim_error {")
	for i, e := range f.Errors {
		t.p("    NIM_ERR_%s%s", strings.ToUpper(e.Name), comma(i, len(f.Errors)))
	}
	t.p("};\n")

	t.p("/* Trampolines, one per callback typedef: numbers come from num[] (bool as 0\n * or 1, the address of an out parameter as a number), strings from str[],\n * structs from the packed run, in the order of the parameters. Results of the\n * callback are dropped. */")
	for _, cb := range f.realCallbacks() {
		t.p("%s", cutLine(fmt.Sprintf("void nim_tramp_%s(nim_fn fn, const nim_args *a, const void *user_data);", cb.Name), "    "))
	}
	t.p("\n/* Answers of the functions that front.c defines. */")
	for _, fn := range f.answered() {
		if fn.By == ByHand {
			t.p("extern const nim_answer nim_answer_%s;", short(fn))
		}
	}
	t.p("\n#endif")
	return t.file("internal/cabi/front_gen.h")
}

func comma(i, n int) string {
	if i == n-1 {
		return ""
	}
	return ","
}

// realCallbacks are the typedefs that are not aliases and that functions use.
func (f *front) realCallbacks() []*Callback {
	used := map[*Callback]bool{}
	for _, m := range f.Modules {
		for _, fn := range m.Functions {
			if cb := f.completion(fn); cb != nil {
				used[cb] = true
			}
		}
	}
	return slices.SortedFunc(maps.Keys(used), func(a, b *Callback) int { return strings.Compare(a.Name, b.Name) })
}

// answered lists the functions whose outcome a callback hears.
func (f *front) answered() []*Function {
	var list []*Function
	for _, m := range f.Modules {
		for _, fn := range m.Functions {
			if cb := f.answering(f.Spec, fn); fn.Slot == "" && cb != nil && cb.Neutral != nil {
				list = append(list, fn)
			}
		}
	}
	return list
}

func (f *front) source() File {
	var t text
	t.p("/* %s", notice)
	t.p(" *")
	t.p(" * front_gen.c: the public functions. See bridge.h. */")
	t.p("#include \"front_gen.h\"\n#include \"pack.h\"\n\n#include <stdlib.h>\n")
	f.tables(&t)
	f.buildTable(&t)
	taken, put := f.carriedStructs()
	for _, st := range taken {
		f.takeStruct(&t, st)
	}
	for _, st := range put {
		f.putStruct(&t, st)
		f.putArray(&t, st)
	}
	for _, cb := range f.realCallbacks() {
		f.trampoline(&t, cb)
	}
	t.p("\nconst nim_tramp nim_tramps[] = {")
	for _, cb := range f.realCallbacks() {
		t.p("    nim_tramp_%s,", cb.Name)
	}
	t.p("};\n\nconst int nim_callback_count = NIM_CALLBACK_COUNT;")
	t.p("\nconst nim_tramp nim_slot_tramps[] = {")
	for _, fn := range f.slots() {
		t.p("    nim_tramp_%s,", f.completion(fn).Name)
	}
	t.p("};\n")
	for _, fn := range f.answered() {
		f.answer(&t, fn)
	}
	for _, m := range f.Modules {
		for _, fn := range m.Functions {
			if fn.By != ByHand {
				f.define(&t, fn)
			}
		}
	}
	f.opaque(&t)
	return t.file("internal/cabi/front_gen.c")
}

func (f *front) tables(t *text) {
	t.p("const nim_error_row nim_error_rows[] = {")
	for _, e := range f.Errors {
		t.p("    {%d, %q, %q, %q, %d},", e.Code, e.Name, e.Domain, e.Text, bit(e.Retryable))
	}
	t.p("};\n\nconst char *const nim_op_names[] = {\n    \"\",")
	for _, fn := range f.ops() {
		t.p("    %q,", fn.Name)
	}
	t.p("};\n\nconst unsigned char nim_op_early[] = {\n    0,")
	for _, fn := range f.ops() {
		t.p("    %d, /* %s */", bit(fn.Early), short(fn))
	}
	t.p("};\n\nconst int nim_slot_count = NIM_SLOT_COUNT;\n\nconst unsigned char nim_slot_replays[] = {")
	for _, fn := range f.slots() {
		t.p("    %d, /* %s */", bit(fn.Replay)|bit(fn.Heard)<<1, fn.Slot)
	}
	t.p("};\n\nconst unsigned char nim_slot_ends_calls[] = {")
	for _, fn := range f.slots() {
		t.p("    %d, /* %s */", bit(f.endsCalls(fn)), fn.Slot)
	}
	t.p("};")
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// place says where the arguments of a parameter list travel: index in num[] or
// str[], -1 where it does not.
func (t *types) place(params []Param) []int {
	at := make([]int, len(params))
	num, str := 0, 0
	lengths := counts(params)
	for i, p := range params {
		if lengths[p.Name] { // travels with its array
			at[i] = -1
			continue
		}
		switch t.mustKind(p.Type) {
		case Num, Out:
			at[i] = num
			num++
		case Str:
			at[i] = str
			str++
		default:
			at[i] = -1
		}
	}
	return at
}

func (f *front) trampoline(t *text, cb *Callback) {
	t.p("\n%s", cutLine(fmt.Sprintf("void nim_tramp_%s(nim_fn fn, const nim_args *a, const void *user_data) {", cb.Name), "    "))
	at := f.place(cb.Params)
	var args, takes []string
	used := false
	packed, _ := f.postable(cb)
	lengths := counts(cb.Params)
	packed = packed && slices.ContainsFunc(cb.Params, func(p Param) bool { return f.mustKind(p.Type) == Ptr })
	if packed {
		t.p("    nim_packed p = a->structs;")
	}
	for i, p := range cb.Params {
		if lengths[p.Name] {
			args, used = append(args, p.Name), true
			continue
		}
		if f.mustKind(p.Type) == Ptr && packed {
			st, _ := f.structOf(p.Type)
			if p.Count == "" {
				t.p("    %s %s = %s;", st.Name, p.Name, f.empty(st))
				args = append(args, "&"+p.Name)
				takes = append(takes, fmt.Sprintf("if (p.at != NULL)\n        take_%s(&p, &%s);", st.Name, p.Name))
			} else {
				t.p("    void *%s;\n    int i, %s;", p.Name, p.Count)
				args = append(args, fmt.Sprintf("(%s *)%s", st.Name, p.Name))
				takes = append(takes, fmt.Sprintf("%s = nim_take_array(&p, &%s, sizeof(%s));", p.Count, p.Name, st.Name))
				takes = append(takes, fmt.Sprintf("for (i = 0; i < %s; i++)\n        take_%s(&p, &((%s *)%s)[i]);", p.Count, st.Name, st.Name, p.Name))
			}
			used = true
			continue
		}
		switch f.mustKind(p.Type) {
		case UserData:
			args = append(args, "user_data")
		case Str:
			args, used = append(args, fmt.Sprintf("a->str[%d]", at[i])), true
		case Out:
			args = append(args, f.outPlace(cb, p, at[i]))
			used = true
		case Ptr, Buffer:
			args = append(args, f.nothingTo(t, p))
		case Bytes:
			args = append(args, `""`)
		default:
			if p.Type == "bool" {
				args = append(args, fmt.Sprintf("a->num[%d] != 0", at[i]))
			} else {
				args = append(args, fmt.Sprintf("(%s)a->num[%d]", cType(p.Type, true), at[i]))
			}
			used = true
		}
	}
	drop := ""
	if cb.Returns != "" {
		drop = "(void)"
	}
	switch {
	case cb.Ask != nil:
		t.p("    nim_reply none = {0, NULL, 0}, *to = a->reply == NULL ? &none : a->reply;")
		if cb.Returns != "" {
			drop = "to->number = "
		}
	case !used:
		t.p("    (void)a;")
	}
	for _, line := range takes {
		t.p("    %s", line)
	}
	end := ""
	if cb.Ask != nil && cb.Returns == "bool" {
		end = " & 0xFF" // of the register, a callback sets one byte
	}
	t.p("    %s", cutLine(fmt.Sprintf("%s((%s)fn)(%s)%s;", drop, cb.Name, strings.Join(args, ", "), end), "        "))
	for _, p := range cb.Params {
		if packed && p.Count != "" {
			t.p("    free(%s);", p.Name)
		}
	}
	t.p("}")
}

// outPlace is what an out parameter of a callback points to: the reply of a
// question, else an address that travels as a number.
func (f *front) outPlace(cb *Callback, p Param, at int) string {
	if cb.Ask == nil {
		return fmt.Sprintf("(%s)(uintptr_t)a->num[%d]", strings.Replace(cType(p.Type, true), "&", "*", 1), at)
	}
	if p.Type == "uint32_t *" {
		return "&to->len"
	}
	return "&to->text"
}

// nothingTo gives a pointer parameter of a callback something to point to, with
// empty texts: programs follow it whatever the code says.
func (f *front) nothingTo(t *text, p Param) string {
	base := strings.Trim(strings.TrimPrefix(p.Type, "const "), " *&")
	if p.PointsTo != "" {
		base = p.PointsTo
	}
	st, known := f.structs[base]
	if !known || strings.Contains(p.Type, "**") {
		return "NULL"
	}
	t.p("    static %s none_%s = %s;", base, p.Name, f.empty(st))
	return "&none_" + p.Name
}

// empty is the C initialiser of a struct with empty texts, zeros and no pointers.
func (f *front) empty(st Struct) string {
	var fields []string
	for _, m := range st.Fields {
		inner, nested := f.structs[m.Type]
		switch {
		case nested:
			fields = append(fields, f.empty(inner))
		case m.Type == "char *" || m.Type == "const char *" || m.Array > 0:
			fields = append(fields, `""`)
		case strings.HasSuffix(m.Type, "*"):
			fields = append(fields, "NULL")
		default:
			fields = append(fields, "0")
		}
	}
	return "{" + strings.Join(fields, ", ") + "}"
}

// answer writes the nim_answer of a function.
func (f *front) answer(t *text, fn *Function) {
	cb := f.answering(f.Spec, fn)
	at := f.place(cb.Params)
	code, json := -1, -1
	nums, strs := map[int]string{}, map[int]string{}
	for i, p := range cb.Params {
		switch {
		case p.Name == cb.Code:
			code = at[i]
		case p.Name == cb.ErrorJSON:
			json = at[i]
		}
		if v := f.answerOf(fn, cb, p); v != nil && !dynamic(v) && at[i] >= 0 {
			if s, isText := v.(string); isText {
				strs[at[i]] = strconv.Quote(s)
			} else {
				nums[at[i]] = fmt.Sprint(v)
			}
		}
	}
	static, slot := "static ", "-1"
	if fn.By == ByHand {
		static = ""
	}
	if fn.Ack != "" {
		slot = "NIM_SLOT_" + fn.Ack
	}
	shapes := f.shapeList(t, fn, cb)
	t.p("%sconst nim_answer nim_answer_%s = {", static, short(fn))
	t.p("    nim_tramp_%s, %d, %d, %q,", cb.Name, code, json, fn.Extra)
	t.p("    {{%s}, {%s}, {NULL, 0}, NULL}, %d, %d, %s, %s", list(nums, "0"), list(strs, "0"), bit(fn.Multi), bit(fn.Within), slot, shapes)
	t.p("};")
}

// list writes a C initialiser with the set elements.
func list(set map[int]string, zero string) string {
	last := -1
	for i := range set {
		last = max(last, i)
	}
	if last < 0 {
		return zero
	}
	parts := make([]string, last+1)
	for i := range parts {
		parts[i] = zero
		if v, ok := set[i]; ok {
			parts[i] = v
		}
	}
	return strings.Join(parts, ", ")
}
