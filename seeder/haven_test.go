package seeder

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

// Salaries begin on the day of hiring and rise on it, numbered as they come, those of
// one day in the order of the staff. Some of the staff are gone, with their salaries;
// honey rows get their numbers.
func TestRelativesThatHangOnADayFindNumbersWhereTheirDaysAre(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 2))
	type pay struct {
		of    int
		at    time.Time
		there bool
	}
	staff := &Sample{Columns: []string{"id", "hired_on"}}
	var all []pay
	var gone []int
	for id := 1; id <= 900; id++ {
		hired := testNow.Truncate(day).AddDate(0, 0, -30-r.IntN(2500))
		there := r.IntN(12) > 0
		if there {
			staff.Rows = append(staff.Rows, []*string{text(strconv.Itoa(id)), text(hired.Format(time.DateOnly))})
		} else {
			gone = append(gone, id)
		}
		for n := 0; hired.AddDate(n, 0, 0).Before(testNow); n++ {
			if n == 0 || r.IntN(10) < 7 {
				all = append(all, pay{id, hired.AddDate(n, 0, 0), there})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b pay) int { return a.at.Compare(b.at) })
	pays := &Sample{Columns: []string{"id", "staff_id", "valid_from"}}
	rows := map[string][]int{}
	for i, p := range all {
		if of := strconv.Itoa(p.of); p.there {
			rows[of] = append(rows[of], len(pays.Rows))
			pays.Rows = append(pays.Rows, []*string{text(strconv.Itoa(i + 1)), &of, text(p.at.Format(time.DateOnly))})
		}
	}
	classes := []generate.Class{generate.Integer, generate.Integer, generate.Date}
	to, st := learned(t, staff, classes[1:]), learned(t, pays, classes)
	for _, x := range []*study{to, st} {
		key := x.field("id")
		key.plan.Source, key.seen.Unique = Gap, true
	}
	st.kin = &kinship{to: to, fk: &ForeignKey{Columns: []string{"staff_id"}, RefColumns: []string{"id"}}, rows: rows, of: st}
	st.inOrder = st.field("valid_from")
	p := &pen{st: st, inTurn: st.byOwner()}
	if !p.inTurn {
		t.Fatal("that salaries of one day are in the order of the staff is not seen")
	}
	at := func(i, way int) (lot, int64) {
		for ; i >= 0 && i < len(all); i += way {
			if all[i].there {
				return lot{at: inPlace(all[i].at, time.UTC), owner: int64(all[i].of)}, int64(i + 1)
			}
		}
		return lot{}, 0
	}
	for i, one := range all {
		low, before := at(i-1, -1)
		high, after := at(i+1, 1)
		if !one.there && before > 0 && after > 0 {
			p.free = append(p.free, slot{key: int64(i + 1), low: low.at, high: high.at, before: before, width: after - before, ends: [2]int64{low.owner, high.owner}})
		}
	}
	d := &draft{pens: map[*study][]*pen{to: {p}}, hands: map[*study][]*hand{}}
	type placed struct {
		key, owner int64
		at         time.Time
	}
	var honey []placed
	off, full := 0, 0
	for n, id := range gone[:25] {
		was := staff.Rows[r.IntN(len(staff.Rows))]
		h := &hand{was: was, slot: &slot{key: int64(id)}, g: generate.Row{Now: testNow}}
		to.shift(r, &h.g, was, n, 25)
		h.place(to, r)
		d.nest(to, r, h, n, 25)
		d.run = append(d.run, h)
		kids := h.kids[st]
		if len(kids) == len(rows[*was[0]]) {
			full++
		}
		brood := h.brood(st, r)
		var dates []time.Time
		for _, m := range brood {
			dates = append(dates, m[st.inOrder])
		}
		slices.SortFunc(dates, time.Time.Compare)
		slices.SortFunc(kids, func(a, b slot) int { return a.taken.Compare(b.taken) })
		if len(kids) != len(dates) {
			t.Fatalf("honey row %d has %d numbers for %d salaries", id, len(kids), len(dates))
		}
		for i, k := range kids {
			if !k.taken.Equal(dates[i]) {
				off++
			}
			honey = append(honey, placed{k.key, int64(id), dates[i]})
		}
	}
	if off > 2 || full < 15 {
		t.Errorf("%d of %d salaries are off their day, %d of 25 honey rows have as many as their template", off, len(honey), full)
	}
	for _, p := range pays.Rows {
		key, _ := strconv.ParseInt(*p[0], 10, 64)
		owner, _ := strconv.ParseInt(*p[1], 10, 64)
		from, _, _ := generate.ParseTime(*p[2])
		honey = append(honey, placed{key, owner, from})
	}
	slices.SortFunc(honey, func(a, b placed) int { return int(a.key - b.key) })
	for i := 1; i < len(honey); i++ {
		if a, b := honey[i-1], honey[i]; a.at.After(b.at) || a.at.Equal(b.at) && a.owner > b.owner {
			off++
			t.Logf("%+v before %+v", a, b)
		}
	}
	if off > 4 {
		t.Errorf("%d out of order or off", off)
	}
}

// Who was hired on 29 February has the next rise on 1 March here, on 28 February there;
// where neither is seen, none is hired on such a day.
func TestWhatFollowsADayThatTheMonthLacksIsLearnt(t *testing.T) {
	leap := time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
	for want, known := range map[string]bool{"2025-03-01": true, "2025-02-28": true, "": false} {
		var pairs [][2]time.Time
		for i := range 40 {
			at := time.Date(2024, 1, 1+i%28, 0, 0, 0, 0, time.UTC)
			pairs = append(pairs, [2]time.Time{at, at.AddDate(1, 0, 0)})
		}
		if to, err := time.Parse(time.DateOnly, want); err == nil {
			pairs = append(pairs, [2]time.Time{leap, to})
		}
		s := newSpan(pairs, day)
		if !s.months || s.ending(leap, 12) != known {
			t.Errorf("%q: %+v", want, *s)
		}
		if got := s.from(leap, 12, nil).Format(time.DateOnly); known && got != want {
			t.Errorf("a year after 29 February is %s, want %s", got, want)
		}
		if to, err := time.Parse(time.DateOnly, want); err == nil && s.far(leap, to) != 12 {
			t.Errorf("%s is %s months after 29 February", want, fmt.Sprint(s.far(leap, to)))
		}
	}
}
