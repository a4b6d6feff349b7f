package datadir

import (
	"strings"

	"github.com/libnim/libnim/internal/nimerr"
)

// maxName keeps the encoded name, three bytes for one at most, within the 255
// that file systems take.
const maxName = 80

// encodeName turns an account or the name of a cache into a file name. Different
// names give different file names also where case does not count; none is
// reserved on Windows, hidden, or leads anywhere else: lower-case letters,
// digits and '-' stand for themselves behind a leading '_', every other byte is
// '=' and two hex digits.
func encodeName(name string) (string, *nimerr.Error) {
	if name == "" || len(name) > maxName {
		return "", nimerr.InvalidArgument.Newf("a name of %d bytes; 1 to %d are possible", len(name), maxName)
	}
	const hex = "0123456789abcdef"
	var b strings.Builder
	b.WriteByte('_')
	for i := range len(name) {
		c := name[i]
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'=', hex[c>>4], hex[c&15]})
		}
	}
	return b.String(), nil
}
