package seeder

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"honeyrow/seeder/generate"
	"honeyrow/token"
)

// draft is a plan in the making.
type draft struct {
	foreigners        []*study        // a table that names persons and their countries, once looked for
	looked            map[*Table]bool // for which tables it was
	s                 *Seeder
	o                 *Options
	canaries, perches []Canary // all, and those that stand in no honey row yet
	deep              bool     // rows that point at children are read too, for a measurement
	cat               *Catalog
	now               time.Time
	taken             map[string]bool // values of registered tokens that count anywhere
	// searched are drawn values that were looked for in the whole database,
	// elsewhere those that stand there, with a column that holds them.
	searched  map[string]bool
	elsewhere map[string]string
	most      map[*Table]int // rows, where not all that were asked for can be drawn
	snap      *token.Snapshot
	studies   []*study               // in the order of insertion
	picks     map[*study][]int       // templates
	slots     map[*study][]slot      // numbers for Gap keys, beside the templates
	others    map[*study][][]*hand   // rows of other runs, to learn from
	children  map[*ForeignKey]*brood // that point at sampled rows
	tables    []*TablePlan
	hands     map[*study][]*hand // behind tables' rows
	position  map[*Table]int
	spare     map[*ForeignKey][]int64 // keys of rows that no row points at, for honey rows to point at
	pens      map[*study][]*pen       // numbers for the relatives of a table's honey rows
	run       []*hand                 // the run that is being drawn
}

const maxDraws = 12 // of one row

// table draws all honey rows of a study.
func (d *draft) table(ctx context.Context, st *study) (*TablePlan, error) {
	t := st.table
	tp := &TablePlan{Schema: t.Schema, Table: t.Name, Why: st.chosen, Estimate: t.Rows, Sampled: len(st.sample.Rows), Key: t.Primary(), Lasting: t.Lasting != "", Untried: !st.contained()}
	for _, f := range st.columns {
		tp.Columns = append(tp.Columns, f.plan)
	}
	for _, tr := range t.Triggers {
		if tr.OnInsert && tr.Enabled != "no" {
			line := fmt.Sprintf("%s runs %s (%s)", tr.Name, tr.Function, tr.Language)
			if tr.Enabled != "yes" {
				line += ", enabled " + tr.Enabled
			}
			tp.Triggers = append(tp.Triggers, line)
		}
	}
	tp.Stirs = d.cat.stirs(t)
	r := generate.New(d.o.Seed, t.String())
	tp.For = st.forTable()
	templates, owners, err := d.templates(ctx, st)
	if err != nil {
		return nil, err
	}
	n := len(templates)
	if most := d.most[t]; most > 0 {
		n = min(n, most)
	}
	links, err := d.links(ctx, st, r, &n)
	if err != nil {
		return nil, err
	}
	next, err := d.next(ctx, st, n)
	if err != nil {
		return nil, err
	}
	if err := d.last(ctx, st); err != nil {
		return nil, err
	}
	if err := d.numbering(ctx, st); err != nil {
		return nil, err
	}
	if err := d.vacancies(ctx, st); err != nil {
		return nil, err
	}
	links.owners = owners
	if err := d.openPens(ctx, st); err != nil {
		return nil, err
	}
	if err := d.peers(ctx, st); err != nil {
		return nil, err
	}
	if err := d.baskets(ctx, st); err != nil {
		return nil, err
	}
	hands := make([]*hand, n)
	d.hands[st], d.run = nil, hands
	for _, i := range d.byNeed(st, templates[:n]) {
		if hands[i], err = d.deal(st, r, templates[i], i, n, links, next, nil); err != nil {
			return nil, err
		}
	}
	tp.Rows = rowsOf(hands)
	if err := d.distinct(ctx, st, tp, hands, r); err != nil {
		return nil, err
	}
	d.hands[st] = hands
	d.total(st)
	if err := d.disguise(ctx, st, tp, r, links, next); err != nil {
		return nil, err
	}
	if err := d.attend(st); err != nil {
		return nil, err
	}
	d.perch(st, tp.Rows)
	st.costs()
	tp.Reach = st.reach
	err = d.worth(st, tp)
	tp.Warnings = slices.Concat(t.Warnings, t.later(), st.warn)
	return tp, err
}

// distinct draws values again until each watched one is unique.
func (d *draft) distinct(ctx context.Context, st *study, tp *TablePlan, hands []*hand, r *rand.Rand) error {
	for attempt := 0; ; attempt++ {
		bad, err := d.clashes(ctx, st, tp, nil, attempt)
		if err == nil && attempt < maxDraws {
			var late []clash
			late, err = d.overtakes(ctx, st, hands)
			bad = append(bad, late...)
		}
		if err != nil || len(bad) == 0 {
			return err
		}
		if attempt == maxDraws {
			return d.fewer(st, len(tp.Rows)-rowsIn(bad), "no value that is unique in the table was found for %s in %d draws", strings.Join(columnsOf(bad), ", "), maxDraws)
		}
		for _, c := range bad {
			if err := hands[c.row].redo(d, st, r, c.column); err != nil {
				return err
			}
		}
	}
}

// pickTemplates chooses n rows of the pool, each once as long as it lasts.
func pickTemplates(r *rand.Rand, pool []int, n int) []int {
	var out []int
	for len(out) < n {
		for _, i := range r.Perm(len(pool)) {
			out = append(out, pool[i])
		}
	}
	return out[:n]
}

// worth checks that the rows can be recognised, and says how well.
func (d *draft) worth(st *study, tp *TablePlan) error {
	if st.kin != nil { // found again by its key
		return nil
	}
	for _, row := range tp.Rows {
		best, any := token.Weak, false
		for _, c := range row.Cells {
			if c.Watch {
				any, best = true, max(best, c.Strength)
			}
		}
		switch {
		case !any && st.named && st.keyed():
			st.note("no column holds a value that no other row has: a theft is noticed only by the key, where a result shows it as this table's own column; a UNION, a cast or JSON hides it")
		case !any:
			return refuse("no column of a honey row would hold a value that no other row has: a theft would not be noticed%s", map[bool]string{true: "; name the table to watch for its keys alone"}[st.keyed()])
		case best == token.Strong:
		case !st.named:
			return refuse("it has no column for a value that is recognised anywhere (an e-mail address, a key, a hash): detection would rest on weak evidence; name the table to seed it nevertheless")
		default:
			st.note("no column holds a value that is recognised anywhere: a theft is noticed only by table and column, as a whole field, or by several values of one row together; a UNION, a cast or JSON may hide it")
		}
	}
	return nil
}

// keyed reports whether a key of one column that can be read tells the rows apart,
// or of relatives one of several with what ties them.
func (st *study) keyed() bool {
	if st.kin != nil && !st.kin.parent && tieIn(st.table, st.kin.fk.Columns[0]) {
		return true
	}
	pk := st.table.Primary()
	return len(pk) == 1 && st.table.Column(pk[0]) != nil && st.table.Column(pk[0]).CanSelect
}

// void makes a cell NULL, as the template's is.
func (c *Cell) void() { c.Source, c.Watch, c.Value = Null, false, nil }

// without deals with a column for which its generator has no safe value.
func (d *draft) without(st *study, f *field, c *Cell, why error) error {
	switch {
	case f.Default != "":
		c.void()
		c.Source = Default
	case !f.NotNull:
		c.void()
	default:
		return refuse("column %s (%s) is NOT NULL and can't be filled safely: %v", f.Name, f.plan.Kind, why)
	}
	st.note("column %s stays empty in some or all rows: %v", f.Name, why)
	return nil
}

// strengthOf lowers the strength of a value that is too short or too common
// in form for its kind.
func strengthOf(f *field, v string) token.Strength {
	s := f.plan.Strength
	if s == token.Strong && len(v) < 12 {
		s = token.Firm
	}
	if s == token.Firm && (len(v) < 8 || strings.ContainsAny(v, "*•") || strings.Contains(strings.ToLower(v), "xx")) {
		s = token.Weak
	}
	return s
}

// shared returns the template's value if other rows hold it too, else another
// value that several rows hold.
func shared(r *rand.Rand, values []string, was, why string) string {
	if strings.HasPrefix(why, "set by you") && was != "" {
		return was
	}
	count := map[string]int{}
	for _, v := range values {
		count[v]++
	}
	if count[was] > 1 {
		return was
	}
	var many []string
	for _, v := range values {
		if count[v] > 1 {
			many = append(many, v)
		}
	}
	if len(many) == 0 {
		return was
	}
	return many[r.IntN(len(many))]
}

// person returns the name of a sampled row's person.
func (st *study) person(row []*string) (first, last string) {
	get := func(f *field) string {
		if f == nil || f.sample < 0 || row[f.sample] == nil {
			return ""
		}
		return *row[f.sample]
	}
	first, last = get(st.first), get(st.last)
	if f, l := generate.SplitName(get(st.full)); first == "" && last == "" {
		return f, l
	}
	return first, last
}

// next returns n numbers for each key column that has no sequence.
func (d *draft) next(ctx context.Context, st *study, n int) (map[string][]string, error) {
	out := map[string][]string{}
	for _, f := range st.columns {
		if f.plan.Source == Gap {
			for _, s := range d.slots[st] {
				out[f.Name] = append(out[f.Name], strconv.FormatInt(s.key, 10))
			}
			continue
		}
		if f.plan.Source == Drawn && d.o.Decoys == 0 {
			if err := d.roomy(ctx, st, f, n); err != nil {
				return nil, err
			}
		}
		if f.plan.Source != Next {
			continue
		}
		if f.seen.Unique {
			st.counted(f)
		}
		high, err := d.s.Database.Highest(ctx, st.table, f.Name)
		if err != nil {
			return nil, err
		}
		k, err := strconv.ParseInt(high, 10, 64)
		if err != nil && high != "" {
			return nil, refuse("column %s (%s): its highest value is beyond what is counted on", f.Name, f.Type)
		}
		if err := f.leaves(k, n); err != nil {
			return nil, err
		}
		for i := range n {
			out[f.Name] = append(out[f.Name], strconv.FormatInt(k+int64(i)+1, 10))
		}
	}
	return out, nil
}

// counted warns of a number that somebody may give out again.
func (st *study) counted(f *field) {
	st.note("column %s: honey rows take the numbers after the highest: if the application keeps its own counter, its next rows find theirs taken (columns: %s.%s: a kind, or leave the table out)", f.Name, st.table.Name, f.Name)
}

// clash is a cell whose value some other row holds.
type clash struct {
	row    int
	column string
}

func columnsOf(cs []clash) []string {
	var out []string
	seen := map[string]bool{}
	for _, c := range cs {
		if !seen[c.column] {
			seen[c.column] = true
			out = append(out, c.column)
		}
	}
	return out
}

// clashes finds watched values that are not unique: in the table, among the
// rows drawn and others, among the tokens registered. A weak one that no draw makes
// unique is not watched in the end.
func (d *draft) clashes(ctx context.Context, st *study, tp *TablePlan, others []*RowPlan, attempt int) ([]clash, error) {
	var out []clash
	for _, f := range st.columns {
		if f.plan.Source != Made || !f.plan.Watch && !f.seen.Unique {
			continue
		}
		bad, err := d.repeated(ctx, st, tp, others, f)
		if err != nil {
			return nil, err
		}
		for _, i := range bad {
			c := tp.Rows[i].cell(f.Name)
			switch {
			case c.Strength == token.Weak && !f.seen.Unique && f.shares() && (tp.Rows[i].proven() || st.named && tp.Rows[i].baits(st, f) >= leastBaits): // to be alone would betray it
				c.Watch = false
				continue
			case d.elsewhere[*c.Value] != "" && attempt >= 4 && c.Strength >= token.Firm: // the next look is at the table alone
				st.note("column %s: values that stand in %s too: %s", f.Name, d.elsewhere[*c.Value], demoted)
				f.plan.Strength = token.Weak
			case f.seen.Unique || attempt < 6 || c.Strength == token.Strong && (f.NotNull || attempt < 9):
			case c.Strength == token.Weak || f.NotNull:
				c.Watch = false
				st.note("column %s: no unique value was found for some rows; they are not recognised by it", f.Name)
				continue
			default:
				c.void()
				st.note("column %s: no unique value was found for some rows; it stays empty there", f.Name)
				continue
			}
			out = append(out, clash{i, f.Name})
		}
	}
	pairs, err := d.samePerson(ctx, st, tp)
	if err != nil {
		return nil, err
	}
	skipping, err := d.skipping(ctx, st, tp, others)
	return slices.Concat(out, pairs, skipping), err
}

// proven reports whether a row holds a value that counts anywhere.
func (r *RowPlan) proven() bool {
	return slices.ContainsFunc(r.Cells, func(c *Cell) bool { return c.Watch && c.Strength == token.Strong })
}

// baits counts the watched values of a row but one column's that are no more usual
// than other rows' are.
func (r *RowPlan) baits(st *study, but *field) (n int) {
	for _, c := range r.Cells {
		if f := st.field(c.Column); c.Watch && c.Value != nil && f != nil && f != but && !f.shares() {
			n++
		}
	}
	return n
}

// shares is asked for each value that is not unique.
func (f *field) shares() bool {
	if f.twice == nil {
		yes := shares(f.seen.Values)
		f.twice = &yes
	}
	return *f.twice
}

// shares reports whether a third of the values or more stand in several rows.
func shares(values []string) bool {
	count := map[string]int{}
	for _, v := range values {
		count[v]++
	}
	n := 0
	for _, k := range count {
		if k > 1 {
			n += k
		}
	}
	return 3*n > len(values)
}

// note adds a warning to the table's plan, once.
func (st *study) note(format string, args ...any) {
	if w := fmt.Sprintf(format, args...); !slices.Contains(st.warn, w) {
		st.warn = append(st.warn, w)
	}
}

// repeated returns the rows whose value in f another row holds.
func (d *draft) repeated(ctx context.Context, st *study, tp *TablePlan, others []*RowPlan, f *field) ([]int, error) {
	var bad, rows []int
	var tuples [][]string
	type holder struct {
		value string
		of    *hand
	}
	known := map[holder]bool{}
	holders := map[string]int{} // among all honey rows, watched or not; relatives of one may share a value
	for _, row := range slices.Concat(others, tp.Rows) {
		c := row.cell(f.Name)
		if c.Value == nil {
			continue
		}
		if one := (holder{*c.Value, row.of}); row.of == nil || f.seen.Unique || !known[one] {
			known[one] = true
			holders[*c.Value]++
		}
	}
	for i, row := range tp.Rows {
		c := row.cell(f.Name)
		if c.Value == nil || !c.Watch && !f.seen.Unique {
			continue
		}
		if holders[*c.Value] > 1 || c.Strength >= token.Firm && (d.taken[*c.Value] || d.elsewhere[*c.Value] != "") {
			bad = append(bad, i)
			continue
		}
		rows = append(rows, i)
		tuples = append(tuples, []string{*c.Value})
	}
	taken, err := d.s.Database.Taken(ctx, st.table, []string{f.Name}, tuples)
	if err != nil {
		return nil, err
	}
	for k, t := range taken {
		if !t {
			continue
		}
		bad = append(bad, rows[k])
		if f.named != nil {
			f.named.learn(tuples[k][0])
		}
	}
	return bad, nil
}

// samePerson finds rows whose first and last name together are a real row's.
func (d *draft) samePerson(ctx context.Context, st *study, tp *TablePlan) ([]clash, error) {
	if st.first == nil || st.last == nil || !st.first.CanSelect || !st.last.CanSelect {
		return nil, nil
	}
	var tuples [][]string
	var rows []int
	for i, row := range tp.Rows {
		f, l := row.cell(st.first.Name), row.cell(st.last.Name)
		if f.Value != nil && l.Value != nil {
			tuples, rows = append(tuples, []string{*f.Value, *l.Value}), append(rows, i)
		}
	}
	taken, err := d.s.Database.Taken(ctx, st.table, []string{st.first.Name, st.last.Name}, tuples)
	if err != nil {
		return nil, err
	}
	var out []clash
	for k, t := range taken {
		if t {
			out = append(out, clash{rows[k], st.last.Name})
		}
	}
	return out, nil
}
