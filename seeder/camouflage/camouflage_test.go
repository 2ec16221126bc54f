package camouflage

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

// people makes a table in which columns go together, and rows of it.
func people() *Table {
	return &Table{Name: "people", Seed: 1, Children: []string{"orders"}, Columns: []Column{
		{Name: "id", Class: generate.Integer, Role: Key},
		{Name: "last_name", Class: generate.Text, Kind: "last_name", Role: Content, Person: true},
		{Name: "email", Class: generate.Text, Kind: "email", Role: Content, Person: true},
		{Name: "country", Class: generate.Text, Role: Content},
		{Name: "pay", Class: generate.Integer, Role: Content},
		{Name: "created", Class: generate.Timestamp, Role: Content},
	}}
}

var opened = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

func person(r *rand.Rand, id int) Row {
	name := ""
	for range 3 {
		name += string("bdfgklmnprst"[r.IntN(12)]) + string("aeiou"[r.IntN(5)])
	}
	country := []string{"DE", "FR", "SE", "US"}[min(r.IntN(6), 3)]
	pay := 40000 + 100*r.IntN(200)
	if country == "US" {
		pay += 15000
	}
	created := opened.Add(time.Duration(id)*7*time.Hour + time.Duration(r.IntN(3600))*time.Second)
	return row(id, strings.ToUpper(name[:1])+name[1:], name+"@corp.example", country, pay, created, 1+r.IntN(4))
}

func row(id int, name, mail, country string, pay int, created time.Time, orders int) Row {
	vs := []string{fmt.Sprint(id), name, mail, country, fmt.Sprint(pay), created.Format("2006-01-02 15:04:05")}
	out := Row{Place: -1, Broods: []Brood{{Count: orders}}}
	for i := range vs {
		out.Values = append(out.Values, &vs[i])
	}
	return out
}

// filled is people with real rows, and runs of honey rows that make makes of
// an id that no real row has.
func filled(make func(r *rand.Rand, id int) Row) *Table {
	t := people()
	r := rand.New(rand.NewPCG(3, 4))
	gone := r.Perm(900)[:100]
	missing := map[int]bool{}
	for _, id := range gone {
		missing[id] = true
	}
	for id := range 900 {
		if !missing[id] {
			t.Real = append(t.Real, person(r, id))
		}
	}
	for k := range 5 {
		var run []Row
		for i := range 20 {
			run = append(run, make(r, gone[20*k+i]))
		}
		t.Runs = append(t.Runs, run)
	}
	return t
}

func TestRowsFromTheSameSourceCanNotBeToldApart(t *testing.T) {
	rep := Measure(*filled(person))
	for _, s := range []Score{rep.Content, rep.Dump} {
		if s.AUC > 0.65 || s.AUC < 0.35 || s.Floor > 0.65 {
			t.Errorf("AUC %.2f, floor %.2f: want a guess", s.AUC, s.Floor)
		}
	}
	if len(rep.Habits) > 0 {
		t.Errorf("habits %v, want none", rep.Habits)
	}
}

// Most rows are of one country, of which honey rows may not be: that is all that a
// thief can learn.
func TestWhatTheRulesAloneGiveAwayIsWhatRealRowsThatObeyThemScore(t *testing.T) {
	tb := filled(person)
	german := func(row Row) bool { return *row.Values[3] == "DE" }
	share := 0.0
	for i := range tb.Real {
		if i%4 != 0 {
			v := "DE"
			tb.Real[i].Values[3] = &v
		}
		tb.Real[i].Imitable = !german(tb.Real[i])
		if tb.Real[i].Imitable {
			share += 1 / float64(len(tb.Real))
		}
	}
	want := 1 - share/2
	content, dump, ok := Ruled(*tb)
	if !ok || math.Abs(content.AUC-want) > 0.07 || math.Abs(dump.AUC-want) > 0.07 {
		t.Errorf("AUC %.2f and %.2f, %t, want some %.2f", content.AUC, dump.AUC, ok, want)
	}
	for i := range tb.Real {
		tb.Real[i].Imitable = true
	}
	if content, dump, ok = Ruled(*tb); !ok || math.Abs(content.AUC-0.5) > 0.1 || math.Abs(dump.AUC-0.5) > 0.1 {
		t.Errorf("without rules: AUC %.2f and %.2f, %t, want a guess", content.AUC, dump.AUC, ok)
	}
	for i := range tb.Real {
		tb.Real[i].Imitable = i < 30
	}
	if _, _, ok = Ruled(*tb); ok {
		t.Error("30 rows served for 100")
	}
}

func TestTheRowThatStandsOutIsTheMostSuspect(t *testing.T) {
	tb := filled(func(r *rand.Rand, id int) Row {
		out := person(r, id)
		if r.IntN(2) == 0 {
			v := "50000"
			out.Values[4] = &v
		}
		return out
	})
	own := tb.Runs[0]
	tb.Runs = tb.Runs[1:]
	got := Learn(*tb).Suspect(own)
	if len(got) != 20 {
		t.Fatalf("suspicion of %d rows, want of 20", len(got))
	}
	for i, row := range own {
		if loud := *row.Values[4] == "50000"; loud != (got[i] > 0.985) {
			t.Errorf("row %d with pay %s: %.2f of real rows are less suspect", i, *row.Values[4], got[i])
		}
	}
}

func TestEachGiveawayIsFoundAndNamed(t *testing.T) {
	change := func(do func(r *rand.Rand, row *Row)) func(r *rand.Rand, id int) Row {
		return func(r *rand.Rand, id int) Row {
			out := person(r, id)
			do(r, &out)
			return out
		}
	}
	set := func(row *Row, column int, v string) { row.Values[column] = &v }
	copied := filled(person).Real[7]
	for _, c := range []struct {
		name    string
		make    func(r *rand.Rand, id int) Row
		habit   string
		clue    string
		content bool // also the content gives it away
	}{
		{"keys at the end", func(r *rand.Rand, id int) Row { return person(r, 900+id) }, "keys at the end", "id: rank", true},
		{"keys against the date", change(func(r *rand.Rand, row *Row) {
			set(row, 5, opened.Add(time.Duration(r.IntN(900*7*3600))*time.Second).Format("2006-01-02 15:04:05"))
		}), "keys out of sequence", "id out of step with created", false},
		{"no children", change(func(_ *rand.Rand, row *Row) { row.Broods = []Brood{{}} }), "orphans", "rows in orders", false},
		{"a domain of their own", change(func(_ *rand.Rand, row *Row) {
			set(row, 2, strings.Replace(*row.Values[2], "corp.", "decoys.", 1))
		}), "a mail domain of their own", "email: others of its domain", true},
		{"one second", change(func(_ *rand.Rand, row *Row) { set(row, 5, "2020-05-01 10:00:07") }), "same second", "created: others of the same minute", true},
		{"round pay", change(func(_ *rand.Rand, row *Row) { set(row, 4, "50000") }), "rounding", "pay: round", true},
		{"capitals", change(func(_ *rand.Rand, row *Row) { set(row, 1, strings.ToUpper(*row.Values[1])) }), "capitals", "last_name: capitals", true},
		{"white space", change(func(_ *rand.Rand, row *Row) { set(row, 3, *row.Values[3]+" ") }), "white space", "", true},
		{"nulls", change(func(_ *rand.Rand, row *Row) { row.Values[4] = nil }), "unusual nulls", "pay: is null", true},
		{"a person copied", change(func(_ *rand.Rand, row *Row) { row.Values[2] = copied.Values[2] }), "a real person copied", "", true},
		{"another's address", change(func(r *rand.Rand, row *Row) { row.Values[2] = person(r, 1).Values[2] }), "", "last_name within email", true},
		{"numbers that count nobody", change(func(_ *rand.Rand, row *Row) {
			set(row, 2, strings.Replace(*row.Values[2], "@", "2@", 1))
		}), "a number without its first", "email: a number without its first", true},
		{"pay that is not the country's", change(func(r *rand.Rand, row *Row) {
			set(row, 3, "US")
			set(row, 4, fmt.Sprint(40000+100*r.IntN(40)))
		}), "", "pay for its country", true},
	} {
		rep := Measure(*filled(c.make))
		if rep.Dump.AUC < 0.8 || c.content && rep.Content.AUC < 0.8 {
			t.Errorf("%s: AUC %.2f on content, %.2f on the dump: want 0.8 or more", c.name, rep.Content.AUC, rep.Dump.AUC)
		}
		habit, clue := c.habit == "", c.clue == ""
		for _, h := range rep.Habits {
			habit = habit || h.Name == c.habit
		}
		for _, b := range rep.Betrays {
			clue = clue || b.Feature == c.clue
		}
		if !habit || !clue {
			t.Errorf("%s: habits %v, clues %v: want %q and %q", c.name, rep.Habits, rep.Betrays, c.habit, c.clue)
		}
	}
}

func TestMeasuringTwiceGivesTheSame(t *testing.T) {
	a, b := Measure(*filled(person)), Measure(*filled(person))
	if fmt.Sprintf("%+v", a) != fmt.Sprintf("%+v", b) {
		t.Errorf("%+v and %+v differ", a, b)
	}
}

func TestFewRowsAreNoFailure(t *testing.T) {
	full := filled(person)
	for name, c := range map[string]*Table{
		"no honey":  {Name: "t", Columns: full.Columns, Real: full.Real},
		"no real":   {Name: "t", Columns: full.Columns, Runs: full.Runs},
		"one row":   {Name: "t", Columns: full.Columns, Children: full.Children, Real: full.Real, Runs: [][]Row{full.Runs[0][:1]}},
		"one run":   {Name: "t", Columns: full.Columns, Children: full.Children, Real: full.Real[:40], Runs: full.Runs[:1]},
		"many runs": {Name: "t", Columns: full.Columns, Children: full.Children, Real: full.Real[:30], Runs: full.Runs},
	} {
		rep := Measure(*c)
		if math.IsNaN(rep.Content.AUC) || math.IsNaN(rep.Dump.Spread) {
			t.Errorf("%s: %+v", name, rep)
		}
	}
}

func TestTheAUCCountsTiesHalf(t *testing.T) {
	for _, c := range []struct {
		score []float64
		honey []bool
		want  float64
	}{
		{[]float64{1, 2, 3, 4}, []bool{false, false, true, true}, 1},
		{[]float64{4, 3, 2, 1}, []bool{false, false, true, true}, 0},
		{[]float64{1, 1, 1, 1}, []bool{false, false, true, true}, 0.5},
		{[]float64{1, 2, 2, 3}, []bool{false, true, false, true}, 0.875},
	} {
		if got := auc(c.score, c.honey); got != c.want {
			t.Errorf("%v: %v, want %v", c.score, got, c.want)
		}
	}
}

// Where children of honey rows stand among others, these have another rank, in each
// dump by what is planted there: that tells one dump from another, and no honey row.
func TestEachRunIsJudgedBesideTheRealRowsOfItsOwnDump(t *testing.T) {
	tb := filled(person)
	for k := range tb.Runs {
		lag := 1e-4 * float64(k)
		shift := func(rows []Row) (out []Row) {
			for _, row := range rows {
				row.Broods = []Brood{{Count: row.Broods[0].Count, Lag: lag}}
				out = append(out, row)
			}
			return out
		}
		tb.Dumps = append(tb.Dumps, shift(tb.Real))
		tb.Runs[k] = shift(tb.Runs[k])
	}
	if rep := Measure(*tb); rep.Dump.AUC > 0.65 {
		t.Errorf("AUC on the dump %.2f, want a guess", rep.Dump.AUC)
	}
	other := *tb
	other.Dumps = nil
	if rep := Measure(other); rep.Dump.AUC < 0.75 {
		t.Errorf("AUC on the dump %.2f beside another dump's rows, want to see that these are others", rep.Dump.AUC)
	}
}
