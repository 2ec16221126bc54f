package seeder

import (
	"cmp"
	"fmt"
	"slices"
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
	parts := st.safetyCosts() + st.namesakeCosts()
	for _, f := range st.mails() {
		if len(st.domains) == 0 {
			continue
		}
		if said := st.domainCosts(f); said != "" {
			st.note("%s", said)
			parts++
		}
	}
	if st.reach = st.reachable(); parts > 1 {
		st.note("together these rules leave %.0f %% of the rows for honey rows to look like: a thief who knows them all gets an AUC of %.2f, whatever else is done", 100*st.reach, 1-st.reach/2)
	}
}

// reachable is the share of the rows of which honey rows can be one as far as these
// rules go.
func (st *study) reachable() float64 {
	n := 0
	for _, can := range st.imitable() {
		if can {
			n++
		}
	}
	return float64(n) / float64(len(st.sample.Rows))
}

// imitable says of each sampled row whether honey rows can be like it, as far as
// these rules go.
func (st *study) imitable() []bool {
	empty, twins := st.emptyRow(), st.namesakes()
	out := make([]bool, len(st.sample.Rows))
	for i, row := range st.sample.Rows {
		out[i] = st.quiet[i] && empty(row) && !twins[i] && st.addressed(row)
	}
	return out
}

// addressed reports whether a row's addresses are such as honey rows have: at the
// owner's domains, or none where rows without serve too.
func (st *study) addressed(row []*string) bool {
	for _, f := range st.mails() {
		if v := row[f.sample]; v == nil && !st.emptied(f) || v != nil && len(st.domains) > 0 && st.domains.of(*v) == "" {
			return false
		}
	}
	return true
}

// namesakes are the sampled rows whose first and last name another has too.
func (st *study) namesakes() map[int]bool {
	out := map[int]bool{}
	if st.first == nil || st.last == nil {
		return out
	}
	rows := map[[2]string][]int{}
	for i, row := range st.sample.Rows {
		if f, l := st.person(row); f != "" && l != "" {
			name := [2]string{strings.ToLower(f), strings.ToLower(l)}
			rows[name] = append(rows[name], i)
		}
	}
	for _, same := range rows {
		for _, i := range same {
			out[i] = len(same) > 1
		}
	}
	return out
}

// namesakeCosts tells of rows whose person is called as another row's: no honey row's
// is, since that would be somebody real. It returns how many rules it told of.
func (st *study) namesakeCosts() int {
	n := 0
	for _, is := range st.namesakes() {
		if is {
			n++
		}
	}
	share := float64(n) / float64(len(st.sample.Rows))
	if share < 0.05 {
		return 0
	}
	st.note("%.0f %% of the rows share first and last name with another, honey rows never do: a thief who knows that gets an AUC of %.2f from it alone", 100*share, 0.5+share/2)
	return 1
}

// safetyCosts tells of rows that are never imitated, for what the application
// would do with honey rows of their kind. It returns how many rules it told of.
func (st *study) safetyCosts() int {
	empty, never := st.emptyRow(), 0
	for i, row := range st.sample.Rows {
		if !st.quiet[i] || !empty(row) {
			never++
		}
	}
	share := float64(never) / float64(len(st.sample.Rows))
	if share < 0.05 || share == 1 {
		return 0
	}
	st.note("%.0f %% of the rows are of a kind that is never imitated (a status that is not at rest, special rights, a value in a column that honey rows leave empty): a thief who knows that gets an AUC of %.2f from it alone", 100*share, 0.5+share/2)
	return 1
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
	if most := st.largest(f); len(most) > 0 {
		more, names := reach, []string(nil)
		for _, one := range most {
			more += one.share
			names = append(names, fmt.Sprintf("%s %.1f %%", one.domain, 100*one.share))
		}
		said += fmt.Sprintf(", and of %s, where most others are, those that are yours (with all of them: %.2f)", strings.Join(names, ", "), 1-more/2)
	}
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

// held is a mail domain, and the share of a table's rows that are at it.
type held struct {
	domain string
	share  float64
}

// largest are the domains that most rows are at beside the owner's, up to three of
// those that hold a row in a hundred or more and could be his.
func (st *study) largest(f *field) (out []held) {
	count := map[string]int{}
	for _, v := range f.seen.Values {
		if _, dom, ok := cutLast(v, '@'); ok && st.domains.of(v) == "" && !strangers.MatchString(strings.ToLower(dom)) {
			count[strings.ToLower(dom)]++
		}
	}
	for dom, n := range count {
		if share := float64(n) / float64(len(st.sample.Rows)); share >= 0.01 {
			out = append(out, held{dom, share})
		}
	}
	slices.SortFunc(out, func(a, b held) int {
		return cmp.Or(cmp.Compare(b.share, a.share), strings.Compare(a.domain, b.domain))
	})
	return out[:min(len(out), 3)]
}
