package seeder

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

// sold is a table of things sold one after the other: how many is nobody's choice but the
// thing's pack, the price is the thing's own, the clerk changes every year, the number of
// the till is chance.
func sold(rows int) (st *study, alike []loan) {
	column := func(name string, at int) *field {
		return &field{Column: &Column{Name: name, Class: generate.Integer}, plan: &ColumnPlan{Name: name, Kind: "category", Source: Copied}, seen: &generate.Column{}, sample: at}
	}
	st = &study{table: &Table{Name: "sold"}, columns: []*field{column("thing", 0), column("pack", 1), column("clerk", 2), column("till", 3)}, sample: &Sample{Columns: []string{"thing", "pack", "clerk", "till"}}}
	r := generate.New(5, "sold")
	for i := range rows {
		thing := r.IntN(12)
		values := []string{fmt.Sprint(thing), fmt.Sprint(thing % 4), fmt.Sprint(i * 5 / rows), fmt.Sprint(r.IntN(6))}
		row := make([]*string, len(values))
		for k := range values {
			row[k] = &values[k]
			st.columns[k].seen.Values = append(st.columns[k].seen.Values, values[k])
		}
		st.sample.Rows = append(st.sample.Rows, row)
		alike = append(alike, loan{i, time.Unix(int64(1000*i), 0)})
	}
	return st, alike
}

func TestWhatGoesTogetherIsLentByOneRow(t *testing.T) {
	st, alike := sold(1000)
	l := &lending{by: st.columns[0]}
	l.part(st, st.columns, [][]loan{alike}, generate.New(1, "bundles"))
	var got []string
	for _, bundle := range l.bundles {
		name := ""
		for _, f := range bundle.fields {
			name += f.Name + " "
		}
		if bundle.drifts {
			name += "by time"
		}
		got = append(got, name)
	}
	if want := []string{"thing pack ", "clerk by time", "till "}; !slices.Equal(got, want) {
		t.Errorf("bundles %q, want %q", got, want)
	}
}

func TestWhatAllOfAClassHaveInCommonTiesNothing(t *testing.T) {
	st, alike := sold(1000)
	classes := map[string][]loan{} // within rows of one clerk the years say nothing
	for _, one := range alike {
		clerk := *st.sample.Rows[one.row][2]
		classes[clerk] = append(classes[clerk], one)
	}
	year := make([]int32, len(alike))
	for i := range year {
		year[i] = int32(i * 5 / len(year))
	}
	var split [][]loan
	for _, clerk := range []string{"0", "1", "2", "3", "4"} {
		split = append(split, classes[clerk])
	}
	if clerks := st.coded(st.columns[2]); together(clerks, year, split, generate.New(1, "x")) || !together(clerks, year, [][]loan{alike}, generate.New(1, "x")) {
		t.Error("what rows are alike in by their class is taken for what goes together in it")
	}
}

func TestNothingIsBoughtBeforeThereIsAny(t *testing.T) {
	st, _ := sold(40)
	day := func(n int) time.Time { return time.Date(2024, 5, n, 0, 0, 0, 0, time.UTC) }
	there := map[string]time.Time{}
	for _, row := range st.sample.Rows {
		there[*row[0]] = day(10)
	}
	l := &lending{behind: []sequel{{st.columns[0], true, there}}}
	if l.suits(st, 0, st.columns[:1], day(9)) || !l.suits(st, 0, st.columns[:1], day(11)) || !l.suits(st, 0, st.columns[1:], day(9)) {
		t.Error("the order between what is bought and the day of the purchase is not kept")
	}
}
