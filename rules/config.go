package rules

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"honeyrow/event"
)

// Config changes the builtin rules. The zero Config leaves them as they are.
type Config struct {
	// Override changes single rules, by ID.
	Override map[string]Override `yaml:"override"`
	// Allow names clients of whom nothing is reported.
	Allow []Allowance `yaml:"allow"`
}

// Override changes one rule; nil fields leave it as it is.
type Override struct {
	Severity *event.Severity `yaml:"severity"`
	Action   *event.Action   `yaml:"action"`
	Disabled bool            `yaml:"disabled"`
}

// Allowance turns detections into nothing but a count. All given fields must
// match; at least one besides Rule, Until and Note must be given.
type Allowance struct {
	Rule        string `yaml:"rule"`        // a rule's ID; empty: any rule
	User        string `yaml:"user"`        // database user
	Address     string `yaml:"address"`     // address, CIDR, or "unix"
	Application string `yaml:"application"` // application_name: a mere claim of the client
	Database    string `yaml:"database"`
	Until       string `yaml:"until"` // last day, 2006-01-02 in UTC; empty: no end
	Note        string `yaml:"note"`  // why, for people
}

const dateForm = "2006-01-02"

// Validate returns every mistake in the configuration, with what to do.
func (c Config) Validate() error {
	_, err := Compile(c)
	return err
}

func compileOverride(r Rule, o Override) (Rule, error) {
	if o.Severity != nil {
		r.Severity = *o.Severity
	}
	if o.Action != nil {
		if *o.Action == event.Pass {
			return r, fmt.Errorf("rules: override %s: action pass would hide it: use disabled: true, or an allowance", r.ID)
		}
		r.Action = *o.Action
	}
	return r, nil
}

func unknownRule(where, id string) error {
	ids := make([]string, len(builtin))
	for i, r := range builtin {
		ids[i] = r.ID
	}
	return fmt.Errorf("rules: %s: there is no rule %q: use one of %s", where, id, strings.Join(ids, ", "))
}

// allowance is an Allowance ready for matching.
type allowance struct {
	Allowance
	prefix netip.Prefix // valid if an address is given and isn't "unix"
	end    time.Time    // zero: none
}

func compileAllowance(i int, a Allowance) (allowance, error) {
	where := fmt.Sprintf("allow entry %d", i+1)
	out := allowance{Allowance: a}
	var errs []error
	if a.Rule != "" && !slices.ContainsFunc(builtin, func(r Rule) bool { return r.ID == a.Rule }) {
		errs = append(errs, unknownRule(where, a.Rule))
	}
	if a.User == "" && a.Address == "" && a.Application == "" && a.Database == "" {
		errs = append(errs, fmt.Errorf("rules: %s: it would allow everybody: name a user, address, application or "+
			"database, or disable the rule", where))
	}
	if a.Address != "" && a.Address != "unix" {
		p, err := parsePrefix(a.Address)
		if err != nil {
			errs = append(errs, fmt.Errorf("rules: %s: address %q: write 10.1.2.3, 10.1.0.0/16 or unix", where, a.Address))
		}
		out.prefix = p
	}
	if a.Until != "" {
		t, err := time.Parse(dateForm, a.Until)
		if err != nil {
			errs = append(errs, fmt.Errorf("rules: %s: until %q: write a date such as 2027-03-31", where, a.Until))
		} else {
			out.end = t.AddDate(0, 0, 1)
		}
	}
	return out, errors.Join(errs...)
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

// sortedKeys keeps error messages in one order.
func sortedKeys(m map[string]Override) []string { return slices.Sorted(maps.Keys(m)) }
