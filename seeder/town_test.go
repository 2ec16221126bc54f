package seeder

import (
	"testing"

	"honeyrow/seeder/generate"
)

func TestATitleThatStandsOftenerInTheTableThanInTheSampleIsUsual(t *testing.T) {
	a, b, c := "Clerk", "Welder", "Astronomer"
	title := &field{Column: &Column{Name: "title", Class: generate.Text}, plan: &ColumnPlan{Name: "title", Source: Made, Kind: "title"}, seen: &generate.Column{Values: []string{a, a, b, c}}, often: map[string]bool{b: true}}
	usual := (&study{columns: []*field{title}}).usualRow()
	for v, want := range map[string]bool{a: true, b: true, c: false} {
		if got := usual([]*string{&v}); got != want {
			t.Errorf("%s serves as template: %v, want %v", v, got, want)
		}
	}
}

func TestATownThatStandsOnceGivesWayToAnotherRareOneOfItsRegion(t *testing.T) {
	made := func(name, kind string, sample int) *field {
		return &field{Column: &Column{Name: name, Class: generate.Text}, plan: &ColumnPlan{Name: name, Source: Made, Kind: kind}, seen: &generate.Column{}, sample: sample}
	}
	town, state := made("birth_city", "city", 0), made("birth_state", "region", 1)
	elsewhere := made("death_state", "region", 2)
	st := &study{columns: []*field{town, state, elsewhere}, sample: &Sample{Columns: []string{"birth_city", "birth_state", "death_state"}}}
	row := func(vs ...string) (out []*string) {
		for i := range vs {
			out = append(out, &vs[i])
		}
		return out
	}
	for _, r := range [][]*string{row("Ashford", "KS", "NY"), row("Barton", "KS", "OH"), row("Corby", "OH", "NY"), row("Derby", "KS", "NY"), row("Derby", "KS", "OH")} {
		st.sample.Rows = append(st.sample.Rows, r)
		town.seen.Values = append(town.seen.Values, *r[0])
	}
	r := generate.New(1, "towns")
	for was, want := range map[string]string{"Ashford": "Barton", "Barton": "Ashford", "Derby": "", "Corby": ""} {
		for _, row := range st.sample.Rows {
			if *row[0] == was {
				if got := st.town(r, row, town); got != want {
					t.Errorf("%s gives way to %q, want %q", was, got, want)
				}
			}
		}
	}
	town.often = map[string]bool{"Ashford": true}
	if got := st.town(r, st.sample.Rows[0], town); got != "" {
		t.Errorf("a town that stands in other rows of the table gives way to %q", got)
	}
	st.columns = append(st.columns, made("birth_zip", "postcode", -1))
	st.columns[3].sample = 2
	if got := st.town(r, st.sample.Rows[1], town); got != "" {
		t.Errorf("a town with a postcode gives way to %q", got)
	}
}
