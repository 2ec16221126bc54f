package seeder

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

// Staff are paid anew every 365 days from the day on which their first title begins, some
// time after they were hired; what they earn and are called ends on the day on which they
// leave, and the next begins when the one before ends. A honey row's relatives hang
// together as these do.
func TestRelativesThatBeginAndEndTogetherStayTogether(t *testing.T) {
	const last = "2024-08-01"
	end, _ := time.Parse(time.DateOnly, last)
	text := func(at time.Time) *string { s := at.Format(time.DateOnly); return &s }
	open := "9999-01-01"
	people := &Sample{Columns: []string{"name", "hired_on"}}
	pay, titles := &Sample{Columns: []string{"of", "from_date", "to_date"}}, &Sample{Columns: []string{"of", "begins", "ends"}}
	paid, called := map[string][]int{}, map[string][]int{}
	r := generate.New(9, "staff")
	for i := range 400 {
		name := fmt.Sprintf("p%d", i)
		hired := end.AddDate(0, 0, -400-r.IntN(4000))
		from, until := hired, end
		if r.IntN(2) == 0 {
			from = hired.AddDate(0, 0, 1+r.IntN(300))
		}
		left := r.IntN(3) == 0
		if left {
			until = from.AddDate(0, 0, 50+r.IntN(int(end.Sub(from)/day)-50))
		}
		people.Rows = append(people.Rows, []*string{&name, text(hired)})
		add := func(s *Sample, of map[string][]int, steps ...time.Time) {
			for k, at := range steps {
				to := &open
				if k+1 < len(steps) {
					to = text(steps[k+1])
				} else if left {
					to = text(until)
				}
				of[name] = append(of[name], len(s.Rows))
				s.Rows = append(s.Rows, []*string{&name, text(at), to})
			}
		}
		var rises []time.Time
		for at := from; at.Before(until); at = at.AddDate(0, 0, 365) {
			rises = append(rises, at)
		}
		add(pay, paid, rises...)
		posts := []time.Time{from}
		if mid := from.AddDate(3, 0, 0); mid.Before(until) {
			posts = append(posts, mid)
		}
		add(titles, called, posts...)
	}
	dates := []generate.Class{generate.Text, generate.Date, generate.Date}
	to, salaries, posts := learned(t, people, dates[:2], "name"), learned(t, pay, dates, "of"), learned(t, titles, dates, "of")
	fk := &ForeignKey{Columns: []string{"of"}, RefColumns: []string{"name"}}
	salaries.kin, posts.kin = &kinship{to: to, fk: fk, rows: paid}, &kinship{to: to, fk: fk, rows: called}
	to.hangers = []*study{salaries, posts}
	hired, twins := to.field("hired_on"), 0
	draw := generate.New(1, "loom")
	for i, was := range people.Rows {
		h := &hand{was: was, template: i, g: generate.Row{Now: testNow}}
		to.shift(draw, &h.g, was, 0, 1)
		h.place(to, draw)
		h.thread(to, draw)
		var ends []time.Time
		var begins []time.Time
		for _, st := range []*study{salaries, posts} {
			from, until := st.columns[1], st.columns[2]
			b := h.brood(st, draw)
			kids := st.kin.rows[*was[0]]
			if len(b) != len(kids) {
				t.Fatalf("row %d has %d relatives, its template %d", i, len(b), len(kids))
			}
			begins = append(begins, b[kids[0]][from])
			for k, kid := range kids {
				switch to, ok := b[kid][until]; {
				case ok != (*st.sample.Rows[kid][2] != open):
					t.Errorf("row %d: the %dth relative ends: %v, unlike its template", i, k, ok)
				case ok && k+1 < len(kids) && !to.Equal(b[kids[k+1]][from]):
					t.Errorf("row %d: one ends on %v, the next begins on %v", i, to, b[kids[k+1]][from])
				case ok && k+1 == len(kids):
					ends = append(ends, to)
				case !ok && st == salaries && (end.Sub(b[kid][from]) > 365*day || b[kid][from].After(end)):
					t.Errorf("row %d: the last salary is from %v", i, b[kid][from])
				}
				if k > 0 && st == salaries && b[kid][from].Sub(b[kids[k-1]][from]) != 365*day {
					t.Errorf("row %d: a salary from %v, the next from %v", i, b[kids[k-1]][from], b[kid][from])
				}
			}
		}
		if !begins[0].Equal(begins[1]) || len(ends) == 2 && !ends[0].Equal(ends[1]) {
			t.Errorf("row %d: paid from %v, a title from %v, ends %v", i, begins[0], begins[1], ends)
		}
		at, own := to.clock(testNow).rows[i][0], salaries.clock(testNow).rows[paid[*was[0]][0]][0]
		if own.Equal(at) != begins[0].Equal(h.when[hired]) {
			t.Errorf("row %d: hired on %v, paid from %v, unlike its template", i, h.when[hired], begins[0])
		}
		if slices.Contains([]time.Duration{0, 365 * day}, own.Sub(at)) {
			continue
		}
		if begins[0].Sub(h.when[hired]) == own.Sub(at) {
			twins++
		}
	}
	if twins > 20 {
		t.Errorf("%d rows are paid as long after they were hired as their template", twins)
	}
}

// Calls come when they come: nothing of them is another's.
func TestRelativesThatShareNoDateDoNotHangTogether(t *testing.T) {
	people, calls, of := &Sample{Columns: []string{"name", "hired_on"}}, &Sample{Columns: []string{"of", "called_on"}}, map[string][]int{}
	r := generate.New(3, "calls")
	for i := range 100 {
		name, hired := fmt.Sprintf("p%d", i), testNow.AddDate(0, 0, -2000+r.IntN(500))
		day := hired.Format(time.DateOnly)
		people.Rows = append(people.Rows, []*string{&name, &day})
		for range 3 {
			on := hired.AddDate(0, 0, r.IntN(1400)).Format(time.DateOnly)
			of[name] = append(of[name], len(calls.Rows))
			calls.Rows = append(calls.Rows, []*string{&name, &on})
		}
	}
	to, st := learned(t, people, []generate.Class{generate.Text, generate.Date}, "name"), learned(t, calls, []generate.Class{generate.Text, generate.Date}, "of")
	st.kin = &kinship{to: to, fk: &ForeignKey{Columns: []string{"of"}, RefColumns: []string{"name"}}, rows: of}
	to.hangers = []*study{st}
	if l := to.loom(testNow); l != nil {
		t.Errorf("%d tables hang together", len(l.tables))
	}
}
