package generate

import (
	"math"
	"math/rand/v2"
	"strings"
)

// couples is which first and last names go together. People of one language have names of
// one language: "Mei-Ling Huber" is nobody's, where no column says a country either. It is
// told by walks from a first name to the last names of those who bear it, to the first
// names of who is called so, and so on: to names of the same people.
type couples struct {
	first, last index
	persons     [][2]int // by person: of first and of last
	lasts       [][]int  // by first name: the last names of who bears it, with repeats
	firsts      [][]int  // by last name
}

// index numbers names.
type index struct {
	id    map[string]int
	names []string
	count []float64
}

func (x *index) add(v string) int {
	low := strings.ToLower(v)
	id, known := x.id[low]
	if !known {
		id = len(x.names)
		x.id[low] = id
		x.names, x.count = append(x.names, v), append(x.count, 0)
	}
	x.count[id]++
	return id
}

const (
	leastPersons = 100 // who have to tell how names go together
	mostPersons  = 20000
	judged       = 300 // of so many persons it is asked how well walks from the first name foretell the last
	leastJudged  = 30
	leastTells   = 0.2 // nats, the mean
	leastLift    = 0.02
	candidates   = 40 // among so many last names one is drawn
)

// newCouples learns from persons' first and last names, beside each other; nil if they
// are too few, or any name goes with any.
func newCouples(first, last []string) *couples {
	n := min(len(first), len(last), mostPersons)
	if n < leastPersons {
		return nil
	}
	x := &couples{first: index{id: map[string]int{}}, last: index{id: map[string]int{}}}
	for i := range n {
		f, l := x.first.add(first[i]), x.last.add(last[i])
		if f == len(x.lasts) {
			x.lasts = append(x.lasts, nil)
		}
		if l == len(x.firsts) {
			x.firsts = append(x.firsts, nil)
		}
		x.lasts[f], x.firsts[l] = append(x.lasts[f], l), append(x.firsts[l], f)
		x.persons = append(x.persons, [2]int{f, l})
	}
	if !x.tells() {
		return nil
	}
	return x
}

// tells reports whether last names go with first names more than by chance, by persons each
// of whom is left out of the table for that.
func (x *couples) tells() bool {
	sum, n := 0.0, 0.0
	for i := 0; i < len(x.persons); i += 1 + len(x.persons)/judged {
		f, l := x.persons[i][0], x.persons[i][1]
		if x.first.count[f] < 2 || x.last.count[l] < 2 {
			continue
		}
		lift, any, all := x.lifts(f, l), 0.0, 0.0
		met := make([]bool, len(lift))
		for _, o := range x.lasts[f] {
			met[o] = true
		}
		for o, v := range lift {
			if !met[o] {
				any, all = any+x.last.count[o]*math.Log(v), all+x.last.count[o]
			}
		}
		sum += math.Log(lift[l]) - any/max(all, 1)
		n++
	}
	return n >= leastJudged && sum >= leastTells*n
}

// together reports whether somebody is called so.
func (x *couples) together(first, last int) bool {
	for _, l := range x.lasts[first] {
		if l == last {
			return true
		}
	}
	return false
}

// lifts are how many times as often walks from a first name come to each last name as
// there are people of that name; one person of the two names is left out (last -1: none).
// Nil if nobody else bears the first name.
func (x *couples) lifts(first, last int) []float64 {
	at := make([]float64, len(x.firsts)) // last names
	n := float64(len(x.lasts[first]))
	if last >= 0 {
		n--
		at[last]--
	}
	if n < 1 {
		return nil
	}
	for _, l := range x.lasts[first] {
		at[l]++
	}
	for l := range at {
		at[l] /= n
	}
	far := x.step(at, first, last)
	further := x.step(far, first, last)
	out := make([]float64, len(at))
	for l := range out {
		out[l] = max(leastLift, (far[l]+further[l])/2*float64(len(x.persons))/x.last.count[l])
	}
	return out
}

// step goes from last names to the first names of who is called so, and to their last
// names.
func (x *couples) step(at []float64, first, last int) []float64 {
	mid, out := make([]float64, len(x.lasts)), make([]float64, len(at))
	for l, p := range at {
		n := float64(len(x.firsts[l]))
		if l == last {
			n--
		}
		if p <= 0 || n < 1 {
			continue
		}
		for _, f := range x.firsts[l] {
			mid[f] += p / n
		}
		if l == last {
			mid[first] -= p / n
		}
	}
	for f, p := range mid {
		n := float64(len(x.lasts[f]))
		if f == first && last >= 0 {
			n--
		}
		if p <= 0 || n < 1 {
			continue
		}
		for _, l := range x.lasts[f] {
			out[l] += p / n
		}
		if f == first && last >= 0 {
			out[last] -= p / n
		}
	}
	return out
}

// person draws a first and a last name that go together, each as often as it is drawn
// alone; what is new is spelt as names that go with the other.
func (x *couples) person(r *rand.Rand, n *Names) (first, last string) {
	first = n.first.pick(r, false)
	f, known := x.first.id[strings.ToLower(first)]
	if !known { // of somebody's people
		f = x.persons[r.IntN(len(x.persons))][0]
		if first = newLexicon(x.like(r, f), n.first.vocabulary).novel(r, false, nil); first == "" {
			first = n.first.another(r, false, nil)
		}
	}
	lift := x.lifts(f, -1)
	if last = n.last.pick(r, false); last == "" {
		var own []string
		for l, v := range lift {
			if v > 1 {
				own = append(own, x.last.names[l])
			}
		}
		if len(own) >= leastAlike {
			if v := newLexicon(own, n.last.vocabulary).novel(r, false, n.first.lists.speaks(first)); v != "" {
				return first, v
			}
		}
		last = n.last.another(r, false, n.first.lists.speaks(first))
	}
	var names []string
	var odds []float64
	sum := 0.0
	for range candidates {
		v := n.last.pick(r, false)
		if l, known := x.last.id[strings.ToLower(v)]; known && !x.together(f, l) {
			names = append(names, v)
			sum += lift[l] * lift[l]
			odds = append(odds, sum)
		}
	}
	at := r.Float64() * sum
	for i, v := range names {
		if at <= odds[i] {
			return first, v
		}
	}
	return first, last
}

// like are first names of people whose names go with a first name, with repeats.
func (x *couples) like(r *rand.Rand, first int) (out []string) {
	lift := x.lifts(first, -1)
	for _, p := range x.persons {
		if lift[p[1]] > 1 && r.Float64()*2 < lift[p[1]] {
			out = append(out, x.first.names[p[0]])
		}
	}
	return out
}

// Together says of persons how well their first and last names go with each other by those
// of the others: the logarithm of how many times as often, 0 where nothing is known.
func Together(first, last []string) []float64 {
	out := make([]float64, len(first))
	x := newCouples(first, last)
	if x == nil || len(x.persons) < len(first) {
		return out
	}
	for i, p := range x.persons {
		if lift := x.lifts(p[0], p[1]); lift != nil && x.last.count[p[1]] > 1 {
			out[i] = math.Log(lift[p[1]])
		}
	}
	return out
}
