package seeder

import (
	"fmt"
	"testing"

	"honeyrow/seeder/generate"
)

func TestAYearFollowsTheDateOfItsRow(t *testing.T) {
	created := &field{Column: &Column{Name: "created_at", Class: generate.Date}, plan: &ColumnPlan{Name: "created_at", Source: Made, Kind: "timestamp"}, seen: &generate.Column{}, sample: 0}
	expires := &field{Column: &Column{Name: "exp_year", Class: generate.Integer}, plan: &ColumnPlan{Name: "exp_year", Source: Made, Kind: "number"}, seen: &generate.Column{}, sample: 1}
	st := &study{columns: []*field{created, expires}, sample: &Sample{Columns: []string{"created_at", "exp_year"}}}
	r := generate.New(1, "cards")
	for range 200 {
		year := 2015 + r.IntN(8)
		at, exp := fmt.Sprintf("%d-06-01", year), fmt.Sprint(year+1+r.IntN(4))
		st.sample.Rows = append(st.sample.Rows, []*string{&at, &exp})
		expires.seen.Values = append(expires.seen.Values, exp)
	}
	for template := range 200 {
		at, exp := "2019-03-04", *st.sample.Rows[template][1]
		h := &hand{template: template, row: &RowPlan{Cells: []*Cell{{Column: "created_at", Source: Made, Value: &at}, {Column: "exp_year", Source: Made, Value: &exp}}}}
		h.span(st, r)
		h.writeSpans(st)
		if v := *h.row.Cells[1].Value; v < "2020" || v > "2023" {
			t.Fatalf("a card of 2019 expires in %s", v)
		}
	}
}
