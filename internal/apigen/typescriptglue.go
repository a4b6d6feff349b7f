package main

import (
	"regexp"
	"slices"
	"strings"
)

// What stands between C and the methods of the Node binding: an interface for
// what each callback brings, a registration for each slot, a method for each call
// that is answered. A further function needs a description and, where programs
// are to call it by a name of their language, a typed method.

// tsObjects are the JSON objects that are described by key constants, since they
// keep every key that they came with: which constants of the module are members.
var tsObjects = []struct {
	name, doc, module string
	keys, but         *regexp.Regexp
}{
	{"NIMMessage", "A message. Keys that are not among these are kept and travel too.", "talk", regexp.MustCompile(`^kNIMMsgKey`),
		regexp.MustCompile(`^kNIMMsgKey(Local(Rescode|MsgFeature|ReceiveMsgContent)|Reply|ThreadMsg|Deleted)`)},
	{"NIMThreadInfo", "The thread that a message belongs to.", "talk", regexp.MustCompile(`^kNIMMsgKey(ReplyMsg|ThreadMsg|Deleted)`), none},
	{"NIMSession", "An entry of the session list.", "session", regexp.MustCompile(`^kNIMSession`),
		regexp.MustCompile(`^kNIMSession(List|RoamMsg|StickTopInfo.|StickTopSession|UnReadCount)`)},
	{"NIMStickTopInfo", "The pinning of a session.", "session", regexp.MustCompile(`^kNIMSessionStickTopInfo.`), none},
	{"NIMRecallNotice", "A message that was withdrawn.", "talk", regexp.MustCompile(`^kNIMRecallMsg`), none},
}

var none = regexp.MustCompile(`$^`)

// tsGlue writes the glue.
func (g *tsWriter) tsGlue(s *Spec, modules []*Module) []File {
	g.Reset()
	g.p("// %s", notice)
	g.p("import { checkCode } from './errors';")
	g.p("import type { CallbackPointer, Functions, Text } from './generated';")
	g.p("import type { CallbackName } from './native';")
	for _, o := range tsObjects {
		for _, m := range modules {
			if m.Module == o.module {
				g.object(o.name, o.doc, membersOf(m, o.keys, o.but))
			}
		}
	}
	var slots, calls []*Function
	var callbacks []*Callback
	for _, m := range modules {
		for _, f := range m.Functions {
			cb := g.completion(f)
			if f.Status != Implemented || f.Multi || f.Within || cb == nil || !g.plain(f, cb) {
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
	brings := func(cb *Callback) func(*Function) bool {
		return func(f *Function) bool { return g.completion(f) == cb }
	}
	for _, cb := range callbacks {
		called := slices.ContainsFunc(calls, brings(cb))
		g.tsReply(cb, slices.ContainsFunc(slots, brings(cb)) || called && cb.Code == "", called && cb.Code != "")
	}
	g.tsSlots(s, slots)
	g.tsCalls(calls)
	return []File{g.file("bindings/node/src/generated-calls.ts")}
}

// membersOf are the key constants of a module that match, each key once.
func membersOf(m *Module, keys, but *regexp.Regexp) []Key {
	var list []Key
	for _, k := range m.Keys {
		known := slices.ContainsFunc(list, func(other Key) bool { return other.Key == k.Key })
		if keys.MatchString(k.Name) && !but.MatchString(k.Name) && !known {
			list = append(list, k)
		}
	}
	return list
}

// object writes an interface from key constants.
func (g *tsWriter) object(name, doc string, members []Key) {
	g.p("")
	g.doc("", doc)
	g.p("export interface %s {", name)
	for _, k := range members {
		g.doc("  ", k.Doc)
		g.p("  %s?: %s;", tsKey(k.Key), tsKeyType(k))
	}
	g.p("  [key: string]: unknown;\n}")
}

func tsKeyType(k Key) string {
	switch k.Key {
	case "thread_info":
		return "NIMThreadInfo"
	case "stick_top_info":
		return "NIMStickTopInfo"
	}
	switch k.Type {
	case "int", "long":
		return "number"
	case "bool":
		return "boolean"
	case "string":
		return "string"
	}
	return "unknown"
}

// tsReply writes what a callback brings, and how it is made of the arguments: make
// takes them, read refuses a code that is no success.
func (g *tsWriter) tsReply(cb *Callback, make, read bool) {
	name := csCallback(cb)
	g.p("")
	g.doc("", cb.Doc)
	g.p("export interface %sReply {", name)
	var params, names []string
	detail := "''"
	for _, p := range cb.Params {
		if g.mustKind(p.Type) == UserData {
			continue
		}
		typ := "number"
		switch {
		case g.mustKind(p.Type) == Str:
			typ = "string"
		case p.Type == "bool":
			typ = "boolean"
		}
		g.doc("  ", p.Doc)
		g.p("  readonly %s: %s;", p.Name, typ)
		params = append(params, p.Name+": "+typ)
		names = append(names, p.Name)
		if p.Name == cb.ErrorJSON || detail == "''" && (p.Name == "json_extension" || p.Name == "json_params") {
			detail = p.Name
		}
	}
	g.p("}")
	list := strings.Join(names, ", ")
	if make {
		g.p("const make%s = (%s): %sReply => ({ %s });", name, strings.Join(params, ", "), name, list)
	}
	if read {
		g.p("const read%s = (%s): %sReply => {\n  checkCode(%s, %s);\n  return { %s };\n};", name, strings.Join(params, ", "), name, cb.Code, detail, list)
	}
}

func (g *tsWriter) tsSlots(s *Spec, slots []*Function) {
	g.p("\n/** A registration of the library. */")
	g.p("export interface Slot<T> {\n  readonly type: CallbackName;")
	g.p("  /** Whether what comes while nobody is registered waits in the library. */\n  readonly waits: boolean;")
	g.p("  /** Whether its events end calls, as an acknowledgement ends a send. */\n  readonly answers: boolean;")
	g.p("  register(fn: Functions, cb: CallbackPointer, id: number): void;\n  read(...args: never[]): T;\n}")
	g.p("\n/** The registrations, by the names that the library has for them. */\nexport const slots = {")
	for _, f := range slots {
		cb := g.completion(f)
		g.doc("  ", f.Doc)
		g.p("  %s: {\n    type: '%s',\n    waits: %v,\n    answers: %v,", f.Slot, g.callback(cb.Name).Name, f.Heard, s.endsCalls(f))
		g.p("    register: (fn, cb, id) => fn.%s(%s),", f.Name, strings.Join(g.tsArgs(f), ", "))
		g.p("    read: make%s,\n  } as Slot<%sReply>,", csCallback(cb), csCallback(cb))
	}
	g.p("};")
}

// tsArgs are the arguments of a call of f inside the glue.
func (g *tsWriter) tsArgs(f *Function) []string {
	var args []string
	own := false // whether the user_data that comes next is that of the answer
	for _, p := range f.Params {
		switch g.mustKind(p.Type) {
		case Call:
			own = p.Role == ""
			args = append(args, map[bool]string{true: "cb", false: "null"}[own])
		case UserData:
			args = append(args, map[bool]string{true: "id", false: "0"}[own])
		case Destroy:
			args = append(args, "null")
		default:
			if f.Slot != "" {
				args = append(args, "null")
			} else {
				args = append(args, tsName(p.Name))
			}
		}
	}
	return args
}

// tsName is a parameter's name beside those that the glue has for itself.
func tsName(name string) string {
	if slices.Contains([]string{"fn", "cb", "id"}, name) {
		return name + "_"
	}
	return name
}

func (g *tsWriter) tsCalls(calls []*Function) {
	g.p("\n/** Calls a function, and gives what read makes of its callback. */")
	g.p("export type Caller = <T>(\n  type: CallbackName,\n  start: (fn: Functions, cb: CallbackPointer, id: number) => void,\n  read: (...args: never[]) => T,\n) => Promise<T>;")
	g.p("\n/** The C functions that answer through a callback. A code that is not 200 rejects with a NimError. */")
	g.p("export class Ask {\n  constructor(private readonly call: Caller) {}")
	for _, f := range calls {
		cb := g.completion(f)
		var params []string
		for _, p := range f.Params {
			switch g.mustKind(p.Type) {
			case Call, UserData, Destroy:
			default:
				params = append(params, tsName(p.Name)+": "+tsParam(g.ffiParam(p)))
			}
		}
		read := map[bool]string{true: "read", false: "make"}[cb.Code != ""] + csCallback(cb)
		g.p("")
		g.doc("  ", f.Doc)
		g.p("  %s(%s): Promise<%sReply> {", f.Name, strings.Join(params, ", "), csCallback(cb))
		g.p("    return this.call('%s', (fn, cb, id) => fn.%s(%s), %s);\n  }", g.callback(cb.Name).Name, f.Name, strings.Join(g.tsArgs(f), ", "), read)
	}
	g.p("}")
}
