package seeder

import (
	"math/rand/v2"
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

// Members joined up to a year ago, and nobody was born after 2004: a row that is moved from
// the last of them goes back, not on.
func TestNoDateLiesBeyondAllOthers(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 7))
	s := &Sample{Columns: []string{"birth_date", "joined_on", "renewed_on"}}
	last := testNow.AddDate(-1, 0, 0)
	for range 400 {
		joined := last.AddDate(0, 0, -r.IntN(900))
		renewed := joined.AddDate(0, 0, r.IntN(1+int(last.Sub(joined)/day)))
		born := time.Date(1960+r.IntN(45), time.Month(1+r.IntN(12)), 1+r.IntN(28), 0, 0, 0, 0, time.UTC)
		s.Rows = append(s.Rows, []*string{text(born.Format(time.DateOnly)), text(joined.Format(time.DateOnly)), text(renewed.Format(time.DateOnly))})
	}
	st := learned(t, s, []generate.Class{generate.Date, generate.Date, generate.Date})
	c := st.clock(testNow)
	off := 0
	for i, row := range s.Rows {
		h := &hand{was: row, template: i, g: generate.Row{Now: testNow}}
		st.shift(r, &h.g, row, 0, 20)
		h.place(st, r)
		for j, f := range c.fields {
			if at, ok := h.when[f]; ok && c.beyond(j, at) {
				off++
			}
		}
	}
	if off > 0 {
		t.Errorf("%d dates lie beyond those of all rows", off)
	}
	f := st.field("joined_on")
	if !f.beyond("2199-01-01") || f.beyond(*s.Rows[0][1]) {
		t.Error("what is beyond a column's dates is not seen")
	}
}
