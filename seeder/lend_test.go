package seeder

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

// lentOut is a table of things that are lent to one at a time, each for a day a week;
// the last of each is still out.
func lentOut(things, weeks int) *study {
	column := func(name string, at int, c generate.Class, kind string) *field {
		return &field{Column: &Column{Name: name, Class: c}, plan: &ColumnPlan{Name: name, Kind: kind}, sample: at}
	}
	st := &study{table: &Table{}, columns: []*field{column("thing", 0, generate.Integer, "reference"), column("out", 1, generate.Timestamp, "timestamp"), column("back", 2, generate.Timestamp, "timestamp")}}
	st.sample = &Sample{Columns: []string{"thing", "out", "back"}}
	for i := range things {
		for k := range weeks {
			thing, out, back := fmt.Sprint(i), fmt.Sprintf("2024-03-%02d 10:00:00", 1+7*k), fmt.Sprintf("2024-03-%02d 12:00:00", 2+7*k)
			row := []*string{&thing, &out, &back}
			if k == weeks-1 {
				row[2] = nil
			}
			st.sample.Rows = append(st.sample.Rows, row)
		}
	}
	return st
}

// known is how rows share their things, as far as the sample shows it.
func known(st *study) *thing {
	x := &thing{f: st.columns[0], held: map[string][]holder{}}
	x.take(st, st.sample)
	x.open = x.apart(true)
	x.single, x.lone = x.open || x.apart(false), !x.open && x.alone()
	return x
}

func TestWhatOneHasAtATimeIsLearnt(t *testing.T) {
	st := lentOut(40, 3)
	if x := known(st); !x.single || !x.open {
		t.Error("things that are never out twice at a time are not found")
	}
	early := "2024-02-01 00:00:00" // what is still out since long says nothing: it is out with nobody
	for i := range 40 {
		st.sample.Rows[3*i+2][1] = &early
	}
	if x := known(st); !x.single || x.open {
		t.Error("what has no end is not left aside where it would last for ever")
	}
	if !known(st).lone {
		t.Error("that no two without an end have one thing is not found")
	}
	for i := range 10 {
		st.sample.Rows[3*i+2][0] = st.sample.Rows[3*i+5][0]
	}
	if known(st).lone {
		t.Error("no two without an end are said to have one thing, though some do")
	}
	late := "2024-03-20 00:00:00"
	for i := range 5 {
		st.sample.Rows[3*i][2] = &late
	}
	if known(st).single {
		t.Error("things that are out twice at a time are said not to be")
	}
}

func TestARelativeIsNotLentWhatAnotherHasMeanwhile(t *testing.T) {
	st := lentOut(40, 3)
	x := known(st)
	x.often = nil
	p := &peers{lent: st.columns[:1], things: []*thing{x}}
	thing, other := "4", "5"
	out, back := "2024-03-05 08:00:00", "2024-03-07 08:00:00"
	h := &hand{was: []*string{&other, &out, &back}}
	free := func() bool { return p.free(&draft{}, st, h, 1, []*string{&thing, nil, nil}, []int{-1}) }
	if !free() {
		t.Error("a thing that nobody has is not lent")
	}
	meanwhile := &hand{was: []*string{&thing, &out, &back}}
	p.hold(meanwhile, 0)
	if p.free(&draft{run: []*hand{meanwhile, h}}, st, h, 1, []*string{&thing, nil, nil}, []int{-1}) {
		t.Error("a thing is lent that a honey row of the same run has")
	}
	if !p.free(&draft{run: []*hand{{}, h}}, st, h, 1, []*string{&thing, nil, nil}, []int{-1}) {
		t.Error("a thing is not lent that only a row had which was drawn again")
	}
	back = "2024-03-09 08:00:00"
	if free() {
		t.Error("a thing is lent that a real row has")
	}
	out, back = "2024-04-05 08:00:00", "2024-04-07 08:00:00"
	if free() {
		t.Error("a thing is lent that is still out")
	}
	x.open, x.single, x.lone = false, false, true
	h.was[2] = nil
	if free() {
		t.Error("a thing is lent for good that is still out")
	}
}

// A thing that two rows hold has three with the honey row: it is lent as often as rows
// hold things that three hold.
func TestThingsAreLentAsOftenAsSoManyHoldThem(t *testing.T) {
	st := lentOut(0, 0)
	for thing := range 900 { // of 100 things one row each, of 200 two, of 600 three
		for range []int{1, 2, 2, 3, 3, 3, 3, 3, 3}[thing%9] {
			v := strconv.Itoa(thing)
			st.sample.Rows = append(st.sample.Rows, []*string{&v, nil, nil})
		}
	}
	x := known(st)
	x.single, x.lone = false, false
	p := &peers{things: []*thing{x}}
	for i := range st.sample.Rows {
		p.rows = append(p.rows, loan{row: i})
	}
	r := rand.New(rand.NewPCG(1, 2))
	x.store(st, p, r)
	d, h := &draft{}, &hand{was: []*string{nil, nil, nil}}
	stands := func(draws, n, total int) map[int]int {
		out := map[int]int{}
		for range draws {
			out[x.stand(d, st, st.sample.Rows[r.IntN(len(st.sample.Rows))], n, total, r).all]++
		}
		return out
	}
	n := stands(20000, 10, 10)
	if two, three := float64(n[2])/20000, float64(n[3])/20000; n[1]+n[2]+n[3] != 20000 || two < 0.16 || two > 0.20 || three < 0.75 || three > 0.79 { // 400 and 1,800 of 2,300 rows
		t.Errorf("as held by so many come: %v", n)
	}
	if n := stands(20000, 0, 110); n[4] > 0 || n[3] < 16700 || n[3] > 17600 { // of 200 things that two rows hold 86 will have a third
		t.Errorf("that honey rows will hold more of what two hold, and none of what three do, is not foreseen: %v", n)
	}
	for _, row := range st.sample.Rows {
		if p.free(d, st, h, 0, row, []int{2}) != (x.often[*row[0]] == 2) {
			t.Errorf("what %d rows hold is taken for what two hold, or not", x.often[*row[0]])
		}
	}
	v := *st.sample.Rows[1][0] // one of two
	other := &hand{was: []*string{&v, nil, nil}}
	p.hold(other, 1)
	d.run = []*hand{h, other}
	if p.free(d, st, h, 0, st.sample.Rows[1], []int{2}) {
		t.Error("what another honey row holds too is not counted")
	}
	if !x.busy(d, v, 0) || x.busy(d, v, 1) {
		t.Error("which thing another honey row holds is not known")
	}
}

// Things that are numbered as they come are there as soon as one with a higher number is
// held; where numbers say nothing of that, all are there early.
func TestNothingIsHeldBeforeItWasThere(t *testing.T) {
	st := lentOut(0, 0)
	for i := range 300 { // each thing from its day on, on three days, a hundred days apart
		v, at := strconv.Itoa(1000+i%100), time.Date(2024, 1, 1+i%100+100*(i/100), 9, 0, 0, 0, time.UTC).Format(time.DateTime)
		st.sample.Rows = append(st.sample.Rows, []*string{&v, &at, nil})
	}
	held := func() *thing {
		x := known(st)
		x.store(st, &peers{}, rand.New(rand.NewPCG(1, 2)))
		return x
	}
	if at := held().there["1050"]; !at.Equal(time.Date(2024, 1, 51, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("what came on the 51st day was there on %s", at)
	}
	first, last := st.sample.Rows[0], st.sample.Rows[299]
	first[0], last[0] = last[0], first[0]
	if at := held().there["1050"]; !at.Equal(time.Date(2024, 1, 1, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("a thing with a higher number was held on the first day, this one was there on %s", at)
	}
}

// A relative's thing is one that is held by as many others, and as many before it, as the
// thing of a real row.
func TestAThingIsLentInItsTurn(t *testing.T) {
	all := []time.Time{time.Unix(100, 0), time.Unix(200, 0), time.Unix(300, 0)}
	if n := before(all, time.Unix(200, 0)); n != 1 {
		t.Errorf("%d of them are before the second", n)
	}
	since, until := nextTo(all, time.Unix(200, 0))
	if since != 100*time.Second || until != 100*time.Second {
		t.Errorf("the next are %s before and %s after the second", since, until)
	}
	if since, until = nextTo(all, time.Unix(50, 0)); since != 0 || until != 50*time.Second {
		t.Errorf("the next are %s before and %s after what came first", since, until)
	}
	b := berth{all: 3, before: 1, since: time.Hour, until: 3 * time.Hour}
	at := time.Unix(0, 0)
	near := b.off([]time.Time{at.Add(-time.Hour), at.Add(3 * time.Hour)}, at)
	far := b.off([]time.Time{at.Add(-100 * time.Hour), at.Add(3 * time.Hour)}, at)
	if near > 1e-9 || far <= near {
		t.Errorf("what is as near as it should is off by %g, what is far by %g", near, far)
	}
}

func TestALentNumberOfFewKindsIsKept(t *testing.T) {
	f := &field{Column: &Column{Name: "amount"}, plan: &ColumnPlan{Name: "amount", Kind: "number", Source: Made}, seen: &generate.Column{}}
	st := &study{lender: &peers{lent: []*field{f}}}
	amount := "5.99"
	h := &hand{was: []*string{&amount}, lender: 3, tries: map[string]int{}}
	if v, ok := h.lentNumber(st, f); !ok || v != amount {
		t.Errorf("it is %q, %v", v, ok)
	}
	h.tries["amount"] = 1
	if _, ok := h.lentNumber(st, f); ok {
		t.Error("it is kept although it has to be drawn again")
	}
	h.tries, h.lender = map[string]int{}, -1
	if _, ok := h.lentNumber(st, f); ok {
		t.Error("nobody has lent it")
	}
}
