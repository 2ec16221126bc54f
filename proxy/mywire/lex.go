package mywire

import "bytes"

// skipSpace skips white space and comments at the start of a statement. The
// text of a version comment (/*! ... */) is code and stays.
func skipSpace(b []byte) []byte {
	for len(b) > 0 {
		switch {
		case b[0] == ' ' || b[0] == '\t' || b[0] == '\n' || b[0] == '\r' || b[0] == '\v' || b[0] == '\f':
			b = b[1:]
		case b[0] == '#', len(b) >= 3 && b[0] == '-' && b[1] == '-' && b[2] <= ' ':
			i := bytes.IndexByte(b, '\n')
			if i < 0 {
				return nil
			}
			b = b[i+1:]
		case len(b) >= 3 && b[0] == '/' && b[1] == '*' && b[2] != '!' && b[2] != 'M':
			i := bytes.Index(b[2:], []byte("*/"))
			if i < 0 {
				return nil
			}
			b = b[i+4:]
		default:
			return b
		}
	}
	return b
}

// useSchema returns the schema that a statement of the form USE name selects,
// empty for any other. Servers that track the schema say it themselves; this
// is for clients that did not ask for that.
func useSchema(sql []byte) string {
	if len(sql) == 0 || sql[0] > ' ' && sql[0]|0x20 != 'u' && sql[0] != '/' && sql[0] != '-' && sql[0] != '#' {
		return ""
	}
	b := skipSpace(sql)
	if len(b) < 5 || b[0]|0x20 != 'u' || b[1]|0x20 != 's' || b[2]|0x20 != 'e' || b[3] > ' ' && b[3] != '`' && b[3] != '/' {
		return ""
	}
	b = bytes.TrimRight(skipSpace(b[3:]), " \t\r\n;")
	if len(b) >= 2 && b[0] == '`' && b[len(b)-1] == '`' {
		return clip(bytes.ReplaceAll(b[1:len(b)-1], []byte("``"), []byte("`")))
	}
	if bytes.ContainsAny(b, " ;\t\r\n") {
		return "" // more than USE: the server's own word counts
	}
	return clip(b)
}

// mayLoadFile reports whether a text can be LOAD DATA LOCAL INFILE, or run one
// that was put together in SQL (MariaDB prepares it since 10.6): only then may
// a server ask the client for a file.
func mayLoadFile(sql []byte) bool {
	for i := 0; i+6 <= len(sql); i++ {
		switch sql[i] | 0x20 {
		case 'i':
			if bytes.EqualFold(sql[i:i+6], []byte("infile")) {
				return true
			}
		case 'e':
			if sql[i+1]|0x20 == 'x' && i+7 <= len(sql) && bytes.EqualFold(sql[i:i+7], []byte("execute")) {
				return true
			}
		}
	}
	return false
}

// countHolders counts the parameter marks of a statement: question marks
// outside strings, names and comments. -1 if the text can't be followed.
func countHolders(sql []byte) int {
	n := 0
	for i := 0; i < len(sql); i++ {
		switch c := sql[i]; c {
		case '?':
			n++
		case '\'', '"', '`':
			j := i + 1
			for ; j < len(sql) && sql[j] != c; j++ {
				if sql[j] == '\\' && c != '`' {
					j++
				}
			}
			if j >= len(sql) {
				return -1
			}
			i = j
		case '#', '-', '/':
			rest := skipSpace(sql[i:])
			if skipped := len(sql) - i - len(rest); skipped > 0 {
				i += skipped - 1
			}
		}
	}
	return n
}
