package main

import (
	"fmt"
	"strings"
)

func (h *headers) callbacks(t *text, m *Module) {
	for _, cb := range m.Callbacks {
		t.p("")
		if cb.Alias != "" {
			t.p("typedef %s %s;", cb.Alias, cb.Name)
			continue
		}
		t.blockComment(sentence(cb.Doc), h.paramDocs(cb.Params), nil)
		t.p("%s;", cutLine(fmt.Sprintf("typedef %s(%s)", declare(cType(cb.Returns, true), "(NIM_CALL *"+cb.Name+")"), cParams(cb.Params, true)), "    "))
	}
}

func (h *headers) function(t *text, f *Function) {
	t.p("")
	var tail []string
	if f.ReturnsDoc != "" {
		tail = append(tail, "Returns "+f.ReturnsDoc)
	}
	if f.Notes != "" {
		tail = append(tail, sentence(f.Notes))
	}
	if names := h.errorList(f.Errors); names != "" {
		tail = append(tail, "Errors: "+names+".")
	}
	if f.Status == Unbuilt {
		tail = append(tail, unbuiltNote(h.types, f))
	}
	t.blockComment(sentence(f.Doc), h.paramDocs(f.Params), tail)
	t.p("NIM_API %s;", cutLine(prototype(f), "    "))
}

// prototype is the declaration without NIM_API.
func prototype(f *Function) string {
	return fmt.Sprintf("%s(%s)", declare(cType(f.Returns, true), "NIM_CALL "+f.Name), cParams(f.Params, false))
}

func cParams(params []Param, register bool) string {
	if len(params) == 0 {
		return "void"
	}
	var list []string
	for _, p := range params {
		list = append(list, declare(cType(p.Type, register), p.Name))
	}
	return strings.Join(list, ", ")
}

// unbuiltNote tells what a function does whose module is not built.
func unbuiltNote(t *types, f *Function) string {
	switch {
	case f.Slot != "":
		return "Not built yet: the registration is kept, the callback is not called."
	case f.Ack != "":
		return "Not built yet: acknowledged with not_supported (21003)."
	case t.completion(f) != nil:
		return "Not built yet: the callback is called once, with not_supported (21003) or an empty result."
	case f.Returns != "":
		return "Not built yet: gives false or an empty text."
	}
	return "Not built yet: does nothing."
}

// errorList spells error names with their codes.
func (h *headers) errorList(names []string) string {
	var out []string
	for _, n := range names {
		for _, e := range h.Errors {
			if e.Name == n {
				out = append(out, fmt.Sprintf("%s (%d)", n, e.Code))
			}
		}
	}
	return strings.Join(out, ", ")
}

func (h *headers) paramDocs(params []Param) [][2]string {
	var rows [][2]string
	for _, p := range params {
		if p.Doc != "" {
			rows = append(rows, [2]string{p.Name, p.Doc})
		}
	}
	return rows
}

// payloads describes the JSON objects of the module.
func (h *headers) payloads(t *text, m *Module) {
	for _, p := range m.Payloads {
		var rows [][2]string
		for _, f := range p.Fields {
			rows = append(rows, [2]string{f.Key, payloadType(f.Type) + "; " + payloadDoc(f)})
		}
		var tail []string
		if len(p.Include) > 0 {
			tail = append(tail, "And the members of "+strings.Join(p.Include, ", ")+".")
		}
		t.p("")
		t.blockComment("JSON object "+p.Name+": "+lowerFirst(p.Doc), rows, tail)
	}
}

// payloadType names the JSON type of a member.
func payloadType(typ string) string {
	if elem, ok := strings.CutPrefix(typ, "[]"); ok {
		return "array of " + payloadType(elem)
	}
	return strings.Replace(strings.TrimLeft(typ, "?*"), "raw", "object", 1)
}

// payloadDoc is the doc of a member with its default and its conditions.
func payloadDoc(f PayloadField) string {
	doc := f.Doc
	if f.Default != nil {
		doc += fmt.Sprintf(" (default %v)", f.Default)
	}
	if f.Decoded != nil && !*f.Decoded {
		doc += " (accepted, not used)"
	}
	if f.Omit || strings.HasPrefix(f.Type, "*") {
		doc += " (only when set)"
	}
	return doc
}

// blockComment writes a summary, a table of parameters and closing sentences.
func (t *text) blockComment(summary string, params [][2]string, tail []string) {
	lines := wrap(summary, lineWidth-3)
	if summary == "" {
		lines = nil
	}
	lines = append(lines, aligned(params, "  ")...)
	for _, s := range tail {
		lines = append(lines, wrap(s, lineWidth-3)...)
	}
	if len(lines) == 0 {
		return
	}
	for i, l := range lines {
		open, end := " *", ""
		if i == 0 {
			open = "/*"
		}
		if i == len(lines)-1 {
			end = " */"
		}
		t.p("%s", strings.TrimRight(open+" "+l+end, " "))
	}
}

// sentence ends s with a full stop.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

// cutLine breaks a long declaration or call between parameters; indent begins
// the further lines.
func cutLine(s, indent string) string {
	var out strings.Builder
	width := 0
	for i, part := range strings.SplitAfter(s, ", ") {
		if i > 0 && width+len(part) > lineWidth+8 {
			trimmed := strings.TrimRight(out.String(), " ")
			out.Reset()
			out.WriteString(trimmed + "\n" + indent)
			width = len(indent)
		}
		out.WriteString(part)
		width += len(part)
	}
	return out.String()
}
