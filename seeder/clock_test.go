package seeder

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

var testNow = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// shop is a table whose rows have dates that hang together in many ways: changed at
// any time after they were made, sent and delivered whole hours after, due on the
// day of the month on which they were made, some never changed, born 18 to 22 years
// before they began.
func shop(t *testing.T, n int) *study {
	t.Helper()
	names := []string{"made_at", "changed_at", "sent_at", "there_at", "made_on", "due_on", "birth_date"}
	table := &Table{Name: "orders"}
	for _, name := range names {
		class := generate.Timestamp
		if name == "made_on" || name == "due_on" || name == "birth_date" {
			class = generate.Date
		}
		table.Columns = append(table.Columns, &Column{Name: name, Type: string(class), Class: class, CanSelect: true, CanInsert: true})
	}
	s, r := &Sample{Columns: names}, generate.New(5, "shop")
	for range n {
		made := testNow.Add(-time.Duration(60*24+r.IntN(14*365*24)) * time.Hour).Add(time.Duration(r.Int64N(int64(time.Hour)))).Truncate(time.Microsecond)
		changed := made
		if r.IntN(3) > 0 {
			changed = made.Add(time.Duration(r.Int64N(int64(testNow.Sub(made))))).Truncate(time.Microsecond)
		}
		sent := made.Add(time.Duration(5+r.IntN(90)) * time.Hour)
		there := sent.Add(time.Duration(5+r.IntN(150)) * time.Hour)
		on := made.Truncate(24 * time.Hour)
		row := []*string{}
		for _, at := range []time.Time{made, changed, sent, there} {
			v := at.Format("2006-01-02 15:04:05.999999")
			row = append(row, &v)
		}
		for _, at := range []time.Time{on, generate.AfterMonths(on, int64(1+r.IntN(3))), on.AddDate(-18, 0, -r.IntN(4*365))} {
			v := at.Format(time.DateOnly)
			row = append(row, &v)
		}
		s.Rows = append(s.Rows, row)
	}
	st, err := learn(table, s, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// placed makes the dates of a honey row of each sampled row.
func placed(st *study) (out []moments) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, was := range st.sample.Rows {
		h := &hand{was: was, g: generate.Row{Now: testNow}}
		st.shift(r, &h.g, was, 0, 1)
		h.place(st, r)
		out = append(out, h.when)
	}
	return out
}

func (st *study) realDates() (out []moments) {
	c := st.clock(testNow)
	for _, at := range c.rows {
		out = append(out, c.named(at))
	}
	return out
}

func TestAHoneyRowSharesNoDistanceOfDatesWithItsTemplate(t *testing.T) {
	st := shop(t, 800)
	honey, real := placed(st), st.realDates()
	for _, pair := range [][2]string{{"made_at", "changed_at"}, {"changed_at", "sent_at"}, {"made_at", "birth_date"}, {"made_on", "birth_date"}} {
		a, b := st.field(pair[0]), st.field(pair[1])
		for _, mod := range []time.Duration{0, 24 * time.Hour} {
			if mod > 0 && b.Class == generate.Date { // days are whole anyway
				continue
			}
			far := func(m moments) time.Duration {
				d := m[b].Sub(m[a])
				if mod > 0 {
					d = (d%mod + mod) % mod
				}
				return d
			}
			same, chance := 0, 0
			for i := range honey {
				if d := far(honey[i]); d != 0 && d == far(real[i]) {
					same++
				}
				if d := far(real[i]); d != 0 && d == far(real[(i+1)%len(real)]) {
					chance++
				}
			}
			if same > chance+4 {
				t.Errorf("%s to %s (modulo %v): %d of %d honey rows share it with their template, %d rows with another", pair[0], pair[1], mod, same, len(honey), chance)
			}
		}
	}
}

func TestDistancesKeepTheGrainThatRealOnesHave(t *testing.T) {
	st := shop(t, 800)
	f := st.field
	equal, born := 0, [2]time.Duration{1 << 62, 0}
	for _, m := range st.realDates() {
		age := m[f("made_on")].Sub(m[f("birth_date")])
		born = [2]time.Duration{min(born[0], age), max(born[1], age)}
	}
	for i, m := range placed(st) {
		if len(m) != 7 {
			t.Fatalf("row %d has %d dates", i, len(m))
		}
		for _, pair := range [][2]string{{"made_at", "sent_at"}, {"sent_at", "there_at"}} {
			if d := m[f(pair[1])].Sub(m[f(pair[0])]); d%time.Hour != 0 || d < 5*time.Hour || d > 160*time.Hour {
				t.Errorf("row %d: %v from %s to %s", i, d, pair[0], pair[1])
			}
		}
		if on, due := m[f("made_on")], m[f("due_on")]; !slices.ContainsFunc([]int64{1, 2, 3}, func(n int64) bool { return generate.AfterMonths(on, n).Equal(due) }) {
			t.Errorf("row %d: made on %v, due on %v", i, on, due)
		}
		if made, on := m[f("made_at")], m[f("made_on")]; !made.Truncate(24 * time.Hour).Equal(on) {
			t.Errorf("row %d: made at %v, on %v", i, made, on)
		}
		if age := m[f("made_on")].Sub(m[f("birth_date")]); age < born[0] || age > born[1] {
			t.Errorf("row %d: %v old, real rows %v to %v", i, age, born[0], born[1])
		}
		if m[f("changed_at")].Before(m[f("made_at")]) {
			t.Errorf("row %d was changed before it was made", i)
		}
		if m[f("changed_at")].Equal(m[f("made_at")]) {
			equal++
		}
		for f, at := range m {
			if f.Name != "due_on" && at.After(testNow) {
				t.Errorf("row %d: %s is %v", i, f.Name, at)
			}
		}
	}
	if equal < 800/4 || equal > 800*5/12 {
		t.Errorf("%d of 800 rows were never changed, of real ones a third", equal)
	}
}

// Of two rows that are alike, nothing is to say which is the honey row: that its time
// of day is always a little later, say.
func TestTimesOfDayGoBothWays(t *testing.T) {
	st := shop(t, 800)
	made := st.field("made_at")
	later, near := 0, 0
	real := st.realDates()
	for i, m := range placed(st) {
		is, was := m[made], real[i][made]
		d := is.Sub(is.Truncate(day)) - was.Sub(was.Truncate(day))
		if d > 0 {
			later++
		}
		if d.Abs() < 2*time.Second {
			near++
		}
	}
	if later < 300 || later > 500 || near > 5 {
		t.Errorf("%d of 800 rows are later in the day than their template, %d at about its second", later, near)
	}
}

// A table of relatives: salaries begin on the day of hiring and change on it each
// year; calls come at any time.
func TestRelativesLieBehindTheirRowAsAnotherRowsDo(t *testing.T) {
	r := generate.New(9, "kin")
	people := &Sample{Columns: []string{"name", "hired_on"}}
	pay, calls := &Sample{Columns: []string{"of", "valid_from"}}, &Sample{Columns: []string{"of", "called_at"}}
	paid, called := map[string][]int{}, map[string][]int{}
	for i := range 300 {
		name := fmt.Sprintf("p%d", i)
		hired := testNow.Truncate(day).AddDate(0, 0, -30-r.IntN(2000))
		people.Rows = append(people.Rows, []*string{&name, text(hired.Format(time.DateOnly))})
		for at, n := hired, 0; !at.After(testNow); at = generate.AfterMonths(hired, int64(12*n)) {
			paid[name], n = append(paid[name], len(pay.Rows)), n+1
			pay.Rows = append(pay.Rows, []*string{&name, text(at.Format(time.DateOnly))})
		}
		for range r.IntN(5) {
			at := hired.Add(time.Duration(r.Int64N(int64(testNow.Sub(hired)))))
			called[name] = append(called[name], len(calls.Rows))
			calls.Rows = append(calls.Rows, []*string{&name, text(at.Format(time.DateTime))})
		}
	}
	to, salaries, phone := learned(t, people, []generate.Class{generate.Text, generate.Date}, "name"), learned(t, pay, []generate.Class{generate.Text, generate.Date}, "of"), learned(t, calls, []generate.Class{generate.Text, generate.Timestamp}, "of")
	fk := &ForeignKey{Columns: []string{"of"}, RefColumns: []string{"name"}}
	salaries.kin, phone.kin = &kinship{to: to, fk: fk, rows: paid}, &kinship{to: to, fk: fk, rows: called}
	hired, from, at := to.field("hired_on"), salaries.field("valid_from"), phone.field("called_at")
	same := 0
	for i, was := range people.Rows {
		h := &hand{was: was, g: generate.Row{Now: testNow}}
		to.shift(r, &h.g, was, 0, 1)
		h.place(to, r)
		brood := h.brood(salaries, r)
		if n := len(paid[*was[0]]); len(brood) > n || len(brood) < n-1 { // one less if its last would be to come
			t.Fatalf("row %d: %d salaries, its template has %d", i, len(brood), n)
		}
		for _, m := range brood {
			if n := monthsTo(h.when[hired], m[from]); n < 0 || n%12 != 0 || !generate.AfterMonths(h.when[hired], n).Equal(m[from]) {
				t.Errorf("row %d: hired on %v, a salary from %v", i, h.when[hired], m[from])
			}
		}
		own := to.clock(testNow).rows[i][0]
		for k, m := range h.brood(phone, r) {
			if m[at].Before(h.when[hired]) || m[at].After(testNow) {
				t.Errorf("row %d: hired on %v, called at %v", i, h.when[hired], m[at])
			}
			if m[at].Sub(h.when[hired]) == phone.clock(testNow).rows[k][0].Sub(own) {
				same++
			}
		}
	}
	if same > 2 {
		t.Errorf("%d calls are as far from the hiring as their template's", same)
	}
}

// Addresses bear no date that moves: nothing hangs on their members'.
func TestRelativesWithoutDatesHangOnNothing(t *testing.T) {
	members, homes, rows := &Sample{Columns: []string{"name"}}, &Sample{Columns: []string{"of", "town"}}, map[string][]int{}
	for i := range 40 {
		name := fmt.Sprintf("m%d", i)
		members.Rows = append(members.Rows, []*string{&name})
		rows[name] = []int{i}
		homes.Rows = append(homes.Rows, []*string{&name, text("Ulm")})
	}
	to, st := learned(t, members, []generate.Class{generate.Text}, "name"), learned(t, homes, []generate.Class{generate.Text, generate.Text}, "of", "town")
	st.kin = &kinship{to: to, fk: &ForeignKey{Columns: []string{"of"}, RefColumns: []string{"name"}}, rows: rows, of: st}
	if g := st.hanging(testNow); g.from != nil || len(g.litters) != 0 {
		t.Errorf("they hang on %+v", g)
	}
	h := &hand{was: members.Rows[0], g: generate.Row{Now: testNow}}
	if b := h.brood(st, generate.New(1, "kin")); len(b) != 0 || h.lacks(st, 0) {
		t.Errorf("they are dated %v, or left out", b)
	}
}
