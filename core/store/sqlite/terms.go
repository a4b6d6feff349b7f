package sqlite

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/libnim/libnim/internal/fold"
)

// How text is searched. A query matches a text when its folded form is a piece
// of the text's folded form. The index finds candidates: in it each character
// of Chinese, Japanese and Korean is a token of its own, and so is each word of
// letters and digits of other scripts.

// isCharacter says whether a rune is a token of its own.
func isCharacter(r rune) bool {
	return r >= 0x2e80 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo)
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// A token is a piece of folded text.
type token struct {
	text       string
	start, end int
	word       bool
}

// tokens calls f with each token of folded text until f returns false.
func tokens(s string, f func(token) bool) {
	start := -1 // of the word that has begun
	word := func(end int) bool {
		if start < 0 {
			return true
		}
		t := token{s[start:end], start, end, true}
		start = -1
		return f(t)
	}
	for i, r := range s {
		switch {
		case isCharacter(r):
			end := i + utf8.RuneLen(r)
			if !word(i) || !f(token{s[i:end], i, end, false}) {
				return
			}
		case inWord(r):
			if start < 0 {
				start = i
			}
		default:
			if !word(i) {
				return
			}
		}
	}
	word(len(s))
}

// maxWord is the longest word in the index, in bytes; of a longer one, which is
// a key or data, only the beginning is there.
const maxWord = 256

func cutWord(s string) string {
	if len(s) <= maxWord {
		return s
	}
	end := maxWord
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// indexTokens are the tokens of a text, apart by spaces: what FTS5's tokenizer
// "ascii" takes apart again.
func indexTokens(text string) string {
	var b strings.Builder
	b.Grow(len(text) * 4 / 3)
	tokens(fold.Text(text), func(t token) bool {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(cutWord(t.text))
		return true
	})
	return b.String()
}

// maxPhrase bounds the tokens that the index is asked for; the text of each
// candidate is compared anyhow.
const maxPhrase = 24

// phrase returns what the index is asked to find candidates for a folded query:
// every text that matches the query matches the phrase. It is "" when the index
// cannot say that: the query may begin and end inside a word.
func phrase(query string) string {
	var all []token
	tokens(query, func(t token) bool {
		if !t.word || t.start > 0 { // else it may be the end of a longer word
			all = append(all, t)
		}
		return len(all) < maxPhrase
	})
	return join(all, len(query))
}

// words is like phrase, but takes the query to begin where a word begins: what
// it finds is not all.
func words(query string) string {
	var all []token
	tokens(query, func(t token) bool {
		all = append(all, t)
		return len(all) < maxPhrase
	})
	return join(all, len(query))
}

// join writes a phrase of FTS5. A word at the end of the query may go on.
func join(all []token, end int) string {
	if len(all) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteByte('"')
	for i, t := range all {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(cutWord(t.text)) // letters and digits: nothing to quote
	}
	b.WriteByte('"')
	if last := all[len(all)-1]; last.word && last.end == end || len(last.text) > maxWord {
		b.WriteByte('*')
	}
	return b.String()
}
