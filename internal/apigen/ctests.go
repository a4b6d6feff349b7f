package main

import (
	"fmt"
	"strconv"
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
	t.p("#include \"note.h\"\n\n#include <stddef.h>\n#include <string.h>\n")
	t.p("/* Callbacks that ran, on any thread, and string arguments of them that were NULL. */\nstatic volatile long calls_seen, calls_null;\n")
	for _, cb := range f.allCallbacks() {
		ret, value := cType(cb.Returns, true), ""
		if cb.Returns != "" {
			value = " return 0;"
		}
		t.p("%s", cutLine(fmt.Sprintf("static %s(%s) {", declare(ret, "NIM_CALL seen_"+cb.Name), cParams(cb.Params, true)), "    "))
		for _, p := range cb.Params {
			switch f.mustKind(p.Type) {
			case Str:
				t.p("    __atomic_add_fetch(&calls_null, %s == NULL, __ATOMIC_SEQ_CST);", p.Name)
				t.p("    note_string(%q, %s);", p.Name, p.Name)
			case Num:
				t.p("    note_number(%q, (long long)%s);", p.Name, p.Name)
			case Ptr, Buffer:
				t.p("    note_pointer(%q, %s);", p.Name, p.Name)
			default:
				t.p("    (void)%s;", p.Name)
			}
		}
		t.p("    note_end(%q);", cb.Name)
		t.p("    __atomic_add_fetch(&calls_seen, 1, __ATOMIC_SEQ_CST);%s\n}", value)
	}
	var rows []string
	for _, m := range s.Modules {
		for _, fn := range m.Functions {
			rows = append(rows, f.caller(&t, fn))
		}
	}
	t.p("\n/* strings: how many string parameters; completes: 1 if the call is answered\n * through a callback; lifecycle: 1 for init, cleanup and the nimx_global functions;\n * built: 1 if its module is; outcome: the callback type that hears what came of\n * the call, registered or given with it, or \"\"; params: the names of its texts\n * and numbers, with a comma behind each. */")
	t.p("static const struct call_row {\n    const char *name;\n    int strings, completes, lifecycle, built;\n    const char *outcome, *params;\n    void (*call)(int at, const char *s);\n} call_rows[] = {")
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
// number at and "" as the others, or for at -1 with samples, and returns its row
// of the table.
func (f *front) caller(t *text, fn *Function) string {
	var args []string
	strs, params := 0, ""
	for _, p := range fn.Params {
		switch f.mustKind(p.Type) {
		case Str:
			args = append(args, fmt.Sprintf("at == %d ? s : at < 0 ? %s : \"\"", strs, sample(p)))
			strs++
			if !p.JSON {
				params += p.Name + ","
			}
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
		case Buffer, UserData, Destroy, Bytes:
			args = append(args, "NULL")
		default:
			params += p.Name + ","
			switch {
			case isEnum(p.Type):
				args = append(args, "("+p.Type+")(at < 0)")
			case p.Type == "bool":
				args = append(args, "at < 0")
			default:
				args = append(args, "at < 0 ? 7 : 0")
			}
		}
	}
	t.p("\nstatic void call_%s(int at, const char *s) {", fn.Name)
	f.locals(t, fn)
	t.p("    (void)at;\n    (void)s;")
	f.sampleStructs(t, fn)
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
	outcome := ""
	if cb := f.answering(f.Spec, fn); cb != nil && fn.Slot == "" {
		outcome = cb.Name
	}
	return fmt.Sprintf("    {%q, %d, %d, %d, %d, %q, %q, call_%s},\n", fn.Name, strs, bit(completes), bit(lifecycle),
		bit(fn.Status == Implemented), outcome, params, fn.Name)
}

// sampleStructs fills the structs of a sample call as its other arguments are.
func (f *front) sampleStructs(t *text, fn *Function) {
	for _, p := range fn.Params {
		if k := f.mustKind(p.Type); k != Ptr && k != Value {
			continue
		}
		base := strings.Trim(strings.TrimPrefix(p.Type, "const "), " *&")
		for _, m := range f.structs[base].Fields {
			switch {
			case m.Array > 0 && m.Type == "char":
				t.p("    strcpy(%s.%s, at < 0 ? %q : \"\");", p.Name, m.Name, m.Name)
			case isEnum(m.Type) && !strings.HasSuffix(m.Type, "*"):
				t.p("    %s.%s = (%s)(at < 0);", p.Name, m.Name, m.Type)
			}
		}
	}
}

// sample is a C expression for a text argument that a program could give.
func sample(p Param) string {
	switch {
	case !p.JSON:
		return strconv.Quote(p.Name)
	case p.Name == "json_extension":
		return `"{}"`
	case strings.Contains(p.Doc, "array of strings"):
		return "SAMPLE_IDS"
	case strings.Contains(p.Doc, "array"):
		return "\"[\" SAMPLE_OBJECT \"]\""
	}
	return "SAMPLE_OBJECT"
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
