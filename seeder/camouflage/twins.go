package camouflage

import (
	"math"
	"slices"
	"strings"
	"time"
	"unicode"

	"honeyrow/seeder/generate"
)

// likeness is something that two rows may have in common: the same value, the same
// street whatever the number, as many days between two dates.
type likeness struct {
	id     []int     // by row; -1: nothing
	rows   [][]int   // by id
	weight []float64 // by id: how telling it is that two have it in common
	dates  bool      // of dates alone
	person bool      // of what identifies somebody, which no template gives
}

// alike makes a likeness of what rows say; "" is nothing.
func (d *deck) alike(dates bool, of func(i int) string) *likeness {
	l := &likeness{dates: dates}
	ids := map[string]int{}
	for i := range d.rows {
		v := of(i)
		if v == "" {
			l.id = append(l.id, -1)
			continue
		}
		id, ok := ids[v]
		if !ok {
			id = len(l.rows)
			ids[v], l.rows = id, append(l.rows, nil)
		}
		l.id, l.rows[id] = append(l.id, id), append(l.rows[id], i)
	}
	for _, rows := range l.rows {
		l.weight = append(l.weight, -math.Log(float64(len(rows))/float64(d.width)))
	}
	return l
}

// maxIntervals bounds the pairs of dates that are looked at.
const maxIntervals = 10

// likenesses are those by which a honey row may be known as one of a pair with the
// row that it was made of.
func (d *deck) likenesses() (out []*likeness) {
	var dates []*cells
	for _, c := range d.cells {
		if c.Role != Content {
			continue
		}
		whole := d.alike(false, func(i int) string { return c.text[i] })
		whole.person = c.Person
		out = append(out, whole)
		if c.Class == generate.Text && !c.few() {
			out = append(out, d.alike(false, func(i int) string { return unnumbered(c.text[i]) }))
		}
		if c.Class == generate.Date || c.Class == generate.Timestamp {
			dates = append(dates, c)
		}
	}
	n := 0
	for a := range dates {
		for b := a + 1; b < len(dates) && n < maxIntervals; b++ {
			n++
			x, y := dates[a], dates[b]
			between := func(show func(time.Duration) time.Duration) func(i int) string {
				return func(i int) string {
					if x.at[i].IsZero() || y.at[i].IsZero() {
						return ""
					}
					return show(y.at[i].Sub(x.at[i])).String()
				}
			}
			out = append(out, d.alike(true, between(func(s time.Duration) time.Duration { return s })))
			if x.Class == generate.Timestamp && y.Class == generate.Timestamp {
				const day = 24 * time.Hour
				out = append(out,
					d.alike(true, between(func(s time.Duration) time.Duration { return (s%day + day) % day })),
					d.alike(true, between(func(s time.Duration) time.Duration { return s.Round(day) / day })),
					d.alike(true, between(func(s time.Duration) time.Duration { return ((s+day/48)%day + day) % day / (day / 24) })))
			}
		}
	}
	return out
}

// unnumbered is what is left of a text without the words that hold digits: a street
// without the house's number. "" if no letters are left, or all of it.
func unnumbered(v string) string {
	kept := slices.DeleteFunc(strings.Fields(strings.ToLower(v)), func(w string) bool { return strings.ContainsFunc(w, unicode.IsDigit) })
	if out := strings.Join(kept, " "); len(out) < len(v) && strings.ContainsFunc(out, unicode.IsLetter) {
		return out
	}
	return ""
}

// nearest measures how much a row shares with the row most like it, in all and of
// its dates' intervals alone: a honey row beside its template.
func (d *deck) nearest(f *features) {
	ls := d.likenesses()
	all, others, dates := make([]float64, d.width), make([]float64, d.width), make([]float64, d.width)
	d.best(ls, func(l *likeness) bool { return true }, nil, all)
	f.add("what it shares with the row most like it", d.width, func(i int) float64 { return all[i] })
	d.best(ls, func(l *likeness) bool { return !l.person }, nil, others)
	f.add("what but a name it shares with another row", d.width, func(i int) float64 { return others[i] })
	if slices.ContainsFunc(ls, func(l *likeness) bool { return l.dates }) {
		d.best(ls, func(l *likeness) bool { return l.dates }, nil, dates)
		f.add("intervals that it shares with another row", d.width, func(i int) float64 { return dates[i] })
	}
}

// reach is within how many rows, by key, a template is looked for.
const reach = 260

// beside measures how much a row shares with the row most like it among those
// whose key is near.
func (d *deck) beside(f *features, order []int) {
	place := make([]int, d.width)
	for i := range place {
		place[i] = -2 * reach
	}
	for k, i := range order {
		place[i] = k
	}
	near := make([]float64, d.width)
	d.best(d.likenesses(), func(l *likeness) bool { return !l.person }, place, near)
	f.add("what but a name it shares with a row near it", d.width, func(i int) float64 { return near[i] })
}

// best finds for each row how telling what it has in common with another one is at
// most; of rows that are near if places are given.
func (d *deck) best(ls []*likeness, of func(*likeness) bool, place []int, best []float64) {
	sum := make([]float64, d.width)
	for i := range d.rows {
		clear(sum)
		for _, l := range ls {
			if l.id[i] < 0 || !of(l) {
				continue
			}
			rows := l.rows[l.id[i]]
			if len(rows) < 2 {
				continue
			}
			for _, j := range rows {
				sum[j] += l.weight[l.id[i]]
			}
		}
		sum[i] = 0
		for j, s := range sum {
			if s > best[i] && (place == nil || max(place[i]-place[j], place[j]-place[i]) <= reach) {
				best[i] = s
			}
		}
	}
}
