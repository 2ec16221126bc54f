package generate

import (
	"math"
	"math/rand/v2"
	"slices"
)

// endings are the last digits of a column's numbers, where these are of few kinds:
// prices end in .00, .90 and .95, salaries in 500. A number that ends as no other does
// would be a honey row's.
type endings struct {
	base  int64   // the digits that are looked at, in units of the last: 100 is two of them
	kinds []int64 // what stands there, sorted; empty if anything does
}

const (
	// mostAlone is up to which share of the rows may end as no other row does for a
	// next one to end as some row.
	mostAlone = 0.02
	// leastSpans is how often the digits have to fit into the range of most numbers:
	// to give one its ending moves it by half of them at most.
	leastSpans = 20
	// leastTold is by how much a digit has to be surer than one drawn at random.
	leastTold = 0.05
	// widestEnding bounds them.
	widestEnding = 1e6
)

// readEndings learns them: as many digits as tell something.
func (n *numbers) readEndings() endings {
	out := endings{base: 1}
	if len(n.sorted) == 0 {
		return out
	}
	all := float64(len(n.sorted))
	span := n.units(n.at(0.9)) - n.units(n.at(0.1))
	said := 0.0 // by the digits so far
	for base := int64(10); base <= widestEnding && base*leastSpans <= span; base *= 10 {
		count := map[int64]int{}
		for _, f := range n.sorted {
			count[rest(n.units(f), base)]++
		}
		alone, says := 0, float64(len(count)-1)/(2*all) // that much is chance
		ends := endings{base: base}
		for k, times := range count {
			ends.kinds = append(ends.kinds, k)
			if times == 1 {
				alone++
			}
		}
		slices.Sort(ends.kinds)
		for _, k := range ends.kinds {
			p := float64(count[k]) / all
			says -= p * math.Log(p)
		}
		if float64(alone) > mostAlone*all {
			break
		}
		if says-said < math.Log(10)-leastTold {
			out = ends
		}
		said = says
	}
	return out
}

// units is a number in units of the last digit that the column writes.
func (n *numbers) units(f float64) int64 {
	return int64(math.Round(min(max(f*math.Pow10(n.scale), -1e17), 1e17)))
}

// number is what so many units are.
func (n *numbers) number(units int64) float64 { return float64(units) / math.Pow10(n.scale) }

func rest(v, base int64) int64 { return (v%base + base) % base }

// ending gives a number the ending of another.
func (n *numbers) ending(f float64, like int64) float64 {
	base := n.ends.base
	v := n.units(f)
	v += rest(like, base) - rest(v, base)
	for _, way := range []int64{-base, base} {
		if d := math.Abs(n.number(v+way) - f); d < math.Abs(n.number(v)-f) {
			v += way
		}
	}
	return n.number(v)
}

// ended is the nearest number that ends as some row's does.
func (n *numbers) ended(f float64) float64 {
	best, least := f, math.Inf(1)
	if int64(len(n.ends.kinds)) == n.ends.base {
		return f
	}
	for _, k := range n.ends.kinds {
		if v := n.ending(f, k); math.Abs(v-f) < least {
			best, least = v, math.Abs(v-f)
		}
	}
	return best
}

// beside draws a row's number near rank q.
func (n *numbers) beside(r *rand.Rand, q, width float64) float64 {
	return n.sorted[min(max(int((q+width*(2*r.Float64()-1))*float64(len(n.sorted))), 0), len(n.sorted)-1)]
}
