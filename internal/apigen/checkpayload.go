package main

import (
	"slices"
	"strings"
)

var plainTypes = []string{"string", "int", "int64", "bool", "?bool", "raw", "any"}

// payloads checks every JSON object of the description.
func (c *checker) payloads(s *Spec) {
	known := map[string]*Payload{}
	for _, m := range s.Modules {
		for _, p := range m.Payloads {
			c.once("payload "+p.Name, m.Module)
			known[p.Name] = p
		}
	}
	for _, m := range s.Modules {
		for _, p := range m.Payloads {
			c.payload(s, p, known)
		}
	}
}

func (c *checker) payload(s *Spec, p *Payload, known map[string]*Payload) {
	if !slices.Contains([]string{"in", "out", "both", "group"}, p.Dir) {
		c.fault("payload %s: dir %q", p.Name, p.Dir)
	}
	keys := map[string]bool{}
	for _, f := range p.Fields {
		for _, k := range append([]string{f.Key}, f.Aliases...) {
			if keys[k] {
				c.fault("payload %s: key %s twice", p.Name, k)
			}
			keys[k] = true
		}
		base := strings.TrimLeft(f.Type, "[]*")
		if !slices.Contains(plainTypes, base) && known[base] == nil {
			c.fault("payload %s: %s: type %q", p.Name, f.Key, f.Type)
		}
		c.documented("payload "+p.Name+": "+f.Key, f.Doc)
	}
	for _, g := range p.Include {
		if known[g] == nil || known[g].Dir != "group" {
			c.fault("payload %s: %s is no group", p.Name, g)
		}
	}
	for _, use := range p.For {
		name, part, _ := strings.Cut(use, ".")
		f := s.function(name)
		switch {
		case f == nil && known[name] == nil:
			c.fault("payload %s: used by %s, which is not described", p.Name, name)
		case f != nil && part != "" && !slices.ContainsFunc(f.Params, func(p Param) bool { return p.Name == part }):
			c.fault("payload %s: %s has no parameter %s", p.Name, name, part)
		}
	}
}

func (s *Spec) function(name string) *Function {
	for _, m := range s.Modules {
		for _, f := range m.Functions {
			if f.Name == name {
				return f
			}
		}
	}
	return nil
}
