package presence

import (
	"fmt"
	"slices"

	"github.com/libnim/libnim/internal/nimerr"
)

// Modes of a Policy.
const (
	ModeOne    = "one"    // one device
	ModeClass  = "class"  // one per class: desktop and web together, mobile
	ModeAll    = "all"    // up to MaxDevices
	ModeCustom = "custom" // classes with a count each
)

// MaxDevices is how many devices of an account the mode "all" lets in.
const MaxDevices = 10

// maxPerClass bounds the counts of custom classes: a record stays small.
const maxPerClass = 100

// A Policy says which devices of an account may be on line together. The zero
// value is ModeClass.
type Policy struct {
	Mode    string  `json:"multi_login"`
	Classes []Class `json:"classes,omitempty"` // ModeCustom only
	Rev     uint64  `json:"-"`                 // revision of the app's settings it was read from
}

// A Class is a group of client types with the count that may be on line at
// once. Without client types it takes all that no other class names.
type Class struct {
	Name        string `json:"name"`
	ClientTypes []int  `json:"client_types,omitempty"`
	Max         int    `json:"max"`
}

// Validate returns an error that names the key which is wrong.
func (p Policy) Validate() error {
	switch p.Mode {
	case "", ModeOne, ModeClass, ModeAll:
		if len(p.Classes) > 0 {
			return nimerr.InvalidArgument.Newf("classes: only with multi_login %q", ModeCustom)
		}
		return nil
	case ModeCustom:
	default:
		return nimerr.InvalidArgument.New(`multi_login: want "one", "class", "all" or "custom"`)
	}
	if len(p.Classes) == 0 || len(p.Classes) > 32 {
		return nimerr.InvalidArgument.New("classes: want 1 to 32 classes")
	}
	names, types, rest := map[string]bool{}, map[int]bool{}, false
	for i, c := range p.Classes {
		at := fmt.Sprintf("classes[%d]", i)
		if c.Name == "" || len(c.Name) > 64 || names[c.Name] {
			return nimerr.InvalidArgument.New(at + ".name: want a name of its own of 1 to 64 bytes")
		}
		names[c.Name] = true
		if c.Max < 0 || c.Max > maxPerClass {
			return nimerr.InvalidArgument.Newf("%s.max: want 0 to %d", at, maxPerClass)
		}
		if len(c.ClientTypes) == 0 {
			if rest {
				return nimerr.InvalidArgument.New(at + ".client_types: only one class may have none")
			}
			rest = true
		}
		for _, t := range c.ClientTypes {
			if types[t] {
				return nimerr.InvalidArgument.Newf("%s.client_types: %d is in two classes", at, t)
			}
			types[t] = true
		}
	}
	return nil
}

// mobileTypes are Android, iOS and Windows Phone; all others share the class of
// desktop and web.
var mobileTypes = []int{1, 2, 8}

// class returns the group in which a client type is counted, and how many of
// that group may be on line.
func (p Policy) class(clientType int) (name string, limit int) {
	switch p.Mode {
	case ModeOne:
		return "", 1
	case ModeAll:
		return "", MaxDevices
	case ModeCustom:
		rest := Class{Max: 1}
		for _, c := range p.Classes {
			if slices.Contains(c.ClientTypes, clientType) {
				return c.Name, c.Max
			}
			if len(c.ClientTypes) == 0 {
				rest = c
			}
		}
		return rest.Name, rest.Max
	}
	if slices.Contains(mobileTypes, clientType) {
		return "mobile", 1
	}
	return "desktop", 1
}
