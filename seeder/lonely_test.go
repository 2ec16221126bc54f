package seeder

import (
	"slices"
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

// Of the table's rows few stand beside a number that is missing: a honey row's relatives
// fill gaps up, with others' or by themselves, as far as such are not too far off.
func TestRelativesLeaveNoGapBesideThem(t *testing.T) {
	days := &field{Column: &Column{Name: "ordered_on", Class: generate.Date}}
	free := []slot{
		{key: 10, low: onDay(2), high: onDay(3), before: 9, width: 2},
		{key: 20, low: onDay(8), high: onDay(8), before: 19, width: 3},
		{key: 21, low: onDay(8), high: onDay(8), before: 19, width: 3},
		{key: 90, low: onDay(200), high: onDay(201), before: 89, width: 2},
	}
	for _, c := range []struct {
		name   string
		taken  map[int64]lot
		kids   []kin
		want   []int64
		beside int
	}{
		{"as few of its table", nil, []kin{{at: onDay(8), alone: true}}, []int64{10}, 0},
		{"as some of its table", nil, []kin{{at: onDay(8)}}, []int64{20}, 0},
		{"beside another's", map[int64]lot{20: {}}, []kin{{at: onDay(8), alone: true}}, []int64{21}, 0},
		{"beside its own", nil, []kin{{at: onDay(8)}, {at: onDay(8), alone: true, order: 1}}, []int64{20, 21}, 0},
		{"too far off", map[int64]lot{10: {}}, []kin{{at: onDay(8), alone: true}}, []int64{20}, 1},
	} {
		x := &nest{pen: &pen{st: &study{inOrder: days}, free: free}, taken: c.taken, kids: c.kids}
		got, _ := x.lay(&generate.Row{Now: onDay(300)}, time.Time{})
		var keys []int64
		for _, s := range got {
			keys = append(keys, s.key)
		}
		if !slices.Equal(keys, c.want) || x.beside != c.beside {
			t.Errorf("%s: got %v, %d beside a gap, want %v, %d", c.name, keys, x.beside, c.want, c.beside)
		}
	}
	p, alone := &pen{st: &study{table: &Table{Rows: 100}, sample: &Sample{}}, free: free}, 0
	x := &nest{pen: p}
	for row := range 1000 {
		if x.lonely(&hand{}, row) {
			alone++
		}
	}
	if alone < 920 || alone > 960 { // of 100 rows 6 stand beside one of 3 gaps
		t.Errorf("%d of 1,000 stand alone, want about 940", alone)
	}
	for _, c := range []struct {
		name  string
		taken map[int64]lot
		all   bool
	}{
		{"one of two stands beside a gap", map[int64]lot{10: {}, 20: {}}, true},
		{"two that fill one up", map[int64]lot{20: {}, 21: {}}, false},
	} {
		x, alone := &nest{pen: p, taken: c.taken}, 0
		for row := range 1000 {
			if x.lonely(&hand{}, row) {
				alone++
			}
		}
		if c.all != (alone == 1000) {
			t.Errorf("%s: %d of 1,000 stand alone", c.name, alone)
		}
	}
	p = &pen{st: p.st, free: free, need: 2}
	if got := p.exposure(); got < 0.029 || got > 0.031 { // 2 of 4 numbers fill one gap and a half
		t.Errorf("%.3f of the rows will stand beside one of a gap and a half, want 0.030", got)
	}
}
