package seeder

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"honeyrow/seeder/generate"
)

// besides are the counters of a table that rise with its key, but are not made
// of it: customer numbers that the order desk counts. A row with a key from a
// gap needs one from a gap too, between the same rows.
func (st *study) besides(key *field) (out []*field) {
	for _, f := range st.columns {
		switch {
		case f == key || f.sample < 0 || f.fk != nil:
			continue
		case f.plan.Source == Next:
		case f.plan.Source == Made && (f.plan.Kind == "code" || f.plan.Kind == "account_number") && generate.Counts(f.seen):
		default:
			continue
		}
		if _, fixed := st.offset(key, f); !fixed && st.inStep(key, f) {
			out = append(out, f)
		}
	}
	return out
}

// inStep reports whether a counter rises with the key.
func (st *study) inStep(key, f *field) bool {
	var ps [][2]int64
	for _, row := range st.sample.Rows {
		if row[key.sample] == nil || row[f.sample] == nil {
			continue
		}
		k, err := strconv.ParseInt(*row[key.sample], 10, 64)
		_, n, ok := numberIn(*row[f.sample])
		if err == nil && ok {
			ps = append(ps, [2]int64{k, n})
		}
	}
	sort.Slice(ps, func(a, b int) bool { return ps[a][0] < ps[b][0] })
	up := 0
	for i := 1; i < len(ps); i++ {
		if ps[i][1] > ps[i-1][1] {
			up++
		}
	}
	return len(ps) >= 10 && 100*up >= 97*(len(ps)-1)
}

// numberIn takes a code apart into what stands before its number, and the
// number.
func numberIn(v string) (stem string, n int64, ok bool) {
	stem = strings.TrimRight(v, "0123456789")
	n, err := strconv.ParseInt(v[len(stem):], 10, 64)
	return stem, n, err == nil
}

// besideOf returns what counters hold between two rows, at part of whole of the
// way, and how far one's values are apart there; nil if one of them has no number
// left there.
func besideOf(s *Sample, counters []*field, before, after []*string, part, whole int64) (out map[string]string, most int64) {
	out = map[string]string{}
	for _, f := range counters {
		i := s.index(f.Name)
		if i < 0 || before[i] == nil || after[i] == nil {
			return nil, 0
		}
		stem, low, ok1 := numberIn(*before[i])
		other, high, ok2 := numberIn(*after[i])
		if !ok1 || !ok2 || stem != other || high-low < 2 {
			return nil, 0
		}
		most = max(most, high-low)
		n := min(max(low+(high-low)*part/whole, low+1), high-1)
		out[f.Name] = fmt.Sprintf("%s%0*d", stem, len(*before[i])-len(stem), n)
	}
	return out, most
}

// unclaimed keeps the slots whose counters' numbers no row has, and no two of
// which have the same.
func (d *draft) unclaimed(ctx context.Context, st *study, counters []*field, slots []slot) ([]slot, error) {
	for _, f := range counters {
		seen := map[string]bool{}
		slots = slices.DeleteFunc(slots, func(s slot) bool {
			v := s.beside[f.Name]
			again := seen[v]
			seen[v] = true
			return again
		})
		tuples := make([][]string, len(slots))
		for i, s := range slots {
			tuples[i] = []string{s.beside[f.Name]}
		}
		taken, err := d.s.Database.Taken(ctx, st.table, []string{f.Name}, tuples)
		if err != nil {
			return nil, err
		}
		var left []slot
		for i, s := range slots {
			if !taken[i] {
				left = append(left, s)
			}
		}
		slots = left
	}
	return slots, nil
}

// maxForgotten is how many rows a table may have for a column without index to
// be looked through.
const maxForgotten = 2_000_000

// forgotten leaves numbers out that rows of other tables still point at without
// a foreign key: a honey row would come by the past of a row that was deleted.
func (d *draft) forgotten(ctx context.Context, st *study, free map[int64]bool) error {
	if len(free) == 0 {
		return nil
	}
	var tuples [][]string
	for k := range free {
		tuples = append(tuples, []string{strconv.FormatInt(k, 10)})
	}
	sort.Slice(tuples, func(a, b int) bool { return tuples[a][0] < tuples[b][0] })
	for _, t := range d.cat.Tables {
		for _, c := range t.Columns {
			if t == st.table || t.Piece || t.Kind == "view" || t.Kind == "materialized view" || t.Kind == "foreign table" || !c.CanSelect ||
				c.Class != generate.Integer || t.foreign(c.Name) != nil || !pointsBy(c.Name, st.table.Name) {
				continue
			}
			if t.Rows > maxForgotten {
				st.note("whether rows of %s still name numbers that no row of this table has (%s) was not looked up: it has too many rows", t, c.Name)
				continue
			}
			taken, err := d.s.Database.Taken(ctx, t, []string{c.Name}, tuples)
			if err != nil {
				if passable(err) != nil {
					return err
				}
				continue
			}
			for i, is := range taken {
				if is {
					k, _ := strconv.ParseInt(tuples[i][0], 10, 64)
					delete(free, k)
				}
			}
		}
	}
	return nil
}

// pointsBy reports whether a column is named as one that holds another table's
// keys: customer_id for customers.
func pointsBy(column, table string) bool {
	words, of := generate.Words(column), generate.Words(table)
	if len(words) < 2 || len(of) == 0 || words[len(words)-1] != "id" {
		return false
	}
	name := of[len(of)-1]
	for _, one := range []string{name, strings.TrimSuffix(name, "s"), strings.TrimSuffix(name, "es"), strings.TrimSuffix(name, "ies") + "y"} {
		if words[len(words)-2] == one {
			return true
		}
	}
	return false
}
