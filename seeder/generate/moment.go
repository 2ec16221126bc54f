package generate

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"honeyrow/token"
)

// moment writes the date or time that was chosen for the row, else moves the
// template's by the row's common shift. Sentinels (infinity, the
// years before 1905 and after 2200) stay as they are.
type moment struct{}

func (moment) Kind() string { return "timestamp" }

func (moment) Trait() Trait { return Trait{Strength: token.Weak} }

func (moment) Fit(c *Column) (int, string) {
	switch c.Class {
	case Date, Timestamp:
		return 60, "its type is a date or time"
	case TimeOfDay:
		return 60, "its type is a time of day"
	}
	return 0, ""
}

func (moment) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	like := c.form(r, row)
	if c.Class == TimeOfDay {
		return like, nil
	}
	if !row.At.IsZero() {
		return c.write(like, row.At)
	}
	by := row.Shift
	if t, _, ok := ParseTime(like); ok && row.Scale > 0 && t.After(row.Anchor) && !t.After(row.Now) {
		by -= time.Duration((1 - row.Scale) * float64(t.Sub(row.Anchor)))
	}
	if c.Class == Timestamp {
		by = floor(by, c.Grain(like))
	}
	return shift(like, by, row.Now, c.Layout)
}

// write writes a date or time as a clock on the wall shows it, in the form of another
// of the column and as coarse as its others are.
func (c *Column) write(like string, at time.Time) (string, error) {
	t, layout, ok := ParseTime(like)
	if !ok {
		return "", errors.New("the template's date is in a form that is not understood")
	}
	if c.Class == Timestamp {
		at = at.Truncate(c.Grain(like))
	}
	y, m, d := at.Date()
	return time.Date(y, m, d, at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), t.Location()).Format(c.Layout(layout)), nil
}

// floor is the greatest multiple of a unit that is not above by: cut off towards
// zero, dates that move back would come out later than those that move on.
func floor(by, unit time.Duration) time.Duration {
	cut := by.Truncate(unit)
	if cut > by {
		cut -= unit
	}
	return cut
}

// Layout is the form in which a time is written that moved from one in the form of
// another, of this layout. PostgreSQL leaves the zeros at the end of a fraction out:
// one in ten times has five digits, and the next, moved, has six again, or else five
// would come twice as often. Of times that are coarser than that explains, whatever
// their reason, each keeps its digits.
func (c *Column) Layout(layout string) string {
	dot, zeros := fractionOf(layout)
	if zeros == 0 {
		return layout
	}
	if c.fractions == nil {
		c.fractions = make([]int, 10)
		for _, v := range c.Values {
			if _, l, ok := ParseTime(v); ok {
				_, n := fractionOf(l)
				c.fractions[min(n, 9)]++
			}
		}
	}
	most, all := 0, 0
	for n, k := range c.fractions {
		if k > 0 {
			most = n
		}
		all += k
	}
	switch {
	case zeros == most && c.fractions[most] == all, // MySQL writes all digits
		zeros < most && float64(c.fractions[zeros]) > 3*float64(all)/math.Pow10(most-zeros)+2:
		return layout
	}
	return layout[:dot] + "." + strings.Repeat("9", max(most, zeros)) + layout[dot+1+zeros:]
}

// fractionOf finds the fraction of a second in a layout: where its point stands, and
// how many digits it has.
func fractionOf(layout string) (dot, zeros int) {
	if dot = strings.IndexByte(layout, '.'); dot < 0 {
		return dot, 0
	}
	rest := layout[dot+1:]
	return dot, len(rest) - len(strings.TrimLeft(rest, "0"))
}

// Grain is the unit that nearly all of a column's times are multiples of: a
// time moves by whole ones. A time with a fraction of a second, such as like may
// be, moves by as fine a fraction.
func (c *Column) Grain(like string) time.Duration {
	if c.grain == 0 {
		c.grain = c.coarse()
	}
	if c.grain > 0 {
		return c.grain
	}
	if _, layout, ok := ParseTime(like); ok && strings.Contains(layout, ".0") {
		return time.Microsecond
	}
	return time.Second
}

// coarse is Grain where it is a second or more, -1 elsewhere.
func (c *Column) coarse() time.Duration {
	for _, g := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		ok, n := 0, 0
		for i := 0; i < len(c.Values); i += 1 + len(c.Values)/200 {
			if t, _, is := ParseTime(c.Values[i]); is {
				n++
				if t.Truncate(g).Equal(t) {
					ok++
				}
			}
		}
		if n > 0 && 100*ok >= 98*n {
			return g
		}
	}
	return -1
}

// layouts are the forms in which servers print dates and times (ISO DateStyle).
var layouts = []string{"2006-01-02", "2006-01-02 15:04:05", "2006-01-02 15:04:05-07", "2006-01-02 15:04:05-07:00", "2006-01-02T15:04:05Z07:00"}

// formsOf returns those layouts that a text may have, by what stands where: to
// try all of them takes five times as long, and a plan reads millions of times.
func formsOf(v string) []string {
	switch {
	case len(v) < len("2006-01-02 15:04:05"):
		return layouts[:1]
	case v[10] == 'T':
		return layouts[4:]
	}
	switch i := strings.LastIndexAny(v[19:], "+-"); {
	case i < 0:
		return layouts[1:2]
	case len(v)-19-i == len("-07"):
		return layouts[2:3]
	}
	return layouts[3:4]
}

// ParseTime reads a date or time as servers print it, and returns how to print
// it again. ok is false for infinity, dates BC and what is not a time.
func ParseTime(v string) (t time.Time, layout string, ok bool) {
	for _, l := range formsOf(v) {
		if i := strings.IndexByte(v, '.'); i > 0 && len(l) > 10 { // keep the digits of the fraction
			j := i + 1
			for j < len(v) && v[j] >= '0' && v[j] <= '9' {
				j++
			}
			l = strings.Replace(l, ":05", ":05."+strings.Repeat("0", j-i-1), 1)
		}
		if t, err := time.Parse(l, v); err == nil {
			return t, l, true
		}
	}
	return time.Time{}, "", false
}

// Sentinel reports whether a date stands for "never" or "unknown".
func Sentinel(t time.Time) bool { return t.Year() < 1905 || t.Year() > 2200 }

// Shift moves a date or time in text form. A date moves by whole days. A value
// that lay before now stays before it.
func Shift(v string, by time.Duration, now time.Time) (string, error) {
	return shift(v, by, now, func(layout string) string { return layout })
}

func shift(v string, by time.Duration, now time.Time, written func(layout string) string) (string, error) {
	t, layout, ok := ParseTime(v)
	if !ok {
		if v == "infinity" || v == "-infinity" || strings.HasPrefix(v, "0000-00-00") { // never; MySQL's zero date
			return v, nil
		}
		return "", errors.New("the template's date is in a form that is not understood")
	}
	if Sentinel(t) {
		return v, nil
	}
	if len(layout) == 10 {
		by = by.Round(24 * time.Hour)
	}
	if !strings.Contains(layout, ".") {
		by = floor(by, time.Second)
	}
	moved := t.Add(by)
	if !now.IsZero() && !t.After(now) && moved.After(now) {
		moved = t
		for back := by - 24*time.Hour; back > 0; back -= 24 * time.Hour {
			if m := t.Add(back); !m.After(now) {
				moved = m
				break
			}
		}
	}
	return moved.Format(written(layout)), nil
}

// dateOfBirth writes the birthday that was chosen for the row's age, else makes one
// within two years of the template's.
type dateOfBirth struct{}

func (dateOfBirth) Kind() string { return "date_of_birth" }

func (dateOfBirth) Trait() Trait { return Trait{Strength: token.Weak, Weight: 3, Person: true} }

func (dateOfBirth) Fit(c *Column) (int, string) {
	return clue{
		names: []string{"dob", "date of birth", "birth date", "birthdate", "birthday", "born", "born on", "geburtsdatum", "birth day"},
		not:   []string{"born in"}, classes: []Class{Date, Timestamp, Text},
		valid: func(v string) bool { _, _, ok := ParseTime(v); return ok }, what: "dates",
	}.fit(c)
}

func (dateOfBirth) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	like := c.form(r, row)
	if !row.At.IsZero() {
		return c.write(like, row.At)
	}
	most := 700
	if c.Near > 0 {
		most = min(most, c.Near)
	}
	for range 20 {
		days := 1 + r.IntN(most)
		if r.IntN(2) == 0 {
			days = -days
		}
		v, err := Shift(like, time.Duration(days)*24*time.Hour, row.Now)
		if err != nil {
			return "", err
		}
		if v != like {
			return v, nil
		}
	}
	return "", fmt.Errorf("the template's date of birth is a sentinel")
}

// DaysLeft is by how many days a date lies behind so many whole months after another;
// -1 if it lies before that one.
func DaysLeft(from, to time.Time) int {
	if to.Before(from) {
		return -1
	}
	n := 12*int64(to.Year()-from.Year()) + int64(to.Month()) - int64(from.Month())
	at := AfterMonths(from, n)
	if at.After(to) {
		at = AfterMonths(from, n-1)
	}
	return int(to.Sub(at) / (24 * time.Hour))
}

// AfterMonths is the same day of another month, its last if it has no such day.
func AfterMonths(at time.Time, n int64) time.Time {
	to := at.AddDate(0, int(n), 0)
	if to.Day() != at.Day() {
		to = to.AddDate(0, 0, -to.Day())
	}
	return to
}
