package paired

import (
	"math"
	"testing"
)

func TestOfGivesMedianAndQuartileSpread(t *testing.T) {
	tests := []struct {
		name string
		in   []float64
		want Dist
	}{
		{"nothing", nil, Dist{}},
		{"one", []float64{4}, Dist{N: 1, Median: 4, Min: 4, Max: 4}},
		{"even", []float64{4, 1, 3, 2}, Dist{N: 4, Median: 2.5, Spread: 0.6, Min: 1, Max: 4}},
		{"odd", []float64{10, 30, 20, 50, 40}, Dist{N: 5, Median: 30, Spread: 20.0 / 30, Min: 10, Max: 50}},
		{"not numbers are left out", []float64{math.NaN(), 2, math.Inf(1)}, Dist{N: 1, Median: 2, Min: 2, Max: 2}},
		{"negative median", []float64{-1, -2, -3}, Dist{N: 3, Median: -2, Spread: 0.5, Min: -3, Max: -1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Of(tt.in)
			if math.Abs(got.Spread-tt.want.Spread) > 1e-9 {
				t.Errorf("spread %v, want %v", got.Spread, tt.want.Spread)
			}
			got.Spread, tt.want.Spread = 0, 0
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestRatiosPairOnlyRoundsThatBothHave(t *testing.T) {
	a := map[int]float64{1: 10, 2: 40, 3: 1, 4: 7}
	b := map[int]float64{1: 20, 2: 40, 3: 4, 9: 1}
	if got := Ratios(a, b); got.N != 3 || got.Median != 0.5 || got.Min != 0.25 || got.Max != 1 {
		t.Errorf("ratios %+v", got)
	}
	if got := Differences(a, b); got.N != 3 || got.Median != -3 {
		t.Errorf("differences %+v", got)
	}
}
