package generate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestTimesAreReadInEveryFormOfAServer(t *testing.T) {
	at := time.Date(2026, 11, 22, 14, 5, 6, 0, time.UTC)
	for v, want := range map[string]time.Time{
		"2026-11-22":                       at.Truncate(24 * time.Hour),
		"2026-11-22 14:05:06":              at,
		"2026-11-22 14:05:06.25":           at.Add(250 * time.Millisecond),
		"2026-11-22 14:05:06+00":           at,
		"2026-11-22 16:05:06.000001+02":    at.Add(time.Microsecond),
		"2026-11-22 19:35:06+05:30":        at,
		"2026-11-22 10:35:06.5-03:30":      at.Add(500 * time.Millisecond),
		"2026-11-22T14:05:06Z":             at,
		"2026-11-22T16:05:06.125+02:00":    at.Add(125 * time.Millisecond),
		"infinity":                         {},
		"":                                 {},
		"0000-00-00 00:00:00":              {},
		"2026-11-22 14:05":                 {},
		"0044-03-15 BC":                    {},
		"2026-11-22 14:05:06 BC":           {},
		"2026-11-22 14:05:06+01:02:03":     {},
		"not a time, but long enough here": {},
	} {
		got, layout, ok := ParseTime(v)
		if ok == want.IsZero() || ok && (!got.Equal(want) || got.Format(layout) != v) {
			t.Errorf("%q: %v, %v, printed again %q", v, got, ok, got.Format(layout))
		}
	}
}

// PostgreSQL leaves zeros at the end of a fraction out, MySQL writes as many digits as
// the column has.
func TestAMovedTimeHasAsManyDigitsAsTimesOfItsColumnHave(t *testing.T) {
	column := func(fraction func(r *rand.Rand) string) *Column {
		r, c := rand.New(rand.NewPCG(1, 2)), &Column{Class: Timestamp}
		for range 4000 {
			c.Values = append(c.Values, "2024-05-06 07:08:09"+fraction(r))
		}
		return c
	}
	trimmed := func(digits int) func(r *rand.Rand) string {
		return func(r *rand.Rand) string {
			return strings.TrimRight(fmt.Sprintf(".%0*d", digits, 1+r.IntN(int(math.Pow10(digits))-1)), "0")
		}
	}
	for _, c := range []struct {
		name string
		of   *Column
		want map[int]float64 // shares of numbers of digits
	}{
		{"microseconds without zeros at the end", column(trimmed(6)), map[int]float64{6: 0.9, 5: 0.09, 4: 0.009}},
		{"milliseconds without zeros at the end", column(trimmed(3)), map[int]float64{3: 0.9, 2: 0.09}},
		{"all digits", column(func(r *rand.Rand) string { return fmt.Sprintf(".%06d", r.IntN(1e6)) }), map[int]float64{6: 1}},
		{"half of them from where milliseconds are kept", column(func(r *rand.Rand) string {
			return trimmed(3 + 3*r.IntN(2))(r)
		}), map[int]float64{6: 0.45, 5: 0.045, 3: 0.45, 2: 0.045}},
	} {
		r, got := rand.New(rand.NewPCG(3, 4)), map[int]float64{}
		for i := range len(c.of.Values) {
			v, err := moment{}.Value(r, c.of, &Row{Was: c.of.Values[i], Shift: time.Duration(r.Int64N(int64(100 * 24 * time.Hour))).Truncate(time.Microsecond)})
			if err != nil {
				t.Fatal(err)
			}
			_, behind, _ := strings.Cut(v, ".")
			got[len(behind)] += 1 / float64(len(c.of.Values))
		}
		for n, want := range c.want {
			if math.Abs(got[n]-want) > 0.02+want/10 {
				t.Errorf("%s: %.3f of the times have %d digits, want %.3f", c.name, got[n], n, want)
			}
		}
	}
}
