package seeder

import (
	"cmp"
	"slices"
	"strconv"
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

func TestOneRowOutOfOrderDoesNotMakeANumberFitAnyDate(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2025, 5, n, 0, 0, 0, 0, time.UTC) }
	days := func(ns ...int) (out []time.Time) {
		for _, n := range ns {
			out = append(out, day(n))
		}
		return out
	}
	for _, c := range []struct {
		name          string
		before, after []time.Time // the nearest first
		low, high     int
	}{
		{"in order", days(9, 8, 7), days(10, 11, 12), 9, 10},
		{"the next is far ahead", days(9, 8, 7), days(30, 11, 12), 9, 12},
		{"the last is far ahead", days(30, 8, 7), days(10, 11, 12), 8, 10},
		{"the last is far behind", days(1, 8, 7), days(10, 11, 12), 7, 10},
		{"the next is far behind", days(9, 8, 7), days(1, 11, 12), 9, 11},
		{"one on each side", days(9), days(10), 9, 10},
	} {
		if low, high := bounds(c.before, c.after); !low.Equal(day(c.low)) || !high.Equal(day(c.high)) {
			t.Errorf("%s: between %s and %s, want days %d and %d", c.name, low, high, c.low, c.high)
		}
	}
	if low, high := bounds(nil, days(3)); !low.IsZero() || !high.IsZero() {
		t.Error("bounds without a row before it")
	}
}

func TestHoneyRowsFillUpTheGapsOfADenseKey(t *testing.T) {
	key := &field{sample: 0}
	st := &study{columns: []*field{key}, sample: &Sample{Columns: []string{"id"}}, table: &Table{}}
	missing := map[int64]int64{} // by the row before: how many
	day := func(k int64) time.Time { return onDay(1).Add(time.Duration(k) * 24 * time.Hour) }
	var free []slot
	for k := int64(1); k <= 1000; k++ {
		if k%50 == 0 {
			n := k / 50 % 4 // none, one, two, three are missing
			missing[k] = n
			for i := range n {
				if k != 150 || i != 1 { // one that does not suit
					free = append(free, slot{key: k + 1 + i, before: k, width: n + 1, low: day(k), high: day(k + n + 1)})
				}
			}
			v := strconv.FormatInt(k, 10)
			st.sample.Rows = append(st.sample.Rows, []*string{&v})
			k += n
			continue
		}
		v := strconv.FormatInt(k, 10)
		st.sample.Rows = append(st.sample.Rows, []*string{&v})
	}
	for seed := range uint64(5) {
		got := st.scatter(generate.New(seed, "gaps"), key, free, 12)
		if len(got) != 12 {
			t.Fatalf("%d numbers, want 12", len(got))
		}
		held := map[int64][]slot{}
		for _, s := range got {
			held[s.before] = append(held[s.before], s)
		}
		part := 0
		for before, ss := range held {
			if int64(len(ss)) < missing[before] {
				part++
			}
			slices.SortFunc(ss, func(a, b slot) int { return cmp.Compare(a.key, b.key) })
			for i := 1; i < len(ss); i++ {
				if ss[i].low.Before(ss[i-1].high) {
					t.Errorf("seed %d: numbers %d and %d may have dates in another order", seed, ss[i-1].key, ss[i].key)
				}
			}
		}
		if part > 3 {
			t.Errorf("seed %d: %d of %d gaps are filled in part, want hardly any", seed, part, len(held))
		}
	}
}

func TestFewGapsGiveAsManyNumbersAsWereFound(t *testing.T) {
	day := func(k int64) time.Time { return time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(k)) }
	for _, c := range []struct{ gaps, missing, rows int }{{1, 10, 3}, {1, 4, 4}, {1, 5, 4}, {2, 3, 5}, {2, 9, 4}} {
		key := &field{Column: &Column{Name: "id"}}
		st := &study{table: &Table{Rows: 400}, sample: &Sample{Columns: []string{"id"}}}
		var free []slot
		k := int64(0)
		for i := range 400 {
			k++
			v := strconv.FormatInt(k, 10)
			st.sample.Rows = append(st.sample.Rows, []*string{&v})
			if i%150 == 100 && len(free) < c.gaps*c.missing {
				n := int64(c.missing)
				for j := range n {
					free = append(free, slot{key: k + 1 + j, before: k, width: n + 1, low: day(k), high: day(k + n + 1)})
				}
				k += n
			}
		}
		for seed := range uint64(400) { // which of the ways is gone is drawn
			got := st.scatter(generate.New(seed, "gaps"), key, free, c.rows)
			slices.SortFunc(got, func(a, b slot) int { return cmp.Compare(a.key, b.key) })
			if len(got) != c.rows {
				t.Fatalf("%+v, seed %d: %d numbers", c, seed, len(got))
			}
			for i := 1; i < len(got); i++ {
				if a, b := got[i-1], got[i]; a.key == b.key || a.before == b.before && b.low.Before(a.high) {
					t.Errorf("%+v, seed %d: numbers %d and %d, with dates in another order", c, seed, a.key, b.key)
				}
			}
		}
	}
}

func TestNumbersOfOneGapHaveDatesInTheirOrder(t *testing.T) {
	slots := []slot{
		{key: 12, before: 10, low: onDay(1), high: onDay(4)},
		{key: 31, before: 30, low: onDay(8), high: onDay(9)},
		{key: 11, before: 10, low: onDay(1), high: onDay(4)},
		{key: 14, before: 10, low: onDay(1), high: onDay(4)},
	}
	apart(slots)
	want := []struct {
		key  int64
		from int
		to   int
	}{{12, 2, 3}, {31, 8, 9}, {11, 1, 2}, {14, 3, 4}}
	for i, w := range want {
		if s := slots[i]; s.key != w.key || !s.low.Equal(onDay(w.from)) || !s.high.Equal(onDay(w.to)) {
			t.Errorf("number %d lies between %s and %s, want days %d and %d", s.key, s.low, s.high, w.from, w.to)
		}
	}
}

func TestHoneyRowsStandAloneWhereGapsOfOneNumberAreNotFar(t *testing.T) {
	key := &field{Column: &Column{Name: "id"}}
	st := &study{table: &Table{Rows: 1000}, sample: &Sample{Columns: []string{"id"}}}
	var free []slot
	k := int64(0)
	for i := range 1000 {
		k++
		v := strconv.FormatInt(k, 10)
		st.sample.Rows = append(st.sample.Rows, []*string{&v})
		n := int64(0)
		if i%15 == 7 { // one in five of one number
			n = []int64{2, 3, 1, 4, 2}[i/15%5]
		}
		for j := range n {
			free = append(free, slot{key: k + 1 + j, before: k, width: n + 1})
		}
		k += n
	}
	all := 0
	for seed := range uint64(20) {
		at := map[int64]bool{}
		for _, s := range st.scatter(generate.New(seed, "gaps"), key, free, 12) {
			at[s.key] = true
		}
		beside := 0
		for k := range at {
			if at[k-1] || at[k+1] {
				beside++
			}
		}
		all += beside
	}
	if all > 20*12/6 {
		t.Errorf("%d of %d honey rows stand beside another", all, 20*12)
	}
}
