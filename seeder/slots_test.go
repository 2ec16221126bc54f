package seeder

import (
	"testing"
	"time"
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
