package rules

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"honeyrow/event"
)

// Config names own rules and changes rules. The zero Config leaves the shipped
// ones as they are.
type Config struct {
	// Files are patterns (path/filepath.Match) of own rule files.
	Files []string `yaml:"files"`
	// Zone is the time zone of time.* and of windows, where they name none.
	Zone string `yaml:"zone"`
	// Override changes single rules, by ID.
	Override map[string]Override `yaml:"override"`
	// Allow names what is expected, and not reported.
	Allow []Allowance `yaml:"allow"`
}

// Override changes one rule; nil fields leave it as it is.
type Override struct {
	Severity *event.Severity `yaml:"severity"`
	// Action replaces the verdict of the rule's actions.
	Action   *event.Action `yaml:"action"`
	Disabled *bool         `yaml:"disabled"`
	// Actions replaces all of the rule's actions.
	Actions *Actions `yaml:"actions"`
}

const dateForm = "2006-01-02"

// Validate returns every mistake in the configuration, with what to do. It
// reads the files.
func (c Config) Validate() error {
	_, err := Compile(c)
	return err
}

// override changes the rule, or says why it can't.
func (r *Compiled) override(o Override) (errs []error) {
	fail := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("rules: override %s: %s%s", r.ID, key, fmt.Sprintf(format, args...)))
	}
	if o.Severity != nil {
		r.Severity = *o.Severity
		r.Changed = append(r.Changed, "severity")
	}
	if o.Actions != nil {
		o.Actions.check(func(key, format string, args ...any) { fail("actions."+key+": ", format, args...) })
		r.Actions = *o.Actions
		r.Changed = append(r.Changed, "actions")
	}
	if o.Action != nil {
		if *o.Action == event.Pass {
			fail("", "action pass would hide it: use disabled: true, or an allowance")
		}
		r.Actions.Verdict = *o.Action
		r.Changed = append(r.Changed, "action")
	}
	if o.Disabled != nil {
		r.Disabled = *o.Disabled
		r.Changed = append(r.Changed, "disabled")
	}
	return errs
}

func parsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		return p.Masked(), err
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// hostIP reads the address of "host:port" or of a bare host; a mapped IPv4
// address counts as IPv4.
func hostIP(s string) (netip.Addr, error) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), nil
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap().WithZone(""), err
}

// sortedKeys keeps error messages in one order.
func sortedKeys(m map[string]Override) []string { return slices.Sorted(maps.Keys(m)) }

// Range is a number or a range of them, both ends included: 12, 10-14, 10-.
type Range struct {
	Min, Max uint64
	Given    bool
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Range) UnmarshalText(b []byte) error {
	from, to, ranged := strings.Cut(strings.TrimSpace(string(b)), "-")
	var x Range
	_, err := fmt.Sscanf(from+" ", "%d ", &x.Min)
	switch {
	case err != nil:
	case !ranged:
		x.Max = x.Min
	case strings.TrimSpace(to) == "":
		x.Max = ^uint64(0)
	default:
		_, err = fmt.Sscanf(to+" ", "%d ", &x.Max)
	}
	if err != nil || x.Max < x.Min {
		return fmt.Errorf("%q is no number and no range: write 12, 10-14 or 10-", b)
	}
	x.Given = true
	*r = x
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (r Range) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// String writes a range as UnmarshalText reads it.
func (r Range) String() string {
	switch {
	case !r.Given:
		return ""
	case r.Max == ^uint64(0):
		return fmt.Sprintf("%d-", r.Min)
	case r.Min == r.Max:
		return fmt.Sprint(r.Min)
	}
	return fmt.Sprintf("%d-%d", r.Min, r.Max)
}

func (r Range) has(n uint64) bool { return !r.Given || n >= r.Min && n <= r.Max }

// Window is when an allowance holds. A window whose To is not after its From
// ends on the next day.
type Window struct {
	Days []string `yaml:"days"` // monday, or mon; empty: every day. Those on which it begins
	From string   `yaml:"from"` // 01:30; empty: 00:00
	To   string   `yaml:"to"`   // empty: 24:00
	Zone string   `yaml:"zone"` // empty: rule_zone
}

func (w Window) given() bool { return len(w.Days) > 0 || w.From != "" || w.To != "" }

// Outside returns a function that tells whether a time lies outside of the
// window; nil if the window is not given. zone is that of a window that names
// none.
func (w Window) Outside(zoneName string) (func(time.Time) bool, error) {
	loc, err := zone(zoneName)
	if err != nil {
		return nil, err
	}
	c, err := w.compile(loc)
	if err != nil || c == nil {
		return nil, err
	}
	return func(t time.Time) bool { return !c.open(t) }, nil
}

// window is a Window ready for use.
type window struct {
	days     [7]bool // by time.Weekday
	from, to time.Duration
	loc      *time.Location
}

func (w Window) compile(loc *time.Location) (*window, error) {
	if !w.given() {
		return nil, nil
	}
	out := &window{loc: loc, to: 24 * time.Hour}
	var err error
	if w.Zone != "" {
		if out.loc, err = zone(w.Zone); err != nil {
			return nil, err
		}
	}
	for d := range out.days {
		out.days[d] = len(w.Days) == 0
	}
	for _, name := range w.Days {
		d, ok := weekday(name)
		if !ok {
			return nil, fmt.Errorf("unknown day %q: use monday to sunday", name)
		}
		out.days[d] = true
	}
	if w.From != "" {
		if out.from, err = clock(w.From); err != nil {
			return nil, err
		}
	}
	if w.To != "" {
		if out.to, err = clock(w.To); err != nil {
			return nil, err
		}
	}
	if out.to <= out.from {
		out.to += 24 * time.Hour
	}
	return out, nil
}

func weekday(name string) (time.Weekday, bool) {
	name = strings.ToLower(name)
	for d := time.Sunday; d <= time.Saturday; d++ {
		full := strings.ToLower(d.String())
		if name == full || name == full[:3] {
			return d, true
		}
	}
	return 0, false
}

func clock(s string) (time.Duration, error) {
	if s == "24:00" {
		return 24 * time.Hour, nil
	}
	t, err := time.Parse("15:04", s)
	if err != nil {
		return 0, fmt.Errorf("%q is no time of day: write it as 01:30", s)
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, nil
}

// at returns the window that begins on the day that lies n days from now's.
func (w *window) at(now time.Time, n int) (from, to time.Time, ok bool) {
	y, m, d := now.In(w.loc).Date()
	moment := func(of time.Duration) time.Time {
		return time.Date(y, m, d+n, int(of/time.Hour), int(of%time.Hour/time.Minute), 0, 0, w.loc)
	}
	from, to = moment(w.from), moment(w.to)
	return from, to, w.days[from.Weekday()]
}

// open reports whether now lies in the window.
func (w *window) open(now time.Time) bool {
	for _, n := range [...]int{0, -1} {
		if from, to, ok := w.at(now, n); ok && !now.Before(from) && now.Before(to) {
			return true
		}
	}
	return false
}

// last returns the latest window that has ended by now, within the last week.
func (w *window) last(now time.Time) (from, to time.Time, ok bool) {
	for n := 0; n >= -8; n-- {
		if from, to, ok = w.at(now, n); ok && !now.Before(to) {
			return from, to, true
		}
	}
	return time.Time{}, time.Time{}, false
}
