package detect

import (
	"slices"
	"strings"

	"honeyrow/engine/sqlfacts"
)

// stacked: a second statement behind one of the application's.
var stacked = Detector{
	ID: "stacked-statements", Title: "A second statement behind the first",
	Maps: []string{"CWE-89", "T1190"},
	find: func(x *probe) {
		ss := unlocked(x.facts.Statements)
		if len(ss) < 2 || !isData(ss[0].Kind) {
			return
		}
		// SELECT 1 has no value of anybody's behind which something could be written:
		// drivers ask it first, and send what follows in one batch.
		idle := len(ss) == 2 && ss[0].Kind == sqlfacts.Select && !reads(ss[0]) && !any(ss[0], func(m *node) bool { return m.Kind == sqlfacts.Func || m.Kind == sqlfacts.String })
		for _, s := range ss[1:] {
			switch {
			case s.Kind == sqlfacts.Begin && s.Name == "begin not atomic":
				x.see(3, "a block of statements behind one that reads or writes rows")
				continue
			case s.Kind == sqlfacts.Begin, s.Kind == sqlfacts.Set:
				continue
			}
			if !x.user && reads(ss[0]) && s.Kind == sqlfacts.Show { // who looks at the server, in a batch
				continue
			}
			if followsUp(s) || !x.user && (s.Kind == sqlfacts.Show || s.Kind == sqlfacts.Select) || s.Kind == sqlfacts.Show && len(tablesOf(s)) > 0 && !strange(s, &scope{stmt: ss[0]}) {
				x.see(1, "a second statement")
				continue
			}
			if s.Kind == sqlfacts.Other && s.Name == "notify" && ss[0].Kind != sqlfacts.Select || x.readsBack(ss[0], s) {
				x.see(1, "a second statement")
				continue
			}
			switch s.Kind {
			case sqlfacts.Define, sqlfacts.Grant, sqlfacts.Copy, sqlfacts.Call, sqlfacts.Prepare, sqlfacts.Load:
				x.see(3, "a statement that changes the database, behind one that reads or writes rows")
			case sqlfacts.Insert, sqlfacts.Update, sqlfacts.Delete:
				locked := clauseOf(ss[0], sqlfacts.Locking) != nil && len(tablesOf(s)) > 0 && !strange(s, &scope{stmt: ss[0]})
				if ss[0].Kind == sqlfacts.Select && counts(ss[0], s) {
					x.see(2, "a statement that counts in the row that was read")
				} else if ss[0].Kind == sqlfacts.Select && !(idle && s.Kind == sqlfacts.Insert) && !locked {
					x.see(3, "a statement that writes, behind one that reads")
				} else if to := raises(s); to != nil && oneRow(ss[0]) && endsInLiteral(ss[0]) && strange(s, &scope{stmt: ss[0]}) {
					x.see(1, "several statements that write")
					x.seeWhen(3, "what somebody may do, written behind a statement that writes one row of another table", to)
				} else if oneRow(ss[0]) && s.Kind != sqlfacts.Insert && clauseOf(s, sqlfacts.Where) == nil && strange(s, &scope{stmt: ss[0]}) {
					x.see(3, "all rows of another table written, behind a statement that writes one")
				} else {
					x.see(1, "several statements that write")
				}
			default:
				last := s
				switch {
				case ss[0].Kind == sqlfacts.Select && !idle && any(s, func(m *node) bool {
					return m.Kind == sqlfacts.Insert || m.Kind == sqlfacts.Update || m.Kind == sqlfacts.Delete || m.Kind == sqlfacts.Merge
				}):
					x.see(3, "a statement that writes, behind one that reads")
				case leftover(last):
					x.seeWhen(3, "a text by itself that holds the rest of a statement", func(v Values) bool {
						t, _ := value(targetsOf(last).Args[0], v)
						return t != "" && strings.ContainsAny(t[:1], " ,)")
					})
					x.see(2, "a second statement")
				case s.Kind == sqlfacts.Show && s.Name != "warnings" && s.Name != "errors" && endsInLiteral(ss[0]), s.Kind == sqlfacts.Other && endsInLiteral(ss[0]), s.Kind == sqlfacts.Lock && endsInLiteral(ss[0]) && !strings.HasPrefix(s.Name, "unlock"):
					x.see(3, "a statement about the database, behind one that reads rows")
				case s.Kind == sqlfacts.Explain && endsInLiteral(ss[0]) && strange(s, &scope{stmt: ss[0]}):
					x.see(3, "how another table is read, behind one that reads rows")
				case s.Kind == sqlfacts.Select && clauseOf(s, sqlfacts.Into) != nil && endsInLiteral(ss[0]) && strange(s, &scope{stmt: ss[0]}):
					x.see(3, "another table's data put away, behind one that reads rows")
				case s.Kind == sqlfacts.Select && endsInLiteral(ss[0]) && reads(s) && clauseOf(s, sqlfacts.Where) == nil && strange(s, &scope{stmt: ss[0]}):
					x.see(3, "all of another table, behind a statement that ends in a literal")
				case s.Kind == sqlfacts.Select && ss[0].Kind != sqlfacts.Select && endsInLiteral(ss[0]) && reads(s) && !aggregated(s) && strange(s, &scope{stmt: ss[0]}):
					mine, theirs := literalsIn(clauseOf(s, sqlfacts.Where)), literals(ss[0])
					x.seeWhen(3, "rows of another table, behind a statement that writes and ends in a literal", func(v Values) bool {
						return !slices.ContainsFunc(mine, func(m *node) bool {
							s, ok := value(m, v)
							return ok && slices.ContainsFunc(theirs, func(o *node) bool { t, ok := value(o, v); return ok && s == t })
						})
					})
					x.see(2, "a second statement")
				default:
					x.see(2, "a second statement")
				}
			}
		}
	},
}

// oneRow reports whether a statement writes one row, which it names by its key or
// gives in full.
func oneRow(s *node) bool {
	if v := clauseOf(s, sqlfacts.Values); s.Kind == sqlfacts.Insert {
		return v != nil && len(v.Args) == 1
	}
	w := clauseOf(s, sqlfacts.Where)
	return w != nil && len(w.Args) == 1 && slices.ContainsFunc(parts(w.Args[0]), func(n *node) bool {
		return n.Kind == sqlfacts.Binary && n.Name == "=" && len(n.Args) == 2 && isKey(n.Args[0]) && isLiteral(n.Args[1])
	})
}

// counts reports whether a statement does nothing but count in the row of the table that
// the one before it read: how often something was seen, what is left of it.
func counts(first, s *node) bool {
	t := clauseOf(s, sqlfacts.Targets)
	return s.Kind == sqlfacts.Update && t != nil && len(t.Args) == 1 && namesRowByKey(first) && namesRowByKey(s) && !strange(s, &scope{stmt: first}) && !slices.ContainsFunc(t.Args, func(m *node) bool {
		if m.Kind != sqlfacts.Assign || len(m.Args) != 1 || m.Args[0].Kind != sqlfacts.Binary || !isName(m.Args[0], "+", "-") || len(m.Args[0].Args) != 2 {
			return true
		}
		l, r := m.Args[0].Args[0], m.Args[0].Args[1]
		return l.Kind != sqlfacts.Column || !strings.EqualFold(l.Name, m.Name) || r.Kind != sqlfacts.Number || isMoney(m.Name)
	})
}

// raises returns whether a statement makes somebody more than others, or gives a
// secret that the attacker chose; nil: it does neither.
func raises(s *node) func(Values) bool {
	t := clauseOf(s, sqlfacts.Targets)
	if s.Kind != sqlfacts.Update || t == nil {
		return nil
	}
	for _, m := range t.Args {
		if m.Kind != sqlfacts.Assign || len(m.Args) != 1 || !isLiteral(m.Args[0]) || m.Args[0].Kind == sqlfacts.Null {
			continue
		}
		to := m.Args[0]
		switch {
		case isSecret(m.Name):
			return func(Values) bool { return true }
		case allows(m.Name) && to.Kind == sqlfacts.Bool:
			return func(Values) bool { return to.Name == "true" }
		case allows(m.Name):
			return func(v Values) bool {
				s, _ := value(to, v)
				s = strings.ToLower(s)
				return to.Kind != sqlfacts.String && s != "0" || slices.ContainsFunc([]string{"admin", "root", "owner", "super", "staff", "*"}, func(w string) bool { return strings.Contains(s, w) })
			}
		}
	}
	return nil
}

// allows reports whether a column is called as what says what somebody may do.
func allows(name string) bool {
	switch strings.ToLower(name) {
	case "role", "roles", "role_id", "admin", "is_admin", "is_staff", "is_superuser", "superuser", "permission", "permissions", "privileges", "access_level", "user_type":
		return true
	}
	return false
}

// unlocked leaves a lock that a batch takes first and gives back last out of it.
func unlocked(ss []*node) []*node {
	locks := func(s *node, names ...string) bool {
		return !reads(s) && any(s, func(m *node) bool { return m.Kind == sqlfacts.Func && isName(m, names...) })
	}
	if n := len(ss); n > 2 && locks(ss[0], "get_lock", "pg_advisory_lock", "pg_try_advisory_lock") && locks(ss[n-1], "release_lock", "pg_advisory_unlock") {
		return ss[1 : n-1]
	}
	return ss
}

// followsUp reports whether a statement asks for nothing but what the one before it
// did: its key, its number of rows, the variables that it set.
func followsUp(s *node) bool {
	if s.Kind == sqlfacts.Show {
		return isName(s, "warnings", "errors")
	}
	t := targetsOf(s)
	if s.Kind != sqlfacts.Select || t == nil || reads(s) {
		return false
	}
	tells := false
	return !any(t, func(m *node) bool {
		switch m.Kind {
		case sqlfacts.Func:
			told := isName(m, "found_rows", "last_insert_id", "row_count", "lastval", "currval", "scope_identity")
			tells = tells || told
			return !told && !isName(m, "concat", "if", "ifnull", "coalesce", "cast")
		case sqlfacts.Variable:
			tells = tells || !strings.HasPrefix(m.Name, "@@")
			return strings.HasPrefix(m.Name, "@@")
		case sqlfacts.Query:
			return true
		}
		return false
	}) && tells
}

// readsBack reports whether a statement asks for the row that the one before it
// wrote, by what the server keeps of that: what Entity Framework sends to MySQL.
func (x *probe) readsBack(first, s *node) bool {
	if s.Kind != sqlfacts.Select || first.Kind == sqlfacts.Select || len(inner(s)) > 0 || strange(s, &scope{stmt: first}) {
		return false
	}
	w := clauseOf(s, sqlfacts.Where)
	return w != nil && any(w, func(m *node) bool { return m.Kind == sqlfacts.Func && isName(m, "row_count", "last_insert_id") })
}

// leftover is SELECT 'x', with which a quote that was opened is closed again.
func leftover(s *node) bool {
	t := targetsOf(s)
	return s.Kind == sqlfacts.Select && t != nil && len(t.Args) == 1 && t.Args[0].Kind == sqlfacts.String && t.Args[0].Alias == "" && !reads(s)
}

func isData(k sqlfacts.Kind) bool {
	switch k {
	case sqlfacts.Select, sqlfacts.Union, sqlfacts.Insert, sqlfacts.Update, sqlfacts.Delete:
		return true
	}
	return false
}
