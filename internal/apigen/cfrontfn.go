package main

import "fmt"

// define writes the body of one public function.
func (f *front) define(t *text, fn *Function) {
	t.p("\nNIM_API %s {", cutLine(prototype(fn), "    "))
	switch {
	case fn.Slot != "":
		f.register(t, fn)
	case fn.By == ByGo:
		f.pass(t, fn)
	case f.answering(f.Spec, fn) != nil:
		f.unbuilt(t, fn)
	default:
		f.unused(t, fn, nil)
		f.nothing(t, fn)
	}
	t.p("}")
}

// callbackExpr is the C expression of the callback, NULL-safe.
func (f *front) callbackExpr(p *Param) string {
	if f.mustKind(p.Type) == CallRef {
		return fmt.Sprintf("%s ? (nim_fn)*%s : NULL", p.Name, p.Name)
	}
	return "(nim_fn)" + p.Name
}

// userData names the parameter that goes with the completion callback: the
// first one behind it.
func (f *front) userData(fn *Function, cb *Param) string {
	behind := false
	for i := range fn.Params {
		if &fn.Params[i] == cb {
			behind = true
		}
		if behind && f.mustKind(fn.Params[i].Type) == UserData {
			return fn.Params[i].Name
		}
	}
	return "NULL"
}

// unused silences the parameters that a body does not name.
func (f *front) unused(t *text, fn *Function, used map[string]bool) {
	for _, p := range fn.Params {
		if !used[p.Name] {
			t.p("    (void)%s;", p.Name)
		}
	}
}

func (f *front) register(t *text, fn *Function) {
	cb := f.completionParam(fn)
	user, destroy := f.userData(fn, cb), "NULL"
	for _, p := range fn.Params {
		if f.mustKind(p.Type) == Destroy {
			destroy = p.Name
		}
	}
	f.unused(t, fn, map[string]bool{cb.Name: true, user: true, destroy: true})
	t.p("    nim_register(NIM_SLOT_%s, %s, %s, %s);", fn.Slot, f.callbackExpr(cb), user, destroy)
}

// pass writes the body of a function that Go answers.
func (f *front) pass(t *text, fn *Function) {
	t.p("    nim_call c;\n")
	f.unused(t, fn, f.passed(fn))
	f.begin(t, fn, "NIM_OP_"+short(fn))
	f.arguments(t, fn)
	if f.answering(f.Spec, fn) != nil { // a refusal gives back what was asked for
		f.fieldArguments(t, fn)
	}
	f.notPassed(t, fn)
	switch fn.Returns {
	case "":
		t.p("    (void)nim_call_go(&c);")
	case "char *":
		t.p("    return nim_call_text(&c, %q);", fn.Otherwise)
	case "bool":
		t.p("    return nim_call_go(&c) != 0;")
	default:
		t.p("    return (%s)nim_call_go(&c);", cType(fn.Returns, true))
	}
}

// passed names the parameters of fn that reach Go: not those of progress.
func (f *front) passed(fn *Function) map[string]bool {
	used := map[string]bool{}
	if cb := f.completionParam(fn); cb != nil {
		used[cb.Name], used[f.userData(fn, cb)] = true, true
	}
	for _, p := range fn.Params {
		switch f.mustKind(p.Type) {
		case Str, Num, Ptr, Value:
			used[p.Name] = true
		}
	}
	return used
}

// begin writes the start of a call: its answer, and the callback that hears it.
func (f *front) begin(t *text, fn *Function, op string) {
	answer, fnExpr, user := "NULL", "NULL", "NULL"
	if f.answering(f.Spec, fn) != nil {
		answer = "&nim_answer_" + short(fn)
	}
	if cb := f.completionParam(fn); cb != nil {
		fnExpr, user = f.callbackExpr(cb), f.userData(fn, cb)
	}
	t.p("    nim_call_begin(&c, %s, %s, %s, %s);", op, answer, fnExpr, user)
}

// arguments puts the arguments of a call into c.
func (f *front) arguments(t *text, fn *Function) {
	at := f.place(fn.Params)
	for i, p := range fn.Params {
		switch f.mustKind(p.Type) {
		case Str:
			kind := "TEXT"
			if p.JSON {
				kind = "JSON"
			}
			t.p("    nim_call_str(&c, %d, %q, %s, NIM_STR_%s);", at[i], p.Name, p.Name, kind)
		case Num:
			if at[i] < 0 {
				continue
			}
			value := p.Name
			if p.Type == "bool" {
				value = "(" + p.Name + " != 0)"
			} else if isEnum(p.Type) {
				value = "(int)" + p.Name
			} else if p.Type == "uint64_t" {
				value = "(int64_t)" + p.Name
			}
			t.p("    c.args.num[%d] = %s;", at[i], value)
		case Ptr, Value:
			if fn.By == ByGo {
				f.structParam(t, p)
			}
		}
	}
}

// notPassed silences the callbacks of a call that do not complete it, with their
// user data.
func (f *front) notPassed(t *text, fn *Function) {
	cb, user := f.completionParam(fn), ""
	if cb != nil {
		user = f.userData(fn, cb)
	}
	for i := range fn.Params {
		p := &fn.Params[i]
		switch f.mustKind(p.Type) {
		case Call, CallRef, UserData:
			if p != cb && p.Name != user {
				t.p("    (void)%s;", p.Name)
			}
		}
	}
}

func isEnum(typ string) bool { return len(typ) > 5 && typ[:5] == "enum " }

// unbuilt writes the body of a function whose module is not built and whose
// outcome a callback hears.
func (f *front) unbuilt(t *text, fn *Function) {
	used := map[string]bool{}
	if cb := f.completionParam(fn); cb != nil {
		used[cb.Name], used[f.userData(fn, cb)] = true, true
	}
	list, _ := f.shapes(fn, f.answering(f.Spec, fn))
	if len(list) > 0 {
		for _, p := range fn.Params {
			if k := f.mustKind(p.Type); k == Str || k == Num {
				used[p.Name] = true
			}
		}
		for _, r := range f.fieldRefs(fn) {
			used[r.param.Name] = true
		}
	}
	t.p("    nim_call c;\n")
	f.unused(t, fn, used)
	f.begin(t, fn, "NIM_OP_none")
	if len(list) > 0 {
		f.arguments(t, fn)
		f.fieldArguments(t, fn)
	}
	t.p("    nim_call_unbuilt(&c);")
	f.nothing(t, fn)
}

// nothing returns the empty result.
func (f *front) nothing(t *text, fn *Function) {
	switch fn.Returns {
	case "":
	case "char *":
		t.p("    return nim_strdup(%q);", fn.Otherwise)
	default:
		t.p("    return 0;")
	}
}

// opaque defines the names without a known signature.
func (f *front) opaque(t *text) {
	t.p("\n/* Names without a known signature. */")
	t.p("#define OPAQUE(index, name) \\\n    NIM_API int64_t NIM_CALL name(void); \\\n    NIM_API int64_t NIM_CALL name(void) { return nim_opaque_called(index); }")
	var names []string
	for _, g := range f.Opaque {
		names = append(names, g.Names...)
	}
	for i, n := range names {
		t.p("OPAQUE(%d, %s)", i, n)
	}
	t.p("\nconst char *const nim_opaque_names[] = {")
	for _, n := range names {
		t.p("    %q,", n)
	}
	t.p("};")
}
