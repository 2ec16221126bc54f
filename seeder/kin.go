package seeder

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"honeyrow/token"
)

// Kinsman is a Database that reads rows by what one of their columns holds. Of
// a Database that is none, rows are planted without relatives, and keys come
// from the table's generator alone.
type Kinsman interface {
	// Kin returns up to max rows of the columns that the role may read, those
	// whose column holds one of the values. Values come as in Sample.
	Kin(ctx context.Context, t *Table, column string, values []string, max int) (*Sample, error)
}

// Giver is a Database that knows how far a column's generator has come.
type Giver interface {
	// Given returns the last number that the column's sequence gave; ok is
	// false if that is not known, or if numbers below it may still be given.
	Given(ctx context.Context, t *Table, column string) (last int64, ok bool, err error)
}

// Idler is a Giver that can tell whether numbers were given that stand in no row
// yet, since who got them has not come to an end.
type Idler interface {
	// Idle tells that no transaction but the own one writes to the table or has
	// drawn from the column's sequence.
	Idle(ctx context.Context, t *Table, column string) (bool, error)
}

// kinship ties a table of relatives to the table whose honey rows they are
// planted for.
type kinship struct {
	to     *study
	fk     *ForeignKey
	parent bool // the relative is pointed at: each row has one of its own
	// rows are the real relatives of sampled rows, by the value of the column
	// that ties them.
	rows map[string][]int // indexes of the sample
	// laws are the dates of the other table with which dates here stand in one
	// order, by name.
	laws map[string]bool
	of   *study // the relatives' own
	// share is how many rows have relatives here, of relatives of relatives.
	share  float64
	totals []sum // columns of the row that hold sums over them, once asked for
	summed bool
	same   map[*field]*field // columns that hold what the row's does, once asked for
	hung   *hang             // how dates here lie behind the other table's, once asked for
	// pointed is the table of the same row's relatives at which those here point by a
	// column, nil if there is none; companion, once asked for, how their dates go with it.
	pointed   *study
	by        *field
	companion *companion
	paired    bool
}

// maxKin bounds the relatives that are read of one table, and maxBrood those
// that are planted for one row.
const (
	maxKin   = 20000
	maxBrood = 40
)

// many is how many relatives a honey row made of a row, of the table at which they point,
// has in theirs.
func (k *kinship) many(row []*string) int {
	at := k.to.sample.index(k.fk.RefColumns[0])
	if at < 0 || row[at] == nil {
		return 0
	}
	return min(len(k.rows[*row[at]]), maxBrood)
}

// ties says why a foreign key can't be followed, "" if it can.
func ties(fk *ForeignKey) string {
	if len(fk.Columns) != 1 || len(fk.RefColumns) != 1 {
		return "its foreign key has several columns"
	}
	return ""
}

// family finds the relatives that ordinary rows of the chosen tables have, and
// that honey rows therefore need: rows that point at them, and rows that only
// one row points at.
func (d *draft) family(ctx context.Context, p *Plan) error {
	db, ok := d.s.Database.(Kinsman)
	if !ok || !d.o.Family {
		return nil
	}
	in := map[*Table]bool{}
	for _, st := range d.studies {
		in[st.table] = true
	}
	for _, st := range slices.Clone(d.studies) {
		d.inPieces(st)
		for _, t := range d.cat.Tables {
			for _, fk := range t.ForeignKeys {
				if in[t] || fk.RefSchema != st.table.Schema || fk.RefTable != st.table.Name || d.passedOver(t) {
					continue
				}
				if err := d.child(ctx, db, p, st, t, fk, in); err != nil {
					return err
				}
			}
		}
		for _, fk := range st.table.ForeignKeys {
			t, err := d.cat.Table((&Table{Schema: fk.RefSchema, Name: fk.RefTable}).String())
			if err != nil || in[t] {
				continue
			}
			if err := d.guardian(ctx, db, p, st, t, fk, in); err != nil {
				return err
			}
		}
	}
	if err := d.grandchildren(ctx, db, p, in); err != nil {
		return err
	}
	d.studies = parentsFirst(d.cat, d.studies)
	d.pairUp()
	return nil
}

// inPieces says where rows point at honey rows' table by foreign keys that only partitions
// have: rows are planted through their root, which has none to follow.
func (d *draft) inPieces(st *study) {
	for _, t := range d.cat.Tables {
		root, err := d.cat.Table(t.Partition)
		if !t.Piece || err != nil || slices.Contains(d.o.Exclude, root.Name) || slices.Contains(d.o.Exclude, root.String()) {
			continue
		}
		for _, fk := range t.ForeignKeys {
			same := func(k *ForeignKey) bool { return slices.Equal(k.Columns, fk.Columns) }
			if fk.RefSchema == st.table.Schema && fk.RefTable == st.table.Name && !slices.ContainsFunc(root.ForeignKeys, same) {
				st.note("rows of %s point here by foreign keys (%s) that only its partitions have: honey rows will have none there, and whoever looks for such rows finds them; rows would be planted there if %s itself had the foreign key, and a key of one column or with %s in it", root, strings.Join(fk.Columns, ", "), root, strings.Join(fk.Columns, ", "))
			}
		}
	}
}

// child plans rows of t that point at honey rows of st, if ordinary rows of st
// have such.
func (d *draft) child(ctx context.Context, db Kinsman, p *Plan, st *study, t *Table, fk *ForeignKey, in map[*Table]bool) error {
	ref := st.sample.index(fk.RefColumns[0])
	if ties(fk) != "" || ref < 0 {
		return nil
	}
	rows := st.sample.Rows
	st.sample.Rows = shuffled(rows, d.o.Seed)
	s, asked, err := kinOf(ctx, db, t, fk.Columns[0], column(st.sample, ref))
	st.sample.Rows = rows
	if err != nil || len(s.Rows) == 0 {
		return passable(err)
	}
	if err := d.relative(ctx, p, &kinship{to: st, fk: fk}, t, s, fk.Columns[0], in); err != nil || asked == nil || !in[t] {
		return err
	}
	// Rows whose relatives were not all read are no templates.
	st.unread = append(st.unread, func(row []*string) bool { return row[ref] != nil && !asked[*row[ref]] })
	st.rank(d.now)
	return nil
}

// guardian plans a row of t for each honey row of st, if each row of st has one
// of its own.
func (d *draft) guardian(ctx context.Context, db Kinsman, p *Plan, st *study, t *Table, fk *ForeignKey, in map[*Table]bool) error {
	at := -1
	if ties(fk) == "" {
		at = st.sample.index(fk.Columns[0])
	}
	if at < 0 || t == st.table {
		return nil
	}
	vs := column(st.sample, at)
	if distinct := len(unique(vs)); len(vs) < 30 || 100*distinct < 97*len(vs) {
		return nil
	}
	s, err := db.Kin(ctx, t, fk.RefColumns[0], vs, maxKin)
	if err != nil || len(s.Rows) == 0 {
		return passable(err)
	}
	return d.relative(ctx, p, &kinship{to: st, fk: fk, parent: true}, t, s, fk.RefColumns[0], in)
}

// tieIn reports whether a table's rows are known by a key of several columns of
// which one is the column that ties them to another row. What a honey row is tied
// by no real relative has, so that it is watched for all of the key.
func tieIn(t *Table, column string) bool {
	pk := t.Primary()
	for _, name := range pk {
		if c := t.Column(name); c == nil || !c.CanSelect {
			return false
		}
	}
	return len(pk) > 1 && slices.Contains(pk, column)
}

// passable lets a table go that can't be read: then there are no relatives.
func passable(err error) error {
	if _, ok := err.(*Violation); ok {
		return nil
	}
	return err
}

func column(s *Sample, at int) (out []string) {
	for _, r := range s.Rows {
		if r[at] != nil {
			out = append(out, *r[at])
		}
	}
	return out
}

func unique(vs []string) map[string]bool {
	out := make(map[string]bool, len(vs))
	for _, v := range vs {
		out[v] = true
	}
	return out
}

// relative studies a table of relatives and adds it, or says why honey rows
// will have none there.
func (d *draft) relative(ctx context.Context, p *Plan, k *kinship, t *Table, s *Sample, by string, in map[*Table]bool) error {
	what := k.lacking(t)
	switch {
	case t.Refusal != "":
		k.to.note("%s: %s", what, t.Refusal)
		return nil
	case t.Unsafe != "":
		k.to.note("%s: %s", what, t.Unsafe)
		return nil
	case ownCredentials(t, s) != "":
		k.to.note("%s: %s", what, ownCredentials(t, s))
		return nil
	}
	if why := d.cat.alters(t, k.to.table); why != "" {
		k.to.note("%s: %s", what, why)
		return nil
	}
	withoutHoney(s, d.snap, d.o.Server, d.cat.Database, t)
	if len(s.Rows) == 0 {
		return nil
	}
	st, err := d.profile(ctx, t, s)
	if err != nil {
		return err
	}
	if why := cmp.Or(st.waits(), st.unsettled()); why != "" {
		k.to.note("%s: %s", what, why)
		return nil
	}
	at := s.index(by)
	why := ""
	switch pk := t.Primary(); {
	case st.cant != nil:
		why = st.cant.Error()
	case len(pk) == 1 && t.Column(pk[0]) != nil && t.Column(pk[0]).CanSelect:
	case !k.parent && tieIn(t, k.fk.Columns[0]):
	default:
		if _, any := st.strongest(); !any {
			why = "its rows have no key by which they would be found again: of one column, or of several of which one is what ties them"
		}
	}
	if why != "" || at < 0 {
		k.to.note("%s: %s", what, why)
		return nil
	}
	calm := map[int]bool{}
	for _, i := range st.pool {
		calm[i] = true
	}
	if k.parent { // each honey row has one of its own, as usual as it may be
		calm = st.quiet
	}
	k.rows = map[string][]int{}
	for i, r := range s.Rows {
		if r[at] != nil && calm[i] {
			k.rows[*r[at]] = append(k.rows[*r[at]], i)
		}
	}
	for _, f := range st.columns { // its key and what proves something suffice
		if f.plan.Strength < token.Strong {
			f.plan.Watch = false
		}
	}
	st.kin, st.named, k.of = k, true, st
	st.chosen = fmt.Sprintf("what ordinary rows of %s have here, honey rows have too", k.to.table)
	in[t] = true
	d.studies = append(d.studies, st)
	return nil
}

// offspring returns the templates of a table of relatives, and for each the
// honey row that it belongs to.
func (d *draft) offspring(st *study) (templates, owners []int) {
	k := st.kin
	if k.parent {
		at := k.to.sample.index(k.fk.Columns[0])
		for i, tpl := range d.picks[k.to] {
			if v := k.to.sample.Rows[tpl][at]; v != nil && len(k.rows[*v]) > 0 {
				templates, owners = append(templates, k.rows[*v][0]), append(owners, i)
			}
		}
		return templates, owners
	}
	at := k.to.sample.index(k.fk.RefColumns[0])
	for i, h := range d.hands[k.to] {
		if v := h.was[at]; v != nil {
			for _, tpl := range k.rows[*v][:min(len(k.rows[*v]), maxBrood)] {
				if !h.lacks(st, tpl) {
					templates, owners = append(templates, tpl), append(owners, i)
				}
			}
		}
	}
	return templates, owners
}

// inherit gives a relative the dates that its honey row has for it.
func (d *draft) inherit(st *study, r *rand.Rand, h *hand, owner int, others bool) {
	if st.kin == nil || st.kin.parent || owner >= len(d.hands[st.kin.to]) {
		return
	}
	o := d.hands[st.kin.to][owner]
	h.above, h.owner = o, owner
	h.g.Shift, h.g.Anchor, h.g.Scale = o.g.Shift, o.g.Anchor, o.g.Scale
	h.when = o.brood(st, r)[h.template]
	h.meant = h.when
	d.keepUp(st, h)
	if !others {
		h.g.First, h.g.Last, h.bound = o.g.First, o.g.Last, true
	}
}

// followed reports whether relatives are made of the honey rows of a table.
func (d *draft) followed(st *study) bool {
	return slices.ContainsFunc(d.studies, func(o *study) bool { return o.kin != nil && o.kin.to == st })
}

// forTable names the table whose relatives these are, "" if none.
func (st *study) forTable() string {
	if st.kin == nil {
		return ""
	}
	return st.kin.to.table.String()
}

// common is the share of the rows that have relatives here.
func (k *kinship) common() float64 {
	at, n, have := k.to.sample.index(k.fk.RefColumns[0]), 0, 0
	for _, row := range k.to.sample.Rows {
		if row[at] == nil {
			continue
		}
		if n++; len(k.rows[*row[at]]) > 0 {
			have++
		}
	}
	return float64(have) / float64(max(n, 1))
}
