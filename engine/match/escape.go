package match

import (
	"net/url"
	"strconv"
	"strings"
)

// Escapes leave letters and digits as they are, so that a value's gram, which
// is chosen among those where it can be, stands in an escaped text unchanged:
// the text is compared from there, both ways, with every escape of each
// character. That costs nothing where no gram is met.

// maxEscape is the longest escape of one character: &#x0041;
const maxEscape = 8

// safe reports whether escapes leave c alone.
func safe(c byte) bool {
	return c < 0x80 && alphanumeric(c) || c == '.' || c == '_' || c == '-' || c == '~'
}

// percent returns v as it stands in a URL, if the gram that tolerant needs may
// be missing: what follows an at sign is a domain, which many values share.
func percent(v string) string {
	run, special, found := 0, false, false
	for i := range len(v) {
		if safe(v[i]) {
			if run++; run == gram {
				found = true
			}
			continue
		}
		run, special = 0, true
		if v[i] == '@' {
			break
		}
	}
	if found || !special {
		return ""
	}
	return strings.ReplaceAll(url.QueryEscape(v), "+", "%20")
}

// tolerant compares v with the text around its gram, which begins at v[o] and
// b[from]. It returns where v begins and ends.
func tolerant(b []byte, from int, v []byte, o int) (at, end int, ok bool) {
	end = from
	for i := o; i < len(v); i++ {
		n := escaped(b[end:], v[i], false)
		if n == 0 {
			return 0, 0, false
		}
		end += n
	}
	at = from
	for i := o - 1; i >= 0; i-- {
		n := escaped(b[:at], v[i], true)
		if n == 0 {
			return 0, 0, false
		}
		at -= n
	}
	return at, end, true
}

// escaped returns how many bytes at the beginning of b, or at its end, are c or
// an escape of it; 0 if they are something else.
func escaped(b []byte, c byte, back bool) int {
	switch {
	case len(b) == 0:
		return 0
	case safe(c) || c >= 0x80:
		return one(b, c, back)
	}
	var buf [2 * maxEscape]byte
	for k := 0; ; k++ {
		if k == 9 && (c == '"' || c == '\\' || c == '\'') {
			if n := layers(b, c, back); n > 0 {
				return n
			}
		}
		f := escape(buf[:0], c, k)
		if f == nil {
			break
		}
		if len(f) <= len(b) {
			if s := edge(b, len(f), back); len(f) > 0 && equalFold(s, f) {
				return len(f)
			}
		}
	}
	return one(b, c, back)
}

func edge(b []byte, n int, back bool) []byte {
	if back {
		return b[len(b)-n:]
	}
	return b[:n]
}

func one(b []byte, c byte, back bool) int {
	if lower(edge(b, 1, back)[0]) == lower(c) {
		return 1
	}
	return 0
}

// layers measures quotes and backslashes that were escaped once or more often:
// doubled, or with backslashes before them, as rows in arrays of rows have them.
func layers(b []byte, c byte, back bool) int {
	in := func(o byte) bool { return o == c || o == '\\' && c != '\\' }
	n, last := 0, 0
	for n < min(len(b), maxEscape) {
		o := b[n]
		if back {
			o = b[len(b)-1-n]
		}
		if !in(o) || back && n == 0 && o != c {
			break
		}
		if n++; o == c || back {
			last = n
		}
	}
	return last
}

var named = map[byte]string{'&': "&amp;", '<': "&lt;", '>': "&gt;", '"': "&quot;", '\'': "&apos;"}

var mnemonic = map[byte]byte{'\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't', '\v': 'v', 0: '0'}

// escape appends the kth escape of c to dst; nil after the last one, nothing
// where c has none of that kind.
func escape(dst []byte, c byte, k int) []byte {
	const digits = "0123456789abcdef"
	hi, lo := digits[c>>4], digits[c&15]
	switch k {
	case 0:
		return append(dst, '%', hi, lo)
	case 1:
		return append(dst, '=', hi, lo)
	case 2:
		return append(dst, '\\', 'x', hi, lo)
	case 3:
		return append(dst, '\\', 'u', '0', '0', hi, lo)
	case 4:
		return append(dst, '&', '#', 'x', hi, lo, ';')
	case 5:
		return append(dst, '&', '#', 'x', '0', '0', hi, lo, ';')
	case 6:
		return append(strconv.AppendUint(append(dst, '&', '#'), uint64(c), 10), ';')
	case 7:
		return append(strconv.AppendUint(append(dst, '&', '#', '0'), uint64(c), 10), ';')
	case 8:
		return append(dst, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
	case 9:
		if n := named[c]; n != "" { // escaped twice
			return append(append(dst, "&amp;"...), n[1:]...)
		}
		return dst
	case 10:
		return append(dst, named[c]...)
	case 11:
		if m, ok := mnemonic[c]; ok {
			return append(dst, '\\', m)
		}
		return append(dst, '\\', c)
	case 12:
		if c == ' ' {
			return append(dst, '+')
		}
		return dst
	}
	return nil
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// equalFold compares without regard to the case of ASCII letters.
func equalFold(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

// equalReversed compares a backwards with b, without regard to case. exact says
// that the case is the same.
func equalReversed(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if lower(a[i]) != lower(b[len(b)-1-i]) {
			return false
		}
	}
	return true
}
