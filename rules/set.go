package rules

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"honeyrow/event"
)

// Set is a compiled Config: immutable, safe for concurrent use.
type Set struct {
	rules    map[string]Rule // enabled ones
	disabled map[string]bool
	allow    []allowance
}

// Compile makes a Set, or returns every mistake in the configuration.
func Compile(c Config) (*Set, error) {
	s := &Set{rules: map[string]Rule{}, disabled: map[string]bool{}}
	for _, r := range builtin {
		s.rules[r.ID] = r
	}
	var errs []error
	for _, id := range sortedKeys(c.Override) {
		r, ok := s.rules[id]
		if !ok {
			errs = append(errs, unknownRule("override", id))
			continue
		}
		o := c.Override[id]
		r, err := compileOverride(r, o)
		if err != nil {
			errs = append(errs, err)
		}
		s.rules[id] = r
		if o.Disabled {
			s.disabled[id] = true
		}
	}
	for i, a := range c.Allow {
		ca, err := compileAllowance(i, a)
		if err != nil {
			errs = append(errs, err)
		}
		s.allow = append(s.allow, ca)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return s, nil
}

// Rule returns the rule as configured, and whether it is enabled.
func (s *Set) Rule(id string) (r Rule, enabled bool) {
	r, ok := s.rules[id]
	return r, ok && !s.disabled[id]
}

// Rules returns the enabled rules in the order of listings.
func (s *Set) Rules() []Rule {
	var out []Rule
	for _, b := range builtin {
		if r, on := s.Rule(b.ID); on {
			out = append(out, r)
		}
	}
	return out
}

// Expired names the allowances that no longer apply at now: worth a warning,
// since somebody will be surprised by alerts.
func (s *Set) Expired(now time.Time) []string {
	var out []string
	for i, a := range s.allow {
		if !a.end.IsZero() && !now.Before(a.end) {
			out = append(out, fmt.Sprintf("rules: allow entry %d (%s) ended on %s: remove it or set a later date",
				i+1, a.describe(), a.Until))
		}
	}
	return out
}

// Allowed reports whether an allowance covers this rule and client at now.
// The client's Application must be the current one.
func (s *Set) Allowed(rule string, c *event.Client, now time.Time) bool {
	for i := range s.allow {
		if s.allow[i].covers(rule, c, now) {
			return true
		}
	}
	return false
}

func (a *allowance) covers(rule string, c *event.Client, now time.Time) bool {
	switch {
	case a.Rule != "" && a.Rule != rule,
		a.User != "" && a.User != c.User,
		a.Application != "" && a.Application != c.Application,
		a.Database != "" && a.Database != c.Database,
		!a.end.IsZero() && !now.Before(a.end):
		return false
	case a.Address == "":
		return true
	}
	host := c.Address
	if a.Address == "unix" {
		return host == "unix"
	}
	ip, err := hostIP(host)
	return err == nil && a.prefix.Contains(ip)
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

func (a *allowance) describe() string {
	var parts []string
	for _, p := range [...][2]string{
		{"rule", a.Rule},
		{"user", a.User},
		{"address", a.Address},
		{"application", a.Application},
		{"database", a.Database},
		{"note", a.Note},
	} {
		if p[1] != "" {
			parts = append(parts, p[0]+" "+p[1])
		}
	}
	return strings.Join(parts, ", ")
}
