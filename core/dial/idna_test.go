package dial

import (
	"strings"
	"testing"
)

func TestUnicodeNames(t *testing.T) {
	for host, want := range map[string]string{
		"gw.example":            "gw.example",
		"GW.Example":            "GW.Example",
		"::1":                   "::1",
		"bücher.example":        "xn--bcher-kva.example",
		"BÜCHER.example":        "xn--bcher-kva.example",
		"bu\u0308cher.example":  "xn--bcher-kva.example", // a letter in two pieces
		"例え.テスト":                "xn--r8jz45g.xn--zckzah",
		"即时通讯。公司":               "xn--zlrs44b0r1aiyd.xn--55qx5d",
		"пример.испытание":      "xn--e1afmkfd.xn--80akhbyknj4f",
		"ひとつ屋根の下2.example":      "xn--2-u9tlzr9756bt3uc0v.example",
		"3年b組金八先生.example":      "xn--3b-ww4c5e180e575a65lsy2b.example",
		strings.Repeat("例", 80): "",
		"ｇｗ.example":            "gw.example",
		"faß.example":           "xn--fa-hia.example",
	} {
		got, err := asciiHost(host)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %q, %v, want %q", host, got, err, want)
		}
	}
}
