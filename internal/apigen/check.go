package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Limits of bridge.h: NIM_MAX_NUM and NIM_MAX_STR.
const (
	maxNum = 8
	maxStr = 5
)

var exported = regexp.MustCompile(`^nimx?_[a-z0-9_]+$`)

// checker collects what is wrong with a Spec, with the place of each fault.
type checker struct {
	*types
	names  map[string]string // identifier -> where it is described
	errors map[string]bool   // names of the error table
	faults []error
}

func (c *checker) fault(format string, a ...any) {
	c.faults = append(c.faults, fmt.Errorf(format, a...))
}

func (c *checker) once(name, where string) {
	if had, ok := c.names[name]; ok {
		c.fault("%s: %s is described twice (also in %s)", where, name, had)
	}
	c.names[name] = where
}

// documented reports a description that is missing.
func (c *checker) documented(what, doc string) {
	if doc == "" {
		c.fault("%s: no doc", what)
	}
}

// check reports every inconsistency that would make a wrong output.
func (s *Spec) check() error {
	c := &checker{types: s.types(), names: map[string]string{}, errors: map[string]bool{}}
	for _, e := range s.Errors {
		c.errors[e.Name] = true
	}
	slots := map[string]string{}
	for _, m := range s.Modules {
		for _, e := range m.Enums {
			c.once(e.Name, m.Module)
			c.documented(e.Name, e.Doc)
			for _, v := range e.Values {
				c.documented(v.Name, v.Doc)
				c.once(v.Name, m.Module+" "+e.Name)
			}
		}
		for _, st := range m.Structs {
			c.once(st.Name, m.Module)
		}
		for _, cb := range m.Callbacks {
			c.once(cb.Name, m.Module)
			c.callbackOK(cb)
		}
		for _, k := range m.Keys {
			c.once(k.Name, m.Module)
			c.documented(k.Name, k.Doc)
		}
		for _, f := range m.Functions {
			c.once(f.Name, m.Module)
			c.functionOK(f, slots)
		}
	}
	for _, g := range s.Opaque {
		for _, n := range g.Names {
			c.once(n, "opaque "+g.Group)
		}
	}
	if len(c.faults) == 0 {
		for _, m := range s.Modules {
			for _, f := range m.Functions {
				c.answerOK(s, f)
			}
		}
	}
	c.tables(s)
	c.payloads(s)
	return errors.Join(c.faults...)
}

func (c *checker) tables(s *Spec) {
	for _, code := range s.Codes {
		c.once(code.Name, "codes")
	}
	for _, e := range s.Errors {
		c.once("error "+e.Name, "errors")
		if !slices.Contains([]string{"caller", "network", "server", "auth"}, e.Domain) {
			c.fault("error %s: domain %q", e.Name, e.Domain)
		}
		if e.Text == "" || e.Code == 0 {
			c.fault("error %s: text or code is missing", e.Name)
		}
	}
	for i, e := range s.Errors {
		own := func(code int) bool { return code >= 21000 && code <= 21999 }
		for _, o := range s.Errors[:i] {
			if own(e.Code) && o.Code == e.Code {
				c.fault("errors %s and %s share the code %d", o.Name, e.Name, e.Code)
			}
		}
	}
}

func (c *checker) callbackOK(cb *Callback) {
	if cb.Alias != "" {
		if c.callbacks[cb.Alias] == nil {
			c.fault("%s: alias of %s, which is not described", cb.Name, cb.Alias)
		}
		return
	}
	c.documented(cb.Name, cb.Doc)
	names := c.params(cb.Name, cb.Params)
	for n := range cb.Neutral {
		if !slices.Contains(names, n) {
			c.fault("%s: neutral answer for %s, which is no parameter", cb.Name, n)
		}
	}
	if a := cb.Ask; a != nil {
		fits := map[string]bool{
			"flag": cb.Returns == "bool", "number": cb.Returns == "int",
			"text": cb.Returns == "" && slices.ContainsFunc(cb.Params, func(p Param) bool { return p.Type == "char *&" }),
		}
		if !fits[a.Result] || a.Within < 0 {
			c.fault("%s: ask: a flag is what it returns as bool, a number as int, a text what it sets a char *& to; within is not negative", cb.Name)
		}
	}
	for _, n := range []string{cb.Code, cb.ErrorJSON} {
		if n != "" && !slices.Contains(names, n) {
			c.fault("%s: %s is no parameter", cb.Name, n)
		}
	}
}

// params checks a parameter list and returns the names in it.
func (c *checker) params(of string, params []Param) []string {
	var names []string
	var num, str int
	for _, p := range params {
		c.documented(of+": "+p.Name, p.Doc)
		k, err := c.kind(p.Type)
		if err != nil {
			c.fault("%s: %s: %v", of, p.Name, err)
		}
		if slices.Contains(names, p.Name) {
			c.fault("%s: two parameters are named %s", of, p.Name)
		}
		names = append(names, p.Name)
		if p.Count != "" {
			c.lengthOK(of, p, params)
		}
		switch k {
		case Num, Out:
			num++
		case Buffer:
			if _, known := c.structs[p.PointsTo]; p.PointsTo != "" && !known {
				c.fault("%s: %s points to %s, which is not described", of, p.Name, p.PointsTo)
			}
		case Str:
			str++
		}
	}
	if num > maxNum || str > maxStr {
		c.fault("%s: %d numbers and %d strings; nim_args holds %d and %d", of, num, str, maxNum, maxStr)
	}
	return names
}

// carriedOK reports what a function hands to Go, or hears from it, that no packed
// run carries.
func (c *checker) carriedOK(f *Function) {
	if f.Status != Implemented || f.By != ByGo && f.Slot == "" {
		return
	}
	if cb := c.completion(f); cb != nil && cb.Ask == nil {
		if ok, what := c.postable(cb); !ok {
			c.fault("%s: its callback %s cannot be posted: nothing carries %s", f.Name, cb.Name, what)
		}
	}
	for _, p := range f.Params {
		k, err := c.kind(p.Type)
		if err != nil || f.By != ByGo {
			continue
		}
		st, isStruct := c.structOf(p.Type)
		switch {
		case (k == Ptr || k == Value) && (!isStruct || !c.carried(st)), k == Bytes, k == Buffer, k == Out:
			c.fault("%s: %s: nothing carries a %s to Go", f.Name, p.Name, p.Type)
		}
	}
}

// lengthOK checks that a length is another parameter, a number.
func (c *checker) lengthOK(of string, p Param, params []Param) {
	for _, o := range params {
		if k, err := c.kind(o.Type); o.Name == p.Count && err == nil && k == Num {
			return
		}
	}
	c.fault("%s: %s: its count %s is no number among the parameters", of, p.Name, p.Count)
}

func (c *checker) functionOK(f *Function, slots map[string]string) {
	c.documented(f.Name, f.Doc)
	c.params(f.Name, f.Params)
	c.carriedOK(f)
	switch {
	case !exported.MatchString(f.Name):
		c.fault("%s: an exported name is lower case and begins with nim_ or nimx_", f.Name)
	case f.Status != Implemented && f.Status != Unbuilt:
		c.fault("%s: status %q", f.Name, f.Status)
	case f.Status == Implemented && !slices.Contains([]Answerer{ByGo, ByFront, ByHand}, f.By):
		c.fault("%s: implemented by %q", f.Name, f.By)
	case strings.HasPrefix(f.Extra, ",") == (f.Extra == ""):
		c.fault("%s: extra must begin with a comma", f.Name)
	}
	for _, e := range f.Errors {
		if !c.errors[e] {
			c.fault("%s: error %s is not in the table", f.Name, e)
		}
	}
	if f.Slot != "" {
		if had, ok := slots[f.Slot]; ok {
			c.fault("%s and %s set the same slot", had, f.Name)
		}
		slots[f.Slot] = f.Name
	}
	cb := c.completion(f)
	if cb == nil || f.Slot != "" {
		if f.Slot != "" && cb == nil {
			c.fault("%s: a registration without a callback", f.Name)
		}
		return
	}
	if cb.Neutral == nil {
		c.fault("%s: its callback %s has no neutral answer", f.Name, cb.Name)
	}
}

// completion returns the typedef of the callback that a function registers or
// completes with, or nil.
func (t *types) completion(f *Function) *Callback {
	if p := t.completionParam(f); p != nil {
		return t.callback(strings.Fields(strings.TrimPrefix(p.Type, "const "))[0])
	}
	return nil
}

func (t *types) completionParam(f *Function) *Param {
	for i, p := range f.Params {
		k, err := t.kind(p.Type)
		if err == nil && (k == Call || k == CallRef) && p.Role == "" {
			return &f.Params[i]
		}
	}
	return nil
}
