package camouflage

import (
	"math"
	"slices"
	"time"

	"honeyrow/seeder/generate"
)

// ladder is what may stand in order with others of its kind: a row's numbers, dates,
// keys, what it points at, and the dates of what it points at.
type ladder struct {
	name string
	num  []float64 // by row; NaN: none
	date bool
	dump bool // a dump alone shows it
	key  bool
}

// ladders lists them.
func (d *deck) ladders() (out []*ladder) {
	for _, c := range d.cells {
		if c.Role == Ignored {
			continue
		}
		l := &ladder{name: c.Name, num: c.num, dump: c.Role != Content, key: c.Role == Key}
		switch {
		case c.Class == generate.Date || c.Class == generate.Timestamp:
			l.date = true
			l.num = make([]float64, d.width)
			for i, t := range c.at {
				if l.num[i] = math.NaN(); !t.IsZero() {
					l.num[i] = onWall(t)
				}
			}
		case c.Class == generate.Integer || c.Class == generate.Decimal || c.Role == Key:
		default:
			continue
		}
		out = append(out, l)
	}
	for k, name := range d.t.Pointed {
		num := make([]float64, d.width)
		for i, row := range d.rows {
			if num[i] = math.NaN(); k < len(row.Pointed) && !row.Pointed[k].IsZero() {
				num[i] = onWall(row.Pointed[k])
			}
		}
		out = append(out, &ladder{name: name, num: num, date: true, dump: true})
	}
	return out
}

// How many real rows have to show an order, and how many of a thousand may break it.
const (
	leastOrdered = 40
	mostBreaking = 5
)

// broken counts for each row the orders between two of its ladders that real rows
// keep, and it does not.
func (d *deck) broken(ls []*ladder, dump bool) []float64 {
	out := make([]float64, d.width)
	for a := range ls {
		for b := range ls {
			x, y := ls[a], ls[b]
			if a == b || x.date != y.date || (x.dump || y.dump) != dump {
				continue
			}
			n, more, same := 0, 0, 0
			for i := range d.t.Real {
				switch u, v := x.num[i], y.num[i]; {
				case math.IsNaN(u) || math.IsNaN(v):
				case u > v:
					n, more = n+1, more+1
				case u == v:
					n, same = n+1, same+1
				default:
					n++
				}
			}
			if n < leastOrdered || 1000*more > mostBreaking*n {
				continue
			}
			strict := 1000*(more+same) <= mostBreaking*n
			for i := range out {
				if u, v := x.num[i], y.num[i]; u > v || strict && u == v {
					out[i]++
				}
			}
		}
	}
	return out
}

// beyond is how far what rises with a key lies outside of its neighbours', two on each
// side, in so many times what lies between these; 0 where it does not rise.
func (d *deck) beyond(key, l *ladder) []float64 {
	out := make([]float64, d.width)
	var order []int
	for i := range d.rows {
		if !math.IsNaN(key.num[i]) && !math.IsNaN(l.num[i]) {
			order = append(order, i)
		}
	}
	d.sort(order, key.num)
	up := 0
	for k := 1; k < len(order); k++ {
		if l.num[order[k]] >= l.num[order[k-1]] {
			up++
		}
	}
	if len(order) < leastOrdered || 10*up < 9*len(order) {
		return out
	}
	for k := 2; k+2 < len(order); k++ {
		near := []float64{l.num[order[k-2]], l.num[order[k-1]], l.num[order[k+1]], l.num[order[k+2]]}
		low, high := slices.Min(near), slices.Max(near)
		if off := max(low-l.num[order[k]], l.num[order[k]]-high); off > 0 {
			out[order[k]] = math.Log1p(off / (1 + high - low))
		}
	}
	return out
}

// lawful measures the orders that rows keep: among what they say, or with keys and what
// they point at too.
func (d *deck) lawful(f *features, ls []*ladder, dump bool) {
	bad := d.broken(ls, dump)
	name := "orders of its dates and numbers that it breaks"
	if dump {
		name = "orders with keys and what it points at that it breaks"
	}
	f.add(name, d.width, func(i int) float64 { return bad[i] })
	if !dump {
		return
	}
	for _, key := range ls {
		if !key.key {
			continue
		}
		for _, l := range ls {
			if l == key {
				continue
			}
			off := d.beyond(key, l)
			f.add(l.name+" beyond its neighbours' by "+key.name, d.width, func(i int) float64 { return off[i] })
		}
	}
}

// pace is what lies between two dates of a row, and where that stands among the rows
// whose first one is near: an age at which others of its time are is not told by how
// often it occurs at all.
type pace struct {
	name string
	far  []float64 // NaN: one of both is not there
	near []float64 // rank among those of its time, 0 to 1; -1: none
}

// paced is among how many rows of about the same time an interval is judged.
const paced = 60

func (d *deck) pace(x, y *ladder) *pace {
	p := &pace{name: "from " + x.name + " to " + y.name, far: make([]float64, len(x.num))}
	for i := range p.far {
		p.far[i] = y.num[i] - x.num[i]
	}
	p.near = d.near(x.num, p.far)
	return p
}

// near returns where each number of b stands among those whose number of a is near,
// 0 to 1; -1 where there are none.
func (d *deck) near(a, b []float64) []float64 {
	out := make([]float64, len(b))
	var order []int
	for i := range b {
		if out[i] = -1; !math.IsNaN(a[i]) && !math.IsNaN(b[i]) {
			order = append(order, i)
		}
	}
	d.sort(order, a)
	for k, i := range order {
		lo := max(0, min(k-paced/2, len(order)-paced))
		less, same, n := 0, 0, 0
		for _, j := range order[lo:min(len(order), lo+paced)] {
			switch {
			case j == i:
				continue
			case b[j] < b[i]:
				less++
			case b[j] == b[i]:
				same++
			}
			n++
		}
		if n > 0 {
			out[i] = (float64(less) + float64(same)/2) / float64(n)
		}
	}
	return out
}

// maxPaces bounds the intervals that are looked at.
const maxPaces = 8

// paces measures intervals by the rows of their time, two intervals of a row by each
// other, and days: which of a month, and which after whole months, are usual.
func (d *deck) paces(f *features, ls []*ladder, dump bool) {
	var dates []*ladder
	for _, l := range ls {
		if l.date && (dump || !l.dump) {
			dates = append(dates, l)
		}
	}
	var all []*pace
	for a, x := range dates {
		for _, y := range dates[a+1:] {
			if len(all) == maxPaces || dump && !y.dump {
				continue
			}
			p := d.pace(x, y)
			all = append(all, p)
			f.add(p.name+", among rows of its time", d.width, func(i int) float64 { return p.near[i] })
			rest := make([]int, d.width)
			for i := range rest {
				if rest[i] = -1; !math.IsNaN(p.far[i]) {
					rest[i] = generate.DaysLeft(moment(x.num[i]), moment(y.num[i]))
				}
			}
			d.usual(f, p.name+": days after whole months", rest)
		}
	}
	for a, p := range all {
		for _, q := range all[a+1 : min(len(all), a+3)] {
			near := d.near(p.far, q.far)
			f.add(q.name+", among rows with about as long "+p.name, d.width, func(i int) float64 { return near[i] })
		}
	}
	if !dump {
		d.crowded(f, dates)
	}
	for _, l := range dates {
		if l.dump != dump {
			continue
		}
		days, lengths := make([]int, d.width), make([]int, d.width)
		for i := range days {
			if days[i], lengths[i] = -1, -1; !math.IsNaN(l.num[i]) {
				at := moment(l.num[i])
				days[i] = at.Day()
				lengths[i] = 32*time.Date(at.Year(), at.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day() + at.Day()
			}
		}
		d.usual(f, l.name+": day of the month", days)
		d.usual(f, l.name+": day of months as long", lengths)
	}
}

// crowded measures how near another row comes to a row's first date and to all intervals
// from one date to the next at once, as a share of the rows with the same dates that have one nearer: a
// row whose dates are one other's, each moved a little, is nearer to it than real rows
// are to any.
func (d *deck) crowded(f *features, dates []*ladder) {
	out := make([]float64, d.width)
	groups := map[string][]int{}
	for i := range out {
		out[i] = -1
		kind := ""
		for k, l := range dates {
			if !math.IsNaN(l.num[i]) {
				kind += string(rune('a' + k))
			}
		}
		if len(kind) > 1 {
			groups[kind] = append(groups[kind], i)
		}
	}
	for kind, rows := range groups {
		if len(rows) < leastOrdered {
			continue
		}
		var at [][]float64 // ranks, by what is compared
		for n, k := range kind {
			num := make([]float64, len(rows))
			for j, i := range rows {
				if num[j] = dates[k-'a'].num[i]; n > 0 {
					num[j] -= dates[kind[n-1]-'a'].num[i]
				}
			}
			at = append(at, ranks(num))
		}
		near := make([]float64, len(rows))
		for a := range rows {
			near[a] = 1
		}
		for a := range rows {
			for b := range a {
				far := 0.0
				for _, x := range at {
					far = max(far, math.Abs(x[a]-x[b]))
				}
				near[a], near[b] = min(near[a], far), min(near[b], far)
			}
		}
		for j, v := range ranks(near) {
			out[rows[j]] = v
		}
	}
	f.add("how near another row is in all its dates", d.width, func(i int) float64 { return out[i] })
}

// onWall are the seconds that a clock on the wall showed, as if it were UTC's.
func onWall(t time.Time) float64 {
	_, off := t.Zone()
	return float64(t.Unix() + int64(off))
}

func moment(unix float64) time.Time { return time.Unix(int64(unix), 0).UTC() }

// usual measures how many rows have the same of some few numbers.
func (d *deck) usual(f *features, name string, of []int) {
	count := map[int]int{}
	for _, v := range of {
		count[v]++
	}
	f.add(name+", others with the same", d.width, func(i int) float64 {
		if of[i] < 0 {
			return -1
		}
		return math.Log1p(float64(count[of[i]] - 1))
	})
}

// orders looks for rows that break an order which real ones keep.
func (l *looker) orders() {
	ls := l.d.ladders()
	for _, dump := range []bool{false, true} {
		bad := l.d.broken(ls, dump)
		breaks := func(i int) bool { return bad[i] > 0 }
		if real, honey := l.share(breaks); 100*real < l.n && l.odd(breaks) < unlikely {
			l.tell(dump, "an order broken", "%d of %d honey rows break an order of keys, dates and numbers that real rows keep, also with those of what they point at", honey, l.d.width-l.n)
		}
	}
}
