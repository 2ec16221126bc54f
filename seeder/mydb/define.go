package mydb

import (
	"strings"

	"honeyrow/seeder"
)

// checks finds the CHECK constraints in a SHOW CREATE TABLE: those of columns
// (MariaDB), which bear no name, and those of the table.
func checks(ddl string) (out []seeder.Check) {
	for _, line := range strings.Split(ddl, "\n") {
		line = strings.TrimSpace(line)
		rest, ok := strings.CutPrefix(line, "CONSTRAINT ")
		var name string
		if ok {
			name, rest = ident(rest)
			rest = strings.TrimSpace(rest)
		} else if strings.HasPrefix(line, "`") {
			name, rest = ident(line)
		} else {
			continue
		}
		if def, ok := check(rest, ok); ok {
			out = append(out, seeder.Check{Name: name, Definition: def})
		}
	}
	return out
}

// ident reads the quoted identifier at the start of s.
func ident(s string) (name, rest string) {
	if !strings.HasPrefix(s, "`") {
		return "", s
	}
	for i := 1; i < len(s); i++ {
		if s[i] != '`' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '`' {
			i++
			continue
		}
		return strings.ReplaceAll(s[1:i], "``", "`"), s[i+1:]
	}
	return "", s
}

// check finds CHECK (...) outside of quotes and comments; atStart: nothing may
// stand before it.
func check(s string, atStart bool) (def string, ok bool) {
	const word = "CHECK ("
	for i := 0; i < len(s); {
		switch {
		case strings.HasPrefix(s[i:], word):
			i += len(word)
			end := closing(s[i:])
			def = strings.TrimSpace(s[i : i+end])
			for strings.HasPrefix(def, "(") && closing(def[1:])+2 == len(def) { // MySQL doubles them
				def = def[1 : len(def)-1]
			}
			return def, true
		case atStart:
			return "", false
		}
		i += token(s[i:])
	}
	return "", false
}

// token returns the length of the quoted text, or else the one byte, at the
// start of s.
func token(s string) int {
	q := s[0]
	if q != '\'' && q != '"' && q != '`' {
		return 1
	}
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && q != '`':
			i++
		case s[i] == q && i+1 < len(s) && s[i+1] == q:
			i++
		case s[i] == q:
			return i + 1
		}
	}
	return len(s)
}

// closing returns where the parenthesis opened before s closes.
func closing(s string) int {
	depth := 1
	for i := 0; i < len(s); i += token(s[i:]) {
		switch s[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(s)
}
