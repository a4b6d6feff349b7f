package journal

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/libnim/libnim/internal/nimerr"
)

func scrubbed(value string, secrets ...string) string {
	var s secretSet
	for _, secret := range secrets {
		s.add(secret)
	}
	return s.needles().scrub(value)
}

func TestScrub(t *testing.T) {
	for _, c := range []struct {
		name    string
		secrets []string
		value   string
		want    string
	}{
		{"none", nil, "text", "text"},
		{"absent", []string{"secret"}, "text", "text"},
		{"whole", []string{"secret"}, "secret", "***"},
		{"inside", []string{"secret"}, "a secret b", "a *** b"},
		{"twice", []string{"secret"}, "secretsecret secret", "*** ***"},
		{"too short", []string{"abc"}, "abc abcd", "abc abcd"},
		{"shortest", []string{"abcd"}, "abc abcd", "abc ***"},
		{"overlapping itself", []string{"abab"}, "xabababx", "x***x"},
		{"one in another", []string{"token", "my-token-1"}, "my-token-1 token", "*** ***"},
		{"overlapping", []string{"abcdef", "defghi"}, "abcdefghi", "***"},
		{"made by masking", []string{"abcd", "x***y"}, "xabcdy", "***"},
		{"of asterisks", []string{"*****"}, "********", "***"},
		{"case counts", []string{"secret"}, "Secret", "Secret"},
		{"percent", []string{"a/b+c=d e"}, "token=a%2Fb%2bc%3Dd%20e&x", "token=***&x"},
		{"percent, all", []string{"abcd"}, "%61%62%63%64", "***"},
		{"form", []string{"a/b+c=d e"}, "token=a%2Fb%2Bc%3Dd+e&x", "token=***&x"},
		{"form, only spaces", []string{"pass phrase"}, "p=pass+phrase", "p=***"},
		{"plus as it is", []string{"ab+cd"}, "p=ab+cd", "p=***"},
		{"broken percent", []string{"100%zz1%"}, "is 100%zz1%", "is ***"},
		{"json", []string{`a"b\c/d`}, `{"p":"a\"b\\c\/d"}`, `{"p":"***"}`},
		{"json, html", []string{"a<b&c>"}, `{"p":"a\u003cb\u0026c\u003E"}`, `{"p":"***"}`},
		{"json, surrogates", []string{"pass\U0001F600word"}, `"pass\ud83d\ude00word"`, `"***"`},
		{"json, half a rune", []string{"abc\xc3"}, `"abc\u00e9"`, `"***"`},
		{"go quoted", []string{"ab\x01\xffcd"}, `"ab\x01\xffcd"`, `"***"`},
		{"url quoted in an error", []string{`se"cr et`}, `Get \"http://h/?t=se%22cr%20et\": EOF`, `Get \"http://h/?t=***\": EOF`},
		{"json in a url", []string{`se"cret`}, `?b=%7B%22t%22%3A%22se%5C%22cret%22%7D`, `?b=%7B%22t%22%3A%22***%22%7D`},
		{"percent twice", []string{"a b c"}, "u=a%2520b%2520c", "u=***"},
		{"hex", []string{"secret"}, "key 736563726574 or 736563726574", "key *** or ***"},
		{"hex, upper", []string{"jklmno"}, "6A6B6C6D6E6F", "***"},
		{"basic auth", []string{"open sesame"}, "Basic dXNlcjpvcGVuIHNlc2FtZQ== x", "Basic *** x"},
		{"bytes", []string{"\x00\xff\xfe\x01"}, "a\x00\xff\xfe\x01b", "a***b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := scrubbed(c.value, c.secrets...); got != c.want {
				t.Errorf("scrub(%q) = %q, want %q", c.value, got, c.want)
			}
		})
	}
}

func TestScrubBase64(t *testing.T) {
	const secret = "a?b>c~secret\xff\xfe"
	for before := range 5 {
		for after := range 5 {
			raw := []byte(strings.Repeat("u", before) + secret + strings.Repeat("v", after))
			for name, e := range map[string]*base64.Encoding{
				"std": base64.StdEncoding, "url": base64.URLEncoding,
				"raw std": base64.RawStdEncoding, "raw url": base64.RawURLEncoding,
			} {
				text := e.EncodeToString(raw)
				for _, value := range []string{"t: " + text + " x", "?t=" + url.QueryEscape(text) + " x"} {
					if got := scrubbed(value, secret); len(got) > len("t: *** x")+4 || !strings.HasSuffix(got, "*** x") {
						t.Errorf("%s, %d before, %d after: %q", name, before, after, got)
					}
				}
			}
		}
	}
}

func TestForget(t *testing.T) {
	j := New(Options{})
	line := func() string {
		j.Add(App, "x", Str("v", "my secret"))
		all := j.Trace()
		return decoded(t, all[len(all)-1])["v"].(string)
	}
	steps := []struct {
		do   func(string)
		want string
	}{
		{func(string) {}, "my secret"},
		{j.Forget, "my secret"}, // of one that is not registered
		{j.Secret, "my ***"},
		{j.Secret, "my ***"}, // account token and app secret may be one text
		{j.Forget, "my ***"},
		{j.Forget, "my secret"},
		{j.Secret, "my ***"},
	}
	for i, s := range steps {
		if s.do("secret"); line() != s.want {
			t.Errorf("step %d: %q, want %q", i, line(), s.want)
		}
	}
}

// TestScrubbedPlaces puts a secret into every kind of field.
func TestScrubbedPlaces(t *testing.T) {
	const secret = "20260501"
	e := nimerr.TokenInvalid.New("token " + secret).At("ws://h/" + secret)
	e.Cause = errors.New("cause " + secret)
	j := New(Options{Now: atNoon})
	j.Secret(secret)
	j.Add(App, "x", Str("a", secret), Int("n", 1202605019), Int("m", 2026), Dur("d", 20260501e6),
		Err(e), Err(fmt.Errorf("w: %s", secret)))
	want(t, "line", j.Trace(), []string{head + `,"a":"***","n":"***","m":2026,"d_ms":"***",` +
		`"err_name":"token_invalid","err":"the account or the token is wrong: token ***",` +
		`"err_at":"ws://h/***","err_cause":"cause ***","err":"w: ***"}`})
}

func TestSecretAtTheCut(t *testing.T) {
	j := New(Options{})
	j.Secret("secret")
	for before := maxValue - 7; before <= maxValue; before++ {
		j.Add(App, "x", Str("v", strings.Repeat("-", before)+"secret-and-more"))
	}
	for _, line := range j.Trace() {
		if strings.ContainsAny(decoded(t, line)["v"].(string), "secrt") {
			t.Errorf("a part of the secret is left: …%s", line[len(line)-60:])
		}
	}
}

func TestSecretIsKnownToLaterLines(t *testing.T) {
	j := New(Options{RingLines: 10000})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 200 {
				secret := fmt.Sprintf("secret-%d-%d", i, n)
				j.Secret(secret)
				j.Add(App, "x", Str("v", secret))
				j.Forget(secret)
			}
		})
	}
	wg.Wait()
	for _, line := range j.Trace() {
		if strings.Contains(line, "secret") {
			t.Fatal(line)
		}
	}
	if j.secrets.needles() != nil {
		t.Error("secrets are left")
	}
}

// encodings are the ways in which a secret may come into a text.
var encodings = []func(string) string{
	func(s string) string { return s },
	url.QueryEscape,
	url.PathEscape,
	everyByteEscaped,
	func(s string) string { b, _ := json.Marshal(s); return strings.ToValidUTF8(string(b), "") },
	func(s string) string { return fmt.Sprintf("%q", s) },
	func(s string) string { return string(appendQuoted(nil, s)) },
	func(s string) string { return fmt.Sprintf("%q", url.QueryEscape(s)) },
	func(s string) string { return url.QueryEscape(fmt.Sprintf("%q", s)) },
	func(s string) string { return hex.EncodeToString([]byte(s)) },
	func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	func(s string) string { return base64.URLEncoding.EncodeToString([]byte("u:" + s)) },
	func(s string) string {
		return url.QueryEscape(base64.StdEncoding.EncodeToString([]byte("u" + s + "x")))
	},
}

func everyByteEscaped(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, "%%%02x", c)
	}
	return b.String()
}

// FuzzNoSecret registers two secrets, writes them in every encoding into every
// place of a line, and looks for them in ring, file and callback.
func FuzzNoSecret(f *testing.F) {
	f.Add("hunter22", "open sesame", "user=", "&x=1", uint8(0))
	f.Add(`a"b\c`, "\x00\xff\xfe\x01", `{"t":"`, `"}`, uint8(1))
	f.Add("abcdef", "defghi", "abc", "%20+", uint8(2))
	f.Add("aaaa", "aaaaa", "aaa", "a", uint8(9))
	f.Add("****", "x***", "x**", "*%", uint8(10))
	f.Add("1234", "56789", "12", `\u0041`, uint8(12))
	dir := f.TempDir() // one file of one line
	f.Fuzz(func(t *testing.T, one, two, before, after string, how uint8) {
		if len(one)+len(two)+len(before)+len(after) > 400 {
			t.Skip("cutting is tested elsewhere")
		}
		encode := encodings[int(how)%len(encodings)]
		value := before + encode(one) + after + encode(two) + before
		var r recorder
		j := New(Options{Dir: dir, MaxFileBytes: 1, Files: 1, Callback: r.call})
		for _, s := range []string{one, two} {
			j.Secret(s)
		}
		j.Add(App, "x", Str("v", value), Err(nimerr.ProtocolError.New(value)), Err(errors.New(value)))
		j.Close()

		lines := append(j.Trace(), r.lines...)
		file := fileLines(t, j)
		lines = append(lines, file...)
		if len(lines) != 3 || lines[1] != lines[0] || lines[2] != lines[0] {
			t.Fatalf("ring, callback and file differ: %q", lines)
		}
		for key, shown := range decoded(t, lines[0]) {
			if key == "t" || key == "lvl" || key == "ev" || key == "err_name" {
				continue
			}
			for _, secret := range []string{one, two} {
				if len(secret) < minSecret {
					continue
				}
				// What is not UTF-8 is shown as U+FFFD.
				for _, form := range []string{secret, encode(secret)} {
					if whole := strings.ToValidUTF8(form, "\ufffd"); strings.Contains(shown.(string), form) && whole == form && len(form) >= minSecret {
						t.Errorf("%q is in %s: %q (value %q)", form, key, shown, value)
					}
				}
			}
		}
	})
}
