package seeder

import (
	"slices"
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

// dated is a table of two dates that come on few days.
func dated(t *testing.T, n int, of func(i int) (a, b time.Time)) *study {
	t.Helper()
	s, table := &Sample{Columns: []string{"began_on", "ended_on"}}, &Table{Name: "terms"}
	for _, name := range s.Columns {
		table.Columns = append(table.Columns, &Column{Name: name, Type: "date", Class: generate.Date, CanSelect: true, CanInsert: true})
	}
	for i := range n {
		a, b := of(i)
		x, y := a.Format(time.DateOnly), b.Format(time.DateOnly)
		s.Rows = append(s.Rows, []*string{&x, &y})
	}
	st, err := learn(table, s, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// Honey rows' dates fall on days on which real ones do: of a month, its last one too, of a
// week, and after whole months.
func TestCalendar(t *testing.T) {
	r := generate.New(1, "calendar")
	start := testNow.AddDate(-12, 0, 0).Truncate(day)
	any := func() time.Time { return start.AddDate(0, 0, r.IntN(8*365)) }
	quiet := func(at time.Time) bool { return at.Month() < time.April || at.Month() > time.September }
	monthEnd := func(at time.Time) time.Time { return time.Date(at.Year(), at.Month()+1, 0, 0, 0, 0, 0, time.UTC) }
	for name, c := range map[string]struct {
		of   func(int) (a, b time.Time)
		good func(a, b time.Time) bool
	}{
		"first of a month": {
			func(int) (a, b time.Time) {
				a = any()
				a = a.AddDate(0, 0, 1-a.Day())
				return a, a.AddDate(0, 3+r.IntN(24), r.IntN(31))
			},
			func(a, _ time.Time) bool { return a.Day() == 1 },
		},
		"end of a month": {
			func(int) (a, b time.Time) { a = any(); return a, monthEnd(a.AddDate(0, 3+r.IntN(24), 0)) },
			func(_, b time.Time) bool { return b.AddDate(0, 0, 1).Day() == 1 },
		},
		"whole months and up to 27 days ago": {
			func(int) (a, b time.Time) {
				a = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC).AddDate(-r.IntN(8), -r.IntN(12), -r.IntN(28))
				return a, a.AddDate(0, 0, 100+r.IntN(900))
			},
			func(a, _ time.Time) bool { return a.Day() <= 23 || a.AddDate(0, 0, 5).Day() <= 5 },
		},
		"workdays": {
			func(int) (a, b time.Time) {
				for a = any(); a.Weekday()%6 == 0; a = any() {
				}
				for b = a.AddDate(0, 0, 100+r.IntN(900)); b.Weekday()%6 == 0; b = b.AddDate(0, 0, 1) {
				}
				return a, b
			},
			func(a, b time.Time) bool { return a.Weekday()%6 != 0 && b.Weekday()%6 != 0 },
		},
		"most on the first": {
			func(int) (a, b time.Time) {
				if a = any(); r.IntN(2) == 0 {
					a = a.AddDate(0, 0, 1-a.Day())
				}
				return a, a.AddDate(0, 0, 100+r.IntN(900))
			},
			func(a, _ time.Time) bool { return a.Day() == 1 },
		},
		"summer": {
			func(int) (a, b time.Time) {
				for a = any(); quiet(a); a = any() {
				}
				for b = a.AddDate(0, 0, 100+r.IntN(900)); quiet(b); b = b.AddDate(0, 0, 9) {
				}
				return a, b
			},
			func(a, b time.Time) bool { // to some days
				return (!quiet(a.AddDate(0, 0, 3)) || !quiet(a.AddDate(0, 0, -3))) && (!quiet(b.AddDate(0, 0, 3)) || !quiet(b.AddDate(0, 0, -3)))
			},
		},
		"28 days after whole months": {
			func(int) (a, b time.Time) { a = any(); return a, a.AddDate(0, 3+r.IntN(36), r.IntN(28)) },
			func(a, b time.Time) bool { return generate.DaysLeft(a, b) < 28 },
		},
	} {
		st := dated(t, 1200, c.of)
		bad := [2]int{}
		for i, ms := range [][]moments{st.realDates(), placed(st)} {
			for _, m := range ms {
				if !c.good(m[st.columns[0]], m[st.columns[1]]) {
					bad[i]++
				}
			}
		}
		if bad[1] > bad[0]+6+bad[0]/6 {
			t.Errorf("%s: %d of %d honey rows are off, of real ones %d", name, bad[1], len(st.sample.Rows), bad[0])
		}
	}
}

// What does not show is not learnt: dates of a few weeks, or on any day.
func TestCalendarPlain(t *testing.T) {
	r := generate.New(1, "plain")
	start := testNow.AddDate(-12, 0, 0).Truncate(day)
	var few, all []time.Time
	for range 2000 {
		few, all = append(few, start.AddDate(0, 0, r.IntN(20))), append(all, start.AddDate(0, 0, r.IntN(4000)))
	}
	for name, at := range map[string][]time.Time{"few": few, "all": all} {
		if c := newCalendar(nil, at); c.month != nil || c.week != nil || c.off != nil {
			t.Errorf("%s: %+v", name, c)
		}
	}
	later := slices.Clone(all)
	for i := range later {
		later[i] = all[i].AddDate(0, 0, 100+r.IntN(2000))
	}
	if c := newCalendar(all, later); c.left != nil {
		t.Errorf("%v", c.left)
	}
}
