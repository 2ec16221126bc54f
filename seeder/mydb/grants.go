package mydb

import "strings"

// Grants are an account's rights as SHOW GRANTS tells them, by object: "*.*",
// "db.*" or "db.table" without quotes, where the database may be a pattern.
type Grants map[string]map[string]bool

// ParseGrants reads the lines of SHOW GRANTS. What a line grants on columns
// alone is kept as "SELECT()" and so on. Lines that are not understood (roles,
// proxies) are left out.
func ParseGrants(lines []string) Grants {
	g := Grants{}
	for _, l := range lines {
		rest, give := strings.CutPrefix(l, "GRANT ")
		if !give {
			var ok bool
			if rest, ok = strings.CutPrefix(l, "REVOKE "); !ok {
				continue
			}
		}
		words, object, ok := grant(rest)
		if !ok {
			continue
		}
		if g[object] == nil {
			g[object] = map[string]bool{}
		}
		for _, w := range words {
			g[object][w] = give
		}
	}
	return g
}

// grant splits "SELECT, INSERT (a, b) ON `db`.`t` TO ..." outside of quotes and
// parentheses.
func grant(s string) (words []string, object string, ok bool) {
	depth, from := 0, 0
	word := func(to int) {
		w := strings.ToUpper(strings.TrimSpace(s[from:to]))
		if i := strings.IndexByte(w, '('); i >= 0 {
			w = strings.TrimSpace(w[:i]) + "()"
		}
		if w != "" {
			words = append(words, w)
		}
	}
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '`':
			if n := strings.IndexByte(s[i+1:], '`'); n >= 0 {
				i += n + 1
			}
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				word(i)
				from = i + 1
			}
		case ' ':
			if depth == 0 && strings.HasPrefix(s[i:], " ON ") {
				word(i)
				object, ok = grantObject(s[i+len(" ON "):])
				return words, object, ok
			}
		}
	}
	return nil, "", false
}

// grantObject reads the two quoted names at the start of s.
func grantObject(s string) (string, bool) {
	s = strings.TrimPrefix(s, "TABLE ")
	db, s, ok := grantName(s)
	if !ok || !strings.HasPrefix(s, ".") {
		return "", false
	}
	table, _, ok := grantName(s[1:])
	return db + "." + table, ok
}

func grantName(s string) (name, rest string, ok bool) {
	if rest, ok = strings.CutPrefix(s, "*"); ok {
		return "*", rest, true
	}
	if !strings.HasPrefix(s, "`") {
		return "", s, false
	}
	for i := 1; i < len(s); i++ {
		if s[i] != '`' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '`' {
			i++
			continue
		}
		return strings.ReplaceAll(s[1:i], "``", "`"), s[i+1:], true
	}
	return "", s, false
}

// Has reports whether a right is held on a table, or, with an empty table and
// database, on the whole server.
func (g Grants) Has(right, db, table string) bool {
	own := func(object string) (held, said bool) {
		rights, ok := g[object]
		if !ok {
			return false, false
		}
		for _, w := range []string{right, "ALL PRIVILEGES", "ALL"} {
			if v, ok := rights[w]; ok {
				held, said = held || v, true
			}
		}
		return held, said
	}
	if held, said := own(db + "." + table); said && table != "" && held {
		return true
	}
	for object := range g {
		pattern, ok := strings.CutSuffix(object, ".*")
		if db == "" || !ok || pattern == "*" || !Like(pattern, db) {
			continue
		}
		if held, said := own(object); said && (held || pattern == db) { // a partial revoke names its database
			return held
		}
	}
	held, _ := own("*.*")
	return held
}

// Like matches a pattern of LIKE: % and _, \ before a character that is meant.
func Like(pattern, s string) bool {
	if pattern == "" {
		return s == ""
	}
	switch c := pattern[0]; {
	case c == '%':
		for i := 0; i <= len(s); i++ {
			if Like(pattern[1:], s[i:]) {
				return true
			}
		}
		return false
	case s == "":
		return false
	case c == '_':
		return Like(pattern[1:], s[1:])
	case c == '\\' && len(pattern) > 1:
		return pattern[1] == s[0] && Like(pattern[2:], s[1:])
	default:
		return c == s[0] && Like(pattern[1:], s[1:])
	}
}
