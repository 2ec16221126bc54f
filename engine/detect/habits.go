package detect

import (
	"slices"
	"strings"

	"honeyrow/engine/sqlfacts"
)

// habits: spellings that tools use to slip through filters.
var habits = Detector{
	ID: "tool-habits", Title: "Spellings that attack tools use",
	Maps: []string{"CWE-89", "T1190", "T1595.002"},
	find: func(x *probe) {
		if x.has(sqlfacts.CommentSplit) {
			x.see(2, "comments instead of blanks")
		}
		if x.has(sqlfacts.MixedCase) {
			x.see(2, "key words in mixed case")
		}
		if x.has(sqlfacts.OddNumber) {
			x.see(2, "a number that runs into a word")
		}
		for _, p := range x.all {
			switch {
			case (p.n.Kind == sqlfacts.Column || p.n.Kind == sqlfacts.Table) && holdsSQL(p.n.Name) && !x.calledSo(p.n.Name):
				x.see(3, "a quoted name that holds SQL")
			case p.n.Kind == sqlfacts.Table && elsewhere(p.n, x.mysql()):
				x.see(3, "a table of another product: "+p.n.Name)
			}
		}
		for _, c := range x.calls {
			if isName(c.n, "make_set", "elt", "procedure analyse", "quarter", "row_count") && c.at.depth == 0 && c.clause == sqlfacts.Where && !(c.n.Name == "row_count" && len(x.facts.Statements) > 1 && x.readsBack(x.facts.Statements[0], c.at.stmt)) {
				x.see(2, c.n.Name)
			}
		}
	},
}

// calledSo reports whether the statement itself calls something by a name: reports
// call columns what they reckon.
func (x *probe) calledSo(name string) bool {
	return slices.ContainsFunc(x.all, func(p place) bool { return p.n.Alias == name })
}

// holdsSQL reports whether a name that was quoted holds pieces of a condition:
// what becomes of text that was meant to close a quote.
func holdsSQL(name string) bool {
	if len(name) < 6 {
		return false
	}
	signs := 0
	for _, s := range []string{"=", "(", " and ", " or ", "--", " select ", ";", "'", " union "} {
		if strings.Contains(name, s) {
			signs++
		}
	}
	return signs >= 2 && strings.Contains(name, " ")
}

// elsewhere names tables that only other products have: tools try them all.
func elsewhere(n *node, mysql bool) bool {
	switch n.Name {
	case "all_users", "rdb$database", "sysusers", "sysobjects", "sysibm.sysdummy1", "sysdummy1", "msysaccessobjects", "all_tables", "sqlite_master":
		return true
	case "dual":
		return !mysql
	}
	return n.Qualifier == "sysibm" || n.Qualifier == "domain"
}
