package mywire

import (
	"bytes"
	"strings"
)

// multibyte is a client's character set, as far as it matters: one in which the
// second byte of a character may look like ASCII (a quote's backslash, for one,
// is none there, and whoever reads the statement byte by byte reads another one
// than the server), or UTF-8, in which more can be told than in others.
type multibyte uint32

const (
	singleByte multibyte = iota // latin1 and all others
	big5
	sjis // and cp932
	gbk
	gb18030
	unicode // utf8mb3 and utf8mb4: no byte of a character looks like ASCII
)

// multibyteID tells it from a collation's id (a test compares the list with a
// real server's).
func multibyteID(id uint16) multibyte {
	if id >= 1024 && id < 2048 { // MariaDB: the same with NO PAD
		id -= 1024
	}
	switch id {
	case 1, 84:
		return big5
	case 13, 88, 95, 96:
		return sjis
	case 28, 87:
		return gbk
	case 248, 249, 250:
		return gb18030
	case 33, 45, 46, 76, 83:
		return unicode
	}
	if id >= 192 && id <= 247 || id >= 254 && id <= 323 || id >= 576 && id <= 639 || id >= 2048 && id <= 2559 {
		return unicode
	}
	return singleByte
}

func multibyteName(name string) multibyte {
	switch strings.ToLower(name) {
	case "big5":
		return big5
	case "sjis", "cp932":
		return sjis
	case "gbk":
		return gbk
	case "gb18030":
		return gb18030
	case "utf8", "utf8mb3", "utf8mb4":
		return unicode
	}
	return singleByte
}

// pair reports whether b and c make a character of two bytes (MySQL's
// strings/ctype-*.c; what does not is taken byte by byte).
func (m multibyte) pair(b, c byte) bool {
	switch m {
	case big5:
		return b >= 0xa1 && b <= 0xf9 && (c >= 0x40 && c <= 0x7e || c >= 0xa1 && c <= 0xfe)
	case sjis:
		return (b >= 0x81 && b <= 0x9f || b >= 0xe0 && b <= 0xfc) && (c >= 0x40 && c <= 0x7e || c >= 0x80 && c <= 0xfc)
	case gbk, gb18030:
		return b >= 0x81 && b <= 0xfe && (c >= 0x40 && c <= 0x7e || c >= 0x80 && c <= 0xfe)
	}
	return false
}

// four reports whether b begins with a character of four bytes.
func (m multibyte) four(b []byte) bool {
	high := func(c byte) bool { return c >= 0x81 && c <= 0xfe }
	digit := func(c byte) bool { return c >= '0' && c <= '9' }
	return m == gb18030 && len(b) >= 4 && high(b[0]) && digit(b[1]) && high(b[2]) && digit(b[3])
}

// appendPlain appends sql with every byte that only looks like ASCII replaced
// by one that does not. No length changes, and what is ASCII stays.
func (m multibyte) appendPlain(dst, sql []byte) []byte {
	at := len(dst)
	dst = append(dst, sql...)
	for b := dst[at:]; len(b) > 1; {
		switch {
		case b[0] < 0x80:
			b = b[1:]
		case m.pair(b[0], b[1]):
			b[1] |= 0x80
			b = b[2:]
		case m.four(b):
			b[1] |= 0x80
			b[3] |= 0x80
			b = b[4:]
		default:
			b = b[1:]
		}
	}
	return dst
}

// plain returns the text of a statement as it can be read byte by byte. Client's
// goroutine; the result is valid until the next command.
func (f *flow) plain(sql []byte) []byte {
	m := multibyte(f.charset.Load())
	if m == singleByte || m == unicode {
		return sql
	}
	f.sql = m.appendPlain(trim(f.sql)[:0], sql)
	return f.sql
}

// setNames returns the character set that a statement of the form SET NAMES,
// SET CHARACTER SET or SET character_set_client selects; ok false: none. Servers
// that track the session's state say it themselves; this is for clients that
// did not ask for that.
func setNames(sql []byte) (m multibyte, ok bool) {
	if len(sql) < 9 || sql[0] > ' ' && sql[0]|0x20 != 's' && sql[0] != '/' && sql[0] != '-' && sql[0] != '#' {
		return singleByte, false
	}
	b := skipSpace(sql)
	if len(b) < 9 || b[0]|0x20 != 's' || b[1]|0x20 != 'e' || b[2]|0x20 != 't' {
		return singleByte, false
	}
	if rest := skipSpace(b[3:]); len(rest) < len(b)-3 {
		for _, part := range assignments(rest) {
			if name := charsetOf(part); name != "" {
				m, ok = multibyteName(name), true
			}
		}
	}
	return m, ok
}

// assignments splits the list of SET at its commas, in lower case.
func assignments(b []byte) []string {
	var parts []string
	var quote byte
	from := 0
	for i, c := range b {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"' || c == '`':
			quote = c
		case c == ',' || c == ';':
			parts = append(parts, strings.ToLower(string(b[from:i])))
			if from = i + 1; c == ';' {
				return parts
			}
		}
	}
	return append(parts, strings.ToLower(string(b[from:])))
}

// charsetOf returns the client's character set that one assignment selects.
func charsetOf(part string) string {
	part = strings.TrimSpace(part)
	if strings.HasPrefix(part, "@") && !strings.HasPrefix(part, "@@") { // a user's variable
		return ""
	}
	words := strings.FieldsFunc(part, func(r rune) bool { return strings.ContainsRune(" \t\r\n=:'\"`@.", r) })
	if len(words) > 0 && (words[0] == "session" || words[0] == "local") {
		words = words[1:]
	}
	if len(words) >= 3 && words[0] == "character" && words[1] == "set" {
		return words[2]
	}
	if len(words) >= 2 && (words[0] == "names" || words[0] == "charset" || words[0] == string(charsetVariable)) {
		return words[1]
	}
	return ""
}

// charsetVariable is the name under which servers report it.
var charsetVariable = []byte("character_set_client")

// reported takes the server's word for a variable. What the client has sent
// since counts more. Server's goroutine.
func (f *flow) reported(name, value []byte) {
	if !bytes.EqualFold(name, charsetVariable) {
		return
	}
	f.mu.Lock()
	alone := f.queue.awaited() <= 1
	f.mu.Unlock()
	if alone {
		f.charset.Store(uint32(multibyteName(string(value))))
	}
}
