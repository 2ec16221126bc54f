package sqlfacts

import (
	"crypto/sha256"
	"encoding/hex"
)

// Name is a name for the text's Pattern that outlives the process: 16 digits
// that alerts show and that configuration may name. Texts that differ in
// literals, comments, white space and the case of words have one name. It costs
// some microseconds: it is for what is told, not for the hot path.
func (t *Text) Name() string {
	sum := sha256.Sum256(squeeze(t.Readable(make([]byte, 0, len(t.Raw)))))
	return hex.EncodeToString(sum[:8])
}

// squeeze removes white space that separates nothing and makes letters outside
// of quotes small, in place.
func squeeze(b []byte) []byte {
	out := b[:0]
	var quote, last byte // last is the last byte that is no space
	gap := false
	for _, c := range b {
		if quote != 0 {
			out = append(out, c)
			if c == quote {
				quote = 0
			}
			last = c
			continue
		}
		switch c {
		case ' ', '\t', '\n', '\r', '\f', '\v':
			gap = true
			continue
		case '\'', '"', '`':
			quote = c
		}
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if gap && wordy(last) && wordy(c) {
			out = append(out, ' ')
		}
		gap = false
		out = append(out, c)
		last = c
	}
	for len(out) > 0 && out[len(out)-1] == ';' {
		out = out[:len(out)-1]
	}
	return out
}

// wordy bytes would run together.
func wordy(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$' || c >= 0x80 ||
		c == '\'' || c == '"' || c == '`'
}
