package seeder

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"honeyrow/seeder/generate"
	"honeyrow/token"
)

// rank orders the sample's rows by how good a template each is: it holds
// something in the columns that prove most, its status is at rest, and it is
// rich or powerful. Where a date grows with the key, only rows qualify whose
// other dates are close to it.
func (st *study) rank(now time.Time) {
	type scored struct {
		row   int
		score float64
	}
	var rest, all []scored
	st.pool, st.restless = nil, false
	inert := st.restful()
	for i, row := range st.sample.Rows {
		if slices.ContainsFunc(st.unread, func(un func([]*string) bool) bool { return un(row) }) {
			continue
		}
		sc := scored{i, st.score(row)}
		all = append(all, sc)
		calm := true
		for _, f := range inert {
			calm = calm && (row[f.sample] != nil && st.atRest(f, *row[f.sample]) || row[f.sample] == nil && f.entitles())
		}
		if calm {
			rest = append(rest, sc)
		}
	}
	switch {
	case len(inert) == 0:
	case len(rest) > 0:
		all = rest
		for _, f := range inert {
			said := onlyAtRest
			if f.entitles() {
				said = onlyOrdinary
			}
			if !strings.HasSuffix(f.plan.Why, said) {
				f.plan.Why += said
			}
		}
	default:
		st.note("%s: check that nothing acts on the honey rows", noneAtRest)
		st.restless = true
	}
	st.quiet = map[int]bool{}
	for _, sc := range all {
		st.quiet[sc.row] = true
	}
	if st.inOrder != nil && !st.anyAge {
		var young []scored
		for _, sc := range all {
			if st.span(st.sample.Rows[sc.row], now) {
				young = append(young, sc)
			}
		}
		if len(young) >= 5 {
			all = young
		}
	}
	// Rows that are like many others, if there are enough: what only the template
	// holds would stand there twice, the rows at the decoy domain are not of the
	// same kind as those at domains of their own, and what is left empty is best
	// missed least.
	for _, like := range []func(row []*string) bool{st.atDomain(), st.usualRow(), st.emptyRow()} {
		var some []scored
		for _, sc := range all {
			if like(st.sample.Rows[sc.row]) {
				some = append(some, sc)
			}
		}
		if len(some) >= leastPool {
			all = some
		}
	}
	sort.SliceStable(all, func(a, b int) bool { return all[a].score > all[b].score })
	// All of them serve: templates that are the richest or the most powerful
	// would be what honey rows are known by.
	if len(all) > 0 && all[0].score >= 10 { // but a row without anything to watch makes a honey row that nobody notices
		var rich []scored
		for _, sc := range all {
			if sc.score >= 3 || st.baited(st.sample.Rows[sc.row]) {
				rich = append(rich, sc)
			}
		}
		if len(rich) >= 5 {
			all = rich
		}
	}
	for _, sc := range all {
		st.pool = append(st.pool, sc.row)
	}
}

const (
	noneAtRest   = "no sampled row is at rest and without special rights in all its columns that tell"
	onlyAtRest   = "; only rows at rest are templates"
	onlyOrdinary = "; only rows without special rights are templates"
)

// leastPool is how many templates have to be left for others to be passed over.
const leastPool = 40

// atDomain says which rows are at a decoy mail domain, or have no address but
// something else by which a theft is noticed.
func (st *study) atDomain() func(row []*string) bool {
	mails := st.mails()
	return func(row []*string) bool {
		none := len(mails) > 0
		for _, f := range mails {
			v := row[f.sample]
			if v != nil && st.domains.of(*v) != "" {
				return true
			}
			none = none && v == nil
		}
		return none && st.baited(row)
	}
}

// baited reports whether a template without an address makes a honey row that
// counts anywhere, or if the table was named one that is noticed by several of
// its values together.
func (st *study) baited(row []*string) bool {
	n := 0
	for _, f := range st.columns {
		if f.plan.Watch && f.plan.Kind != "email" && f.sample >= 0 && row[f.sample] != nil && *row[f.sample] != "" {
			if f.plan.Strength == token.Strong {
				return true
			}
			n++
		}
	}
	return st.named && n >= leastBaits
}

// leastBaits is how many weak values have to stand in a honey row that has no
// better.
const leastBaits = 2

// usualRow says in which rows all that a honey row takes over stands in other
// rows too.
func (st *study) usualRow() func(row []*string) bool {
	type kept struct {
		at    int
		count map[string]int
	}
	var all []kept
	for _, f := range st.columns {
		if f.sample < 0 || !f.keeps() {
			continue
		}
		if _, free := st.around(f); free {
			continue
		}
		k := kept{f.sample, map[string]int{}}
		repeats := 0
		for _, v := range f.seen.Values {
			if k.count[v]++; k.count[v] == 2 {
				repeats++
			}
		}
		for v := range f.often {
			k.count[v] = max(k.count[v], 2)
		}
		// Names of firms are new ones: where most stand once, so do those.
		if repeats > 0 && (f.plan.Kind != "company" || f.plan.Source == Copied || shares(f.seen.Values)) {
			all = append(all, k)
		}
	}
	return func(row []*string) bool {
		for _, k := range all {
			if v := row[k.at]; v != nil && k.count[*v] < 2 {
				return false
			}
		}
		return true
	}
}

// emptyRow says which rows hold nothing in the columns that honey rows leave
// empty.
func (st *study) emptyRow() func(row []*string) bool {
	return func(row []*string) bool {
		for _, f := range st.columns {
			if f.sample >= 0 && (f.plan.Source == Null || f.plan.Source == Default && f.Default == "") && row[f.sample] != nil {
				return false
			}
		}
		return true
	}
}

// atRest reports whether nothing acts on a row because of this status. Of people
// who buy or use something, those in good standing are at rest too: a customer
// who is active is no work that waits to be done, as an open order is, a new
// lead or an employee who is paid each month.
func (st *study) atRest(f *field, v string) bool {
	if f.entitles() {
		return f.ordinary(v)
	}
	if f.settled[v] {
		return true
	}
	v = f.says(v)
	if generate.Inert(f.Name, v) {
		return !f.onward(v)
	}
	if !st.people() ||
		generate.HasPhrase(f.Name, "payment", "billing", "subscription", "order", "invoice", "dunning") {
		return false
	}
	on := v == "t" || v == "true" || v == "1" || v == "Y" || v == "yes"
	return generate.HasPhrase(v, "active", "enabled", "verified", "confirmed", "regular", "normal", "current", "aktiv", "paused", "on hold") && !generate.HasPhrase(v, "not", "un", "never", "pending", "in") ||
		on && generate.HasPhrase(f.Name, "active", "enabled")
}

// people reports whether a table's rows are people who buy or use something.
func (st *study) people() bool {
	return generate.HasPhrase(st.table.Name, "customer", "customers", "user", "users", "member", "members", "contact", "contacts", "client", "clients", "people", "person", "persons", "patient", "patients", "profile", "profiles", "kunde", "kunden", "personen")
}

// span reports whether all dates of a row still lie in the past if its date
// that grows with the key becomes the newest: a new row has no long history.
func (st *study) span(row []*string, now time.Time) bool {
	if row[st.inOrder.sample] == nil {
		return false
	}
	at, _, ok := generate.ParseTime(*row[st.inOrder.sample])
	if !ok {
		return false
	}
	room := max(now.Sub(st.latest), 24*time.Hour)
	for _, f := range st.columns {
		if f.plan.Kind == "timestamp" && f.sample >= 0 && row[f.sample] != nil {
			if t := newest([]string{*row[f.sample]}, now); !t.IsZero() && t.Sub(at) > room {
				return false
			}
		}
	}
	return true
}

// restful returns the status columns some of whose sampled values are at rest, and
// those that say what a person may do.
func (st *study) restful() (out []*field) {
	for _, f := range st.columns {
		if f.sample < 0 || !f.acts() && !f.entitles() {
			continue
		}
		for _, v := range f.seen.Values {
			if st.atRest(f, v) {
				out = append(out, f)
				break
			}
		}
	}
	return out
}

func (st *study) score(row []*string) float64 {
	s := 0.0
	for _, f := range st.columns {
		if f.gen == nil || f.sample < 0 || row[f.sample] == nil || *row[f.sample] == "" {
			continue
		}
		v := *row[f.sample]
		switch {
		case f.plan.Strength == token.Strong && f.plan.Watch:
			s += 10
		case f.plan.Strength == token.Firm && f.plan.Watch:
			s += 3
		case f.plan.Kind == "salary" || f.plan.Kind == "balance":
			s += 2 * f.quantile(v)
		case f.plan.Kind == "title" && generate.Privileged(v):
			s += 2
		case f.plan.Kind == "role" && generate.Privileged(v):
			s--
		}
	}
	return s
}

// quantile returns the share of a column's values that are numbers no greater
// than v.
func (f *field) quantile(v string) float64 {
	x, err := strconv.ParseFloat(v, 64)
	if err != nil || len(f.seen.Values) == 0 {
		return 0
	}
	if f.sorted == nil {
		f.sorted = []float64{}
		for _, w := range f.seen.Values {
			if y, err := strconv.ParseFloat(w, 64); err == nil && !math.IsNaN(y) {
				f.sorted = append(f.sorted, y)
			}
		}
		slices.Sort(f.sorted)
	}
	n, _ := slices.BinarySearchFunc(f.sorted, x, func(y, x float64) int { // the first that is greater
		if y <= x {
			return -1
		}
		return 1
	})
	return float64(n) / float64(len(f.seen.Values))
}

// grows returns the date column that grows with an integer key, or nil.
func (st *study) grows() *field {
	var key *field
	for _, f := range st.columns {
		if (f.plan.Source == Drawn || f.plan.Source == Next) && f.sample >= 0 {
			key = f
			break
		}
	}
	if key == nil {
		return nil
	}
	for _, f := range st.columns {
		if f.gen == nil || f.plan.Kind != "timestamp" || f.sample < 0 {
			continue
		}
		type pair struct {
			key int64
			at  time.Time
		}
		var ps []pair
		for _, row := range st.sample.Rows {
			if row[key.sample] == nil || row[f.sample] == nil {
				continue
			}
			k, err := strconv.ParseInt(*row[key.sample], 10, 64)
			t, _, ok := generate.ParseTime(*row[f.sample])
			if err == nil && ok {
				ps = append(ps, pair{k, t})
			}
		}
		sort.Slice(ps, func(a, b int) bool { return ps[a].key < ps[b].key })
		up := 0
		for i := 1; i < len(ps); i++ {
			if !ps[i].at.Before(ps[i-1].at) {
				up++
			}
		}
		if len(ps) >= 10 && 100*up >= 97*(len(ps)-1) {
			return f
		}
	}
	return nil
}

// newest returns the latest time of a column that is not in the future.
func newest(values []string, now time.Time) time.Time {
	var latest time.Time
	for _, v := range values {
		if t, _, ok := generate.ParseTime(v); ok && t.After(latest) && !t.After(now) && !generate.Sentinel(t) {
			latest = t
		}
	}
	return latest
}

// shift says by how much all dates of the nth of total rows made from this
// template row move. Where a date grows with the key, it becomes the newest,
// and dates after it are drawn nearer; else the row moves by up to six weeks.
// No date that lay in the past passes now.
func (st *study) shift(r *rand.Rand, g *generate.Row, row []*string, n, total int) {
	const day = 24 * time.Hour
	_, latest := st.past(row, g.Now)
	g.Shift = time.Duration(1+r.IntN(45))*day + time.Duration(r.Int64N(int64(time.Hour)))
	back := -time.Duration(1+r.IntN(45))*day + time.Duration(r.Int64N(int64(time.Hour)))
	if r.IntN(2) == 0 || latest.Add(g.Shift).After(g.Now) {
		g.Shift = back
	}
	f := st.inOrder
	if f == nil || row[f.sample] == nil || st.latest.IsZero() {
		return
	}
	at, _, ok := generate.ParseTime(*row[f.sample])
	if !ok || generate.Sentinel(at) {
		return
	}
	room := min(g.Now.Sub(st.latest), 3*day)
	part := room / time.Duration(total+1)
	target := st.latest.Add(part * time.Duration(n+1))
	if part > time.Minute {
		target = target.Add(time.Duration(r.Int64N(int64(part / 2))))
	}
	g.Shift = target.Sub(at) + time.Duration(r.Int64N(int64(time.Second)))
	if left, span := g.Now.Sub(target), latest.Sub(at); span > left && span > 0 {
		g.Anchor, g.Scale = at, max(float64(left)*(0.2+0.7*r.Float64())/float64(span), 1e-9)
	}
}

// past returns the first and the last date of a row that lie in the past, zero
// if there is none.
func (st *study) past(row []*string, now time.Time) (first, last time.Time) {
	for _, f := range st.columns {
		if f.plan.Kind != "timestamp" || f.sample < 0 || row[f.sample] == nil {
			continue
		}
		at := newest([]string{*row[f.sample]}, now)
		if at.IsZero() {
			continue
		}
		if first.IsZero() || at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
	}
	return first, last
}

// after moves a row's dates behind those of the row that it hangs on: a card
// is no older than its customer.
func (st *study) after(r *rand.Rand, g *generate.Row, row []*string, born time.Time) {
	first, last := st.past(row, g.Now)
	if born.IsZero() || first.IsZero() || !first.Add(g.Shift).Before(born) || !born.Before(g.Now) {
		return
	}
	target := born.Add(time.Duration(r.Float64() * 0.5 * float64(g.Now.Sub(born))))
	g.Shift = target.Sub(first).Truncate(time.Second)
	if left, span := g.Now.Sub(target), last.Sub(first); span > left && span > 0 {
		g.Anchor, g.Scale = first, max(float64(left)*(0.2+0.7*r.Float64())/float64(span), 1e-9)
	}
}
