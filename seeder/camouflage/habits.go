package camouflage

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"honeyrow/seeder/generate"
)

// unlikely is the chance below which a habit counts as giving rows away: with
// some 40 looks at a table, chance alone would do it once in a hundred tables.
const unlikely = 2e-4

// looker tries what a person tries on the rows of one run, all at once: he
// would not know which they are, but each habit is a question whose answer
// would show him.
type looker struct {
	t     *Table
	d     *deck
	n     int // real rows
	found []Habit
}

func habits(t *Table) []Habit {
	l := &looker{t: t, d: newDeck(t, t.Runs[0]), n: len(t.Real)}
	l.sameSecond()
	l.orphans()
	l.domains()
	l.keys()
	l.persons()
	for _, c := range l.d.cells {
		if c.Role == Content {
			l.column(c)
		}
	}
	l.patterns()
	l.dates()
	l.orders()
	return l.found
}

func (l *looker) tell(dump bool, name, format string, args ...any) {
	for _, h := range l.found {
		if h.Name == name {
			return
		}
	}
	l.found = append(l.found, Habit{name, fmt.Sprintf(format, args...), dump})
}

// share counts the rows for which is holds, among real rows and honey rows.
func (l *looker) share(is func(i int) bool) (real, honey int) {
	for i := range l.d.rows {
		switch {
		case !is(i):
		case i < l.n:
			real++
		default:
			honey++
		}
	}
	return real, honey
}

// odd is the chance to find so many or more among the honey rows, if they were
// drawn from the same rows as the real ones (Fisher's exact test, one side;
// few doubles it by looking at the other).
func (l *looker) odd(is func(i int) bool) float64 {
	real, honey := l.share(is)
	m := l.d.width - l.n
	return min(1, 2*min(tail(honey, m, real, l.n), tail(m-honey, m, l.n-real, l.n)))
}

// tail is the chance of k or more hits among m rows, of the k+real hits among
// all m+n.
func tail(k, m, real, n int) float64 {
	hits := k + real
	sum := 0.0
	for x := k; x <= min(m, hits); x++ {
		if hits-x > n {
			continue
		}
		sum += math.Exp(choose(m, x) + choose(n, hits-x) - choose(m+n, hits))
	}
	return sum
}

func choose(n, k int) float64 {
	if k < 0 || k > n {
		return math.Inf(-1)
	}
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}

func (l *looker) sameSecond() {
	for _, c := range l.d.cells {
		if c.Role != Content || c.Class != generate.Timestamp {
			continue
		}
		seconds, minutes := map[int64]int{}, map[int64]int{}
		for _, t := range c.at {
			if !t.IsZero() {
				seconds[t.Unix()]++
				minutes[t.Unix()/60]++
			}
		}
		if l.odd(func(i int) bool { return !c.at[i].IsZero() && seconds[c.at[i].Unix()] > 1 }) < unlikely ||
			l.odd(func(i int) bool { return !c.at[i].IsZero() && minutes[c.at[i].Unix()/60] > 2 }) < unlikely {
			l.tell(false, "same second", "%s of honey rows lies together", c.Name)
		}
	}
}

func (l *looker) orphans() {
	for k, name := range l.t.Children {
		has := func(i int) bool { return k < len(l.d.rows[i].Broods) && l.d.rows[i].Broods[k].Count > 0 }
		if real, honey := l.share(has); l.odd(has) < unlikely {
			l.tell(true, "orphans", "%d of %d real rows have rows in %s, of the honey rows %d of %d", real, l.n, name, honey, l.d.width-l.n)
		}
	}
}

// domains looks for mail domains that only honey rows have.
func (l *looker) domains() {
	for _, c := range l.d.cells {
		real, honey := map[string]int{}, map[string]int{}
		for i, v := range c.text {
			if _, dom, ok := strings.Cut(v, "@"); ok && i < l.n {
				real[dom]++
			} else if ok {
				honey[dom]++
			}
		}
		for dom, n := range honey {
			if real[dom] == 0 && n > 1 && n*2 > l.d.width-l.n {
				l.tell(false, "a mail domain of their own", "%d addresses in %s are at a domain that no real row has: choose a domain that real rows have and that is yours", n, c.Name)
			}
		}
	}
}

// keys looks for rows at the end, and for keys that go against a date.
func (l *looker) keys() {
	for _, c := range l.d.cells {
		if c.Role != Key {
			continue
		}
		high := math.Inf(-1)
		var real []float64
		for i, v := range c.num {
			if i < l.n && !math.IsNaN(v) {
				high = max(high, v)
				real = append(real, v)
			}
		}
		if len(real) == 0 {
			continue
		}
		if l.odd(func(i int) bool { return c.num[i] > high || i < l.n && c.num[i] == high }) < unlikely {
			l.tell(true, "keys at the end", "%s of honey rows follows the last real row's: they are the newest rows of all", c.Name)
		}
		for _, dc := range l.d.cells {
			if dc.Role != Content || dc.Class != generate.Timestamp && dc.Class != generate.Date {
				continue
			}
			bad := l.against(c, dc)
			if real, _ := l.share(bad); 20*real < l.n && l.odd(bad) < unlikely {
				l.tell(true, "keys out of sequence", "%s of honey rows is not in the order of %s, real rows are", c.Name, dc.Name)
			}
		}
	}
}

// against says which rows' dates lie outside of their neighbours'.
func (l *looker) against(c, dc *cells) func(i int) bool {
	var order []int
	for i, v := range c.num {
		if !math.IsNaN(v) && !dc.at[i].IsZero() {
			order = append(order, i)
		}
	}
	l.d.sort(order, c.num)
	bad := map[int]bool{}
	for k := 2; k+2 < len(order); k++ {
		t := dc.at[order[k]]
		lo, hi := dc.at[order[k-1]], dc.at[order[k+1]]
		// One neighbour may be the culprit: the next ones bear witness.
		if t.Before(lo) && t.Before(dc.at[order[k-2]]) || t.After(hi) && t.After(dc.at[order[k+2]]) {
			bad[order[k]] = true
		}
	}
	return func(i int) bool { return bad[i] }
}

// persons looks for a real row's identity in a honey row.
func (l *looker) persons() {
	var names []*cells
	for _, c := range l.d.cells {
		if !c.Person || c.Role != Content {
			continue
		}
		switch c.Kind {
		case "first_name", "last_name":
			names = append(names, c)
		case "email", "person_name", "username", "password_hash", "street", "phone":
			for i := l.n; i < l.d.width; i++ {
				if c.Kind != "phone" && c.Kind != "street" && c.id[i] >= 0 && len(c.text[i]) > 3 && l.realHas(c, c.id[i]) {
					l.tell(false, "a real person copied", "a honey row's %s is a real row's", c.Name)
				}
			}
		}
	}
	if len(names) < 2 {
		return
	}
	pairs := map[[2]int]bool{}
	for i := range l.n {
		pairs[[2]int{names[0].id[i], names[1].id[i]}] = true
	}
	for i := l.n; i < l.d.width; i++ {
		if p := [2]int{names[0].id[i], names[1].id[i]}; p[0] >= 0 && p[1] >= 0 && pairs[p] {
			l.tell(false, "a real person copied", "a honey row's first and last name are together a real row's")
		}
	}
}

func (l *looker) realHas(c *cells, id int) bool {
	for i := range l.n {
		if c.id[i] == id {
			return true
		}
	}
	return false
}

// column looks at one column's habits of writing.
func (l *looker) column(c *cells) {
	ask := func(name, what string, is func(v string) bool) {
		if l.odd(func(i int) bool { return !c.null[i] && is(c.text[i]) }) < unlikely {
			l.tell(false, name, "%s of honey rows %s oftener or less often than that of real rows", c.Name, what)
		}
	}
	if l.odd(func(i int) bool { return c.null[i] }) < unlikely {
		l.tell(false, "unusual nulls", "%s is NULL in honey rows oftener or less often than in real rows", c.Name)
	}
	ask("white space", "has white space at its ends", func(v string) bool { return v != strings.TrimSpace(v) })
	switch c.Class {
	case generate.Integer, generate.Decimal:
		for _, n := range []int{1, 2, 3} {
			ask("rounding", "is round", func(v string) bool { return roundness(v) >= n && strings.Trim(v, "0.") != "" })
		}
		ask("zeros", "is zero", func(v string) bool { return strings.Trim(v, "0.-") == "" })
	case generate.Text:
		ask("capitals", "is all in capitals", func(v string) bool { return v == strings.ToUpper(v) && v != strings.ToLower(v) })
		ask("capitals", "has no capitals", func(v string) bool { return v == strings.ToLower(v) && v != strings.ToUpper(v) })
		if c.Kind == "email" || c.Kind == "username" {
			if lone := c.lone(); l.odd(lone) < unlikely {
				l.tell(false, "a number without its first", "%s of honey rows has a number oftener or less often than that of real rows where none is the same without it", c.Name)
			}
		}
		forms := map[string]int{}
		for i := range l.n {
			if !c.null[i] {
				forms[shape(c.text[i])]++
			}
		}
		if len(forms)*10 < l.n {
			ask("an unknown form", "has a form that few others have", func(v string) bool { return forms[shape(v)] < 2 })
		}
	case generate.Timestamp:
		ask("rounding", "is at a full second", func(v string) bool { return !strings.Contains(v, ".") })
		ask("rounding", "is at a full minute", func(v string) bool { return strings.Contains(v, ":00") && len(v) >= 19 && v[17:19] == "00" })
	}
	if c.few() {
		var usual [8]int
		for _, n := range c.count {
			for k := range usual {
				if n > usual[k] {
					copy(usual[k+1:], usual[k:])
					usual[k] = n
					break
				}
			}
		}
		for id, n := range c.count {
			if n >= usual[len(usual)-1] && l.odd(func(i int) bool { return c.id[i] == id }) < unlikely {
				l.tell(false, "one value of a category", "%s of honey rows has one value oftener or less often than that of real rows", c.Name)
			}
		}
		if l.odd(func(i int) bool { return c.id[i] >= 0 && c.count[c.id[i]] < 2 }) < unlikely {
			l.tell(false, "unknown values", "%s of honey rows has values that no real row has", c.Name)
		}
	}
}

// patterns looks at which columns are NULL together.
func (l *looker) patterns() {
	seen := map[string]int{}
	of := func(i int) string {
		var b strings.Builder
		for k, c := range l.d.cells {
			if c.Role == Content && c.null[i] {
				b.WriteString(strconv.Itoa(k) + " ")
			}
		}
		return b.String()
	}
	for i := range l.n {
		seen[of(i)]++
	}
	if l.odd(func(i int) bool { n := seen[of(i)]; return n == 0 || i < l.n && n < 2 }) < unlikely {
		l.tell(false, "unusual nulls", "honey rows have NULLs in columns in which no real row has them together")
	}
}

// dates looks for dates in the future and in an order that real rows never
// have.
func (l *looker) dates() {
	var ds []*cells
	for _, c := range l.d.cells {
		if c.Role == Content && (c.Class == generate.Timestamp || c.Class == generate.Date) {
			ds = append(ds, c)
		}
	}
	for _, c := range ds {
		var last time.Time
		for i := range l.n {
			if c.at[i].After(last) {
				last = c.at[i]
			}
		}
		if l.odd(func(i int) bool { return !last.IsZero() && !c.at[i].Before(last) }) < unlikely {
			l.tell(false, "newest of all", "%s of honey rows is later than that of every real row", c.Name)
		}
		for _, e := range ds {
			if c == e {
				continue
			}
			wrong := func(i int) bool { return !c.at[i].IsZero() && !e.at[i].IsZero() && c.at[i].After(e.at[i]) }
			if real, _ := l.share(wrong); real*100 < l.n && l.odd(wrong) < unlikely {
				l.tell(false, "dates out of order", "%s of honey rows lies after %s, that of real rows does not", c.Name, e.Name)
			}
		}
	}
}
