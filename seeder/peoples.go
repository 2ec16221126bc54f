package seeder

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"strings"

	"honeyrow/seeder/generate"
)

// peoples finds out which of a table's names go together where no column of it says a
// country: by another table that does, in which the same people or others of their
// countries stand, else by which first names stand before which last names in this one.
func (d *draft) peoples(ctx context.Context, st *study) error {
	if st.first == nil || st.last == nil || st.first.sample < 0 || st.last.sample < 0 || st.groups != nil {
		return nil
	}
	var rows [][2]string
	for _, row := range st.callers() {
		if f, l := st.person(row); f != "" && l != "" {
			rows = append(rows, [2]string{f, l})
		}
	}
	for _, p := range rows {
		st.names.Persons[0], st.names.Persons[1] = append(st.names.Persons[0], p[0]), append(st.names.Persons[1], p[1])
	}
	defer st.learnSexes()
	from, err := d.nations(ctx, st.table)
	if err != nil || from == nil {
		return err
	}
	n := countries(from)
	known := 0
	for _, p := range rows {
		if n.of(p[0], p[1]) != "" {
			known++
		}
	}
	if 100*known < leastKnown*len(rows) {
		return nil
	}
	st.groups = st.grouped(false, func(row []*string) string {
		f, l := st.person(row)
		return n.of(f, l)
	})
	met := 0
	for _, p := range rows {
		if n.meet(p[0], p[1]) {
			met++
		}
	}
	for by, names := range st.groups.names {
		if of := from.groups.names[by]; of != nil {
			names.Elsewhere = [2][]string{of.First, of.Last}
		}
		if 100*met >= leastMet*len(rows) {
			names.Meet = n.meet
		}
	}
	return nil
}

// leastMet is in how many of 100 persons first and last name have to be of one country for
// those of a honey row to be.
const leastMet = 97

// leastKnown is how many of a table's persons have to be known by a name to another, in
// percent, for the other to tell where they are from.
const leastKnown = 70

// nations are the persons of the largest other table that names them and their country.
func (d *draft) nations(ctx context.Context, but *Table) (*study, error) {
	if d.foreigners != nil && d.foreigners[0].table != but {
		return d.foreigners[0], nil
	}
	if d.looked[but] {
		return nil, nil
	}
	if d.looked == nil {
		d.looked = map[*Table]bool{}
	}
	d.looked[but] = true
	says := func(t *Table, words ...string) bool {
		return slices.ContainsFunc(t.Columns, func(c *Column) bool { return c.CanSelect && generate.HasPhrase(c.Name, words...) })
	}
	var some []*Table
	for _, t := range d.cat.Tables {
		if t != but && t.Refusal == "" && !t.Piece && !d.decoy(t) && says(t, "country", "country code", "nationality") &&
			says(t, "first name", "firstname", "given name", "vorname", "forename") && says(t, "last name", "lastname", "surname", "nachname") {
			some = append(some, t)
		}
	}
	slices.SortStableFunc(some, func(a, b *Table) int { return cmp.Compare(b.Rows, a.Rows) })
	for _, t := range some[:min(len(some), 2)] {
		sample, err := d.s.Database.Sample(ctx, t, d.o.SampleRows, d.o.Seed)
		var no *Violation
		if errors.As(err, &no) { // it is not for the role to read
			continue
		}
		if err != nil {
			return nil, err
		}
		withoutHoney(sample, d.snap, d.o.Server, d.cat.Database, t)
		st, err := learn(t, sample, func(c string) string { return d.override(t, c) })
		if err == nil && st.groups != nil && st.first != nil && st.last != nil {
			d.foreigners = []*study{st}
			return st, nil
		}
	}
	return nil, nil
}

// country tells a person's country by how often names are there.
type country struct {
	rows        map[string]float64
	first, last map[string]map[string]float64
}

func countries(st *study) *country {
	n := &country{map[string]float64{}, map[string]map[string]float64{}, map[string]map[string]float64{}}
	for _, row := range st.sample.Rows {
		by := st.groups.of(row)
		f, l := st.person(row)
		if by == "" || f == "" || l == "" {
			continue
		}
		n.rows[by]++
		tally(n.first, f, by)
		tally(n.last, l, by)
	}
	return n
}

// tally counts a name in a country.
func tally(of map[string]map[string]float64, name, by string) {
	name = strings.ToLower(name)
	if of[name] == nil {
		of[name] = map[string]float64{}
	}
	of[name][by]++
}

// meet reports whether somebody of one country could be called so, as far as is known.
func (n *country) meet(first, last string) bool {
	f, l := n.first[strings.ToLower(first)], n.last[strings.ToLower(last)]
	for by := range f {
		if l[by] > 0 {
			return true
		}
	}
	return f == nil || l == nil
}

// of is the likeliest country of somebody, "" if neither name is known.
func (n *country) of(first, last string) string {
	f, l := n.first[strings.ToLower(first)], n.last[strings.ToLower(last)]
	if f == nil && l == nil {
		return ""
	}
	best, most := "", math.Inf(-1)
	for by, all := range n.rows {
		odds := math.Log(all)
		for _, seen := range []map[string]float64{f, l} {
			if seen != nil {
				odds += math.Log((seen[by] + 0.02) / (all + 1))
			}
		}
		if odds > most || odds == most && by < best {
			best, most = by, odds
		}
	}
	return best
}
