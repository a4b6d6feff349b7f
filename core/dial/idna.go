package dial

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/libnim/libnim/internal/nimerr"
)

// asciiHost returns a host name as the domain name system has it: labels with
// other letters than ASCII become Punycode (RFC 3492), after the mapping that is
// most of IDNA: NFKC and lower case. The whole of IDNA as a library is a quarter
// of a megabyte of tables. An address, and a name in ASCII, stay as they are.
func asciiHost(host string) (string, error) {
	if isASCII(host) {
		return host, nil
	}
	host = strings.Map(func(r rune) rune {
		if r == '。' || r == '．' || r == '｡' { // full stops of input methods
			return '.'
		}
		return r
	}, host)
	labels := strings.Split(norm.NFKC.String(strings.ToLower(norm.NFKC.String(host))), ".")
	for i, l := range labels {
		if isASCII(l) {
			continue
		}
		code := "xn--" + punycode([]rune(l))
		if len(code) > 63 {
			return "", nimerr.InvalidArgument.Newf("the name of the server has a part of %d bytes, want at most 63", len(code))
		}
		labels[i] = code
	}
	return strings.Join(labels, "."), nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// Parameters of Punycode.
const (
	punyBase, punyMin, punyMax = 36, 1, 26
	punySkew, punyDamp         = 38, 700
	punyBias, punyFirst        = 72, 128
)

// punycode encodes a label: its ASCII letters, then where which others stand.
func punycode(label []rune) string {
	var out strings.Builder
	for _, r := range label {
		if r < punyFirst {
			out.WriteRune(r)
		}
	}
	basic := out.Len()
	if basic > 0 {
		out.WriteByte('-')
	}
	delta, bias, next := 0, punyBias, rune(punyFirst)
	for done := basic; done < len(label); next++ {
		least := rune(0x10ffff)
		for _, r := range label {
			if r >= next && r < least {
				least = r
			}
		}
		delta += int(least-next) * (done + 1)
		next = least
		for _, r := range label {
			if r < next {
				delta++
			}
			if r != next {
				continue
			}
			writeDelta(&out, delta, bias)
			bias = adapted(delta, done+1, done == basic)
			delta = 0
			done++
		}
		delta++
	}
	return out.String()
}

// writeDelta writes a number with digits a–z, 0–9 of a base that varies.
func writeDelta(out *strings.Builder, delta, bias int) {
	const digits = "abcdefghijklmnopqrstuvwxyz0123456789"
	for k := punyBase; ; k += punyBase {
		t := min(max(k-bias, punyMin), punyMax)
		if delta < t {
			out.WriteByte(digits[delta])
			return
		}
		out.WriteByte(digits[t+(delta-t)%(punyBase-t)])
		delta = (delta - t) / (punyBase - t)
	}
}

func adapted(delta, points int, first bool) int {
	if first {
		delta /= punyDamp
	} else {
		delta /= 2
	}
	delta += delta / points
	k := 0
	for ; delta > (punyBase-punyMin)*punyMax/2; k += punyBase {
		delta /= punyBase - punyMin
	}
	return k + (punyBase-punyMin+1)*delta/(delta+punySkew)
}
