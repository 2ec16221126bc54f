package seeder

import (
	"fmt"
	"strings"
)

// enough is the content's AUC that is aimed at, and so the share of the rows that
// honey rows must be able to look like.
const enough = 0.60

// costs notes what a thief who knows the rules gets of these alone, whatever else
// is done: honey rows that can only stand in a share s of the table's rows are
// found with an AUC of 1 - s/2 by whoever knows which share.
func (st *study) costs() {
	if len(st.sample.Rows) < leastSample || st.kin != nil {
		return
	}
	st.safetyCosts()
	for _, f := range st.mails() {
		if len(st.domains) == 0 {
			continue
		}
		if said := st.domainCosts(f); said != "" {
			st.note("%s", said)
		}
	}
}

// safetyCosts tells of rows that are never imitated, for what the application
// would do with honey rows of their kind.
func (st *study) safetyCosts() {
	empty, never := st.emptyRow(), 0
	for i, row := range st.sample.Rows {
		if !st.quiet[i] || !empty(row) {
			never++
		}
	}
	share := float64(never) / float64(len(st.sample.Rows))
	if share >= 0.05 && share < 1 {
		st.note("%.0f %% of the rows are of a kind that is never imitated (a status that is not at rest, a value in a column that honey rows leave empty): a thief who knows that gets an AUC of %.2f from it alone", 100*share, 0.5+share/2)
	}
}

// domainCosts tells what it costs that addresses must be at the owner's domains,
// and what would improve it; "" if next to nothing.
func (st *study) domainCosts(f *field) string {
	own, none := map[string]int{}, 0
	for _, row := range st.sample.Rows {
		if row[f.sample] == nil {
			none++
		} else if dom := st.domains.of(*row[f.sample]); dom != "" {
			own[dom]++
		}
	}
	all, at := float64(len(st.sample.Rows)), 0
	var parts []string
	for _, dom := range st.domains {
		at += own[dom]
		parts = append(parts, fmt.Sprintf("%s %.1f %%", dom, 100*float64(own[dom])/all))
	}
	share, empty := float64(at)/all, float64(none)/all
	said := fmt.Sprintf("column %s: your mail domains are at %.0f %% of the rows (%s)", f.Name, 100*share, strings.Join(parts, ", "))
	reach := share
	if none > 0 {
		said += fmt.Sprintf(", %.0f %% have no address", 100*empty)
		if st.emptied(f) {
			reach += empty
			said += ", as honey rows in proportion"
		}
	}
	if reach > 0.98 {
		return ""
	}
	said += fmt.Sprintf(": a thief who knows the domains gets an AUC of at least %.2f from that alone", 1-reach/2)
	if 1-reach/2 <= enough {
		return said
	}
	said += fmt.Sprintf("; %.2f needs %.0f %%. What helps: list all domains of yours that rows are at (seed.domain takes several)", enough, 200*(1-enough))
	if !f.NotNull && empty > reach {
		said += fmt.Sprintf("; leave the address empty (columns: %s.%s: null), %.2f", st.table.Name, f.Name, 1-empty/2)
	}
	return said + "; or plant in tables whose addresses are at a domain of yours instead, and a decoy table beside this one"
}

// emptied reports whether rows without this address are among the templates.
func (st *study) emptied(f *field) bool {
	for _, i := range st.pool {
		if st.sample.Rows[i][f.sample] == nil {
			return true
		}
	}
	return false
}
