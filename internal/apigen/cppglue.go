package main

import (
	"fmt"
	"slices"
	"strings"
)

// What stands between C and the typed methods of the C++ binding: a struct for
// what each callback brings, the functions that C calls, a registration for each
// slot and a function for each call that is answered. A further function needs a
// description and a thin typed method.

// cppByHand begin the names of functions whose glue is written by hand.
var cppByHand = []string{"nim_client_", "nim_global_", "nim_data_sync_", "nimx_client_", "nimx_global_"}

// glue writes the list of slots and the glue itself.
func (g *cppWriter) glue() []File {
	var slots, calls []*Function
	var callbacks []*Callback
	for _, m := range g.modules {
		for _, f := range m.Functions {
			cb := g.completion(f)
			if cb == nil || f.Status != Implemented || f.Multi || !g.cppCarried(f, cb) ||
				slices.ContainsFunc(cppByHand, func(p string) bool { return strings.HasPrefix(f.Name, p) }) {
				continue
			}
			if f.Slot != "" {
				slots = append(slots, f)
			} else {
				calls = append(calls, f)
			}
			if !slices.Contains(callbacks, cb) {
				callbacks = append(callbacks, cb)
			}
		}
	}
	return []File{g.slotList(slots), g.calls(slots, calls, callbacks)}
}

// cppCarried tells whether the glue carries a function: what plain tells, and
// questions that are answered with yes or no.
func (g *cppWriter) cppCarried(f *Function, cb *Callback) bool {
	if cb.Ask == nil || cb.Ask.Result != "flag" {
		return g.plain(f, cb)
	}
	told := *cb
	told.Ask, told.Returns = nil, ""
	return g.plain(f, &told)
}

func cppSlot(f *Function) string { return "k" + camel(f.Slot) }

func (g *cppWriter) slotList(slots []*Function) File {
	const file = "nim_cpp_slots_gen.h"
	g.begin(file, "the registrations that nim_cpp_calls_gen.h has. Internal to the binding")
	g.p("// X(name) for each.\n#define NIM_CPP_SLOTS(X) \\")
	for i, f := range slots {
		end := " \\"
		if i == len(slots)-1 {
			end = ""
		}
		g.p("    X(%s)%s", cppSlot(f), end)
	}
	return g.end(file)
}

func (g *cppWriter) calls(slots, calls []*Function, callbacks []*Callback) File {
	const file = "nim_cpp_calls_gen.h"
	g.begin(file, "the C functions of the conversations as the binding calls them. Internal to it",
		"<cstdint>", "<functional>", "<string>", "", `"nim_cpp_callbacks.h"`)
	g.p("\nnamespace nim {\nnamespace detail {")
	of := func(cb *Callback) func(*Function) bool {
		return func(f *Function) bool { return g.completion(f) == cb }
	}
	for _, cb := range callbacks {
		g.reply(cb, slices.ContainsFunc(slots, of(cb)), slices.ContainsFunc(calls, of(cb)))
	}
	g.p("\n// ---- registrations: an empty function removes one ---------------------------")
	for _, f := range slots {
		name := camel(f.Slot)
		cb := g.completion(f)
		var args []string
		text := "const char *"
		for _, p := range f.Params {
			switch g.mustKind(p.Type) {
			case Call:
				args = append(args, "on ? &Tell"+csCallback(cb)+" : nullptr")
			case UserData:
				args = append(args, "SlotData("+cppSlot(f)+")")
			case Destroy:
				args = append(args, "nullptr")
			default:
				args, text = append(args, "json"), "const char *json"
			}
		}
		g.p("")
		g.lineComment("", f.Doc)
		g.p("inline void Attach%s(bool on, %s) {\n  NIM_CPP_C(%s)(%s);\n}", name, text, f.Name, strings.Join(args, ", "))
		g.p("inline void Reg%s(const std::function<%s(const %sReply &)> &f, const std::string &json_extension) {", name, cppReturns(cb), csCallback(cb))
		g.p("  Register(%s, f, &Attach%s, json_extension);\n}", cppSlot(f), name)
	}
	g.p("\n// ---- calls that are answered ------------------------------------------------")
	for _, f := range calls {
		g.call(f)
	}
	g.p("\n}  // namespace detail\n}  // namespace nim")
	return g.end(file)
}

func cppReturns(cb *Callback) string {
	if cb.Ask != nil {
		return "bool"
	}
	return "void"
}

// reply writes what a callback brings, and the functions that C calls: one tells
// a slot, one answers a call.
func (g *cppWriter) reply(cb *Callback, slot, call bool) {
	name := csCallback(cb)
	g.p("")
	g.lineComment("", cb.Doc)
	g.p("struct %sReply {", name)
	var params, values []string
	for _, p := range cb.Params {
		switch g.mustKind(p.Type) {
		case UserData:
			params = append(params, declare("const void *", "data"))
			continue
		case Str:
			g.p("  std::string %s;  // %s", p.Name, p.Doc)
			values = append(values, "Text("+p.Name+")")
		default:
			typ, zero := cppNumber(p.Type), "0"
			if strings.HasPrefix(p.Type, "enum ") {
				zero = "static_cast<" + typ + ">(0)"
			} else if p.Type == "bool" {
				zero = "false"
			}
			g.p("  %s %s = %s;  // %s", typ, p.Name, zero, p.Doc)
			values = append(values, map[bool]string{true: p.Name + " != 0", false: p.Name}[p.Type == "bool"])
		}
		params = append(params, declare(cType(p.Type, true), p.Name))
	}
	g.p("};")
	list := strings.Join(values, ", ")
	if slot {
		result := map[bool]string{true: "nim_bool_reg", false: "void"}[cb.Ask != nil]
		g.p("inline %s NIM_CALL Tell%s(%s) {", result, name, strings.Join(params, ", "))
		run := fmt.Sprintf("f(%sReply{%s})", name, list)
		if cb.Ask != nil {
			g.p("  bool yes = false;")
			run = "yes = " + run
		}
		g.p("  TellSlot<std::function<%s(const %sReply &)>>(%q, data, [&](const auto &f) { %s; });", cppReturns(cb), name, cb.Name, run)
		if cb.Ask != nil {
			g.p("  return yes;")
		}
		g.p("}")
	}
	if call {
		g.p("inline void NIM_CALL Answer%s(%s) {", name, strings.Join(params, ", "))
		g.p("  AnswerCall<std::function<void(const %sReply &)>>(%q, data, [&](const auto &f) { f(%sReply{%s}); });\n}", name, cb.Name, name, list)
	}
}

// cppNumber is the type of a number once it is in C++.
func cppNumber(typ string) string {
	switch typ {
	case "int64_t", "uint64_t", "uint32_t":
		return "std::" + typ
	}
	return strings.TrimPrefix(typ, "enum ")
}

// call writes a function that calls one of C. Without a library it answers that
// there is none.
func (g *cppWriter) call(f *Function) {
	cb := g.completion(f)
	var params, args, neutral []string
	own := false // whether the user_data that comes next is that of the answer
	for _, p := range f.Params {
		switch g.mustKind(p.Type) {
		case Str:
			params = append(params, "const std::string &"+p.Name)
			args = append(args, "Argument("+p.Name+")")
		case Call:
			own = p.Role == ""
			args = append(args, map[bool]string{true: "answer != nullptr ? &Answer" + csCallback(cb) + " : nullptr", false: "nullptr"}[own])
		case UserData:
			args = append(args, map[bool]string{true: "answer", false: "nullptr"}[own])
		case Destroy:
			args = append(args, "nullptr")
		default:
			params = append(params, declare(cppNumber(p.Type), p.Name))
			args = append(args, p.Name)
		}
	}
	for _, p := range cb.Params {
		switch typ := p.Type; {
		case g.mustKind(typ) == UserData:
			neutral = append(neutral, "answer")
		case g.mustKind(typ) == Str:
			neutral = append(neutral, `""`)
		case p.Name == cb.Code && strings.HasPrefix(typ, "enum "):
			neutral = append(neutral, "kNIMLocalResAPIErrorInitUndone")
		case p.Name == cb.Code:
			neutral = append(neutral, "static_cast<int>(kNIMLocalResAPIErrorInitUndone)")
		case strings.HasPrefix(typ, "enum "):
			neutral = append(neutral, "static_cast<"+cppNumber(typ)+">(0)")
		default:
			neutral = append(neutral, "0")
		}
	}
	params = append(params, "const std::function<void(const "+csCallback(cb)+"Reply &)> &cb")
	g.p("")
	g.lineComment("", f.Doc)
	g.p("inline void %s(%s) {\n  const void *const answer = AddIf(cb);", camel(strings.TrimPrefix(f.Name, "nim_")), strings.Join(params, ", "))
	g.p("  if (!Available()) return Answer%s(%s);", csCallback(cb), strings.Join(neutral, ", "))
	g.p("  NIM_CPP_C(%s)(%s);\n}", f.Name, strings.Join(args, ", "))
}
