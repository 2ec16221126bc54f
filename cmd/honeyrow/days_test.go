package main

import (
	"testing"
	"time"
)

func TestDurationsCountDaysAndWeeks(t *testing.T) {
	for in, want := range map[string]time.Duration{"7d": 168 * time.Hour, "1d12h": 36 * time.Hour, "2w": 336 * time.Hour, "1w1d30m": 192*time.Hour + 30*time.Minute, "90m": 90 * time.Minute, "0s": 0} {
		var d days
		if err := d.UnmarshalText([]byte(in)); err != nil || time.Duration(d) != want {
			t.Errorf("%s: %s, %v; want %s", in, time.Duration(d), err, want)
		}
	}
	for _, in := range []string{"", "d", "7", "-1d", "1.5d", "7days", "1d-2h", "99999999d"} {
		var d days
		if err := d.UnmarshalText([]byte(in)); err == nil {
			t.Errorf("%q was read as %s", in, time.Duration(d))
		}
	}
	for want, d := range map[string]time.Duration{"7d": 168 * time.Hour, "1d12h": 36 * time.Hour, "15m": 15 * time.Minute, "10m": 10 * time.Minute, "10h": 10 * time.Hour, "1d20h": 44 * time.Hour, "0s": 0, "10m5s": 10*time.Minute + 5*time.Second} {
		if got := days(d).String(); got != want {
			t.Errorf("%s is written %q, want %q", d, got, want)
		}
	}
}
