package camouflage

import (
	"hash/fnv"
	"io"
	"math"
	"sort"
	"strconv"
	"strings"
	"time"

	"honeyrow/seeder/generate"
)

// deck is one dump: the real rows and those of one run. Every feature of a row
// is measured against all the others (leave one out), as a thief would who
// does not know which are which.
type deck struct {
	t     *Table
	rows  []Row
	cells []*cells // beside t.Columns
	width int      // rows
	// lots decide between rows of equal numbers, by what the rows say: the order in
	// which they are given here is no part of a dump, and honey rows are given last.
	lots []uint64
}

// cells is one column of a deck.
type cells struct {
	*Column
	text  []string // "" for NULL
	null  []bool
	id    []int       // equal values have equal ids; -1: NULL
	count []int       // by id
	num   []float64   // NaN if it is no number
	at    []time.Time // zero if it is no time
	rank  []float64   // of number or time, 0 to 1; NaN if there is none
	kinds int         // different values among the real rows
	real  int         // real rows
}

func newDeck(t *Table, honey []Row) *deck {
	d := &deck{t: t, rows: append(append(make([]Row, 0, len(t.Real)+len(honey)), t.Real...), honey...)}
	d.width = len(d.rows)
	for i := range d.rows {
		d.lots = append(d.lots, drawn(&d.rows[i]))
	}
	for i := range t.Columns {
		d.cells = append(d.cells, d.column(i))
	}
	return d
}

// drawn is a row's lot.
func drawn(row *Row) uint64 {
	h := fnv.New64a()
	for _, v := range row.Values {
		if v != nil {
			io.WriteString(h, *v)
		}
		h.Write([]byte{0})
	}
	return h.Sum64()
}

// inOrder returns the rows that have a number, in its order; among equal ones lots
// decide.
func (d *deck) inOrder(num []float64) (order []int) {
	for i, v := range num {
		if !math.IsNaN(v) {
			order = append(order, i)
		}
	}
	d.sort(order, num)
	return order
}

func (d *deck) sort(order []int, num []float64) {
	sort.SliceStable(order, func(a, b int) bool {
		x, y := order[a], order[b]
		return num[x] < num[y] || num[x] == num[y] && d.lots[x] < d.lots[y]
	})
}

func (d *deck) column(i int) *cells {
	c := &cells{Column: &d.t.Columns[i]}
	ids := map[string]int{}
	c.real = len(d.t.Real)
	for n, row := range d.rows {
		if n == c.real {
			c.kinds = len(ids)
		}
		v := row.Values[i]
		if v == nil {
			c.text, c.null, c.id = append(c.text, ""), append(c.null, true), append(c.id, -1)
			c.num, c.at = append(c.num, math.NaN()), append(c.at, time.Time{})
			continue
		}
		id, ok := ids[*v]
		if !ok {
			id = len(ids)
			ids[*v] = id
			c.count = append(c.count, 0)
		}
		c.count[id]++
		c.text, c.null, c.id = append(c.text, *v), append(c.null, false), append(c.id, id)
		num, at := math.NaN(), time.Time{}
		switch c.Class {
		case generate.Integer, generate.Decimal:
			if f, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimPrefix(*v, "$"), ",", ""), 64); err == nil && !math.IsInf(f, 0) {
				num = f
			}
		case generate.Date, generate.Timestamp:
			if t, _, ok := generate.ParseTime(*v); ok && !generate.Sentinel(t) {
				at, num = t, float64(t.Unix())
			}
		default:
			if n := strings.TrimLeft(*v, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_#/"); c.Role == Key && n != "" {
				if f, err := strconv.ParseFloat(strings.ReplaceAll(n, "-", ""), 64); err == nil {
					num = f
				}
			}
		}
		c.num, c.at = append(c.num, num), append(c.at, at)
	}
	if c.kinds == 0 {
		c.kinds = len(ids)
	}
	c.rank = ranks(c.num)
	return c
}

// ranks returns where each number stands among the others, 0 to 1, the middle
// for equal ones.
func ranks(num []float64) []float64 {
	var sorted []float64
	for _, f := range num {
		if !math.IsNaN(f) {
			sorted = append(sorted, f)
		}
	}
	sort.Float64s(sorted)
	out := make([]float64, len(num))
	for i, f := range num {
		if math.IsNaN(f) {
			out[i] = math.NaN()
			continue
		}
		lo := sort.SearchFloat64s(sorted, f)
		hi := sort.Search(len(sorted), func(k int) bool { return sorted[k] > f })
		out[i] = float64(lo+hi) / 2 / float64(len(sorted))
	}
	return out
}

// seen is how often another row holds the value.
func (c *cells) seen(i int) float64 {
	if c.id[i] < 0 {
		return 0
	}
	return float64(c.count[c.id[i]] - 1)
}

// few reports whether the column is a category. Real rows alone decide, so that
// all runs have the same features.
func (c *cells) few() bool {
	return c.kinds > 1 && c.kinds <= 40 && c.kinds*8 <= c.real
}

// features are by feature, then by row. A constant one stays, so that all runs
// have the same.
type features struct {
	names []string
	cols  [][]float64
}

func (f *features) add(name string, n int, value func(i int) float64) {
	col := make([]float64, n)
	for i := range col {
		if col[i] = value(i); math.IsNaN(col[i]) || math.IsInf(col[i], 0) {
			col[i] = -1e6
		}
	}
	f.names, f.cols = append(f.names, name), append(f.cols, col)
}

// content measures what the rows say.
func (d *deck) content() *features {
	f := &features{}
	var cats, nums, dates, texts []*cells
	for _, c := range d.cells {
		if c.Role != Content {
			continue
		}
		f.add(c.Name+": is null", d.width, func(i int) float64 { return truth(c.null[i]) })
		f.add(c.Name+": how often the value stands elsewhere", d.width, func(i int) float64 { return math.Log1p(c.seen(i)) })
		switch {
		case c.Class == generate.Integer || c.Class == generate.Decimal:
			d.number(f, c)
			nums = append(nums, c)
		case c.Class == generate.Date || c.Class == generate.Timestamp:
			d.date(f, c)
			dates = append(dates, c)
		default:
			d.words(f, c)
			if c.Class == generate.Text && !c.few() {
				texts = append(texts, c)
			}
		}
		if c.few() {
			cats = append(cats, c)
			d.category(f, c)
		}
	}
	d.together(f, cats, nums, dates)
	d.derived(f, texts)
	ls := d.ladders()
	d.lawful(f, ls, false)
	d.paces(f, ls, false)
	d.couples(f)
	d.named(f)
	d.numbersIn(f, texts, cats)
	d.years(f, nums, dates)
	d.nearest(f)
	d.company(f, cats, dates)
	return f
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (d *deck) number(f *features, c *cells) {
	f.add(c.Name+": rank", d.width, func(i int) float64 { return c.rank[i] })
	f.add(c.Name+": round", d.width, func(i int) float64 { return float64(roundness(c.text[i])) })
	f.add(c.Name+": last digit", d.width, func(i int) float64 {
		if t := c.text[i]; t != "" {
			return float64(t[len(t)-1])
		}
		return -1
	})
	for _, k := range []int{2, 3} { // a price that ends as no other does
		count := map[string]int{}
		for i := range d.rows {
			count[Ending(c.text[i], k)]++
		}
		f.add(c.Name+": others of its last "+strconv.Itoa(k)+" digits", d.width, func(i int) float64 { return math.Log1p(float64(count[Ending(c.text[i], k)] - 1)) })
	}
	f.add(c.Name+": digits", d.width, func(i int) float64 { return float64(len(c.text[i])) })
}

// Ending is the last k digits of a number, all of it if it has no more.
func Ending(v string, k int) string {
	for i := len(v) - 1; i >= 0 && k > 0; i-- {
		if v[i] >= '0' && v[i] <= '9' {
			if k--; k == 0 {
				return v[i:]
			}
		}
	}
	return "all " + v
}

// roundness counts the zeros that a number ends in, those behind the point
// included.
func roundness(v string) int {
	n := 0
	for i := len(v) - 1; i >= 0 && (v[i] == '0' || v[i] == '.'); i-- {
		if v[i] == '0' {
			n++
		}
	}
	return n
}

func (d *deck) date(f *features, c *cells) {
	f.add(c.Name+": rank", d.width, func(i int) float64 { return c.rank[i] })
	part := func(name string, of func(time.Time) float64) {
		f.add(c.Name+": "+name, d.width, func(i int) float64 {
			if c.at[i].IsZero() {
				return -1
			}
			return of(c.at[i])
		})
	}
	part("weekday", func(t time.Time) float64 { return float64(t.Weekday()) })
	part("day of the month", func(t time.Time) float64 { return float64(t.Day()) })
	var year [366]float64
	ofYear := func(t time.Time) int { return time.Date(2000, t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).YearDay() - 1 }
	for _, t := range c.at {
		if !t.IsZero() {
			year[ofYear(t)]++
		}
	}
	part("others about that time of the year", func(t time.Time) float64 {
		n := -1.0
		for by := -5; by <= 5; by++ {
			n += year[(ofYear(t)+by+len(year))%len(year)]
		}
		return n
	})
	days := map[int64]int{}
	for _, t := range c.at {
		days[t.Unix()/86400]++
	}
	part("others of the same day", func(t time.Time) float64 { return float64(days[t.Unix()/86400] - 1) })
	if c.Class == generate.Date {
		return
	}
	part("time of day", func(t time.Time) float64 { return float64(t.Hour()*60 + t.Minute()) })
	part("second", func(t time.Time) float64 { return float64(t.Second()) })
	part("zeros of the fraction", func(t time.Time) float64 { return float64(roundness(strconv.Itoa(1e9 + t.Nanosecond()))) })
	part("fraction", func(t time.Time) float64 { return float64(t.Nanosecond()) })
	minutes, fractions := map[int64]int{}, map[int]int{}
	for _, t := range c.at {
		minutes[t.Unix()/60]++
		fractions[t.Nanosecond()]++
	}
	part("others of the same minute", func(t time.Time) float64 { return float64(minutes[t.Unix()/60] - 1) })
	part("others of the same fraction", func(t time.Time) float64 { return math.Log1p(float64(fractions[t.Nanosecond()] - 1)) })
}

// category tells the usual values apart.
func (d *deck) category(f *features, c *cells) {
	type val struct {
		id, n int
		text  string
	}
	var vs []val
	known := map[int]bool{}
	for i, id := range c.id {
		if id >= 0 && !known[id] {
			known[id] = true
			vs = append(vs, val{id, c.count[id], c.text[i]})
		}
	}
	sort.Slice(vs, func(a, b int) bool { return vs[a].n > vs[b].n || vs[a].n == vs[b].n && vs[a].text < vs[b].text })
	for k := range 6 { // always as many, so that all runs have the same features
		f.add(c.Name+": usual value "+strconv.Itoa(k+1), d.width, func(i int) float64 { return truth(k < len(vs) && c.id[i] == vs[k].id) })
	}
}

// together measures how columns go with each other.
func (d *deck) together(f *features, cats, nums, dates []*cells) {
	for a := range cats {
		for b := a + 1; b < len(cats) && a < 7 && b < 7; b++ {
			x, y := cats[a], cats[b]
			joint := map[[2]int]int{}
			for i := range d.rows {
				joint[[2]int{x.id[i], y.id[i]}]++
			}
			f.add(x.Name+" with "+y.Name, d.width, func(i int) float64 {
				n := float64(joint[[2]int{x.id[i], y.id[i]}] - 1)
				return math.Log((n + 0.3) / ((x.seen(i)+1)*(y.seen(i)+1)/float64(d.width) + 0.3))
			})
		}
	}
	for a := 0; a < len(cats) && a < 4; a++ {
		for b := 0; b < len(nums) && b < 4; b++ {
			x, y := cats[a], nums[b]
			sum, n := map[int]float64{}, map[int]float64{}
			for i := range d.rows {
				if !math.IsNaN(y.rank[i]) {
					sum[x.id[i]] += y.rank[i]
					n[x.id[i]]++
				}
			}
			f.add(y.Name+" for its "+x.Name, d.width, func(i int) float64 {
				if n[x.id[i]] < 2 {
					return 0
				}
				return y.rank[i] - (sum[x.id[i]]-y.rank[i])/(n[x.id[i]]-1)
			})
		}
	}
	for a := range dates {
		for b := a + 1; b < len(dates) && a < 4 && b < 5; b++ {
			x, y := dates[a], dates[b]
			f.add("from "+x.Name+" to "+y.Name, d.width, func(i int) float64 {
				if x.at[i].IsZero() || y.at[i].IsZero() {
					return -1e9
				}
				s := y.at[i].Sub(x.at[i]).Seconds()
				return math.Copysign(math.Log1p(math.Abs(s)), s)
			})
		}
	}
	for a := range nums {
		for b := a + 1; b < len(nums) && a < 4 && b < 4; b++ {
			x, y := nums[a], nums[b]
			f.add(x.Name+" beside "+y.Name, d.width, func(i int) float64 { return x.rank[i] - y.rank[i] })
		}
	}
}

// derived measures how much of one text is made of another: a name in an
// address.
func (d *deck) derived(f *features, texts []*cells) {
	plain := func(v string) string {
		v, _, _ = strings.Cut(strings.ToLower(v), "@")
		return strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 127 {
				return r
			}
			return -1
		}, v)
	}
	for _, x := range texts {
		for _, y := range texts {
			if x == y {
				continue
			}
			linked := 0
			for i := range d.t.Real {
				if a, b := plain(x.text[i]), plain(y.text[i]); len(a) > 2 && strings.Contains(b, a) {
					linked++
				}
			}
			if linked*20 < len(d.t.Real) {
				continue
			}
			f.add(x.Name+" within "+y.Name, d.width, func(i int) float64 {
				a, b := plain(x.text[i]), plain(y.text[i])
				if a == "" || b == "" {
					return -1
				}
				return float64(common(a, b)) / float64(len(a))
			})
		}
	}
}

// common is the length of the longest text that stands in both.
func common(a, b string) int {
	if len(a) > 40 {
		a = a[:40]
	}
	if len(b) > 60 {
		b = b[:60]
	}
	best := 0
	was := make([]int, len(b)+1)
	for i := range len(a) {
		now := make([]int, len(b)+1)
		for k := range len(b) {
			if a[i] == b[k] {
				now[k+1] = was[k] + 1
				best = max(best, now[k+1])
			}
		}
		was = now
	}
	return best
}
