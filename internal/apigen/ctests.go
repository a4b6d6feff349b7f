package main

import (
	"fmt"
	"strings"
)

// cTests writes tests/abi/calls_gen.h: a caller for every function with a
// known signature, so that a test can hand any text to any string parameter.
func cTests(s *Spec) ([]File, error) {
	f := &front{Spec: s, types: s.types()}
	var t text
	t.p("/* %s", notice)
	t.p(" *")
	t.p(" * Every function with a known signature, callable by index. Include it once,")
	t.p(" * behind nim_c_api.h and nimx.h. */")
	t.p("#include <stddef.h>\n#include <string.h>\n")
	t.p("/* Callbacks that ran, on any thread, and string arguments of them that were NULL. */\nstatic volatile long calls_seen, calls_null;\n")
	for _, cb := range f.allCallbacks() {
		ret, value := cType(cb.Returns, true), ""
		if cb.Returns != "" {
			value = " return 0;"
		}
		t.p("%s", cutLine(fmt.Sprintf("static %s(%s) {", declare(ret, "NIM_CALL seen_"+cb.Name), cParams(cb.Params, true)), "    "))
		for _, p := range cb.Params {
			if f.mustKind(p.Type) == Str {
				t.p("    __atomic_add_fetch(&calls_null, %s == NULL, __ATOMIC_SEQ_CST);", p.Name)
			} else {
				t.p("    (void)%s;", p.Name)
			}
		}
		t.p("    __atomic_add_fetch(&calls_seen, 1, __ATOMIC_SEQ_CST);%s\n}", value)
	}
	var rows []string
	for _, m := range s.Modules {
		for _, fn := range m.Functions {
			rows = append(rows, f.caller(&t, fn))
		}
	}
	t.p("\n/* strings: how many string parameters; completes: 1 if the call is answered\n * through a callback; lifecycle: 1 for init, cleanup and the nimx_global functions. */")
	t.p("static const struct call_row {\n    const char *name;\n    int strings, completes, lifecycle;\n    void (*call)(int at, const char *s);\n} call_rows[] = {")
	t.WriteString(strings.Join(rows, ""))
	t.p("};")
	return []File{t.file("tests/abi/calls_gen.h")}, nil
}

func (f *front) allCallbacks() []*Callback {
	var list []*Callback
	for _, cb := range f.realCallbacks() {
		if !strings.Contains(cb.Name, "wake") {
			list = append(list, cb)
		}
	}
	for _, m := range f.Modules {
		for _, fn := range m.Functions {
			for _, p := range fn.Params {
				if p.Role == "progress" {
					cb := f.callback(p.Type)
					known := false
					for _, have := range list {
						known = known || have == cb
					}
					if !known {
						list = append(list, cb)
					}
				}
			}
		}
	}
	return list
}

// caller writes a static function that calls fn with s as string parameter
// number at and "" as the others, and returns its row of the table.
func (f *front) caller(t *text, fn *Function) string {
	var args []string
	strs := 0
	for _, p := range fn.Params {
		switch f.mustKind(p.Type) {
		case Str:
			args = append(args, fmt.Sprintf("at == %d ? s : \"\"", strs))
			strs++
		case Call:
			cb := f.callback(p.Type)
			if f.isSeen(cb) {
				args = append(args, "seen_"+cb.Name)
			} else {
				args = append(args, "NULL")
			}
		case CallRef:
			base := strings.Fields(strings.TrimPrefix(p.Type, "const "))[0]
			args = append(args, "&"+p.Name)
			p.Type = base
		case Ptr, Value:
			if f.mustKind(p.Type) == Ptr {
				args = append(args, "&"+p.Name)
			} else {
				args = append(args, p.Name)
			}
		case Buffer, UserData, Destroy:
			args = append(args, "NULL")
		default:
			if isEnum(p.Type) {
				args = append(args, "("+p.Type+")0")
			} else {
				args = append(args, "0")
			}
		}
	}
	t.p("\nstatic void call_%s(int at, const char *s) {", fn.Name)
	f.locals(t, fn)
	t.p("    (void)at;\n    (void)s;")
	call := fmt.Sprintf("%s(%s);", fn.Name, strings.Join(args, ", "))
	switch fn.Returns {
	case "":
		t.p("    %s", cutLine(call, "        "))
	case "char *":
		t.p("    nim_global_free_buf(%s);", strings.TrimSuffix(call, ";"))
	default:
		t.p("    (void)%s", call)
	}
	t.p("}")
	completes := fn.Slot == "" && f.completion(fn) != nil && f.completion(fn).Neutral != nil
	lifecycle := strings.Contains(fn.Name, "_init") || strings.Contains(fn.Name, "_cleanup") || strings.HasPrefix(fn.Name, "nimx_global")
	return fmt.Sprintf("    {%q, %d, %d, %d, call_%s},\n", fn.Name, strs, bit(completes), bit(lifecycle), fn.Name)
}

func (f *front) isSeen(cb *Callback) bool {
	for _, have := range f.allCallbacks() {
		if have == cb {
			return true
		}
	}
	return false
}

// locals declares the zeroed structs and callback variables that a call needs.
func (f *front) locals(t *text, fn *Function) {
	for _, p := range fn.Params {
		base := strings.Trim(strings.TrimPrefix(p.Type, "const "), " *&")
		switch f.mustKind(p.Type) {
		case Ptr, Value:
			t.p("    static %s %s;", base, p.Name)
		case CallRef:
			t.p("    static const %s %s = seen_%s;", base, p.Name, f.callback(base).Name)
		}
	}
}
