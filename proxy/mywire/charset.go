package mywire

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// encoding is how the characters of a text are stored. Character sets that
// agree with ASCII need no conversion before they are searched.
type encoding uint8

const (
	narrow  encoding = iota // agrees with ASCII
	utf16be                 // utf16, ucs2
	utf16le
	utf32be
	// fileName is the character set that servers name files in: what is neither an
	// ASCII letter nor a digit stands as @ and four hexadecimal digits. MariaDB
	// sends results in it to whoever asks for that.
	fileName
)

// wideCharset tells the encoding from a collation's id (information_schema.
// COLLATIONS; a test compares the list with a real server's).
func wideCharset(id uint16) encoding {
	if id >= 1024 && id < 2048 { // MariaDB: the same with NO PAD
		id -= 1024
	}
	switch {
	case id == 17:
		return fileName
	case id == 35, id == 90, id >= 128 && id <= 151, id == 159, id >= 640 && id <= 671, id >= 2560 && id <= 2815:
		return utf16be // ucs2
	case id == 54, id == 55, id >= 101 && id <= 124, id >= 672 && id <= 703, id >= 2816 && id <= 3071:
		return utf16be
	case id == 56, id == 62:
		return utf16le
	case id == 60, id == 61, id >= 160 && id <= 183, id >= 736 && id <= 767, id >= 3072 && id <= 3327:
		return utf32be
	}
	return narrow
}

// numberLimit is more than the bytes of any number's text.
const numberLimit = 512

// encodingOf tells how the text of one value is stored. Of numbers and dates
// that depends on the server: MariaDB converts all of them into a wide character
// set, MySQL only the decimals, and JSON. A converted one has a zero byte in its first two.
func (c *field) encodingOf(raw []byte) encoding {
	if c.guess {
		return looksLike(raw)
	}
	if c.wide != narrow && c.either && bytes.IndexByte(raw[:min(len(raw), 2)], 0) < 0 {
		return narrow
	}
	return c.wide
}

// looksLike tells in which wide character set a text of ASCII characters may be
// stored.
func looksLike(raw []byte) encoding {
	switch n := len(raw); {
	case n < 2 || n%2 != 0 || raw[0] != 0 && raw[1] != 0:
		return narrow
	case n%4 == 0 && raw[0] == 0 && raw[1] == 0 && raw[2] == 0:
		return utf32be
	case raw[1] == 0:
		return utf16le
	}
	return utf16be
}

// wideName tells the encoding of a definition's names from its catalog "def".
func wideName(catalog []byte) encoding {
	switch string(catalog) {
	case "\x00d\x00e\x00f":
		return utf16be
	case "d\x00e\x00f\x00":
		return utf16le
	case "\x00\x00\x00d\x00\x00\x00e\x00\x00\x00f":
		return utf32be
	}
	return narrow
}

// appendUTF8 appends a wide text as UTF-8. What is no character becomes U+FFFD;
// bytes that do not fill a unit are left out.
func appendUTF8(dst, src []byte, of encoding) []byte {
	switch of {
	case narrow:
		return append(dst, src...)
	case utf32be:
		for ; len(src) >= 4; src = src[4:] {
			dst = utf8.AppendRune(dst, rune(min(binary.BigEndian.Uint32(src), utf8.MaxRune+1)))
		}
		return dst
	case fileName:
		return appendFileName(dst, src)
	}
	var order binary.ByteOrder = binary.BigEndian
	if of == utf16le {
		order = binary.LittleEndian
	}
	for ; len(src) >= 2; src = src[2:] {
		r := rune(order.Uint16(src))
		if utf16.IsSurrogate(r) && len(src) >= 4 {
			if d := utf16.DecodeRune(r, rune(order.Uint16(src[2:]))); d != utf8.RuneError {
				r, src = d, src[2:]
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// escaped is how long a character is that the character set of file names writes
// as @ and four hexadecimal digits.
const escaped = 5

// appendFileName appends a text in the character set of file names as UTF-8. Other
// escapes than those of four digits (of letters beyond ASCII) stay as they are.
func appendFileName(dst, src []byte) []byte {
	for len(src) > 0 {
		i := bytes.IndexByte(src, '@')
		if i < 0 {
			break
		}
		dst, src = append(dst, src[:i]...), src[i:]
		if len(src) >= escaped {
			if r, err := strconv.ParseUint(string(src[1:escaped]), 16, 16); err == nil {
				dst, src = utf8.AppendRune(dst, rune(r)), src[escaped:]
				continue
			}
		}
		dst, src = append(dst, '@'), src[1:]
	}
	return append(dst, src...)
}

// whole is how many bytes of a text that goes on can be read by themselves.
func (of encoding) whole(b []byte) int {
	n := len(b)
	if of == fileName {
		if i := bytes.LastIndexByte(b[max(0, n-escaped+1):], '@'); i >= 0 {
			return max(0, n-escaped+1) + i
		}
		return n
	}
	n = n / 4 * 4
	if of != utf32be && n >= 4 && surrogateAt(b[n-2:], of) {
		n -= 2 // its other half may be in the next piece
	}
	return n
}
