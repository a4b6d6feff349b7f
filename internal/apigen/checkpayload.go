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
			c.payload(p, known)
		}
	}
}

func (c *checker) payload(p *Payload, known map[string]*Payload) {
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
		if f.Doc == "" {
			c.fault("payload %s: %s: no doc", p.Name, f.Key)
		}
	}
	for _, g := range p.Include {
		if known[g] == nil || known[g].Dir != "group" {
			c.fault("payload %s: %s is no group", p.Name, g)
		}
	}
	for _, use := range p.For {
		name, _, _ := strings.Cut(use, ".")
		if c.names[name] == "" && known[name] == nil {
			c.fault("payload %s: used by %s, which is not described", p.Name, name)
		}
	}
}
