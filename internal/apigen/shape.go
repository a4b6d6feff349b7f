package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A callback that the library answers by itself, since the call is refused or
// its module is not built, gets, for each of its parameters:
//
//   - what the function's answer says, else what the typedef's neutral says;
//   - else the argument of the call that has the same name and kind;
//   - else 0 or "".
//
// A text may name arguments of the call: ${tid} an argument, ${param.field} a
// field of a struct argument, a number or a char array, ${json_msg.key} a
// member of a JSON argument, which is a string, or with :int an integer, with
// :array an array of strings; ${a.key|b.other} the first that is there;
// ${json_msgs[].key:array} that member of each object of a JSON array; ${code}
// the result code. A value that is one such place is the argument itself;
// inside a longer text each stands as JSON.

var place = regexp.MustCompile(`\$\{([^}]*)\}`)

// A shape is an argument of a callback that is made of the call's own, for C.
type shape struct {
	numAt, strAt int
	plain        bool
	text         string
}

// dynamic tells whether a value names arguments of the call.
func dynamic(v any) bool {
	s, isText := v.(string)
	return isText && strings.Contains(s, "${")
}

// answerOf is how a parameter of the callback of fn is answered, nil for 0 or "".
func (t *types) answerOf(fn *Function, cb *Callback, p Param) any {
	if v, ok := fn.Answer[p.Name]; ok {
		return v
	}
	if v, ok := cb.Neutral[p.Name]; ok {
		return v
	}
	if p.Name == cb.Code || p.Name == cb.ErrorJSON || p.Name == "json_extension" || fn.Slot != "" {
		return nil
	}
	kind := t.mustKind(p.Type)
	if kind != Num && kind != Str {
		return nil
	}
	for _, arg := range fn.Params {
		if arg.Name == p.Name && !arg.JSON && t.mustKind(arg.Type) == kind {
			return "${" + arg.Name + "}"
		}
	}
	return nil
}

// shapes lists the arguments of fn's answer that are made of the call's own.
func (t *types) shapes(fn *Function, cb *Callback) ([]shape, error) {
	var list []shape
	at := t.place(cb.Params)
	for i, p := range cb.Params {
		v := t.answerOf(fn, cb, p)
		if !dynamic(v) {
			continue
		}
		text, err := t.compile(fn, v.(string))
		if err != nil {
			return nil, fmt.Errorf("%s: answer %s: %w", fn.Name, p.Name, err)
		}
		s := shape{numAt: -1, strAt: -1, plain: place.FindString(v.(string)) == v, text: text}
		switch t.mustKind(p.Type) {
		case Num:
			s.numAt, s.text = at[i], strings.ReplaceAll(text, "${b", "${n")
		case Str:
			s.strAt = at[i]
		default:
			return nil, fmt.Errorf("%s: answer %s: %s cannot be made of arguments", fn.Name, p.Name, p.Type)
		}
		if s.numAt >= 0 && !s.plain {
			return nil, fmt.Errorf("%s: answer %s: a number is one argument", fn.Name, p.Name)
		}
		list = append(list, s)
	}
	return list, nil
}

// compile turns the names in a text into places of nim_args.
func (t *types) compile(fn *Function, text string) (string, error) {
	at, fields := t.place(fn.Params), t.fieldRefs(fn)
	var fault error
	out := place.ReplaceAllStringFunc(text, func(whole string) string {
		inner := whole[2 : len(whole)-1]
		if inner == "code" {
			return whole
		}
		inner, want, _ := strings.Cut(inner, ":")
		if !slices.Contains([]string{"", "int", "array"}, want) {
			fault = fmt.Errorf("%s: type %q", whole, want)
		}
		var refs []string
		for _, ref := range strings.Split(inner, "|") {
			name, key, member := strings.Cut(ref, ".")
			name, each := strings.CutSuffix(name, "[]")
			i := slices.IndexFunc(fn.Params, func(p Param) bool { return p.Name == name })
			if f := slices.IndexFunc(fields, func(f fieldRef) bool { return f.String() == ref }); f >= 0 {
				refs, want = append(refs, fmt.Sprintf("%c%d", fields[f].kind, fields[f].at)), ""
				continue
			}
			switch {
			case i < 0 || at[i] < 0:
				fault = fmt.Errorf("%s: %s has no argument %s that it could give back", whole, fn.Name, name)
			case member && !fn.Params[i].JSON:
				fault = fmt.Errorf("%s: %s is no JSON", whole, name)
			case each && (!member || want != "array"):
				fault = fmt.Errorf("%s: a member of each object is an :array", whole)
			case each:
				refs = append(refs, fmt.Sprintf("s%d[].%s", at[i], key))
			case member:
				refs = append(refs, fmt.Sprintf("s%d.%s", at[i], key))
			case t.mustKind(fn.Params[i].Type) == Str:
				refs = append(refs, fmt.Sprintf("s%d", at[i]))
			case fn.Params[i].Type == "bool" && want == "":
				refs = append(refs, fmt.Sprintf("b%d", at[i]))
			default:
				refs, want = append(refs, fmt.Sprintf("n%d", at[i])), ""
			}
		}
		if want != "" {
			want = ":" + want[:1]
		}
		return "${" + strings.Join(refs, "|") + want + "}"
	})
	return out, fault
}

// shapeList writes the shapes of an answer and returns the expression for it.
func (f *front) shapeList(t *text, fn *Function, cb *Callback) string {
	list, err := f.shapes(fn, cb)
	if err != nil {
		panic(err) // check has refused it
	}
	if len(list) == 0 {
		return "NULL"
	}
	t.p("static const nim_shape shape_%s[] = {", short(fn))
	for _, s := range list {
		t.p("    {%d, %d, %d, %s},", s.numAt, s.strAt, bit(s.plain), strconv.Quote(s.text))
	}
	t.p("    {-1, -1, 0, NULL}\n};")
	return "shape_" + short(fn)
}

// answerOK checks the answer of a function.
func (c *checker) answerOK(s *Spec, f *Function) {
	cb := c.answering(s, f)
	if f.Ack != "" && cb == nil {
		c.fault("%s: its outcome goes to %s, which is no registration", f.Name, f.Ack)
	}
	if len(f.Answer) > 0 && cb == nil {
		c.fault("%s: an answer without a callback", f.Name)
		return
	}
	if cb == nil {
		return
	}
	for n := range f.Answer {
		if !slices.ContainsFunc(cb.Params, func(p Param) bool { return p.Name == n }) {
			c.fault("%s: answer %s: %s has no such parameter", f.Name, n, cb.Name)
		}
	}
	if _, err := c.shapes(f, cb); err != nil {
		c.faults = append(c.faults, err)
	}
}

// answering is the callback that hears the outcome of a call: its own, or the
// registered one that Ack names. Nil: nobody does.
func (t *types) answering(s *Spec, f *Function) *Callback {
	if f.Ack == "" {
		return t.completion(f)
	}
	if slot := s.slot(f.Ack); slot != nil {
		return t.completion(slot)
	}
	return nil
}

// slot is the function that sets a registration.
func (s *Spec) slot(name string) *Function {
	for _, f := range s.slots() {
		if f.Slot == name {
			return f
		}
	}
	return nil
}
