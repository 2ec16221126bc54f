package wire

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Charset is what is known of how a session writes characters.
type Charset uint8

// The character sets.
const (
	ASCII  Charset = iota // nothing: what is not ASCII may be anything
	UTF8                  // as the text of a rule itself
	Latin1                // ISO 8859-1, or what agrees with it from 0xA0 on
)

// refusalMax bounds a refusal in bytes: clients of MySQL's C library cut an
// error at 512 with its end.
const refusalMax = 480

// Refusal is what a client is told that is refused: base, which is what a server
// says by itself, and behind it the text of the rule that refuses, if it has
// one. That is one line without control characters, bounded, and holds nothing
// that c could not say: a question mark stands for it.
func Refusal(base, says string, c Charset) string {
	var b strings.Builder
	b.WriteString(base)
	space := true
	for _, r := range strings.TrimSpace(says) {
		if space && b.Len() == len(base) {
			b.WriteString(": ")
		}
		if unicode.IsSpace(r) || !unicode.IsPrint(r) {
			if !space {
				b.WriteByte(' ')
			}
			space = true
			continue
		}
		if space = false; b.Len()+utf8.UTFMax > refusalMax {
			break
		}
		switch {
		case r < utf8.RuneSelf, c == UTF8 && r != utf8.RuneError:
			b.WriteRune(r)
		case c == Latin1 && r >= 0xa0 && r <= 0xff:
			b.WriteByte(byte(r))
		default:
			b.WriteByte('?')
		}
	}
	return strings.TrimSuffix(strings.TrimRight(b.String(), " "), ":")
}
