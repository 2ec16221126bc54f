package engine

import (
	"bytes"
	"slices"

	"honeyrow/engine/match"
)

// MySQL's and MariaDB's errors quote a value up to some length (32 bytes in an XPATH
// error, which is how most values are read out of errors), and MariaDB puts dots behind what it has cut.
var (
	cutLengths = [...]int{32, 64, 128, 192}
	cutDots    = []byte("...")
)

// cutShort returns the first text in quotes of an error from from on that was cut
// short, and where the one behind it may begin; nil if there is none.
func cutShort(text []byte, from int) (cut []byte, next int) {
	for {
		open := bytes.IndexByte(text[from:], '\'')
		if open < 0 {
			return nil, len(text)
		}
		open += from + 1
		n := bytes.IndexByte(text[open:], '\'')
		if n < 0 {
			return nil, len(text)
		}
		in := text[open : open+n]
		if short, dots := bytes.CutSuffix(in, cutDots); dots || slices.Contains(cutLengths[:], n) {
			return short, open + n
		}
		from = open + n // it may be the next one's first
	}
}

// begun looks for a value of which an error says as much as the server lets it, be it
// read later from SHOW WARNINGS.
func (s *session) begun(x *match.Index, text []byte, seen func(tok uint32, means string)) {
	if !s.mysql || x.Clear() {
		return
	}
	for cut, at := cutShort(text, 0); cut != nil; cut, at = cutShort(text, at) {
		if v, ok := x.Begun(cut); ok {
			proven(x, v, asText, func(t uint32) { seen(t, meansOf(match.Chunks)) })
			return
		}
	}
}
