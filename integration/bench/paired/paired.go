// Package paired has the few statistics that the benchmark needs: medians and
// quartiles, and ratios of two targets taken round by round, so that what both
// suffered in a round cancels.
package paired

import (
	"math"
	"slices"
)

// Dist describes a set of figures. The zero Dist describes none.
type Dist struct {
	N      int     `json:"n"`
	Median float64 `json:"median"`
	// Spread is the distance of the quartiles over the median (0.1 is 10%);
	// 0 for fewer than two figures.
	Spread float64 `json:"spread"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// Of describes xs, which is left as it is. NaN and infinite figures are left out.
func Of(xs []float64) Dist {
	s := slices.DeleteFunc(slices.Clone(xs), func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) })
	if len(s) == 0 {
		return Dist{}
	}
	slices.Sort(s)
	d := Dist{N: len(s), Median: quantile(s, 0.5), Min: s[0], Max: s[len(s)-1]}
	if len(s) > 1 && d.Median != 0 {
		d.Spread = (quantile(s, 0.75) - quantile(s, 0.25)) / math.Abs(d.Median)
	}
	return d
}

// Ratios divides the figures of two targets in the rounds that both have.
func Ratios(of, to map[int]float64) Dist {
	return pairs(of, to, func(a, b float64) float64 { return a / b })
}

// Differences subtracts, in the rounds that both have.
func Differences(of, from map[int]float64) Dist {
	return pairs(of, from, func(a, b float64) float64 { return a - b })
}

func pairs(of, to map[int]float64, f func(a, b float64) float64) Dist {
	var xs []float64
	for round, a := range of {
		if b, ok := to[round]; ok {
			xs = append(xs, f(a, b))
		}
	}
	return Of(xs)
}

// quantile interpolates between the neighbours in sorted s.
func quantile(s []float64, q float64) float64 {
	pos := q * float64(len(s)-1)
	low := int(pos)
	if low+1 >= len(s) {
		return s[len(s)-1]
	}
	return s[low] + (pos-float64(low))*(s[low+1]-s[low])
}
