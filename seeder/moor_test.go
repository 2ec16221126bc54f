package seeder

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

// orders come at random and more by day than by night, each to somebody who came before;
// of some the number was lost, in no time.
func orders(t *testing.T, r *rand.Rand) (to, st *study, free []slot) {
	t.Helper()
	hour := func(at time.Time) time.Time {
		return at.Truncate(day).Add(time.Duration((9 + 10*r.Float64()) * float64(time.Hour))).Truncate(time.Second)
	}
	people, bought := &Sample{Columns: []string{"id", "created_at"}}, &Sample{Columns: []string{"id", "of", "ordered_at"}}
	type order struct {
		of int
		at time.Time
	}
	var all []order
	for i := range 600 {
		came := hour(testNow.AddDate(0, 0, -1000+i*3/2))
		people.Rows = append(people.Rows, []*string{text(strconv.Itoa(i + 1)), text(came.Format(time.DateTime))})
		for range r.IntN(8) {
			if at := hour(came.Add(time.Duration(r.Float64() * float64(testNow.Sub(came))))); at.After(came) && at.Before(testNow) {
				all = append(all, order{i + 1, at})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b order) int { return a.at.Compare(b.at) })
	rows, id := map[string][]int{}, int64(0)
	for i, o := range all {
		gap := int64(0)
		if i > 0 && r.IntN(15) == 0 {
			gap = int64(1 + r.IntN(3))
		}
		for k := range gap {
			free = append(free, slot{key: id + 1 + k, before: id, width: gap + 1, low: all[i-1].at, high: o.at})
		}
		id += 1 + gap
		of := strconv.Itoa(o.of)
		rows[of] = append(rows[of], len(bought.Rows))
		bought.Rows = append(bought.Rows, []*string{text(strconv.FormatInt(id, 10)), &of, text(o.at.Format(time.DateTime))})
	}
	classes := []generate.Class{generate.Integer, generate.Integer, generate.Timestamp}
	to, st = learned(t, people, []generate.Class{generate.Integer, generate.Timestamp}), learned(t, bought, classes)
	for _, x := range []*study{to, st} {
		key := x.field("id")
		key.plan.Source, key.seen.Unique = Gap, true
	}
	to.inOrder, st.inOrder = to.field("created_at"), st.field("ordered_at")
	st.kin = &kinship{to: to, fk: &ForeignKey{Columns: []string{"of"}, RefColumns: []string{"id"}}, rows: rows, of: st}
	return to, st, free
}

// Where lost numbers took no time, rows that are put there stand no closer together than
// rows do, and few beside a number that stays missing.
func TestRelativesComeNoSoonerOneAfterTheOtherThanRowsDo(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 9))
	to, st, free := orders(t, r)
	var at []time.Time
	for i := range st.sample.Rows {
		when, _ := st.ordered(i)
		at = append(at, wall(when))
	}
	usual := newPulse(at, 0)
	closer := func(at []time.Time, is func(i int) bool) (sum float64) {
		n := 0.0
		for i := 1; i+1 < len(at); i++ {
			if is(i) {
				sum += math.Log(max(usual.between(at[i-1], at[i+1]), 0.02))
				n++
			}
		}
		return sum / n
	}
	all := closer(at, func(int) bool { return true })
	was := 0.0
	for _, s := range free {
		was += math.Log(max(usual.between(wall(s.low), wall(s.high)), 0.02)) / float64(len(free))
	}
	if all < was+0.5 {
		t.Fatalf("two rows from each other are %.2f apart, those beside a gap %.2f: the table is no such", all, was)
	}
	p := &pen{st: st, free: free, need: 60}
	d := &draft{pens: map[*study][]*pen{to: {p}}, hands: map[*study][]*hand{}}
	ours, beside, n := map[time.Time]bool{}, 0, 0
	var keys []int64
	for i := range 20 {
		was := to.sample.Rows[r.IntN(400)]
		born, _, _ := generate.ParseTime(*was[1])
		h := &hand{was: was, slot: &slot{key: int64(1000 + i), low: born, high: born.Add(day)}, g: generate.Row{Now: testNow}}
		to.settle(r, h)
		h.place(to, r)
		d.nest(to, r, h, i, 20)
		d.run = append(d.run, h)
		for row, m := range h.broods[st] {
			when, _ := st.ordered(row)
			if is := m[st.inOrder]; is.Before(h.at(to.clock(testNow))) || is.After(testNow) {
				t.Errorf("an order of %s is from %s (its template's from %s)", h.at(to.clock(testNow)), is, when)
			}
		}
		for _, s := range h.kids[st] {
			n++
			if s.taken.IsZero() || slices.Contains(keys, s.key) {
				t.Fatalf("number %d has no date, or is given twice", s.key)
			}
			ours[wall(s.taken)], keys, at = true, append(keys, s.key), append(at, wall(s.taken))
		}
	}
	taken := func(k int64) bool {
		return slices.Contains(keys, k) || !slices.ContainsFunc(free, func(s slot) bool { return s.key == k })
	}
	for _, k := range keys {
		if !taken(k-1) || !taken(k+1) {
			beside++
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	if got := closer(at, func(i int) bool { return ours[at[i]] }); got < all-0.55 || n < 30 {
		t.Errorf("of %d orders those next to them are %.2f apart, of real ones %.2f, with gaps of %.2f", n, got, all, was)
	}
	if 3*beside > n {
		t.Errorf("%d of %d orders stand beside a number that stays missing", beside, n)
	}
}

// An hour of the night holds fewer rows than one of the day.
func TestTimeIsToldInRows(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	var at []time.Time
	for range 4000 {
		at = append(at, testNow.Truncate(day).AddDate(0, 0, -1-r.IntN(400)).Add(time.Duration((8+8*r.Float64())*float64(time.Hour))))
	}
	p := newPulse(at, 8000)
	start := testNow.Truncate(day).AddDate(0, 0, -200)
	for _, c := range []struct {
		from, to time.Duration
		rows     float64
	}{{8, 16, 20}, {20, 30, 0}, {8, 12, 10}, {8, 24 + 16, 40}} {
		if got := p.between(start.Add(c.from*time.Hour), start.Add(c.to*time.Hour)); math.Abs(got-c.rows) > 0.2*c.rows+0.5 {
			t.Errorf("from %d to %d o'clock %.1f rows come, want about %.0f", c.from, c.to, got, c.rows)
		}
	}
	if newPulse(at[:leastPulse-1], 0) != nil {
		t.Error("few dates tell a pulse")
	}
	for i := range at {
		at[i] = at[i].Truncate(day)
	}
	if newPulse(at, 0) != nil {
		t.Error("days tell an hour")
	}
}

// Who left has no salary from after that day, as nobody has.
func TestNoRelativeComesAfterWhatAllComeBefore(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 1))
	staff, pays := &Sample{Columns: []string{"id", "hired_on", "left_on"}}, &Sample{Columns: []string{"staff_id", "valid_from"}}
	rows := map[string][]int{}
	for i := range 500 {
		id := fmt.Sprint(i + 1)
		hired := testNow.Truncate(day).AddDate(0, 0, -30-r.IntN(2500))
		row := []*string{&id, text(hired.Format(time.DateOnly)), nil}
		end := testNow
		if i%3 == 0 && testNow.Sub(hired) > 200*day {
			end = hired.AddDate(0, 0, 60+r.IntN(int(testNow.Sub(hired)/day)-70))
			row[2] = text(end.Format(time.DateOnly))
		}
		staff.Rows = append(staff.Rows, row)
		for n := 0; !hired.AddDate(n, 0, 0).After(end); n++ {
			if n == 0 || r.IntN(10) < 7 {
				rows[id] = append(rows[id], len(pays.Rows))
				pays.Rows = append(pays.Rows, []*string{&id, text(hired.AddDate(n, 0, 0).Format(time.DateOnly))})
			}
		}
	}
	to, st := learned(t, staff, []generate.Class{generate.Integer, generate.Date, generate.Date}), learned(t, pays, []generate.Class{generate.Integer, generate.Date})
	st.kin = &kinship{to: to, fk: &ForeignKey{Columns: []string{"staff_id"}, RefColumns: []string{"id"}}, rows: rows, of: st}
	late, n := 0, 0
	for i := 0; i < 500; i += 3 {
		if staff.Rows[i][2] == nil {
			continue
		}
		h := &hand{was: staff.Rows[i], template: i, g: generate.Row{Now: testNow}}
		to.shift(r, &h.g, h.was, 0, 20)
		h.place(to, r)
		left := h.when[to.field("left_on")]
		for _, m := range h.brood(st, r) {
			if n++; m[st.field("valid_from")].After(left) {
				late++
			}
		}
	}
	if late > 0 || n < 200 {
		t.Errorf("%d of %d salaries begin after the day of leaving", late, n)
	}
}

// Where gaps lie three times as densely in one half as in the other, as many of the
// relatives come in each half as were to come there, and an end pushes none away.
func TestRelativesComeAsOftenWhereFewNumbersAreMissing(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var all []mooring
	for i := range 80 {
		at := float64(i) / 40
		if i >= 20 {
			at = 0.5 + float64(i-20)/120
		}
		all = append(all, mooring{k: i, at: at, w: 1})
	}
	const n = 20000
	low, sum := 0, 0.0
	for range n {
		c := all[draw(r, all, r.Float64(), 0, 1)]
		sum += c.at
		if c.at < 0.5 {
			low++
		}
	}
	if low < n*42/100 || low > n*54/100 {
		t.Errorf("%d of %d come in the half with few gaps", low, n)
	}
	first := 0.0
	for range n {
		first += all[draw(r, all, 0.02, 0, 1)].at
	}
	if first/n > 0.05 {
		t.Errorf("what was to come at 0.02 comes at %.3f", first/n)
	}
}

// As many gaps are filled up as bring ample numbers, the longer the likelier; of those of
// one number not all that took as long as rows do.
func TestGapsAreFilledUpTheLongerTheLikelier(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	x := &tide{}
	var gaps []*strait
	sum := 0.0
	for i := range 4000 {
		g := &strait{before: int64(10 * i), free: 1, missing: 1, time: r.ExpFloat64()}
		gaps = append(gaps, g)
		sum += g.time
	}
	x.keep(r, gaps, 800)
	n, kept := 0, 0.0
	for _, g := range gaps {
		if x.kept[g.before] {
			n++
			kept += g.time
		}
	}
	if n < 800 || n > 1200 {
		t.Errorf("%d gaps are kept for 800", n)
	}
	// Two intervals of rows take twice as long as one.
	if ratio := kept / float64(n) / (sum / 4000); ratio < 1.8 || ratio > 2.1 {
		t.Errorf("gaps that are kept took %.2f times as long as others", ratio)
	}
}
