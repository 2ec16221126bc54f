package seeder

import (
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

func TestDatesKeepTheOrderOfTheTemplatesWhateverMovesThem(t *testing.T) {
	names := []string{"hired_on", "created_at", "seen_at", "updated_at"}
	table := &Table{Name: "staff"}
	for _, n := range names {
		class := generate.Timestamp
		if n == "hired_on" {
			class = generate.Date
		}
		table.Columns = append(table.Columns, &Column{Name: n, Type: string(class), Class: class, CanSelect: true, CanInsert: true})
	}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	s := &Sample{Columns: names}
	r := generate.New(3, "order")
	for range 60 {
		at := now.Add(-time.Duration(r.Int64N(int64(200 * 24 * time.Hour))))
		row := []*string{}
		for i := range names {
			v := at.Format("2006-01-02 15:04:05.000000")
			if i == 0 {
				v = at.Format(time.DateOnly)
			}
			row = append(row, &v)
			at = at.Add(time.Duration(r.Int64N(int64(min(now.Sub(at), 40*time.Hour)) + 1)))
		}
		s.Rows = append(s.Rows, row)
	}
	st, err := learn(table, s, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	mended := 0
	for n, was := range s.Rows {
		for _, by := range []time.Duration{-35*24*time.Hour - 11*time.Hour, 13 * time.Hour, 3*24*time.Hour + 7*time.Hour, 40*24*time.Hour + 23*time.Hour} {
			h := &hand{row: &RowPlan{}, was: was, g: generate.Row{Now: now, Shift: by}}
			for _, f := range st.columns {
				h.g.Was = *was[f.sample]
				v, err := generate.Make(f.gen, r, f.seen, &h.g)
				if err != nil {
					t.Fatal(err)
				}
				h.row.Cells = append(h.row.Cells, &Cell{Column: f.Name, Source: Made, Kind: "timestamp", Value: &v})
			}
			bad := func() bool {
				last := time.Time{}
				for _, c := range h.row.Cells {
					at, _, ok := generate.ParseTime(*c.Value)
					if !ok || at.After(now) {
						t.Fatalf("row %d: %s is no time or has not come yet", n, *c.Value)
					}
					if at.Before(last) {
						return true
					}
					last = at
				}
				return false
			}
			was := bad()
			st.keepOrder(r, h)
			if bad() {
				t.Errorf("row %d moved by %s: %s, %s, %s, %s", n, by, *h.row.Cells[0].Value, *h.row.Cells[1].Value, *h.row.Cells[2].Value, *h.row.Cells[3].Value)
			}
			if was {
				mended++
			}
		}
	}
	if mended < 20 {
		t.Errorf("only %d rows needed it: the test shows little", mended)
	}
}

func TestARelativesDatesStayBehindThoseOfTheRowThatItHangsOn(t *testing.T) {
	column := func(n string) *Table {
		return &Table{Name: n, Columns: []*Column{{Name: "at", Type: "timestamp", Class: generate.Timestamp, CanSelect: true, CanInsert: true}}}
	}
	made, ordered, late := "2026-03-01 10:00:00", "2026-03-05 10:00:00", "2026-03-20 10:00:00"
	s := &Sample{Columns: []string{"at"}, Rows: [][]*string{{&made}, {&ordered}, {&late}}}
	learned := func(n string) *study {
		st, err := learn(column(n), s, func(string) string { return "" })
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	parent, child := learned("customers"), learned("orders")
	child.kin = &kinship{to: parent}
	for moved, want := range map[string]string{"2026-05-05 10:00:00": "2026-05-14 10:00:00", "2026-05-15 10:00:00": "2026-05-15 10:00:00"} {
		born := "2026-05-10 10:00:00"
		now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
		above := &hand{was: s.Rows[0], row: &RowPlan{Cells: []*Cell{{Column: "at", Source: Made, Value: &born}}}}
		h := &hand{was: s.Rows[1], above: above, g: generate.Row{Now: now}, row: &RowPlan{Cells: []*Cell{{Column: "at", Source: Made, Value: &moved}}}}
		child.keepOrder(generate.New(1, "kin"), h)
		if got := *h.row.Cells[0].Value; got != want {
			t.Errorf("ordered at %s of a customer of %s: %s, want %s", moved, born, got, want)
		}
	}
}
