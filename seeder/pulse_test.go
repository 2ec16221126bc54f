package seeder

import (
	"math/rand/v2"
	"testing"
	"time"
)

// Where rows come for a week and then for weeks none does, the time between two of them is
// told by that week; where they come alike, few rows of a day don't make it a busy one.
func TestThePulseIsThatOfTheWeeksInWhichRowsCome(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	from := time.Date(2025, 3, 3, 0, 0, 0, 0, time.UTC)
	var bursts, steady []time.Time
	for range 4000 {
		hour := time.Duration(r.Int64N(int64(day)))
		bursts = append(bursts, from.AddDate(0, 0, 30*r.IntN(4)+r.IntN(7)).Add(hour))
		steady = append(steady, from.AddDate(0, 0, r.IntN(700)).Add(hour))
	}
	p := newPulse(bursts, 0)
	at := from.AddDate(0, 0, 33)
	if n := p.between(at, at.Add(day)); n < 100 || n > 190 {
		t.Errorf("on a day of a burst %.0f rows come, want about 143", n)
	}
	if n := p.between(from.AddDate(0, 0, 12), from.AddDate(0, 0, 25)); n > 5 {
		t.Errorf("between two bursts %.0f rows come, want none", n)
	}
	p = newPulse(steady, 0)
	least, most := 1e9, 0.0
	for i := 30; i < 670; i++ {
		n := p.rate[i]
		least, most = min(least, n), max(most, n)
	}
	if least < 3 || most > 10 {
		t.Errorf("of rows that come alike %.1f to %.1f come a day, want about 5.7", least, most)
	}
}
