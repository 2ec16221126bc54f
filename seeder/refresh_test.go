package seeder

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

func TestTheDatesOfADrippedRowAreThoseOfTheTimeOfItsPlanting(t *testing.T) {
	planned := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	now := planned.Add(5*24*time.Hour + 3*time.Hour + 7*time.Second)
	table := &Table{Name: "clients", Rows: 60, Uniques: []*Unique{{Name: "pk", Columns: []string{"id"}, Primary: true}}}
	for _, name := range []string{"id", "created_at", "updated_at", "contract_from", "expires_at", "never"} {
		c := &Column{Name: name, Class: generate.Timestamp, Type: "timestamp", CanSelect: true, CanInsert: true, NotNull: true}
		if name == "id" {
			c.Class, c.Sequence, c.CanDraw, c.MaxInt = generate.Integer, "s", true, 1<<31-1
		}
		table.Columns = append(table.Columns, c)
	}
	sample := &Sample{Columns: []string{"id", "created_at", "updated_at", "contract_from", "expires_at", "never"}}
	for i := range 60 {
		at := now.Add(time.Duration(i-60) * 90 * time.Minute).Add(-time.Duration(i*7919%60) * time.Second)
		row := []string{fmt.Sprint(i + 1), at.Format(time.DateTime), at.Format(time.DateTime), at.AddDate(0, -1, 0).Format(time.DateTime), at.AddDate(1, 0, 0).Format(time.DateTime), "9999-12-31 00:00:00"}
		var cells []*string
		for k := range row {
			cells = append(cells, &row[k])
		}
		sample.Rows = append(sample.Rows, cells)
	}
	st, err := learn(table, sample, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	tp := &TablePlan{Table: "clients"}
	for _, f := range st.columns {
		tp.Columns = append(tp.Columns, f.plan)
	}
	for _, c := range []struct{ what, updated, wantUpdated string }{
		{"changed after it was made", "2026-11-20 09:50:00", "2026-11-25 13:00:07"},
		{"changed before it was made", "2026-11-18 23:00:00", "2026-11-25 13:00:07"},
	} {
		values := []string{"", "2026-11-20 09:40:00", c.updated, "2026-10-01 00:00:00", "2027-11-20 09:40:00", "9999-12-31 00:00:00"}
		row := &RowPlan{}
		for i, f := range st.columns {
			cell := &Cell{Column: f.Name, Source: f.plan.Source, Kind: f.plan.Kind}
			if i > 0 {
				cell.Value = &values[i]
			}
			row.Cells = append(row.Cells, cell)
		}
		fr := &fresh{st: st, tp: tp, row: row, beat: rhythm{newest: now.Add(-time.Hour)}, r: rand.New(rand.NewPCG(1, 2))}
		fr.date(st.born(), planned, now)
		for column, want := range map[string]string{
			"created_at": "2026-11-25 13:00:07", "updated_at": c.wantUpdated, "contract_from": "2026-10-06 00:00:00",
			"expires_at": "2027-11-25 13:00:07", "never": "9999-12-31 00:00:00",
		} {
			if got := *row.cell(column).Value; got != want {
				t.Errorf("%s: %s is %s, want %s", c.what, column, got, want)
			}
		}
	}
}

func TestTimesWithoutAZoneTellTheirOwnByTheNewest(t *testing.T) {
	now := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		newest time.Duration // from now
		gap    time.Duration
		want   time.Duration
	}{
		{-20 * time.Second, time.Minute, 0},
		{time.Hour - 20*time.Second, time.Minute, time.Hour},
		{5*time.Hour + 44*time.Minute, time.Minute, 5*time.Hour + 45*time.Minute},
		{-5*time.Hour - 20*time.Second, time.Minute, -5 * time.Hour},
		{-5 * time.Hour, time.Hour, 0},        // a quiet table
		{-20 * time.Hour, time.Second, 0},     // an old copy
		{30 * 24 * time.Hour, time.Minute, 0}, // dates of what is to come
	} {
		if got := ahead([]time.Time{now.Add(c.newest)}, now, c.gap); got != c.want {
			t.Errorf("newest %s from now, %s between rows: %s, want %s", c.newest, c.gap, got, c.want)
		}
	}
}
