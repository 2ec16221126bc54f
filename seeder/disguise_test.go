package seeder

import (
	"math"
	"testing"
)

func TestHowMuchOftenerSuspectRowsComeIsLearntFromTheDraws(t *testing.T) {
	of := func(power float64) (out []float64) {
		for i := range 1000 { // rows whose share of the real ones below them is distributed as x to the power
			out = append(out, math.Pow((float64(i)+0.5)/1000, 1/(power+1)))
		}
		return out
	}
	for _, power := range []float64{0, 0.5, 1, 3} {
		if got := oddity(of(power)); math.Abs(got-power) > 0.02 {
			t.Errorf("power %v: learnt %v", power, got)
		}
	}
	for _, unsuspect := range [][]float64{nil, {0.1, 0.2}} {
		if got := oddity(unsuspect); got != 0 {
			t.Errorf("%v: power %v, want none", unsuspect, got)
		}
	}
	if got := oddity([]float64{1, 1}); math.IsInf(got, 0) || got > 4 {
		t.Errorf("power %v, want a bound", got)
	}
}
