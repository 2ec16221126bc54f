package camouflage

import (
	"math"
	"sort"
	"strings"
	"time"

	"honeyrow/seeder/generate"
)

// order measures what a dump shows beyond the rows' content: keys, what rows
// point at, what points at them, and where they stand.
func (d *deck) order() *features {
	f := &features{}
	var dates []*cells
	for _, c := range d.cells {
		if c.Role == Content && (c.Class == generate.Date || c.Class == generate.Timestamp) && c.Kind != "date_of_birth" {
			dates = append(dates, c)
		}
	}
	keyed := false
	for _, c := range d.cells {
		switch c.Role {
		case Key:
			d.key(f, c, dates)
			if !keyed {
				d.beside(f, d.inOrder(c.num))
			}
			keyed = true
		case Reference:
			f.add(c.Name+": is null", d.width, func(i int) float64 { return truth(c.null[i]) })
			f.add(c.Name+": others that point there", d.width, func(i int) float64 { return math.Log1p(c.seen(i)) })
			f.add(c.Name+": rank of what it points at", d.width, func(i int) float64 { return c.rank[i] })
		}
	}
	ls := d.ladders()
	d.lawful(f, ls, true)
	d.paces(f, ls, true)
	for k, name := range d.t.Children {
		d.broods(f, k, name, dates)
		d.kinds(f, k, name)
	}
	d.jointly(f)
	if len(d.rows) > 0 && d.rows[0].Place >= 0 {
		f.add("place in the dump", d.width, func(i int) float64 { return d.rows[i].Place })
	}
	return f
}

// key measures a number among the others: the end of the row, the gap it
// stands in, and whether its dates are those of its neighbours.
func (d *deck) key(f *features, c *cells, dates []*cells) {
	f.add(c.Name+": rank", d.width, func(i int) float64 { return c.rank[i] })
	order := d.inOrder(c.num)
	before, after := make([]float64, d.width), make([]float64, d.width)
	for i := range before {
		before[i], after[i] = -1, -1
	}
	pos := make([]int, d.width)
	for k, i := range order {
		pos[i] = k + 1
		if k > 0 {
			before[i] = c.num[i] - c.num[order[k-1]]
		}
		if k+1 < len(order) {
			after[i] = c.num[order[k+1]] - c.num[i]
		}
	}
	f.add(c.Name+": gap before", d.width, func(i int) float64 { return before[i] })
	f.add(c.Name+": gap after", d.width, func(i int) float64 { return after[i] })
	for _, dc := range dates {
		f.add(c.Name+" in step with "+dc.Name, d.width, func(i int) float64 { return step(order, pos, dc, i, 4) })
		f.add(c.Name+" out of step with "+dc.Name, d.width, func(i int) float64 { return math.Abs(step(order, pos, dc, i, 4)) })
	}
	for _, other := range d.cells { // two counters of one table
		if other.Role == Key && other != c {
			f.add(c.Name+" beside "+other.Name, d.width, func(i int) float64 { return math.Abs(c.rank[i] - other.rank[i]) })
		}
	}
}

// step is how far a row's date is from the median of its neighbours', in
// order of the key, as a signed logarithm of seconds.
func step(order, pos []int, dc *cells, i, reach int) float64 {
	if pos[i] == 0 || dc.at[i].IsZero() {
		return 0
	}
	var near []float64
	k := pos[i] - 1
	for _, way := range []int{-1, 1} {
		for j, n := k+way, 0; j >= 0 && j < len(order) && n < reach; j += way {
			if t := dc.at[order[j]]; !t.IsZero() {
				near = append(near, float64(t.Unix()))
				n++
			}
		}
	}
	if len(near) == 0 {
		return 0
	}
	sort.Float64s(near)
	s := float64(dc.at[i].Unix()) - near[len(near)/2]
	return math.Copysign(math.Log1p(math.Abs(s)), s)
}

func (d *deck) broods(f *features, k int, name string, dates []*cells) {
	brood := func(i int) Brood {
		if k < len(d.rows[i].Broods) {
			return d.rows[i].Broods[k]
		}
		return Brood{}
	}
	f.add("rows in "+name, d.width, func(i int) float64 { return float64(brood(i).Count) })
	f.add("keys in "+name+" against their dates", d.width, func(i int) float64 { return math.Abs(brood(i).Lag) })
	f.add("place of the keys in "+name, d.width, func(i int) float64 { return brood(i).Rank })
	if k < len(d.t.Traits) {
		for j, trait := range d.t.Traits[k] {
			f.add(name+": "+trait, d.width, func(i int) float64 {
				if ts := brood(i).Traits; j < len(ts) {
					return ts[j]
				}
				return -1
			})
		}
	}
	for n, dc := range dates {
		if n > 2 {
			break
		}
		since := func(what string, of func(Brood) time.Time) {
			f.add("from "+dc.Name+" to the "+what+" in "+name, d.width, func(i int) float64 {
				t := of(brood(i))
				if t.IsZero() || dc.at[i].IsZero() {
					return -1e9
				}
				s := t.Sub(dc.at[i]).Seconds()
				return math.Copysign(math.Log1p(math.Abs(s)), s)
			})
		}
		since("first", func(b Brood) time.Time { return b.First })
		since("last", func(b Brood) time.Time { return b.Last })
	}
}

// mostTogether is how many tables of children are looked at together.
const mostTogether = 4

// jointly measures whether children in one table begin and end with those in another.
func (d *deck) jointly(f *features) {
	brood := func(i, k int) Brood {
		if k < len(d.rows[i].Broods) {
			return d.rows[i].Broods[k]
		}
		return Brood{}
	}
	names := d.t.Children[:min(len(d.t.Children), mostTogether)]
	for a := range names {
		for b := a + 1; b < len(names); b++ {
			since := func(what string, of func(Brood) time.Time) {
				f.add("from the "+what+" in "+names[a]+" to that in "+names[b], d.width, func(i int) float64 {
					x, y := of(brood(i, a)), of(brood(i, b))
					if x.IsZero() || y.IsZero() {
						return -1e9
					}
					s := y.Sub(x).Seconds()
					return math.Copysign(math.Log1p(math.Abs(s)), s)
				})
			}
			since("first", func(b Brood) time.Time { return b.First })
			since("last", func(b Brood) time.Time { return b.Last })
			since("end", func(b Brood) time.Time { return b.End })
		}
	}
}

// pieces hashes what a row's texts are made of: three characters each, words,
// whole values, and which columns are NULL.
func (d *deck) pieces(i int) []uint32 {
	var out []uint32
	for k, c := range d.cells {
		if c.Role != Content {
			continue
		}
		if c.null[i] {
			out = append(out, hash(k, "NULL"))
			continue
		}
		switch c.Class {
		case generate.Text, generate.Enum, generate.Bool, generate.Network, generate.Array, generate.JSON:
		default:
			continue
		}
		v := strings.ToLower(c.text[i])
		if len(v) > 80 {
			v = v[:80]
		}
		out = append(out, hash(k, "="+v))
		for _, w := range split(v) {
			out = append(out, hash(k, " "+w))
		}
		for j := 0; j+3 <= len(v); j++ {
			out = append(out, hash(k, v[j:j+3]))
		}
	}
	return out
}

func hash(column int, s string) uint32 {
	h := uint32(2166136261)
	h = (h ^ uint32(column)) * 16777619
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return (h ^ h>>15) % sparseSize
}
