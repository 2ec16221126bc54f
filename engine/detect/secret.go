package detect

import (
	"slices"
	"strings"

	"honeyrow/engine/sqlfacts"
)

// secrets: a column whose name says that it holds a secret is drawn where the
// statement has no business with it. Where a login is checked, it is compared for
// equality; who wants to know it has it returned, or asks for a piece.
var secrets = Detector{
	ID: "secret-columns", Title: "Secrets that the statement has no business with",
	Maps: []string{"CWE-89", "CWE-200", "T1190", "T1213.006"},
	find: func(x *probe) {
		if !x.user {
			return
		}
		for _, q := range x.queries {
			x.secretQuery(q)
			x.mixed(q)
		}
		for _, u := range x.unions {
			x.secretArm(u)
		}
		for _, o := range x.orders {
			if o.Kind == sqlfacts.Order && slices.ContainsFunc(o.Args, drawn) {
				x.see(2, "an order by a secret")
			}
		}
		for _, a := range x.arms {
			x.secretAsked(a)
		}
		x.secretCounted()
		for _, p := range x.all {
			x.renamed(p)
		}
		for i, s := range x.facts.Statements {
			if i > 0 && isData(x.facts.Statements[0].Kind) && isData(s.Kind) && drawn(s) && strange(s, &scope{stmt: x.facts.Statements[0]}) {
				x.secretBehind(x.facts.Statements[0], s)
			}
			x.secretCopied(s)
			x.secretOverwritten(s)
		}
	},
}

// secretBehind is a statement about a secret of another table behind the first one: a
// row that is written with one is part of something new where it names what the first
// statement wrote.
func (x *probe) secretBehind(first, s *node) {
	if s.Kind != sqlfacts.Insert || first.Kind != sqlfacts.Insert || clauseOf(s, sqlfacts.Values) == nil || anyQuery(s) {
		x.see(3, "a secret of another table, in a statement behind the first")
		return
	}
	mine, theirs := literals(s), literals(first)
	x.seeWhen(3, "a secret of another table, in a statement behind the first", func(v Values) bool {
		return !slices.ContainsFunc(mine, func(m *node) bool {
			n, ok := number(m, v)
			return ok && n > 1 && slices.ContainsFunc(theirs, func(o *node) bool { t, ok := number(o, v); return ok && n == t })
		})
	})
}

// secretQuery judges a sub-query.
func (x *probe) secretQuery(q query) {
	set := q.at.stmt.Kind == sqlfacts.Set
	if t := targetsOf(q.n); q.at.depth == 0 && q.clause == sqlfacts.Targets && q.at.stmt.Kind == sqlfacts.Select && t != nil && reads(q.n) && strange(q.n, q.at) && slices.ContainsFunc(columnsOf(t), func(c *node) bool { return isPassword(c.Name) }) && !aggregated(q.n) && !referred(q.n) {
		x.see(3, "a password of another table beside each row")
		return
	}
	if q.at.depth > 0 || !reads(q.n) || !drawn(q.n) || !closed(q.n, q.at) {
		return
	}
	if !set && !strange(q.n, q.at) {
		x.secretOwn(q)
		return
	}
	if t := clauseOf(q.at.stmt, sqlfacts.Targets); t != nil && holdsSecrets(t) {
		x.see(1, "a secret of another table, for one of the statement's own")
		return
	}
	x.see(3, "a secret of another table, in a sub-query")
}

// referred reports whether a sub-query is tied to the row by a column that refers to
// its table: user_id to users.
func referred(q *node) bool {
	tables := tablesOf(q)
	return any(q, func(m *node) bool {
		return m.Kind == sqlfacts.Binary && m.Name == "=" && len(m.Args) == 2 && m.Args[0].Kind == sqlfacts.Column && m.Args[1].Kind == sqlfacts.Column && (refers(m.Args[0].Name, tables) || refers(m.Args[1].Name, tables))
	})
}

// secretOwn judges a sub-query over the statement's own table that draws a secret
// into its condition: who checks one compares it with what was given.
func (x *probe) secretOwn(q query) {
	if q.clause != sqlfacts.Where || len(q.n.Args) == 0 || clauseOf(q.n.Args[0], sqlfacts.Where) == nil || clauseOf(q.n.Args[0], sqlfacts.Group) != nil {
		return
	}
	t := targetsOf(q.n)
	if t == nil || !holdsSecrets(t) || q.in != nil && q.in.Kind == sqlfacts.Binary && q.in.Args[0].Kind == sqlfacts.Column && len(t.Args) == 1 && t.Args[0].Kind == sqlfacts.Column && !isPassword(t.Args[0].Name) {
		return
	}
	x.see(3, "a secret of the statement's own table, in a sub-query of its condition")
}

// holdsSecrets reports whether a statement's own targets, its sub-queries left
// out, are secrets.
func holdsSecrets(t *node) bool {
	found := false
	each(t, func(m *node) bool {
		found = found || (m.Kind == sqlfacts.Column || m.Kind == sqlfacts.Assign) && isSecret(m.Name)
		return m.Kind != sqlfacts.Query
	})
	return found
}

// secretArm judges the later arms of a UNION.
func (x *probe) secretArm(u *node) {
	if len(u.Args) < 2 || drawn(u.Args[0]) || len(tablesOf(u.Args[0])) == 0 {
		return
	}
	for _, a := range u.Args[1:] {
		if l, r := shapeOf(u.Args[0], x.mysql()), shapeOf(a, x.mysql()); l.labelled && r.labelled && l.sums && r.sums { // a report that counts
			continue
		}
		if isStatement(a.Kind) && drawn(a) {
			x.see(3, "a secret, in an arm of its own")
		}
	}
}

// secretAsked judges a condition: a password asked for by pattern, order or piece,
// and a secret compared with another table's column.
func (x *probe) secretAsked(a arm) {
	n := a.n
	if n.Kind == sqlfacts.Func && isName(n, "regexp_like", "starts_with", "regexp_instr", "instr", "locate", "strpos") && !x.sole(a) && slices.ContainsFunc(n.Args, func(m *node) bool { return m.Kind == sqlfacts.Column && isPassword(m.Name) }) && slices.ContainsFunc(n.Args, isLiteral) {
		x.see(3, "a password asked for by a piece of it")
		return
	}
	if n.Kind != sqlfacts.Binary || len(n.Args) < 2 {
		return
	}
	l, r := n.Args[0], n.Args[1]
	if l.Kind == sqlfacts.Column && isPassword(l.Name) && r.Kind == sqlfacts.String && a.of.stmt.Kind == sqlfacts.Select && !a.or && x.named(a) {
		switch {
		case isName(n, "<>", "!=", "is distinct from"), n.Name == "=" && a.not:
			x.seeWhen(3, "any password but one, of somebody who is named", func(v Values) bool { s, _ := value(r, v); return s != "" })
		case isName(n, ">", ">=", "like", "ilike", "~") && !a.not:
			x.seeWhen(3, "any password, of somebody who is named", func(v Values) bool { s, _ := value(r, v); return strings.Trim(s, "%.*^") == "" })
		}
	}
	if isComparison(n.Name) && l.Kind == sqlfacts.Column && r.Kind == sqlfacts.Column && l.Qualifier != r.Qualifier && isSecret(l.Name) != isSecret(r.Name) {
		x.see(3, "a secret compared with a column that holds none")
		return
	}
	counts := slices.ContainsFunc(columnsOf(l), func(c *node) bool { return isSecret(c.Name) }) && x.counts(a)
	if counts && l.Kind == sqlfacts.Column && telling(l.Name) && !x.ofOne(a) && r.Kind == sqlfacts.String && n.Name == "like" {
		x.seeWhen(3, "a secret asked for by a piece of it", func(v Values) bool { // but how many cards of a bank or accounts of a country there are
			s, _ := value(r, v)
			kind := strings.TrimRight(s, "%")
			return kind == s || strings.Contains(kind, "%") || len(kind) > 6
		})
		return
	}
	if !counts && (!slices.ContainsFunc(columnsOf(l), func(c *node) bool { return isPassword(c.Name) }) || x.sole(a)) || r.Kind != sqlfacts.String && r.Kind != sqlfacts.Number {
		return
	}
	switch {
	case isName(n, "like", "ilike", "rlike", "regexp", "~", "~*", "~~", "similar to", "<", ">", "<=", ">=", "between", "like binary") && r.Kind == sqlfacts.String:
		x.seeWhen(3, "a password asked for by a piece of it", func(v Values) bool {
			s, _ := value(r, v)
			if kind := strings.TrimRight(s, "%"); counts && kind != s && len(kind) > 2 && strings.ContainsAny(kind[len(kind)-1:], "_-") { // sk_test_%: how many of one kind
				return false
			}
			s = strings.Trim(s, "^%_.*")
			return s != "" && !strings.ContainsAny(s, "${:}")
		})
	case l.Kind == sqlfacts.Func && isName(l, "left", "substr", "substring") && n.Name == "=" && r.Kind == sqlfacts.String:
		x.seeWhen(3, "a password asked for by a piece of it", func(v Values) bool { // but by what says how it was made
			s, _ := value(r, v)
			return !strings.HasPrefix(s, "$") && !strings.HasPrefix(s, "{")
		})
	case l.Kind == sqlfacts.Func && isName(l, "substr", "substring", "mid", "left", "right", "ascii", "ord"):
		x.see(3, "a password asked for by a piece of it")
	}
}

// ofOne reports whether the statement that an arm is of names a row, by its key or by
// an owner's, or somebody by a text.
func (x *probe) ofOne(a arm) bool {
	return slices.ContainsFunc(x.arms, func(o arm) bool {
		return o.n != a.n && !o.not && o.n.Kind == sqlfacts.Binary && isName(o.n, "=", "in") && len(o.n.Args) > 1 && (isKey(o.n.Args[0]) || isOwner(o.n.Args[0]) || o.n.Args[0].Kind == sqlfacts.Column && (labels(o.n.Args[0].Name) || isPersonal(o.n.Args[0].Name)))
	})
}

// secretCounted is a password that rows are grouped by a piece of, or of which the
// first or the last is shown.
func (x *probe) secretCounted() {
	of := func(n *node) bool { return n.Kind == sqlfacts.Column && isPassword(n.Name) }
	kept := func(n *node) bool { // what several of are sent to: the tokens of somebody's devices
		return n.Kind == sqlfacts.Column && isSecret(n.Name) && !strings.Contains(strings.ToLower(n.Name), "token")
	}
	for _, o := range x.orders {
		if o.Kind == sqlfacts.Group && slices.ContainsFunc(o.Args, func(n *node) bool {
			return n != nil && n.Kind == sqlfacts.Func && isName(n, "substr", "substring", "mid", "left", "right", "ascii", "ord", "md5") && slices.ContainsFunc(n.Args, of)
		}) {
			x.see(3, "grouped by a piece of a password")
		}
	}
	for _, c := range x.calls {
		if isName(c.n, "max", "min", "string_agg", "group_concat", "array_agg") && c.clause == sqlfacts.Targets && len(c.n.Args) > 0 && of(c.n.Args[0]) {
			x.see(3, c.n.Name+" of passwords")
		} else if isName(c.n, "string_agg", "group_concat", "array_agg", "json_agg", "jsonb_agg", "json_arrayagg") && c.clause == sqlfacts.Targets && c.at.depth == 0 && c.at.stmt.Kind == sqlfacts.Select && len(c.n.Args) > 0 && kept(c.n.Args[0]) {
			x.see(3, c.n.Name+" of secrets")
		}
	}
}

// named reports whether the condition that an arm is of compares a text column with
// a text: who logs in.
func (x *probe) named(a arm) bool {
	return slices.ContainsFunc(x.arms, func(o arm) bool {
		return o.of == a.of && o.n != a.n && !o.not && o.n.Kind == sqlfacts.Binary && o.n.Name == "=" && len(o.n.Args) == 2 && o.n.Args[0].Kind == sqlfacts.Column && !isSecret(o.n.Args[0].Name) && o.n.Args[1].Kind == sqlfacts.String
	})
}

// counts reports whether the statement around a condition returns nothing but how
// many rows fulfil it.
func (x *probe) counts(a arm) bool {
	s := a.of
	for s.outer != nil {
		s = s.outer
	}
	t := clauseOf(s.stmt, sqlfacts.Targets)
	return t != nil && len(t.Args) == 1 && t.Args[0].Kind == sqlfacts.Func && t.Args[0].Name == "count"
}

// secretCopied is INSERT ... SELECT of secrets into columns that hold none.
func (x *probe) secretCopied(s *node) {
	to := clauseOf(s, sqlfacts.Targets)
	if s.Kind != sqlfacts.Insert || to == nil || len(to.Args) == 0 || slices.ContainsFunc(to.Args, func(m *node) bool { return isSecret(m.Name) }) {
		return
	}
	for _, q := range s.Args {
		if q == nil || q.Kind != sqlfacts.Select {
			continue
		}
		if t := clauseOf(q, sqlfacts.Targets); t != nil && slices.ContainsFunc(t.Args, func(m *node) bool { return m.Kind == sqlfacts.Column && isSecret(m.Name) }) {
			x.see(3, "secrets copied to where none are kept")
		}
	}
}

// telling reports whether a column holds numbers that begin with what they are of: a
// bank, a country.
func telling(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"card", "iban", "cc_num"}, func(s string) bool { return strings.Contains(name, s) })
}

// isPassword reports whether a column is called as passwords are.
func isPassword(name string) bool {
	name = strings.ToLower(name)
	if tellsAbout(name) {
		return false
	}
	return strings.Contains(name, "passw") || strings.Contains(name, "pwd") || name == "pass" || name == "user_pass"
}

// drawn reports whether a secret column is asked for, by whatever is not a check
// for equality or for being there.
func drawn(n *node) bool {
	switch {
	case n == nil:
		return false
	case n.Kind == sqlfacts.Column:
		return isSecret(n.Name)
	case n.Kind == sqlfacts.Binary && isName(n, "=", "in", "<=>", "is", "<>", "!=") && len(n.Args) > 1:
		for _, a := range n.Args {
			if a != nil && a.Kind != sqlfacts.Column && drawn(a) {
				return true
			}
		}
		return false
	}
	return slices.ContainsFunc(n.Args, drawn)
}

// isSecret reports whether a column is called as secrets are.
func isSecret(name string) bool {
	name = strings.ToLower(name)
	if tellsAbout(name) {
		return false
	}
	for _, s := range [...]string{"passw", "passhash", "pass_hash", "pwd", "secret", "credential", "apikey", "api_key", "private_key", "card_number", "cardnumber", "card_no", "cc_num", "creditcard", "credit_card", "cvv", "cvc", "iban", "ssn", "token"} {
		if strings.Contains(name, s) {
			return true
		}
	}
	return name == "pass" || name == "user_pass" || name == "pin" || name == "salt"
}

// tellsAbout reports whether a column, by its name, holds when, how often, whether or
// of whom, and not the secret itself: password_changed_at, token_type, api_key_id.
func tellsAbout(name string) bool {
	for _, s := range [...]string{"_at", "_on", "_id", "_date", "_time", "_until", "_expires", "_expiry", "_age", "_count", "_attempts", "_tries", "_type", "_kind", "_length", "_enabled", "_required", "_changed", "_reset", "_set", "_status", "_valid", "_verified", "_version", "_name", "_label", "_prefix"} {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	for _, s := range [...]string{"is_", "has_", "must_", "needs_", "num_", "no_of_", "failed_"} {
		if strings.HasPrefix(name, s) {
			return true
		}
	}
	return false
}
