package seeder

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

// accounts is a table of people, of whom so many of a hundred are at the owner's
// domain and so many have no address.
func accounts(t *testing.T, own, none int) *study {
	t.Helper()
	tb := &Table{Schema: "public", Name: "people", Rows: 100, Columns: []*Column{
		{Name: "email", Type: "text", Class: generate.Text, CanSelect: true, CanInsert: true},
		{Name: "phone", Type: "text", Class: generate.Text, CanSelect: true, CanInsert: true},
		{Name: "iban", Type: "text", Class: generate.Text, CanSelect: true, CanInsert: true},
	}}
	s := &Sample{Columns: []string{"email", "phone", "iban"}}
	for i := range 100 {
		phone, iban := fmt.Sprintf("+49 30 23125%03d", i), "DE89370400440532013000"
		row := []*string{nil, &phone, &iban}
		if i >= none {
			mail := fmt.Sprintf("a.person%d@elsewhere%d.example", i, i%7)
			if i < none+own {
				mail = fmt.Sprintf("a.person%d@mine.example", i)
			}
			row[0] = &mail
		}
		s.Rows = append(s.Rows, row)
	}
	st, err := learn(tb, s, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	st.named, st.domains = true, Domains{"mine.example"}
	st.rank(time.Now())
	return st
}

func TestThePlanSaysWhatMailDomainsCostWhoeverKnowsThem(t *testing.T) {
	for _, c := range []struct {
		name      string
		own, none int
		want      []string
		not       string
	}{
		{"few rows are at the owner's domain", 45, 0, []string{"at 45 % of the rows (mine.example 45.0 %)", "at least 0.78", "0.60 needs 80 %", "list all domains", "and of elsewhere0.example 8.0 %, elsewhere1.example 8.0 %, elsewhere3.example 8.0 %, where most others are, those that are yours (with all of them: 0.66)"}, "null)"},
		{"most rows are", 90, 0, []string{"at least 0.55"}, "needs"},
		{"all rows are", 100, 0, nil, "domains"},
		{"rows without address serve too", 5, 85, []string{"85 % have no address, as honey rows in proportion", "at least 0.55"}, "needs"},
	} {
		st := accounts(t, c.own, c.none)
		st.costs()
		got := strings.Join(st.warn, "\n")
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: the plan says %q, want %q in it", c.name, got, want)
			}
		}
		if strings.Contains(got, c.not) {
			t.Errorf("%s: the plan says %q, want no %q in it", c.name, got, c.not)
		}
	}
}

func TestThePlanSaysWhatIsLeftForHoneyRowsToLookLike(t *testing.T) {
	st := accounts(t, 75, 0)
	for _, name := range []string{"first_name", "last_name"} {
		st.sample.Columns = append(st.sample.Columns, name)
		st.table.Columns = append(st.table.Columns, &Column{Name: name, Type: "text", Class: generate.Text, CanSelect: true, CanInsert: true})
	}
	for i, row := range st.sample.Rows { // every tenth is called as the one before
		first, last := "Ann", fmt.Sprintf("Smith%c%c", 'a'+i/26, 'a'+i%26)
		if i%10 == 1 {
			last = fmt.Sprintf("Smith%c%c", 'a'+(i-1)/26, 'a'+(i-1)%26)
		}
		st.sample.Rows[i] = append(row, &first, &last)
	}
	st, err := learn(st.table, st.sample, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	st.named, st.domains = true, Domains{"mine.example"}
	st.rank(time.Now())
	st.costs()
	got := strings.Join(st.warn, "\n")
	for _, want := range []string{"20 % of the rows share first and last name with another", "AUC of 0.60 from it alone", "together these rules leave 59 % of the rows", "an AUC of 0.71, whatever else is done"} {
		if !strings.Contains(got, want) {
			t.Errorf("the plan says %q, want %q in it", got, want)
		}
	}
}
