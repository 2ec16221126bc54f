package seeder

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"honeyrow/seeder/generate"
)

// coded is a table of persons whose code is made of their names by form.
func coded(t *testing.T, form func(first, last string, n int) string) *study {
	t.Helper()
	tb := &Table{Name: "players", Columns: []*Column{
		{Name: "player_id", Type: "text", Class: generate.Text, NotNull: true, CanSelect: true, CanInsert: true},
		{Name: "first_name", Type: "text", Class: generate.Text, NotNull: true, CanSelect: true, CanInsert: true},
		{Name: "last_name", Type: "text", Class: generate.Text, NotNull: true, CanSelect: true, CanInsert: true},
	}, Uniques: []*Unique{{Name: "pk", Columns: []string{"player_id"}, Primary: true}}}
	s := &Sample{Columns: []string{"player_id", "first_name", "last_name"}}
	seen := map[string]int{}
	for _, last := range []string{"Aardsma", "Li", "Müller", "O'Neill", "Van Dyk", "Smith", "Hernandez", "Yoshida"} {
		for _, first := range []string{"Jo", "Anna", "Björn", "Maximilian", "Eve"} {
			stem := form(first, last, 0)
			seen[stem]++
			code := form(first, last, seen[stem])
			s.Rows = append(s.Rows, []*string{&code, &first, &last})
		}
	}
	st, err := learn(tb, s, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func cut(s string, n int) string { return s[:min(len(s), n)] }

func TestCodesMadeOfNamesFollowTheHoneyRowsName(t *testing.T) {
	for _, c := range []struct {
		name string
		form func(first, last string, n int) string
		want string // for Jörg Neumann
	}{
		{"five letters of the last, two of the first, two digits", func(first, last string, n int) string {
			return fmt.Sprintf("%s%s%02d", cut(generate.Spellings[0](last), 5), cut(generate.Spellings[0](first), 2), n)
		}, "neumajo01"},
		{"the first letter and the last name, marks dropped", func(first, last string, n int) string {
			return strings.ToUpper(fmt.Sprintf("%s%s%d", cut(generate.Spellings[2](first), 1), cut(generate.Spellings[2](last), 12), n))
		}, "JNEUMANN1"},
		{"with a hyphen", func(first, last string, n int) string {
			return fmt.Sprintf("%s-%s%03d", cut(generate.Spellings[1](last), 4), cut(generate.Spellings[1](first), 3), n)
		}, "neum-jor001"},
	} {
		st := coded(t, c.form)
		f := st.columns[0]
		if st.cant != nil || f.named == nil || f.plan.Source != Made {
			t.Errorf("%s: not understood: %v, %+v", c.name, st.cant, f.plan)
			continue
		}
		h := &hand{tries: map[string]int{}}
		h.g.First, h.g.Last, h.g.Was = "Jörg", "Neumann", *st.sample.Rows[0][0]
		if got := h.ofName(nil, nil, f); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
		h.g.First, h.g.Last = "Anna", "Smith" // a namesake: the next number
		if got, not := h.ofName(nil, nil, f), c.form("Anna", "Smith", 1); got == not || !strings.HasPrefix(got, strings.TrimRight(not, "0123456789")) {
			t.Errorf("%s: got %s for a second Anna Smith", c.name, got)
		}
	}
}

func TestCodesThatAreNotMadeOfNamesAreLeftAlone(t *testing.T) {
	n := 0
	st := coded(t, func(string, string, int) string { n++; return fmt.Sprintf("PLY-%04d", 7*n) })
	if st.columns[0].named != nil {
		t.Error("a code without anything of the name is taken for one made of it")
	}
}

func TestCodesMadeOfNamesLeaveNoNumberOut(t *testing.T) {
	st := coded(t, func(first, last string, n int) string {
		return fmt.Sprintf("%s%s%02d", cut(generate.Spellings[0](last), 5), cut(generate.Spellings[0](first), 2), n)
	})
	f := st.columns[0]
	var run []*hand
	deal := func(first, last string) string {
		h := &hand{row: &RowPlan{}, tries: map[string]int{f.Name: 5}}
		h.g.First, h.g.Last, h.g.Was, h.g.Number = first, last, *st.sample.Rows[0][0], len(run)
		v := h.ofName(nil, run, f)
		h.row.Cells = []*Cell{{Column: f.Name, Source: Made, Value: &v}}
		run = append(run, h)
		return v
	}
	for i, want := range []string{"neumajo01", "neumajo02", "smithan02", "neumajo03"} {
		first, last := "Jörg", "Neumann"
		if i == 2 {
			first, last = "Anna", "Smith" // the table has one
		}
		if got := deal(first, last); got != want {
			t.Errorf("row %d: got %s, want %s", i, got, want)
		}
	}
	f.named.learn("neumajo04") // of a row that the sample does not hold
	if got := deal("Jörg", "Neumann"); got != "neumajo05" {
		t.Errorf("got %s beside a row with neumajo04", got)
	}
	for code, want := range map[string]string{"neumajo01": "", "neumajo02": "neumajo01", "neumajo10": "neumajo09"} {
		if got, ok := f.named.below(code); got != want || ok != (want != "") {
			t.Errorf("before %s stands %q", code, got)
		}
	}
}

func TestCodesMadeOfNamesComeWhereNumbersAreMissingToo(t *testing.T) {
	st := coded(t, func(first, last string, n int) string {
		return fmt.Sprintf("%s%s%02d", cut(generate.Spellings[0](last), 5), cut(generate.Spellings[0](first), 2), n)
	})
	f := st.columns[0]
	for _, code := range []string{"smithan04", "smithan06"} { // 02, 03 and 05 were deleted
		f.named.learn(code)
	}
	r := rand.New(rand.NewPCG(1, 2))
	deal := func() string {
		h := &hand{row: &RowPlan{}}
		h.g.First, h.g.Last, h.g.Was = "Anna", "Smith", *st.sample.Rows[0][0]
		return h.ofName(r, nil, f)
	}
	if got := deal(); got != "smithan07" {
		t.Errorf("got %s where the table leaves no number out", got)
	}
	f.named.gaps = true
	seen := map[string]int{}
	for range 300 {
		seen[deal()]++
	}
	for _, code := range []string{"smithan02", "smithan05", "smithan07"} {
		if seen[code] < 60 {
			t.Errorf("%s came %d times of 300", code, seen[code])
		}
	}
	if len(seen) != 3 { // 03 would stand without 02
		t.Errorf("numbers: %v", seen)
	}
}
