package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// days is a duration in which d and w count too: 7d, 1d12h, 2w.
type days time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *days) UnmarshalText(b []byte) error {
	const day = 24 * time.Hour
	text, sum := string(b), time.Duration(0)
	for _, unit := range []struct {
		letter string
		is     time.Duration
	}{{"w", 7 * day}, {"d", day}} {
		number, rest, ok := strings.Cut(text, unit.letter)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			return fmt.Errorf("%q is no duration: write it like 7d, 36h or 1d12h", b)
		}
		sum, text = sum+time.Duration(n)*unit.is, rest
	}
	if text != "" {
		t, err := time.ParseDuration(text)
		if err != nil || t < 0 {
			return fmt.Errorf("%q is no duration: write it like 7d, 36h or 1d12h", b)
		}
		sum += t
	}
	if len(b) == 0 {
		return fmt.Errorf("an empty duration: write it like 7d, 36h or 1d12h")
	}
	*d = days(sum)
	return nil
}

// String writes a duration as it is read.
func (d days) String() string {
	const day = 24 * time.Hour
	t := time.Duration(d)
	out := ""
	if t >= day {
		out = fmt.Sprintf("%dd", t/day)
		t %= day
	}
	if t > 0 || out == "" {
		text := t.String()
		for _, zero := range []string{"m0s", "h0m"} { // 36h0m0s
			if strings.HasSuffix(text, zero) {
				text = text[:len(text)-2]
			}
		}
		out += text
	}
	return out
}
