package seeder

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"

	"honeyrow/event"
	"honeyrow/seeder/camouflage"
	"honeyrow/seeder/generate"
	"honeyrow/token"
)

// Exhibit reads a table as a thief's dump shows it: Real are sampled rows, and
// the first of Runs the rows whose primary key, in words, is among honey.
// o.Config says how columns are understood.
func (s *Seeder) Exhibit(ctx context.Context, o Options, table string, honey []string) (camouflage.Table, error) {
	if o.Seed == 0 {
		o.Seed = rand.Uint64() | 1
	}
	d, err := s.draft(ctx, &o)
	if err != nil {
		return camouflage.Table{}, err
	}
	t, err := d.cat.Table(table)
	if err != nil {
		return camouflage.Table{}, err
	}
	ex, _, err := d.exhibit(ctx, t, honey)
	return ex, err
}

// exhibit is Exhibit within a draft; it also returns what was learnt about the
// table from the real rows.
func (d *draft) exhibit(ctx context.Context, t *Table, honey []string) (camouflage.Table, *study, error) {
	no := camouflage.Table{Name: t.String()}
	sample, err := d.s.Database.Sample(ctx, t, d.o.SampleRows, d.o.Seed)
	if err != nil {
		return no, nil, err
	}
	ours := unique(honey)
	var planted [][]*string
	rows := map[string]bool{}
	part := func(row []*string) bool {
		key := keyText(t, cellsOf(sample, row))
		if ours[key] && !rows[key] {
			rows[key] = true
			planted = append(planted, row)
		}
		return ours[key]
	}
	sample.Rows = slices.DeleteFunc(sample.Rows, part)
	if db, ok := d.s.Database.(Kinsman); ok && len(t.Primary()) == 1 {
		more, err := db.Kin(ctx, t, t.Primary()[0], honey, len(honey))
		if err != nil {
			return no, nil, err
		}
		if slices.Equal(more.Columns, sample.Columns) {
			for _, row := range more.Rows {
				part(row)
			}
		}
	}
	withoutHoney(sample, d.snap, d.o.Server, d.cat.Database, t)
	if len(sample.Rows) < leastSample {
		return no, nil, refuse("too few rows to say how well honey rows hide (%d)", len(sample.Rows))
	}
	st, err := d.profile(ctx, t, sample)
	if err != nil {
		return no, nil, err
	}
	st.named = true // then rows that are noticed by several values together serve too
	st.rank(d.now)
	ex := st.view()
	real, can := sample.Rows, st.imitable()
	sample.Rows = append(slices.Clone(planted), shuffled(real, d.o.Seed)...) // of honey rows all children are read
	d.deep = true
	broods, err := d.broods(ctx, st, &ex)
	if err != nil {
		return no, nil, err
	}
	points, err := d.targets(ctx, st, sample.Rows)
	sample.Rows = real
	if err != nil {
		return no, nil, err
	}
	ex.Pointed = points.names
	show := func(row []*string) camouflage.Row {
		return camouflage.Row{Values: st.values(row), Broods: broods.of(row, nil, false), Pointed: points.of(row), Place: -1}
	}
	for i, row := range sample.Rows {
		if broods.known(row) {
			one := show(row)
			one.Imitable = can[i]
			ex.Real = append(ex.Real, one)
		}
	}
	var run []camouflage.Row
	for _, row := range planted {
		run = append(run, show(row))
	}
	ex.Runs, ex.Seed = [][]camouflage.Row{run}, d.o.Seed
	return ex, st, nil
}

// shuffled are rows in an order drawn at random.
func shuffled(rows [][]*string, seed uint64) [][]*string {
	out := slices.Clone(rows)
	rand.New(rand.NewPCG(seed, 0x5f1)).Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func cellsOf(s *Sample, row []*string) map[string]string {
	out := map[string]string{}
	for i, c := range s.Columns {
		if row[i] != nil {
			out[c] = *row[i]
		}
	}
	return out
}

// camouflage measures how well the live honey rows of a database hide today.
func (s *Seeder) camouflage(ctx context.Context, o VerifyOptions, ts []token.Token, out *Verified) error {
	if o.Measure == nil {
		return nil
	}
	opt := *o.Measure
	opt.Server = o.Server
	if opt.Seed == 0 {
		opt.Seed = rand.Uint64() | 1
	}
	d, err := s.draft(ctx, &opt)
	if err != nil {
		return err
	}
	keys := map[string][]string{}
	seen := map[event.ID]bool{}
	for i := range ts {
		name := (&Table{Schema: ts[i].Place.Schema, Name: ts[i].Place.Table}).String()
		if !seen[ts[i].Row] && ts[i].Place.Key != "" {
			seen[ts[i].Row] = true
			keys[name] = append(keys[name], ts[i].Place.Key)
		}
	}
	for _, t := range d.cat.Tables {
		honey := keys[t.String()]
		if len(honey) == 0 || d.decoy(t) { // there is nothing among which they could hide
			continue
		}
		o.progress("measure", t.String(), 0, 0)
		if rep, why := d.today(ctx, t, honey); why != "" {
			out.Warnings = appendOnce(out.Warnings, fmt.Sprintf("%s: how well its honey rows hide is not known: %s", t, why))
		} else if rep != nil {
			out.Camouflage = append(out.Camouflage, rep)
		}
	}
	return nil
}

// today measures one table as it stands, against an attacker who plays the
// generator himself. why says why that can't be.
func (d *draft) today(ctx context.Context, t *Table, honey []string) (rep *camouflage.Report, why string) {
	ex, st, err := d.exhibit(ctx, t, honey)
	if err != nil {
		return nil, err.Error()
	}
	if len(ex.Runs[0]) == 0 {
		return nil, "none of them is there"
	}
	if st.cant == nil {
		d.studies, d.tables, d.position = []*study{st}, nil, map[*Table]int{}
		d.picks, d.slots, d.others = map[*study][]int{}, map[*study][]slot{}, map[*study][][]*hand{}
		if !lastOf(ex, st.drawn()) {
			r := generate.New(d.o.Seed, t.String()+" today")
			if d.slots[st], err = d.openings(ctx, st, r, leastRehearsed, rehearsed, nil); err != nil {
				return nil, err.Error()
			}
		}
		if staged, err := d.staged(ctx, st, nil); err == nil {
			ex.Runs = append(ex.Runs, staged.Runs[1:]...)
		}
	}
	return camouflage.Measure(ex), ""
}

// lastOf reports whether most honey rows' keys follow those of all real rows:
// they did not come from gaps.
func lastOf(ex camouflage.Table, key *field) bool {
	if key == nil {
		return true
	}
	i := slices.IndexFunc(ex.Columns, func(c camouflage.Column) bool { return c.Name == key.Name })
	if i < 0 {
		return true
	}
	number := func(row camouflage.Row) int64 {
		if row.Values[i] == nil {
			return 0
		}
		n, _ := strconv.ParseInt(*row.Values[i], 10, 64)
		return n
	}
	top, above := int64(0), 0
	for _, row := range ex.Real {
		top = max(top, number(row))
	}
	for _, row := range ex.Runs[0] {
		if number(row) > top {
			above++
		}
	}
	return 2*above > len(ex.Runs[0])
}

// standing gives the children's keys their place among those of other rows,
// and how far it is from their dates'.
func standing(rows []kid) {
	byKey, byDate := make([]int, len(rows)), make([]int, len(rows))
	for i := range rows {
		byKey[i], byDate[i] = i, i
	}
	sort.SliceStable(byKey, func(a, b int) bool { return rows[byKey[a]].key < rows[byKey[b]].key })
	// Rows of one date are in order whatever their keys: the order in which the
	// server gave them is the heap's, which is no part of the figures.
	sort.SliceStable(byDate, func(a, b int) bool {
		x, y := &rows[byDate[a]], &rows[byDate[b]]
		return x.at.Before(y.at) || x.at.Equal(y.at) && x.key < y.key
	})
	n := float64(max(len(rows)-1, 1))
	for k, i := range byKey {
		rows[i].rank = float64(k) / n
	}
	for k, i := range byDate {
		rows[i].lag = rows[i].rank - float64(k)/n
	}
}

// numbered returns the number in a table's key of one integer column.
func numbered(t *Table, s *Sample, row []*string) (int64, bool) {
	pk := t.Primary()
	if len(pk) != 1 || t.Column(pk[0]) == nil || t.Column(pk[0]).Class != generate.Integer {
		return 0, false
	}
	i := s.index(pk[0])
	if i < 0 || row[i] == nil {
		return 0, false
	}
	k, err := strconv.ParseInt(*row[i], 10, 64)
	return k, err == nil
}
