package main

import (
	"fmt"
	"strings"
)

// docs writes docs/API.md and docs/ERRORS.md.
func docs(s *Spec) ([]File, error) {
	d := &reference{Spec: s, types: s.types()}
	return []File{d.api(), d.errors()}, nil
}

// reference writes the pages of docs/ that follow from the description.
type reference struct {
	*Spec
	*types
}

// cell makes s safe inside a table.
func cell(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "|", "\\|"), "\n", " ")
}

func (d *reference) errors() File {
	var t text
	t.p("<!-- %s -->\n# Errors\n", notice)
	t.p("Every JSON answer carries `err_code`; an answer that is not a success also carries `err_name`, which is stable and finer than the code.")
	t.p("`domain` says who can do something about it: `caller` (fix the call), `network` (it is retried), `server`, `auth` (account, token, policy).")
	t.p("`retryable` says whether trying again can help. Tencent and OpenIM are the numbers those families use; a server's own number is in `server_code`.\n")
	t.p("| err_name | err_code | domain | retryable | Tencent | OpenIM | meaning |\n|---|---|---|---|---|---|---|")
	number := func(n int) string {
		if n == 0 {
			return ""
		}
		return fmt.Sprint(n)
	}
	for _, e := range d.Errors {
		t.p("| `%s` | %d | %s | %s | %s | %s | %s |", e.Name, e.Code, e.Domain, yes(e.Retryable), number(e.Tencent), number(e.OpenIM), cell(e.Text))
	}
	t.p("\n## Result codes of the NIM ABI\n\nValues of `enum NIMResCode`, as `nim_res_code_def.h` declares them. 21000 to 21999 are libnim's own, in the table above.\n")
	t.p("| code | name | meaning |\n|---|---|---|")
	for _, c := range d.Codes {
		t.p("| %d | `%s` | %s |", c.Value, c.Name, cell(c.Doc))
	}
	return t.file("docs/ERRORS.md")
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

func (d *reference) api() File {
	var t text
	t.p("<!-- %s -->\n# API\n", notice)
	t.p("Every exported name. Threads, order and lifetime are in `include/nim_c_api.h`, behaviour in [CLIENT.md](CLIENT.md), errors in [ERRORS.md](ERRORS.md).\n")
	t.p("- **implemented**: does what is said here.\n- **not built**: the module does not exist yet. A registration is kept, a call with a callback is answered once with `not_supported` (21003) or an empty result.\n- **opaque**: exported so that programs link; the signature is not known, it returns 0 and is logged once.\n")
	for _, m := range d.Modules {
		d.module(&t, m)
	}
	d.build(&t)
	t.p("## Opaque names\n")
	for _, g := range d.Opaque {
		t.p("- **%s** (%d): `%s`", g.Group, len(g.Names), strings.Join(g.Names, "`, `"))
	}
	return t.file("docs/API.md")
}

func (d *reference) module(t *text, m *Module) {
	t.p("## %s\n\n%s.\n", m.Module, m.Title)
	h := &headers{Spec: d.Spec, types: d.types}
	for _, f := range m.Functions {
		status := "implemented"
		if f.Status == Unbuilt {
			status = "not built"
		}
		t.p("### `%s`\n\n```c\n%s;\n```\n", f.Name, cutLine(strings.Replace(prototype(f), "NIM_CALL ", "", 1), "    "))
		t.p("%s\n", sentence(f.Doc))
		for _, p := range f.Params {
			t.p("- `%s`: %s", p.Name, p.Doc)
		}
		if f.ReturnsDoc != "" {
			t.p("- returns %s", f.ReturnsDoc)
		}
		line := "*" + status + "; since " + f.Since + "*"
		if f.Notes != "" {
			line = sentence(f.Notes) + "\n" + line
		}
		if e := h.errorList(f.Errors); e != "" {
			line = "Errors: " + e + ".\n" + line
		}
		t.p("\n%s\n", line)
	}
	d.callbacks(t, m)
	d.payloads(t, m)
	d.enums(t, m)
	d.keys(t, m)
}

func (d *reference) callbacks(t *text, m *Module) {
	if len(m.Callbacks) == 0 {
		return
	}
	t.p("### Callbacks\n")
	for _, cb := range m.Callbacks {
		if cb.Alias != "" {
			t.p("- `%s`: the same as `%s`", cb.Name, cb.Alias)
			continue
		}
		t.p("- `%s %s(%s)`", cType(cb.Returns, true), cb.Name, cParams(cb.Params, true))
	}
	t.p("")
}

func (d *reference) payloads(t *text, m *Module) {
	for _, p := range m.Payloads {
		t.p("### %s\n\n%s", p.Name, p.Doc)
		if len(p.For) > 0 {
			t.p("Used by `%s`.", strings.Join(p.For, "`, `"))
		}
		if len(p.Include) > 0 {
			t.p("Has the members of %s too.", strings.Join(p.Include, ", "))
		}
		if len(p.Fields) == 0 {
			t.p("")
			continue
		}
		t.p("\n| key | type | meaning |\n|---|---|---|")
		for _, f := range p.Fields {
			t.p("| `%s` | %s | %s |", f.Key, payloadType(f.Type), cell(payloadDoc(f)))
		}
		t.p("")
	}
}

func (d *reference) enums(t *text, m *Module) {
	for _, e := range m.Enums {
		t.p("### `enum %s`\n\n%s\n\n| name | value | meaning |\n|---|---|---|", e.Name, sentence(e.Doc))
		for _, v := range e.Values {
			t.p("| `%s` | %d | %s |", v.Name, v.Value, cell(v.Doc))
		}
		t.p("")
	}
}

func (d *reference) keys(t *text, m *Module) {
	if len(m.Keys) == 0 {
		return
	}
	t.p("### Key constants\n\n| constant | key | type | meaning |\n|---|---|---|---|")
	for _, k := range m.Keys {
		t.p("| `%s` | `%s` | %s | %s |", k.Name, k.Key, cell(k.Type), cell(k.Doc))
	}
	t.p("")
}
