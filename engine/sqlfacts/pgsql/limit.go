package pgsql

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

// What the C parser may see. It recurses over trees without looking at its
// stack: 24,000 terms of `1+1+...` kill it on 8 MiB (measured; the worker's is
// larger), and its time grows faster than the text.
const (
	// maxText is how long a surrogate may be, in bytes.
	maxText = 32 << 10
	// maxChain is how many lexemes it may have that can make a tree one level
	// deeper: operators, casts, joins, set operators.
	maxChain = 2000
)

// ErrLimit is returned for a text that no parser is shown: too long, or with
// too many operators, or of a tree too deep or too large.
var ErrLimit = errors.New("beyond the parser's limits")

// ErrEncoding is returned for a text that is not UTF-8 or holds a NUL, which no
// surrogate is or does. The C parser would stop at the NUL.
var ErrEncoding = errors.New("not a text in UTF-8")

// admit says whether a text may be parsed.
func admit(text []byte) error {
	if len(text) > maxText {
		return fmt.Errorf("%w: %d bytes, of at most %d", ErrLimit, len(text), maxText)
	}
	if n := chained(text); n > maxChain {
		return fmt.Errorf("%w: %d operators, of at most %d", ErrLimit, n, maxChain)
	}
	if bytes.IndexByte(text, 0) >= 0 || !utf8.Valid(text) {
		return ErrEncoding
	}
	return nil
}

// chain are the words that chain, beside operators.
var chain = map[string]bool{
	"join": true, "union": true, "intersect": true, "except": true,
	"and": true, "or": true, "not": true, "is": true, "isnull": true, "notnull": true,
	"like": true, "ilike": true, "similar": true, "between": true, "in": true,
	"collate": true, "at": true, "overlaps": true, "operator": true,
}

// chained counts the lexemes of text that can make a tree deeper. It looks into
// quotes and comments like anywhere else: a surrogate has hardly any of them,
// and counting too many does no harm where counting too few does.
func chained(text []byte) int {
	total := 0
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case operator(c):
			// An operator is as many of these as stand together; + and - at its
			// end are operators of their own.
			total++
			for i++; i < len(text) && operator(text[i]); i++ {
				if text[i] == '+' || text[i] == '-' {
					total++
				}
			}
		case c == '[':
			total++
			i++
		case letter(c):
			from := i
			for i++; i < len(text) && (letter(text[i]) || text[i] >= '0' && text[i] <= '9'); i++ {
			}
			if i-from <= len("intersect") && chainWord(text[from:i]) {
				total++
			}
		default:
			i++
		}
	}
	return total
}

func chainWord(word []byte) bool {
	var low [len("intersect")]byte
	for i, c := range word {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		low[i] = c
	}
	return chain[string(low[:len(word)])]
}

func operator(c byte) bool {
	switch c {
	case '+', '-', '*', '/', '<', '>', '=', '~', '!', '@', '#', '%', '^', '&', '|', '?', '`', ':':
		return true
	}
	return false
}

func letter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$' || c >= 0x80
}
