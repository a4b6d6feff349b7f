package abi

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
)

// byteOrderMark is what editors on Windows put before UTF-8. It is no JSON, and
// left out.
const byteOrderMark = "\ufeff"

// JSONFault says where a text is no JSON and what is wrong there; "": it is.
func JSONFault(text string) string {
	if gjson.Valid(text) {
		return ""
	}
	var raw json.RawMessage
	wrong, ok := errors.AsType[*json.SyntaxError](json.Unmarshal([]byte(text), &raw))
	if !ok {
		return "not valid JSON"
	}
	at := int(wrong.Offset) - 1 // of the character that is wrong
	if ends := strings.Contains(wrong.Error(), "unexpected end"); ends {
		at = len(text)
	}
	before := text[:min(max(at, 0), len(text))]
	line := 1 + strings.Count(before, "\n")
	column := 1 + len([]rune(before[strings.LastIndexByte(before, '\n')+1:]))
	return fmt.Sprintf("not valid JSON at line %d, column %d: %s", line, column, why(before, text[len(before):], wrong))
}

// why names the faults that are made most often; rest begins with what is wrong.
func why(before, rest string, wrong *json.SyntaxError) string {
	last := strings.TrimRight(before, " \t\r\n")
	switch {
	case strings.HasPrefix(rest, "}") && strings.HasSuffix(last, ","):
		return "a comma before }"
	case strings.HasPrefix(rest, "]") && strings.HasSuffix(last, ","):
		return "a comma before ]"
	case strings.HasPrefix(rest, "'"):
		return "a single quote, where JSON has double ones"
	case strings.HasPrefix(rest, "/"):
		return "a comment, which JSON does not have"
	case rest == "":
		return "the text ends in the middle"
	}
	return wrong.Error()
}
