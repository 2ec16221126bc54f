package seeder

import (
	"slices"
	"time"

	"honeyrow/seeder/generate"
)

// ends are the first and the last of a field's dates; zero if there are none.
func (c *clock) ends(j int) (first, last time.Time) {
	e, ok := c.last[j]
	if !ok {
		for _, row := range c.rows {
			if at := row[j]; !at.IsZero() {
				if e[0].IsZero() || at.Before(e[0]) {
					e[0] = at
				}
				if at.After(e[1]) {
					e[1] = at
				}
			}
		}
		c.last[j] = e
	}
	return e[0], e[1]
}

// beyond reports whether a date lies before the first or after the last that real rows
// have: whoever sorts the column has it in front of him.
func (c *clock) beyond(j int, at time.Time) bool {
	first, last := c.ends(j)
	return !first.IsZero() && (at.Before(first) || at.After(last))
}

// newer reports whether a row begins after all others, so that its dates may follow theirs.
func (c *clock) newer(root int, at time.Time) bool {
	_, last := c.ends(root)
	return at.After(last)
}

// inside is a first date that was moved, or as far inside of those of real rows as it
// lies outside.
func (c *clock) inside(j int, at time.Time) time.Time {
	first, last := c.ends(j)
	to := at
	switch {
	case first.IsZero():
	case at.Before(first):
		to = first.Add(first.Sub(at))
	case at.After(last):
		to = last.Add(last.Sub(at))
	}
	if c.beyond(j, to) {
		return at
	}
	return to
}

// beyond reports whether a day lies before the first or after the last of a column whose
// days no other date tells.
func (f *field) beyond(v string) bool {
	at, _, ok := generate.ParseTime(v)
	if !ok {
		return false
	}
	if f.verge == nil {
		var all []time.Time
		for _, v := range f.seen.Values {
			if t, _, ok := generate.ParseTime(v); ok && !generate.Sentinel(t) {
				all = append(all, t)
			}
		}
		if f.verge = (&[2]time.Time{}); len(all) >= leastSample {
			f.verge = &[2]time.Time{slices.MinFunc(all, time.Time.Compare), slices.MaxFunc(all, time.Time.Compare)}
		}
	}
	return !f.verge[0].IsZero() && (at.Before(f.verge[0]) || at.After(f.verge[1]))
}
