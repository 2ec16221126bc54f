package seeder

import (
	"strconv"
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

func onDay(n int) time.Time { return time.Date(2024, 1, n, 0, 0, 0, 0, time.UTC) }

func TestRelativesGetNumbersWhoseNeighboursHaveTheirDates(t *testing.T) {
	days := &field{Column: &Column{Name: "valid_from", Class: generate.Date}}
	p := &pen{st: &study{inOrder: days}, free: []slot{
		{key: 10, low: onDay(2), high: onDay(3)},
		{key: 20, low: onDay(8), high: onDay(8)},
		{key: 30, low: onDay(20), high: onDay(24)},
	}}
	for _, c := range []struct {
		name  string
		taken map[int64]lot
		kids  []kin
		shift int
		want  []int64
		cost  time.Duration
	}{
		{"each at its place", nil, []kin{{at: onDay(2)}, {at: onDay(22), order: 1}}, 0, []int64{10, 30}, 0},
		{"moved with the row", nil, []kin{{at: onDay(2)}}, 6, []int64{20}, 0},
		{"days away", nil, []kin{{at: onDay(11)}}, 0, []int64{20}, 3 * 24 * time.Hour},
		{"another has the nearest", map[int64]lot{20: {}}, []kin{{at: onDay(8)}}, 0, []int64{10}, 5 * 24 * time.Hour},
		{"who can't move chooses first", nil, []kin{{at: onDay(8), tied: true, order: 1}, {at: onDay(8)}}, 0, []int64{10, 20}, 5 * 24 * time.Hour},
		{"a date of the row's own weighs more", nil, []kin{{at: onDay(9), tied: true}}, 0, []int64{20}, 20 * 24 * time.Hour},
		{"too few", map[int64]lot{10: {}, 20: {}}, []kin{{at: onDay(8)}, {at: onDay(9), order: 1}}, 0, nil, 1 << 61},
	} {
		x := &nest{pen: p, taken: c.taken, kids: c.kids}
		got, cost := x.lay(&generate.Row{Now: onDay(300), Shift: time.Duration(c.shift) * 24 * time.Hour}, time.Time{})
		if len(got) != len(c.want) || cost != c.cost {
			t.Errorf("%s: got %d numbers at a cost of %v, want %d at %v", c.name, len(got), cost, len(c.want), c.cost)
			continue
		}
		for i := range got {
			if got[i].key != c.want[i] {
				t.Errorf("%s: relative %d got number %d, want %d", c.name, i, got[i].key, c.want[i])
			}
		}
	}
}

// Payments that were loaded customer by customer: who came between two others has
// the numbers between theirs.
func TestRelativesNumberedRowByRowStandBehindThoseOfTheRowBefore(t *testing.T) {
	text := func(n int) *string { v := strconv.Itoa(n); return &v }
	key := func(name string) *field {
		return &field{Column: &Column{Name: name, Class: generate.Integer, CanInsert: true, CanSelect: true}, plan: &ColumnPlan{Name: name, Source: Gap}, seen: &generate.Column{Unique: true}}
	}
	to := &study{columns: []*field{key("id")}, sample: &Sample{Columns: []string{"id"}}}
	st := &study{columns: []*field{key("pay_id")}, sample: &Sample{Columns: []string{"pay_id"}}, kin: &kinship{to: to, fk: &ForeignKey{Columns: []string{"customer"}, RefColumns: []string{"id"}}, rows: map[string][]int{}}}
	for id := 1; id <= 20; id++ {
		if id == 7 {
			continue
		}
		to.sample.Rows = append(to.sample.Rows, []*string{text(id)})
		for k := range 5 {
			st.kin.rows[strconv.Itoa(id)] = append(st.kin.rows[strconv.Itoa(id)], len(st.sample.Rows))
			st.sample.Rows = append(st.sample.Rows, []*string{text(10*id + k)})
		}
	}
	p := &pen{st: st, free: []slot{{key: 40}, {key: 70}, {key: 71}, {key: 72}, {key: 90}}, blocks: st.blocks(to)}
	x := p.nest(to, &hand{was: []*string{text(3)}, slot: &slot{key: 7}}, nil)
	got, _ := x.lay(&generate.Row{Now: onDay(300)}, time.Time{})
	if len(got) != 5 || got[0].key != 70 || got[1].key != 71 || got[2].key != 72 {
		t.Errorf("a row with number 7 gets relatives with %+v, want the free ones behind 64 first", got)
	}
	st.kin.rows["3"], st.kin.rows["18"] = st.kin.rows["18"], st.kin.rows["3"]
	st.kin.rows["5"], st.kin.rows["12"] = st.kin.rows["12"], st.kin.rows["5"]
	if b := st.blocks(to); b != nil {
		t.Errorf("numbers that don't rise with the rows' own are taken to: %v", b)
	}
}

// Rentals that were still open when the shop closed its books bear all the same time.
func TestATimeThatManyRelativesShareStays(t *testing.T) {
	day, shared, alone := "2006-02-14 00:00:00", "2006-02-14 15:16:03", "2005-07-08 19:03:15"
	at := &field{Column: &Column{Name: "rental_date", Class: generate.Timestamp}, plan: &ColumnPlan{Name: "rental_date", Source: Made, Kind: "timestamp"}, seen: &generate.Column{Values: []string{alone}}}
	for range leastLoad {
		at.seen.Values = append(at.seen.Values, shared, day)
	}
	st := &study{columns: []*field{at}, kin: &kinship{}}
	for v, want := range map[string]bool{shared: true, day: false, alone: false} {
		if got := st.stays(at, []*string{&v}); got != want {
			t.Errorf("%s stays: %v, want %v", v, got, want)
		}
	}
	st.kin = nil
	if st.stays(at, []*string{&shared}) {
		t.Error("a time of a row that is no relative stays")
	}
}
