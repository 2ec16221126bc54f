package generate

import (
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
