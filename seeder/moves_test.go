package seeder

import (
	"testing"

	"honeyrow/seeder/generate"
)

func TestThePlanSaysByHowMuchSumsAndCountsMove(t *testing.T) {
	column := func(name string, class generate.Class, unique bool) *field {
		return &field{Column: &Column{Name: name, Class: class}, seen: &generate.Column{Unique: unique}}
	}
	st := &study{columns: []*field{column("id", generate.Integer, true), column("balance", generate.Decimal, false), column("points", generate.Integer, false), column("city", generate.Text, false), column("status", generate.Integer, false)}}
	st.columns[4].plan = &ColumnPlan{Kind: "status"}
	cell := func(name string, from Source, v string) *Cell { return &Cell{Column: name, Source: from, Value: &v} }
	tp := &TablePlan{Rows: []*RowPlan{
		{Cells: []*Cell{cell("id", Drawn, "7"), cell("balance", Made, "-1200.50"), cell("points", Copied, "3"), cell("city", Made, "9"), cell("status", Made, "4")}},
		{Cells: []*Cell{cell("id", Drawn, "8"), cell("balance", Made, "$1,000.2"), {Column: "points", Source: Null}}},
	}}
	tp.Sums = st.sums(tp.Rows)
	if got, want := tp.moves(), "its count by +2 rows; sums of balance by -200.30, points by +3"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
