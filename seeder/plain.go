package seeder

import (
	"regexp"
	"strings"
)

// Dialect is what a product takes for a comment, a text and a name in a routine's
// text. The zero Dialect is PostgreSQL's.
type Dialect struct {
	MySQL      bool // "#" and "-- " begin a comment, what stands in "/*! */" is carried out
	NoEscapes  bool // MySQL's mode NO_BACKSLASH_ESCAPES: a text's backslash is one
	AnsiQuotes bool // MySQL's mode ANSI_QUOTES: what stands in double quotes is a name
}

// Plain is a routine's text with a blank for each comment, and texts emptied unless
// they are asked for. Names that a mode of MySQL lets stand in double quotes stand in
// backticks then, so that the result means the same in every mode, and each quoted
// name stands between blanks: INTO"log"VALUES is a statement.
func (d Dialect) Plain(sql string, texts bool) string {
	var b strings.Builder
	for i := 0; i < len(sql); {
		rest := sql[i:]
		n := 1
		switch c := sql[i]; {
		case strings.HasPrefix(rest, "/*"):
			n = d.comment(rest)
			b.WriteByte(' ')
		case d.MySQL && strings.HasPrefix(rest, "*/"): // the end of what is carried out
			n = 2
			b.WriteByte(' ')
		case strings.HasPrefix(rest, "--") && (!d.MySQL || len(rest) == 2 || rest[2] <= ' '), d.MySQL && c == '#':
			if n = strings.IndexByte(rest, '\n'); n < 0 {
				n = len(rest)
			}
			b.WriteByte(' ')
		case c == '\'' || c == '"' && d.MySQL && !d.AnsiQuotes:
			n = quoted(rest, d.escapes(sql[:i]))
			if texts {
				b.WriteString(rest[:n])
			} else {
				b.WriteString("''")
			}
		case c == '"' && d.MySQL:
			n = quoted(rest, false)
			bare := strings.ReplaceAll(strings.TrimSuffix(rest[1:n], `"`), `""`, `"`)
			b.WriteString(" `" + strings.ReplaceAll(bare, "`", "``") + "` ")
		case c == '"' || c == '`' && d.MySQL:
			n = quoted(rest, false)
			b.WriteString(" " + rest[:n] + " ")
		default:
			b.WriteByte(c)
		}
		i += n
	}
	return b.String()
}

// carried is the beginning of a comment that MySQL or MariaDB carries out, a server's
// version included. One that is newer than the server's is not told apart.
var carried = regexp.MustCompile(`^/\*M?!\d*`)

// comment returns the length of a comment, or of the beginning of one that is carried
// out.
func (d Dialect) comment(s string) int {
	if d.MySQL {
		if at := carried.FindStringIndex(s); at != nil {
			return at[1]
		}
		if n := strings.Index(s[2:], "*/"); n >= 0 {
			return n + 4
		}
		return len(s)
	}
	depth := 0 // PostgreSQL's stand in one another
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			i++
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// escaped is the end of what stands before a text of PostgreSQL with backslashes.
var escaped = regexp.MustCompile(`(?:^|[^\pL\pN_$])[eE]$`)

// escapes reports whether a backslash takes the next character along in a text that
// begins behind before.
func (d Dialect) escapes(before string) bool {
	if d.MySQL {
		return !d.NoEscapes
	}
	return escaped.MatchString(before[max(0, len(before)-5):])
}

// quoted returns the length of what stands in quotes at the beginning of s. A quote
// is doubled to stand in it.
func quoted(s string, escapes bool) int {
	for i := 1; i < len(s); i++ {
		switch {
		case escapes && s[i] == '\\':
			i++
		case s[i] != s[0]:
		case i+1 < len(s) && s[i+1] == s[0]:
			i++
		default:
			return i + 1
		}
	}
	return len(s)
}
