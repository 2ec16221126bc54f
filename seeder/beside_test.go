package seeder

import (
	"fmt"
	"testing"

	"honeyrow/seeder/generate"
)

// counted is a table with a key and a customer number, from rows of both.
func counted(rows [][2]int) *study {
	tb := &Table{Name: "customers", Columns: []*Column{
		{Name: "id", Type: "bigint", Class: generate.Integer, Sequence: "s", Identity: "by default", CanSelect: true, CanInsert: true, CanDraw: true, NotNull: true},
		{Name: "customer_no", Type: "text", Class: generate.Text, CanSelect: true, CanInsert: true, NotNull: true},
	}, Uniques: []*Unique{{Columns: []string{"id"}, Primary: true}, {Columns: []string{"customer_no"}}}}
	s := &Sample{Columns: []string{"id", "customer_no"}}
	for _, r := range rows {
		id, no := fmt.Sprint(r[0]), fmt.Sprintf("C-%06d", r[1])
		s.Rows = append(s.Rows, []*string{&id, &no})
	}
	st, err := learn(tb, s, func(string) string { return "" })
	if err != nil {
		panic(err)
	}
	return st
}

func TestACounterBesideTheKeyIsFoundUnlessItIsMadeOfIt(t *testing.T) {
	var drift, fixed, loose [][2]int
	for i := range 40 {
		drift = append(drift, [2]int{i + i/7, 100 + i + i/5})
		fixed = append(fixed, [2]int{i + i/7, 100 + i + i/7})
		loose = append(loose, [2]int{i, 100 + i*17%40})
	}
	for name, c := range map[string]struct {
		rows [][2]int
		want int
	}{"rises with the key": {drift, 1}, "made of the key": {fixed, 0}, "rises by itself": {loose, 0}} {
		st := counted(c.rows)
		if got := st.besides(st.columns[0]); len(got) != c.want {
			t.Errorf("%s: %d counters beside the key, want %d", name, len(got), c.want)
		}
	}
}

func TestACounterBesideAGapHasANumberBetweenItsNeighbours(t *testing.T) {
	st := counted([][2]int{{1, 101}, {2, 102}, {3, 103}, {5, 105}})
	f := []*field{st.columns[1]}
	row := func(no string) []*string { id := "0"; return []*string{&id, &no} }
	for _, c := range []struct {
		before, after string
		want          string
	}{
		{"C-000103", "C-000105", "C-000104"},
		{"C-000103", "C-000104", ""}, // no number is left
		{"C-000103", "D-000105", ""},
		{"C-000100", "C-000200", "C-000150"},
	} {
		got, _ := besideOf(st.sample, f, row(c.before), row(c.after), 1, 2)
		if got["customer_no"] != c.want {
			t.Errorf("between %s and %s: %v, want %q", c.before, c.after, got, c.want)
		}
	}
}

func TestColumnsThatPointAtATableWithoutAForeignKeyAreSeen(t *testing.T) {
	for _, c := range []struct {
		column, table string
		want          bool
	}{
		{"customer_id", "customers", true},
		{"customerId", "Customer", true},
		{"company_id", "companies", true},
		{"old_customer_id", "crm_customers", true},
		{"id", "customers", false},
		{"customer_no", "customers", false},
		{"product_id", "customers", false},
	} {
		if got := pointsBy(c.column, c.table); got != c.want {
			t.Errorf("%s and %s: %t", c.column, c.table, got)
		}
	}
}
