package seeder

import (
	"math"
	"slices"
	"sort"
	"time"
)

// Rows whose dates are one other's, each moved a little, lie nearer to that one than real
// rows do to any, the more so the more dates there are: whoever looks for the nearest in
// all dates at once finds both. So a honey row's lie as far from those that they go by as
// nearly all real rows are from their nearest.

// How many rows are looked at for how far they are apart, and which share of them is
// nearer to another.
const (
	mostLonely = 200
	leaveOut   = 0.9
)

// lonely is how far rows of a kind are from the nearest one: in their first date and in
// the distance of each other date from the one that it is placed by, as shares of the
// rows between them.
func (c *clock) lonely(kind string) float64 {
	if far, ok := c.apart[kind]; ok {
		return far
	}
	rows := c.alike[kind]
	var at [][]float64 // by row
	for n, i := range rows {
		p := []float64{float64(n) / float64(len(rows))}
		root := firstOf(c.rows[i])
		for j := root + 1; root >= 0 && j < len(c.fields); j++ {
			if c.rows[i][j].IsZero() {
				continue
			}
			b := c.from(c.rows[i], root, j)
			s := c.span(b, j)
			p = append(p, s.rank(s.far(c.rows[i][b], c.rows[i][j])))
		}
		at = append(at, p)
	}
	var all []float64
	for a := 0; a < len(at) && len(at) >= leastSample && len(at[a]) > 1; a += 1 + len(at)/mostLonely {
		near := 1.0
		for b := range at {
			far := 0.0
			for k := range at[a] {
				if far = max(far, math.Abs(at[a][k]-at[b][k])); far >= near {
					break
				}
			}
			if a != b {
				near = min(near, far)
			}
		}
		all = append(all, near)
	}
	slices.Sort(all)
	far := 0.0
	if len(all) > 0 {
		far = all[int(leaveOut*float64(len(all)-1))]
	}
	c.apart[kind] = far
	return far
}

// from is by which of a row's dates the jth is placed.
func (c *clock) from(row []time.Time, root, j int) int {
	if b := c.base[j]; b >= root && !row[b].IsZero() {
		return b
	}
	return root
}

// off is how many rows of a kind began between a row and a date, as a share.
func (c *clock) off(kind string, like []time.Time, at time.Time) float64 {
	rows := c.alike[kind]
	rank := func(t time.Time) int {
		return sort.Search(len(rows), func(i int) bool { return !first(c.rows[rows[i]]).Before(t) })
	}
	return math.Abs(float64(rank(at)-rank(first(like)))) / float64(max(len(rows), 1))
}

// lonely is how far litters of so many are from the nearest as large one: in how far each
// of their dates lies behind that which they hang on, as shares of such distances. Of few
// as large, those of smaller ones tell.
func (g *hang) lonely(n int) float64 {
	if far, ok := g.apart[n]; ok {
		return far
	}
	far := 0.0
	if n > 1 && !g.tied() {
		var at [][]float64
		for _, l := range g.litters {
			if len(l.spans) != n {
				continue
			}
			p := make([]float64, n)
			for i, v := range l.spans {
				p[i] = g.span.rank(v)
			}
			at = append(at, p)
		}
		if len(at) < leastGroup {
			far = g.lonely(n - 1)
		} else {
			var all []float64
			for a := 0; a < len(at); a += 1 + len(at)/mostLonely {
				all = append(all, nearest(at, a))
			}
			slices.Sort(all)
			far = min(all[int(leaveOut*float64(len(all)-1))], mostAway)
		}
	}
	if g.apart == nil {
		g.apart = map[int]float64{}
	}
	g.apart[n] = far
	return far
}

// mostAway is how far a relative's date moves at most, as a share, for the litter to be
// as far from the one that it is made of.
const mostAway = 0.25
