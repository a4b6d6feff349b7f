package main

import (
	"fmt"
	"strings"
)

// glue writes what stands between C and the typed methods of the C# binding: a
// class for what each callback brings, the functions that C calls, a
// registration for each slot and a method for each call that is answered. A
// further function needs a description and a typed method.
func (g *csWriter) glue(modules []*Module) error {
	var slots, calls []*Function
	var callbacks []*Callback
	known := map[string]*Callback{}
	for _, m := range modules {
		for _, f := range m.Functions {
			cb := g.completion(f)
			if f.Status != Implemented || cb == nil || !g.plain(f, cb) && !g.question(f, cb) {
				continue
			}
			if f.Slot != "" {
				slots = append(slots, f)
			} else {
				calls = append(calls, f)
			}
			name := csReply(cb)
			if known[name] == nil {
				known[name] = cb
				callbacks = append(callbacks, cb)
			} else if known[name] != cb {
				return fmt.Errorf("%s and %s have the same C# name", known[name].Name, cb.Name)
			}
		}
	}
	g.replies(callbacks)
	g.trampolines(callbacks)
	g.slots(slots)
	g.calls(calls)
	return nil
}

// csCallback is what a callback is called in the glue: its typedef without what
// all of them have.
func csCallback(cb *Callback) string {
	name := strings.TrimPrefix(strings.TrimPrefix(cb.Name, "nimx_"), "nim_")
	return camel(strings.TrimSuffix(strings.TrimSuffix(name, "_func"), "_cb"))
}

func csReply(cb *Callback) string { return csCallback(cb) + "Reply" }

// arguments are the parameters of a callback but for its user_data.
func (g *csWriter) arguments(cb *Callback) []Param {
	var list []Param
	for _, p := range cb.Params {
		if g.mustKind(p.Type) != UserData {
			list = append(list, p)
		}
	}
	return list
}

func (g *csWriter) replies(callbacks []*Callback) {
	g.begin("LibNim", "NIM", "NIM.Messagelog", "NIM.Session")
	for i, cb := range callbacks {
		if i > 0 {
			g.p("")
		}
		g.doc("    ", cb.Doc)
		g.p("    internal sealed partial class %s : Reply\n    {", csReply(cb))
		json := ""
		for _, p := range g.arguments(cb) {
			g.doc("        ", p.Doc)
			g.p("        internal %s %s%s;", g.memberType(p.Type), camel(p.Name), map[bool]string{true: ` = ""`}[g.mustKind(p.Type) == Str])
			if p.Name == cb.ErrorJSON || json == "" && (p.Name == "json_extension" || p.Name == "json_params") {
				json = camel(p.Name)
			}
		}
		if cb.Code != "" {
			if json == "" {
				json = `""`
			}
			g.p("\n        internal override ErrorInfo Error() { return ErrorOf((int)%s, %s); }", camel(cb.Code), json)
		}
		g.p("    }")
	}
	g.end("Replies")
}

// memberType is the type of an argument once it is in C#.
func (g *csWriter) memberType(typ string) string {
	switch {
	case g.mustKind(typ) == Str:
		return "string"
	case typ == "bool":
		return "bool"
	}
	return g.number(typ, true)
}

func (g *csWriter) trampolines(callbacks []*Callback) {
	g.begin("LibNim", "System", "NIM", "NIM.Messagelog", "NIM.Session")
	g.p("#if UNITY_5_3_OR_NEWER\n    using AOT;\n#endif\n")
	g.doc("    ", "The functions that C calls, each with the delegate that keeps it alive and the address that C gets.")
	g.p("    internal static partial class Trampolines\n    {")
	for _, cb := range callbacks {
		name := csCallback(cb)
		g.p("        private static readonly %s %sDelegate = On%s;", cb.Name, name, name)
		g.p("        internal static readonly IntPtr %s = Address(%sDelegate);", name, name)
	}
	for _, cb := range callbacks {
		var params, members []string
		data := ""
		for _, p := range cb.Params {
			typ, _ := g.paramType(p.Type, true)
			params = append(params, typ+" "+csName(p.Name))
			switch value := csName(p.Name); {
			case g.mustKind(p.Type) == UserData:
				data = value
				continue
			case g.mustKind(p.Type) == Str:
				members = append(members, camel(p.Name)+" = Utf8.Text("+value+")")
			case p.Type == "bool":
				members = append(members, camel(p.Name)+" = "+value+" != 0")
			default:
				members = append(members, camel(p.Name)+" = "+value)
			}
		}
		g.p("\n        [MonoPInvokeCallback(typeof(%s))]", cb.Name)
		result, bring := "void", "Arrived"
		if cb.Ask != nil {
			result, bring = "int", "return Asked"
		}
		g.p("        private static %s On%s(%s)\n        {", result, csCallback(cb), strings.Join(params, ", "))
		g.p("            %s(%s, new %s\n            {", bring, data, csReply(cb))
		for _, m := range members {
			g.p("                %s,", m)
		}
		g.p("            });\n        }")
	}
	g.p("    }")
	g.end("Trampolines")
}

func (g *csWriter) slots(slots []*Function) {
	g.begin("LibNim", "System")
	g.p("    internal static partial class Slots\n    {")
	for i, f := range slots {
		if i > 0 {
			g.p("")
		}
		cb := g.completion(f)
		var args []string
		for _, p := range f.Params {
			args = append(args, map[Kind]string{Call: "cb", UserData: "data", Destroy: "IntPtr.Zero"}[g.mustKind(p.Type)])
			if args[len(args)-1] == "" {
				args[len(args)-1] = "null"
			}
		}
		g.doc("        ", f.Doc)
		class, heard := "Slot<"+csReply(cb)+">", fmt.Sprintf("%v, ", f.Heard)
		if cb.Ask != nil {
			class, heard = "AskSlot<"+csReply(cb)+">", ""
		}
		g.p("        internal static readonly %s %s = new %s(\n            %d, Trampolines.%s, %s(cb, data) => Native.%s(%s));",
			class, camel(f.Slot), class, i+1, csCallback(cb), heard, f.Name, strings.Join(args, ", "))
	}
	g.p("\n        /// <summary>All of them; the number of one is its place, and its user_data.</summary>")
	g.p("        private static readonly Slot[] All =\n        {")
	for _, f := range slots {
		g.p("            %s,", camel(f.Slot))
	}
	g.p("        };\n    }")
	g.end("Slots")
}

func (g *csWriter) calls(calls []*Function) {
	g.begin("LibNim", "System", "NIM", "NIM.Messagelog", "NIM.Session")
	g.doc("    ", "The C functions that answer, each with its call. What is null is not given.")
	g.p("    internal static class Ask\n    {")
	for i, f := range calls {
		if i > 0 {
			g.p("")
		}
		cb := g.completion(f)
		var params, texts, args []string
		own := false // whether the user_data that comes next is that of the answer
		for _, p := range f.Params {
			switch g.mustKind(p.Type) {
			case Str:
				params = append(params, "string "+csName(p.Name))
				texts = append(texts, p.Name)
				args = append(args, p.Name+"_text")
			case Call:
				own = p.Role == ""
				args = append(args, map[bool]string{true: "Trampolines." + csCallback(cb), false: "IntPtr.Zero"}[own])
			case UserData:
				args = append(args, map[bool]string{true: "Calls.Add(call)", false: "IntPtr.Zero"}[own])
			case Destroy:
				args = append(args, "IntPtr.Zero")
			default:
				params = append(params, g.memberType(p.Type)+" "+csName(p.Name))
				args = append(args, csName(p.Name))
			}
		}
		g.doc("        ", f.Doc)
		result, ret := g.answerType(f.Returns)
		g.p("        internal static %s %s(\n            %s)\n        {", result, f.Name, strings.Join(append(params, "Call<"+csReply(cb)+"> call"), ", "))
		for _, t := range texts {
			g.p("            byte[] %s_text = Utf8.Bytes(%s);", t, csName(t))
		}
		g.p("            %sNative.%s(\n                %s);\n        }", ret, f.Name, strings.Join(args, ", "))
	}
	g.p("    }")
	g.end("Calls")
}

// answerType is what a call gives back at once, and the word before it.
func (g *csWriter) answerType(typ string) (result, word string) {
	result, _ = g.resultType(typ)
	if result == "void" {
		return result, ""
	}
	return result, "return "
}
