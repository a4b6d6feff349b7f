package main

import (
	"fmt"
	"regexp"
	"strings"
)

// Kind is what the C front does with a parameter.
type Kind int

// The kinds.
const (
	Num      Kind = iota // bool, integer, enum: travels in nim_args.num
	Float                // only in the function pointers of structs
	Str                  // const char *: travels in nim_args.str
	UserData             // const void *
	Call                 // a callback
	CallRef              // a callback by reference
	Destroy              // releases user_data
	Ptr                  // a struct by pointer or by reference
	Value                // a struct by value
	Out                  // char *& or uint32_t *: its address travels in num
	Buffer               // char * or void * that the callee frees
	Bytes                // const char * that is no text: another argument says how many
)

// types knows every name that a C type can have.
type types struct {
	callbacks map[string]*Callback
	structs   map[string]Struct
	enums     map[string]Enum
}

func (s *Spec) types() *types {
	t := &types{map[string]*Callback{}, map[string]Struct{}, map[string]Enum{}}
	for _, m := range s.Modules {
		for _, c := range m.Callbacks {
			t.callbacks[c.Name] = c
		}
		for _, c := range m.Structs {
			t.structs[c.Name] = c
		}
		for _, e := range m.Enums {
			t.enums[e.Name] = e
		}
	}
	t.enums["NIMResCode"] = Enum{Name: "NIMResCode"}
	return t
}

// callback returns the typedef with its alias resolved.
func (t *types) callback(name string) *Callback {
	c := t.callbacks[name]
	if c != nil && c.Alias != "" {
		return t.callbacks[c.Alias]
	}
	return c
}

var scalars = map[string]string{
	"bool": "nim_bool", "int": "int", "int64_t": "nim_int64",
	"uint64_t": "nim_uint64", "uint32_t": "nim_uint32", "uint8_t": "unsigned char",
}

var word = regexp.MustCompile(`\w+`)

// kind classifies a parameter type.
func (t *types) kind(typ string) (Kind, error) {
	if _, ok := scalars[typ]; ok {
		return Num, nil
	}
	switch typ {
	case "const char *":
		return Str, nil
	case "const void *":
		return UserData, nil
	case "char *&", "uint32_t *", "char **":
		return Out, nil
	case "char *", "void *":
		return Buffer, nil
	case "bytes":
		return Bytes, nil
	case "float":
		return Float, nil
	case "nimx_destroy_func":
		return Destroy, nil
	}
	if name, ok := strings.CutPrefix(typ, "enum "); ok {
		if _, known := t.enums[name]; !known {
			return 0, fmt.Errorf("enum %s is not described", name)
		}
		return Num, nil
	}
	base, suffix := strings.TrimPrefix(typ, "const "), ""
	if i := strings.IndexAny(base, " *&"); i >= 0 {
		base, suffix = base[:i], strings.TrimSpace(base[i:])
	}
	if t.callbacks[base] != nil {
		if suffix == "&" {
			return CallRef, nil
		}
		return Call, nil
	}
	if _, known := t.structs[base]; known {
		if suffix == "" {
			return Value, nil
		}
		return Ptr, nil
	}
	return 0, fmt.Errorf("type %q is not described", typ)
}

// mustKind is kind for a Spec that has passed check.
func (t *types) mustKind(typ string) Kind {
	k, err := t.kind(typ)
	if err != nil {
		panic(err)
	}
	return k
}

// cType spells a type in our headers. A bool that travels in a register (a
// result, or an argument of a callback) is nim_bool_reg.
func cType(typ string, register bool) string {
	if typ == "" {
		return "void"
	}
	if typ == "bool" && register {
		return "nim_bool_reg"
	}
	if typ == "bytes" {
		return "const char *"
	}
	if ref, ok := strings.CutSuffix(typ, "&"); ok {
		return "NIM_REF(" + cType(strings.TrimSpace(ref), register) + ")"
	}
	return word.ReplaceAllStringFunc(typ, func(w string) string {
		if s, ok := scalars[w]; ok {
			return s
		}
		return w
	})
}

// declare joins a C type and a name.
func declare(typ, name string) string {
	if strings.HasSuffix(typ, "*") {
		return typ + name
	}
	return typ + " " + name
}
