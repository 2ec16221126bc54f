package camouflage

import (
	"math"
	"testing"
)

func TestNumbersAreToldWithinTheirClass(t *testing.T) {
	class := []int{1, 1, 1, 2, 2, 2}
	num := []float64{0.1, 0.2, 0.9, 0.5, 0.6, math.NaN()}
	mean, beyond := within(class, num)
	if beyond[2] < 0.69 || beyond[0] > 0.11 || beyond[1] != 0 || mean[2] < 0.74 || mean[5] != 0 || beyond[5] != 0 {
		t.Errorf("means %v, beyond %v", mean, beyond)
	}
}
