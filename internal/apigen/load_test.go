package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFaults breaks the toy description in one place at a time; Load must say
// what is wrong.
func TestFaults(t *testing.T) {
	for name, c := range map[string]struct{ file, old, new, want string }{
		"unknown key":         {"toy.yaml", "title:", "titel:", "field titel not found"},
		"unknown member":      {"toy.yaml", "json: true, doc: \"settings\"", "jsno: true, doc: \"\"", "field jsno not found"},
		"name twice":          {"toy.yaml", "nim_toy_name", "nim_toy_init", "nim_toy_init is described twice"},
		"opaque and known":    {"opaque.yaml", "nim_toy_magic", "nim_toy_buy", "nim_toy_buy is described twice"},
		"bad export":          {"toy.yaml", "name: nim_toy_init", "name: Toy_init", "an exported name is lower case"},
		"unknown type":        {"toy.yaml", "type: NIMToyQuery, doc", "type: NIMToyAnswer, doc", `type "NIMToyAnswer" is not described`},
		"unknown enum":        {"toy.yaml", "{name: kind, type: enum NIMToyKind, doc: \"the kind\"}\n      - {name: name, type: const", "{name: kind, type: enum NIMOther, doc: \"\"}\n      - {name: name, type: const", "enum NIMOther is not described"},
		"no neutral":          {"toy.yaml", "    neutral: {count: 7, list: \"[]\"}\n", "", "has no neutral answer"},
		"neutral of nothing":  {"toy.yaml", "neutral: {count", "neutral: {cuont", "cuont, which is no parameter"},
		"code of nothing":     {"toy.yaml", "code: rescode", "code: rc", "rc is no parameter"},
		"alias of nothing":    {"toy.yaml", "alias: nim_toy_cb_func", "alias: nim_toy_no_func", "which is not described"},
		"status":              {"toy.yaml", "status: unbuilt", "status: soon", `status "soon"`},
		"answerer":            {"toy.yaml", "by: hand", "by: nobody", `implemented by "nobody"`},
		"extra":               {"toy.yaml", "',\"step\":0'", "'\"step\":0'", "must begin with a comma"},
		"no doc":              {"toy.yaml", `doc: "Finds toys."`, `doc: ""`, "nim_toy_find: no doc"},
		"no parameter doc":    {"toy.yaml", `doc: "wrapped"`, `doc: ""`, "nim_toy_buy: gift: no doc"},
		"no value doc":        {"toy.yaml", `doc: "round"`, `doc: ""`, "kNIMToyKindBall: no doc"},
		"error name":          {"toy.yaml", "errors: [broken]", "errors: [bent]", "error bent"},
		"slot without cb":     {"toy.yaml", "    doc: \"Tells the name", "    slot: toy_x\n    doc: \"Tells the name", "a registration without a callback"},
		"slot twice":          {"toy.yaml", "    early: true", "    slot: toy_token", "set the same slot"},
		"answer of nothing":   {"toy.yaml", "      count: '${json", "      cuont: '${json", "answer cuont: nim_toy_cb_func has no such parameter"},
		"answer by nothing":   {"toy.yaml", "[${name},", "[${nam},", "nim_toy_sell has no argument nam"},
		"answer in a text":    {"toy.yaml", "[${name},", "[${name.key},", "name is no JSON"},
		"answer of a type":    {"toy.yaml", "count:int}", "count:float}", `type "float"`},
		"answer, two numbers": {"toy.yaml", "'${json_extension.count:int}'", "'1${json_extension.count:int}'", "a number is one argument"},
		"answer in a struct":  {"toy.yaml", "      count: '${json", "      last: '${json", "cannot be made of arguments"},
		"answer of each":      {"toy.yaml", "${tags:array}", "${tags[].name}", "a member of each object is an :array"},
		"answer to nobody":    {"toy.yaml", "    ack: toy_sold\n", "", "an answer without a callback"},
		"ack to nobody":       {"toy.yaml", "ack: toy_sold", "ack: toy_old", "which is no registration"},
		"pointer to nothing":  {"toy.yaml", "points_to: NIMToyQuery", "points_to: NIMToyAnswer", "points to NIMToyAnswer, which is not described"},
		"parameter twice":     {"toy.yaml", "{name: gift, type", "{name: name, type", "two parameters are named name"},
		"too many strings":    {"toy.yaml", "      - {name: gift", strings.Repeat("      - {name: s%, type: const char *, doc: x}\n", 4) + "      - {name: gift", "nim_args holds"},
		"payload type":        {"toy.yaml", "type: int64, omit", "type: int65, omit", `type "int65"`},
		"payload key twice":   {"toy.yaml", "key: price", "key: color", "key color twice"},
		"payload direction":   {"toy.yaml", "dir: both", "dir: sideways", `dir "sideways"`},
		"payload member doc":  {"toy.yaml", `doc: "cents"`, `doc: ""`, "price: no doc"},
		"group":               {"toy.yaml", "include: [ErrorInfo]", "include: [ToyOptions]", "is no group"},
		"use of a payload":    {"toy.yaml", "for: [nim_toy_buy.cb]", "for: [nim_toy_give.cb]", "which is not described"},
		"use of a parameter":  {"toy.yaml", "for: [nim_toy_buy.cb]", "for: [nim_toy_buy.call]", "has no parameter call"},
		"error domain":        {"errors.yaml", "domain: server, retryable: true", "domain: space, retryable: true", `domain "space"`},
		"error without text":  {"errors.yaml", `text: "it broke"`, `text: ""`, "text or code is missing"},
		"error name twice":    {"errors.yaml", "name: broken", "name: ok", "error ok is described twice"},
		"result code twice":   {"codes.yaml", "  - {value: 200", "  - {value: 1, name: kNIMResSuccess, doc: x}\n  - {value: 200", "kNIMResSuccess is described twice"},
		"a table's other key": {"codes.yaml", "codes:", "coeds:", "field coeds not found"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, f := range []string{"toy.yaml", "opaque.yaml", "codes.yaml", "errors.yaml"} {
				text, err := os.ReadFile(filepath.Join("testdata/toy", f))
				if err != nil {
					t.Fatal(err)
				}
				out := string(text)
				if f == c.file {
					if !strings.Contains(out, c.old) {
						t.Fatalf("%s has no %q", f, c.old)
					}
					out = strings.Replace(out, c.old, numbered(c.new), 1)
				}
				if err := os.WriteFile(filepath.Join(dir, f), []byte(out), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Load(dir)
			switch {
			case c.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("error %v; want one with %q", err, c.want)
			}
		})
	}
}

// numbered replaces each % by the next letter.
func numbered(s string) string {
	for c := 'a'; strings.Contains(s, "%"); c++ {
		s = strings.Replace(s, "%", string(c), 1)
	}
	return s
}

// TestMerge reads a module from two files and refuses a second head.
func TestMerge(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/toy")); err != nil {
		t.Fatal(err)
	}
	more := filepath.Join(dir, "toy_more.yaml")
	if err := os.WriteFile(more, []byte("module: toy\nkeys:\n  - {name: kNIMToyMore, key: more, doc: x}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	spec, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(spec.Modules[0].Keys); n != 2 {
		t.Errorf("%d keys, want 2", n)
	}
	if err := os.WriteFile(more, []byte("module: toy\ntitle: again\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "is described by another file") {
		t.Errorf("second head: %v", err)
	}
}
