package wire

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// Every operation and close code is in the protocol's text.
func TestProtocolTextIsComplete(t *testing.T) {
	doc, err := os.ReadFile("../../docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), "wire.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		value, ok := spec.Values[0].(*ast.BasicLit)
		name := spec.Names[0].Name
		if !ok || name == "OpReply" || !strings.HasPrefix(name, "Op") && !strings.HasPrefix(name, "Close") {
			return true
		}
		found++
		want := "| " + value.Value + " |"
		if value.Kind == token.STRING {
			want = "`" + strings.Trim(value.Value, `"`) + "`"
		}
		if !strings.Contains(string(doc), want) {
			t.Errorf("docs/PROTOCOL.md does not tell of %s, %s", name, value.Value)
		}
		return true
	})
	if found < 20 {
		t.Errorf("found only %d constants", found)
	}
}
