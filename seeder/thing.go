package seeder

import (
	"context"
	"maps"
	"slices"
	"time"

	"honeyrow/seeder/generate"
)

// thing is what relatives point at in a column, and how rows share it: whether one at
// a time holds it (it is lent to one at a time), from one of its dates to another, and
// how many do in all.
type thing struct {
	f      *field
	single bool // no two rows hold one at the same time
	open   bool // what has no end counts: it is held for good
	lone   bool // no two rows without an end hold one
	turns  map[string][][2]time.Time
	asked  map[string]bool // of which that is known, nil: of all
	often  map[string]int  // how many rows hold it; nil if that tells nothing
	held   map[string][]holder
	// Of what few hold: when they began to, sorted, from when on it was there, the sampled
	// rows that hold it, things by how many hold them, which share of the rows holds what so
	// many do, which share of all rows is known, and how soon after another one began the
	// next does at the soonest.
	starts map[string][]time.Time
	there  map[string]time.Time
	rows   map[string][]int
	stock  map[int][]string
	share  map[int]float64
	known  float64
	least  time.Duration
	owed   map[*hand]float64 // by how much a honey row's relatives are too near others so far
	tariff *tariff           // nil: it costs nothing, or what does not go with it
}

// holder is a honey row that points at a thing, the nth of its run.
type holder struct {
	h *hand
	n int
}

// How many times in a row of one thing have to show that they do not overlap, how many
// rows without an end that they share none, and how many rows hold one thing on average
// for one more not to show.
const (
	leastTurns = 30
	manyHold   = 20
)

// endless is the end of what has none.
var endless = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// turn is from when to when a row lasts: from its first date to its next in the order of
// columns, where those that are not placed are what the row holds.
func (st *study) turn(row []*string, placed moments) (span [2]time.Time, ok bool) {
	for _, f := range st.columns {
		if f.plan.Kind != "timestamp" || f.sample < 0 || f.load {
			continue
		}
		at, there := placed[f]
		if !there && row[f.sample] != nil {
			if at, _, there = generate.ParseTime(*row[f.sample]); generate.Sentinel(at) {
				there = false
			}
			at = wall(at)
		}
		switch {
		case span[0].IsZero() && !there:
			return span, false
		case span[0].IsZero():
			span[0] = at
		case there:
			span[1] = at
			return span, at.After(span[0])
		default:
			span[1] = endless
			return span, true
		}
	}
	return span, false
}

// thing finds how rows share what they point at in a column. It reads all that hold it,
// whosever they are, where they keep rules in that or are few.
func (d *draft) thing(ctx context.Context, st *study, f *field) (*thing, error) {
	x := &thing{f: f, held: map[string][]holder{}}
	x.take(st, st.sample)
	x.open = x.apart(true) // else nobody knows how long what has no end lasts
	x.single = x.open || x.apart(false)
	x.lone = !x.open && x.alone()
	values := slices.Sorted(maps.Keys(unique(column(st.sample, f.sample))))
	few := len(values) >= leastTurns && len(st.sample.Rows) < manyHold*len(values)
	db, ok := d.s.Database.(Kinsman)
	if !ok || !few && !x.single && !x.lone {
		x.single, x.lone, x.often = false, false, nil
		return x, nil
	}
	generate.New(d.o.Seed, st.table.String()+" turns").Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
	s, asked, err := kinOf(ctx, db, st.table, f.Name, values)
	if err != nil || !slices.Equal(s.Columns, st.sample.Columns) {
		x.single, x.lone, x.often = false, false, nil
		return x, passable(err)
	}
	x.take(st, s)
	x.asked = asked
	if !few {
		x.often = nil
	}
	return x, nil
}

// take counts which rows hold what, and when.
func (x *thing) take(st *study, s *Sample) {
	x.turns, x.often, x.starts = map[string][][2]time.Time{}, map[string]int{}, map[string][]time.Time{}
	for _, row := range s.Rows {
		if v := row[x.f.sample]; v != nil {
			x.often[*v]++
			span, ok := st.turn(row, nil)
			if ok {
				x.turns[*v] = append(x.turns[*v], span)
			}
			if !span[0].IsZero() {
				x.starts[*v] = append(x.starts[*v], span[0])
			}
		}
	}
	for _, all := range x.starts {
		slices.SortFunc(all, time.Time.Compare)
	}
	for _, all := range x.turns {
		slices.SortFunc(all, func(a, b [2]time.Time) int { return a[0].Compare(b[0]) })
	}
}

// apart reports whether nearly all rows that hold one thing do so one after the other.
func (x *thing) apart(open bool) bool {
	turns, met := 0, 0
	for _, all := range x.turns {
		var end time.Time
		for i, span := range all {
			if !open && span[1] == endless {
				continue
			}
			if i > 0 && !end.IsZero() {
				if turns++; span[0].Before(end) {
					met++
				}
			}
			end = span[1]
		}
	}
	return turns >= leastTurns && 100*met <= turns
}

// alone reports whether nearly all rows without an end hold something of their own.
func (x *thing) alone() bool {
	n, things := 0, 0
	for _, all := range x.turns {
		if k := ended(all); k > 0 {
			n, things = n+k, things+1
		}
	}
	return n >= leastTurns && 100*things >= 99*n
}

// ended is how many have no end.
func ended(all [][2]time.Time) (n int) {
	for _, span := range all {
		if span[1] == endless {
			n++
		}
	}
	return n
}

// hold takes down what a honey row points at.
func (p *peers) hold(h *hand, n int) {
	for _, x := range p.things {
		if v := h.was[x.f.sample]; v != nil && (x.single || x.lone || x.often != nil) {
			x.held[*v] = append(x.held[*v], holder{h, n})
		}
	}
}

// barred reports whether the relative has no end, and those of its kind bar it from
// what they hold.
func (p *peers) barred(st *study, h *hand) bool {
	own, ok := st.turn(h.was, h.when)
	return ok && own[1] == endless && slices.ContainsFunc(p.things, func(x *thing) bool { return x.lone || x.open })
}

// free reports whether what a row points at may be a relative's too: nobody has it
// meanwhile if one row at a time does, and about so many rows as wanted hold it.
func (p *peers) free(d *draft, st *study, h *hand, n int, row []*string, want []int) bool {
	own, ok := st.turn(h.was, h.when)
	for i, x := range p.things {
		v := row[x.f.sample]
		if v == nil {
			continue
		}
		known, many := x.asked == nil || x.asked[*v], x.often[*v]
		var spans [][2]time.Time
		for _, o := range x.held[*v] {
			if o.n == n || !o.is(d) { // it was drawn again
				continue
			}
			many++
			if span, ok := st.turn(o.h.was, o.h.when); ok {
				spans = append(spans, span)
			}
		}
		if off := many - want[i]; known && want[i] >= 0 && max(off, -off) > want[i]/10 {
			return false
		}
		if ok && (x.single || x.lone) && (!known || x.bars(own, x.turns[*v]) || x.bars(own, spans)) {
			return false
		}
	}
	return true
}

// bars reports whether others' turns leave no room for one's own.
func (x *thing) bars(own [2]time.Time, others [][2]time.Time) bool {
	for _, span := range others {
		switch ends, open := span[1] != endless, own[1] == endless; {
		case x.lone && !ends && open:
			return true
		case x.single && (x.open || ends && !open) && span[0].Before(own[1]) && own[0].Before(span[1]):
			return true
		}
	}
	return false
}
