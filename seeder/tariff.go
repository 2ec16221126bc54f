package seeder

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tariff is what relatives cost by the kind of the thing that they hold and by how many
// days they do: a late film costs a dollar a day more. A thing lent as long as another of
// its kind was costs as much.
type tariff struct {
	calendar bool              // midnights count, not whole days
	own      bool              // each thing is a kind of its own
	kind     map[string]string // of things
	rows     map[string][]int  // sampled rows, by kind and days
}

// How many of the rows of one kind and as many days have to cost the same, of a hundred,
// and by how many more than rows of as many days do.
const (
	leastTariff = 90
	moreTariff  = 10
)

// prices are what sampled rows say of money: in their own columns and in those of the same
// row's relatives that point at them.
func (d *draft) prices(st *study) map[int]string {
	out := map[int]string{}
	for _, f := range st.columns {
		if f.measures() {
			for i, row := range st.sample.Rows {
				if row[f.sample] != nil {
					out[i] += f.Name + *row[f.sample] + "\x00"
				}
			}
		}
	}
	for _, o := range d.studies {
		if o.kin == nil || o.kin.pointed != st {
			continue
		}
		ref := st.sample.index(o.kin.by.fk.RefColumns[0])
		if ref < 0 {
			continue
		}
		rows := map[string]int{}
		for i, row := range st.sample.Rows {
			if row[ref] != nil {
				rows[*row[ref]] = i
			}
		}
		for _, f := range o.columns {
			if !f.measures() {
				continue
			}
			for _, row := range o.sample.Rows {
				if row[o.kin.by.sample] == nil || row[f.sample] == nil {
					continue
				}
				if i, ok := rows[*row[o.kin.by.sample]]; ok {
					out[i] += f.Name + *row[f.sample] + "\x00"
				}
			}
		}
	}
	return out
}

// tariff finds what rows cost by their things, nil if these do not tell.
func (d *draft) tariff(ctx context.Context, st *study, p *peers, x *thing) error {
	price := d.prices(st)
	db, ok := d.s.Database.(Kinsman)
	table, err := d.cat.Table((&Table{Schema: x.f.fk.RefSchema, Name: x.f.fk.RefTable}).String())
	if len(price) == 0 || !ok || err != nil {
		return nil //nolint:nilerr // a thing whose table is not seen has no kind
	}
	own := map[string]string{}
	for v := range x.rows {
		own[v] = v
	}
	best := &tariff{own: true, kind: own}
	floor, calendar := best.agrees(st, d.now, p, x, price), (&tariff{calendar: true, kind: own}).agrees(st, d.now, p, x, price)
	best.calendar = calendar > floor
	share := max(floor, calendar)
	one := map[string]string{}
	for v := range x.rows {
		one[v] = ""
	}
	any := (&tariff{calendar: best.calendar, kind: one}).agrees(st, d.now, p, x, price)
	if share < leastTariff || share < any+moreTariff {
		return nil
	}
	s, asked, err := kinOf(ctx, db, table, x.f.fk.RefColumns[0], slices.Sorted(maps.Keys(x.rows)))
	if err != nil {
		return passable(err)
	}
	if key := s.index(x.f.fk.RefColumns[0]); key >= 0 && asked == nil {
		fewest := len(x.rows)
		for i, name := range s.Columns {
			kinds := unique(column(s, i))
			if i == key || table.Column(name) == nil || len(kinds) < 2 || 2*len(kinds) > len(s.Rows) || len(kinds) >= fewest {
				continue
			}
			try := &tariff{calendar: best.calendar, kind: map[string]string{}}
			for _, row := range s.Rows {
				if row[key] != nil && row[i] != nil {
					try.kind[*row[key]] = *row[i]
				}
			}
			if try.agrees(st, d.now, p, x, price) >= max(leastTariff, share-1) {
				best, fewest = try, len(kinds)
			}
		}
	}
	best.rows = map[string][]int{}
	c := st.clock(d.now)
	for _, l := range p.rows {
		if v := st.sample.Rows[l.row][x.f.sample]; v != nil && price[l.row] != "" {
			key := best.kind[*v] + "\x00" + best.days(c.rows, l.row)
			best.rows[key] = append(best.rows[key], l.row)
		}
	}
	x.tariff = best
	return nil
}

// agrees is how many of a hundred rows cost what the one before it of its kind and as many
// days does.
func (t *tariff) agrees(st *study, now time.Time, p *peers, x *thing, price map[int]string) float64 {
	c := st.clock(now)
	last := map[string]int{}
	n, same := 0, 0
	for _, l := range p.rows {
		v := st.sample.Rows[l.row][x.f.sample]
		if v == nil || price[l.row] == "" {
			continue
		}
		key := t.kind[*v] + "\x00" + t.days(c.rows, l.row)
		if before, ok := last[key]; ok {
			if n++; price[before] == price[l.row] {
				same++
			}
		}
		last[key] = l.row
	}
	if n < leastTurns {
		return 0
	}
	return 100 * float64(same) / float64(n)
}

// days writes down how many days lie between the dates of a sampled row.
func (t *tariff) days(rows [][]time.Time, row int) string {
	if len(rows) == 0 {
		return ""
	}
	return t.between(rows[row])
}

// lasting writes down the same of a relative.
func (t *tariff) lasting(c *clock, h *hand) string {
	at := make([]time.Time, len(c.fields))
	for j, f := range c.fields {
		at[j] = h.when[f]
	}
	return t.between(at)
}

func (t *tariff) between(at []time.Time) string {
	var b strings.Builder
	from := first(at)
	for _, to := range at {
		switch {
		case to.IsZero():
			b.WriteByte('-')
		case t.calendar:
			b.WriteString(strconv.Itoa(int(to.Truncate(day).Sub(from.Truncate(day)) / day)))
		default:
			b.WriteString(strconv.Itoa(int(to.Sub(from) / day)))
		}
		b.WriteByte(' ')
	}
	return b.String()
}

// fellow draws a row that lasted as long as a relative and holds a thing of the same kind
// as it, but another, so that the thing costs the same no oftener than by its kind. -1 if
// there is none.
func (t *tariff) fellow(st *study, p *peers, x *thing, h *hand, v, sign string, r *rand.Rand) int {
	rows := t.rows[t.kind[v]+"\x00"+t.lasting(st.clock(h.g.Now), h)]
	if len(rows) == 0 {
		return -1
	}
	tie, own := st.sample.index(st.kin.fk.Columns[0]), st.sample.Rows[h.template]
	from := r.IntN(len(rows))
	for k := range rows {
		i := rows[(from+k)%len(rows)]
		if row := st.sample.Rows[i]; p.kinds[i] == sign && *row[tie] != *own[tie] && (t.own || *row[x.f.sample] != v) {
			return i
		}
	}
	return -1
}
