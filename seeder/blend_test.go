package seeder

import (
	"fmt"
	"strings"
	"testing"

	"honeyrow/seeder/generate"
)

// clerks are people with what rows have in common: a department, its managers, a title,
// a country, a town of it, a street there, a number that few have, and one that goes with
// the title. extra says more columns' values.
func clerks(t *testing.T, n int) *study {
	t.Helper()
	tb := &Table{Name: "clerks", Columns: []*Column{
		{Name: "id", Type: "bigint", Class: generate.Integer, NotNull: true, CanSelect: true, CanInsert: true, CanDraw: true, Sequence: "clerks_id_seq"},
	}, Uniques: []*Unique{{Name: "pk", Columns: []string{"id"}, Primary: true}}}
	s := &Sample{Columns: []string{"id"}}
	for _, name := range []string{"country", "city", "postal_code", "street", "department", "manager", "job_title", "shift", "shoe_size", "nickname"} {
		tb.Columns = append(tb.Columns, &Column{Name: name, Type: "text", Class: generate.Text, CanSelect: true, CanInsert: true})
		s.Columns = append(s.Columns, name)
	}
	r := generate.New(7, "clerks")
	for i := range n {
		country := []string{"DE", "DE", "SE"}[r.IntN(3)]
		city := r.IntN(12)
		department := r.IntN(6)
		row := []string{
			fmt.Sprint(i + 1), country, fmt.Sprintf("%s%s", country, strings.Repeat("a", city+1)), fmt.Sprintf("%s%d%03d", country, city+10, r.IntN(1000)),
			fmt.Sprintf("%s%s%s %d", country, []string{"Stor", "Lill", "Ny", "Kungs", "Berg", "Sten", "Ek", "Sjo", "Park", "Skol", "Bygg", "Angs", "Strand", "Vinter", "Sommar"}[r.IntN(15)], []string{"gatan", "vagen", "torget"}[r.IntN(3)], 1+r.IntN(99)),
			fmt.Sprintf("Dept%c", 'A'+department), fmt.Sprintf("Boss%c%c", 'A'+department, 'a'+r.IntN(8)), fmt.Sprintf("Role%c%c", 'A'+department, 'a'+r.IntN(5)),
			[]string{"day", "night"}[r.IntN(2)], fmt.Sprint(36 + r.IntN(12)), "",
		}
		cells := make([]*string, len(row))
		for k := range row {
			if row[k] != "" {
				cells[k] = &row[k]
			}
		}
		s.Rows = append(s.Rows, cells)
	}
	st, err := learn(tb, s, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	if st.cant != nil {
		t.Fatal(st.cant)
	}
	for i := range s.Rows {
		st.pool = append(st.pool, i)
	}
	return st
}

// shown is what somebody sorts rows by: all that several rows may hold, without house
// numbers.
func shown(row []*string) string {
	out := ""
	for i, v := range row[1:] {
		if v == nil || i+1 == 3 {
			continue
		}
		out += streetOnly(*v) + fmt.Sprint("/", map[bool]string{true: *v}[i+1 == 9], "\x00")
	}
	return out
}

func TestAHoneyRowIsNoPairWithItsTemplateOftenerThanRealRowsAre(t *testing.T) {
	st := clerks(t, 600)
	d := &draft{}
	real := map[string]int{}
	for _, row := range st.sample.Rows {
		real[shown(row)]++
	}
	pairs := 0
	for _, row := range st.sample.Rows {
		if real[shown(row)] > 1 {
			pairs++
		}
	}
	r := generate.New(1, "blends")
	const n = 200
	honey, street, alike := 0, 0, 0
	for i := range n {
		template := r.IntN(len(st.sample.Rows))
		was, row := st.sample.Rows[template], d.blend(st, r, template, nil, nil, true)
		if real[shown(row)] > 0 {
			honey++
		}
		if streetOnly(*row[4]) == streetOnly(*was[4]) {
			street++
		}
		same := 0
		for _, k := range []int{2, 4, 6, 7, 9} {
			if *row[k] == *was[k] || k == 4 && streetOnly(*row[k]) == streetOnly(*was[k]) {
				same++
			}
		}
		if same >= 4 {
			alike++
		}
		if *row[0] != *was[0] || *row[1] != *was[1] {
			t.Fatalf("row %d has not its template's key and country", i)
		}
	}
	if want := n*pairs/len(st.sample.Rows) + n/20; honey > want {
		t.Errorf("%d of %d honey rows hold what one real row holds, of real rows %d of %d do", honey, n, pairs, len(st.sample.Rows))
	}
	if street > 0 {
		t.Errorf("%d of %d honey rows are in their template's street, in which few rows are", street, n)
	}
	if alike > n/20 {
		t.Errorf("%d of %d honey rows have nearly all of their template", alike, n)
	}
}

func TestWhatGoesTogetherStaysTogetherInABlend(t *testing.T) {
	st := clerks(t, 600)
	d := &draft{}
	at := map[string]int{}
	for i, c := range st.sample.Columns {
		at[c] = i
	}
	r := generate.New(2, "blends")
	departments := map[string]bool{}
	for range 300 {
		template := r.IntN(len(st.sample.Rows))
		row := d.blend(st, r, template, nil, nil, true)
		get := func(name string) string { return *row[at[name]] }
		if !strings.HasPrefix(get("city"), get("country")) || !strings.HasPrefix(get("street"), get("country")) || !strings.HasPrefix(get("postal_code"), get("country")+fmt.Sprint(len(get("city"))+7)) {
			t.Errorf("%s, %s, %s and %s are no place", get("country"), get("city"), get("postal_code"), get("street"))
		}
		dept := strings.TrimPrefix(get("department"), "Dept")
		if !strings.HasPrefix(get("manager"), "Boss"+dept) || !strings.HasPrefix(get("job_title"), "Role"+dept) {
			t.Errorf("%s and %s in department %s", get("manager"), get("job_title"), dept)
		}
		if row[at["nickname"]] != nil {
			t.Error("a column that is empty in the template holds something")
		}
		departments[dept] = true
	}
	if len(departments) != 6 {
		t.Errorf("honey rows are in %d departments of 6", len(departments))
	}
}

func TestOneTemplateAloneWhereTheDatabaseWantsIt(t *testing.T) {
	st := clerks(t, 200)
	st.whole = true
	d, r := &draft{}, generate.New(3, "blends")
	for i, was := range st.sample.Rows[:20] {
		if shown(d.blend(st, r, i, nil, nil, true)) != shown(was) {
			t.Fatal("a row has other contents than its template")
		}
	}
}

func TestAStreetIsTheTablesAndNoRowsAlone(t *testing.T) {
	for _, c := range [][3]string{
		{"1913 Hanoi Way", "1121 Loja Avenue", "1913 Hanoi Avenue"},
		{"Old Mill Lane 4", "New Church Road 12", "Old Mill Road 4"},
		{"Bahnhofstrasse 3", "Am Markt 7", ""},
		{"12 Oak Lane", "14 Elm Lane", ""},
	} {
		if got := generate.Joined(c[0], c[1]); got != c[2] {
			t.Errorf("%s and %s: %q, want %q", c[0], c[1], got, c[2])
		}
	}
}
