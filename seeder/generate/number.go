package generate

import (
	"errors"
	"math"
	"math/rand/v2"
	"sort"
	"strconv"
	"strings"
)

// numbers is a column of numbers, sorted.
type numbers struct {
	sorted []float64
	scale  int     // digits after the point that the column writes
	step   float64 // the largest round step that nearly all values keep
	few    bool    // they are of a kind, such as credit limits: each stands in many rows
	mode   string  // the value that more than a third of the rows share, or ""
	symbol string  // what stands before the digits ("$" of type money)
	held   map[float64]int
	trims  bool // floating point, written with as many digits as a number needs
	common bool // a third of them or more stand in several rows
	ends   endings
}

func readNumbers(c *Column) *numbers {
	n := &numbers{scale: c.Scale}
	count := map[string]int{}
	widest, least, zeros := 0, math.MaxInt, false
	for _, v := range c.Values {
		f, digits, ok := parseNumber(v)
		if !ok {
			continue
		}
		if n.symbol == "" && strings.HasPrefix(v, "$") {
			n.symbol = "$"
		}
		widest, least = max(widest, digits), min(least, digits)
		zeros = zeros || digits > 0 && strings.HasSuffix(v, "0")
		n.sorted = append(n.sorted, f)
		if count[v]++; 3*count[v] > len(c.Values) && len(c.Values) > 5 {
			n.mode = v
		}
	}
	if c.Class == Integer {
		n.scale = 0
	} else if n.scale < 0 || c.Class != Decimal {
		n.scale = widest
	}
	n.few = len(count) <= fewNumbers && fewNumbers/5*len(count) <= len(n.sorted)
	sort.Float64s(n.sorted)
	n.held = make(map[float64]int, len(count))
	for _, f := range n.sorted {
		n.held[f]++
	}
	n.trims = n.scale == widest && least < widest && !zeros
	several := 0
	for _, k := range n.held {
		if k > 1 {
			several += k
		}
	}
	n.common = 3*several > len(n.sorted)
	n.ends = n.readEndings()
	n.step = math.Pow10(-n.scale)
	for _, s := range []float64{1000, 500, 250, 100, 50, 10, 5, 1, 0.5, 0.05, 0.01} {
		if s > n.step && share(n.sorted, func(f float64) bool { return math.Abs(f/s-math.Round(f/s)) < 1e-9 }) >= 0.9 {
			n.step = s
			break
		}
	}
	return n
}

// fewNumbers is up to how many different ones numbers are of a kind.
const fewNumbers = 40

func share(fs []float64, ok func(float64) bool) float64 {
	if len(fs) == 0 {
		return 0
	}
	n := 0
	for _, f := range fs {
		if ok(f) {
			n++
		}
	}
	return float64(n) / float64(len(fs))
}

// parseNumber reads a number as servers print it; digits counts those after
// the point.
func parseNumber(v string) (f float64, digits int, ok bool) {
	v = strings.ReplaceAll(strings.TrimPrefix(v, "$"), ",", "")
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, 0, false
	}
	if _, frac, cut := strings.Cut(v, "."); cut && !strings.ContainsAny(frac, "eE") {
		digits = len(frac)
	}
	return f, digits, true
}

// at returns the value at rank q, 0 to 1.
func (n *numbers) at(q float64) float64 {
	q = min(max(q, 0), 1) * float64(len(n.sorted)-1)
	i := int(q)
	if i+1 >= len(n.sorted) {
		return n.sorted[len(n.sorted)-1]
	}
	return n.sorted[i] + (q-float64(i))*(n.sorted[i+1]-n.sorted[i])
}

// rank returns where f stands, 0 to 1.
func (n *numbers) rank(f float64) float64 {
	if len(n.sorted) < 2 {
		return 0.5
	}
	lo := sort.SearchFloat64s(n.sorted, f)
	hi := sort.Search(len(n.sorted), func(i int) bool { return n.sorted[i] > f })
	return float64(lo+hi) / 2 / float64(len(n.sorted))
}

// near makes a number near was in rank, inside the band from the 5th to the
// 99th percentile or no further out than was is. It ends as another row's near it does,
// and is another row's as often as a next row's would be, where a third of them are (Good
// and Turing; else it is watched for, and has to be the only one). Later attempts give one that no row has, at last of any ending. A value that a third of the
// rows share (0, mostly) is kept, and at first one of few.
func near(r *rand.Rand, c *Column, row *Row) (string, error) {
	if c.numbers == nil {
		c.numbers = readNumbers(c)
	}
	n := c.numbers
	if len(n.sorted) == 0 {
		return "", errors.New("no real row holds a number to go by")
	}
	f, _, ok := parseNumber(row.Was)
	switch {
	case !ok && row.Was != "":
		return row.Was, nil // NaN
	case !ok:
		f = one(r, n.sorted)
	case row.Was == n.mode, n.few && row.Attempt == 0:
		return row.Was, nil
	}
	width := 0.03 + 0.01*float64(row.Attempt)
	q := n.rank(f)
	least5, most99 := min(q, 0.05), max(q, 0.99) // no further out than the template is
	lo, hi := n.at(least5), n.at(most99)
	v := f
	for try := range 20 {
		rank := min(max(q+width*(2*r.Float64()-1), least5), most99)
		like := n.beside(r, rank, width)
		if v = n.next(like, n.at(rank), row.Attempt); v < lo {
			v += n.move(row.Attempt)
		} else if v > hi {
			v -= n.move(row.Attempt)
		}
		v = n.number(n.units(v))
		if others := n.held[like] - 1; c.Unique || !n.common || row.Attempt > 0 || others == 0 { // a new one
			if n.held[v] == 0 {
				break
			}
		} else if v = like; try < 10 { // one that others have, as many as have that of a row drawn
			for range 8 {
				if o := n.beside(r, rank, width); n.held[o] == others && o != f {
					v = o
				}
			}
			if v != f && v >= lo && v <= hi {
				break
			}
		}
	}
	return n.write(v), nil
}

// write writes a number as the column's are.
func (n *numbers) write(v float64) string {
	out := strconv.FormatFloat(v, 'f', n.scale, 64)
	if n.trims && n.scale > 0 {
		out = strings.TrimRight(strings.TrimRight(out, "0"), ".")
	}
	return n.symbol + out
}

// finer is from which attempt on a number need not end as another does.
const finer = 4

// move is the distance between two numbers of one ending.
func (n *numbers) move(attempt int) float64 {
	if n.ends.base > 1 && attempt < finer {
		return n.number(n.ends.base)
	}
	step := n.step
	for range attempt / 2 { // 1000, 500, 100, 50, 10, ...
		if finer := step / 5; finer >= math.Pow10(-n.scale)*0.999 {
			step = finer
		}
	}
	least := math.Pow10(-n.scale)
	return math.Max(math.Round(step/least)*least, least)
}

// next is a number about as large as v that ends as like does.
func (n *numbers) next(like, v float64, attempt int) float64 {
	if n.ends.base > 1 && attempt < finer {
		return n.ending(v, n.units(like))
	}
	step := n.move(attempt)
	return n.number(n.units(math.Round(v/step) * step))
}

// numeric reports whether most values are numbers, whatever the type.
func numeric(v string) bool { _, _, ok := parseNumber(v); return ok }

// Number reads a number as servers print it.
func Number(v string) (float64, bool) {
	f, _, ok := parseNumber(v)
	return f, ok
}

// Write writes a number as the column's are written; whole rounds it as they are
// rounded, to an ending that they have.
func (c *Column) Write(v float64, whole bool) string {
	if c.numbers == nil {
		c.numbers = readNumbers(c)
	}
	n := c.numbers
	if whole {
		if v = math.Round(v/n.step) * n.step; len(n.ends.kinds) > 0 {
			v = n.ended(v)
		}
	}
	return n.write(v)
}

// Band returns the column's usual numbers, from the 5th to the 99th percentile.
func (c *Column) Band() (low, high float64) {
	if c.numbers == nil {
		c.numbers = readNumbers(c)
	}
	if len(c.numbers.sorted) == 0 {
		return 0, 0
	}
	return c.numbers.at(0.05), c.numbers.at(0.99)
}

// Few reports whether the column's numbers are of few kinds, each in many rows.
func (c *Column) Few() bool {
	if c.numbers == nil {
		c.numbers = readNumbers(c)
	}
	return c.numbers.few
}

// Plain writes a number with as many digits as it needs.
func Plain(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
