package rules

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"honeyrow/engine/sqlfacts"
	"honeyrow/event"
)

// Allowance turns detections into nothing but a count. All that is given must
// match. It names somebody (user, address, application, database, certificate),
// and better also what they ask, when, and what they get.
type Allowance struct {
	Rule        string `yaml:"rule"`        // a rule's ID; empty: any rule
	Server      string `yaml:"server"`      // name of the server; empty: any
	User        string `yaml:"user"`        // database user
	Address     string `yaml:"address"`     // address, CIDR, or "unix"
	Application string `yaml:"application"` // application_name: a mere claim of the client
	Database    string `yaml:"database"`
	Certificate string `yaml:"certificate"` // subject of the verified client certificate, or its CN
	// Shapes are statements by the shape that alerts show; Statements by their
	// text, whose literals do not count.
	Shapes     []string `yaml:"shapes"`
	Statements []string `yaml:"statements"`
	Window     Window   `yaml:"window"`
	Expect     Expect   `yaml:"expect"`
	Until      string   `yaml:"until"` // last day, 2006-01-02 in UTC; empty: no end
	Note       string   `yaml:"note"`  // why, for people
}

// Expect is what each run of the statements must read to stay allowed. Whether
// it did is known at the run's end: until then its hits are held back.
type Expect struct {
	Rows      Range    `yaml:"rows"`       // returned
	HoneyRows Range    `yaml:"honey_rows"` // different ones
	Tables    []string `yaml:"tables"`     // that the honey rows stand in: table or schema.table
}

func (e Expect) given() bool { return e.Rows.Given || e.HoneyRows.Given || len(e.Tables) > 0 }

// allowance is an Allowance ready for matching.
type allowance struct {
	Allowance
	prefix netip.Prefix // valid if an address is given and isn't "unix"
	end    time.Time    // zero: none
	shapes map[string]bool
	window *window
	name   string
}

func (a *allowance) expects() bool { return a.Expect.given() }

func (s *Set) compileAllowance(i int, a Allowance, loc *time.Location) (allowance, error) {
	where := fmt.Sprintf("allow entry %d", i+1)
	out := allowance{Allowance: a}
	var errs []error
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("rules: %s: %s", where, fmt.Sprintf(format, args...)))
	}
	if a.Rule != "" && s.byID[a.Rule] == nil {
		errs = append(errs, s.unknownRule(where, a.Rule))
	}
	if a.User == "" && a.Address == "" && a.Application == "" && a.Database == "" && a.Certificate == "" {
		fail("it would allow everybody: name a user, address, application, database or certificate, or disable the rule")
	}
	if a.Address != "" && a.Address != "unix" {
		p, err := parsePrefix(a.Address)
		if err != nil {
			fail("address %q: write 10.1.2.3, 10.1.0.0/16 or unix", a.Address)
		}
		out.prefix = p
	}
	if a.Until != "" {
		t, err := time.Parse(dateForm, a.Until)
		if err != nil {
			fail("until %q: write a date such as 2027-03-31", a.Until)
		} else {
			out.end = t.AddDate(0, 0, 1)
		}
	}
	var err error
	if out.window, err = a.Window.compile(loc); err != nil {
		fail("window: %v", err)
	}
	out.compileShapes(fail)
	if a.Expect.given() && len(out.shapes) == 0 {
		fail("expect is judged for each run: name its statement in statements or shapes")
	}
	if a.Expect.given() && a.User == "" && a.Certificate == "" {
		fail("expect needs to know whose runs to look at: name a user or a certificate")
	}
	out.name = out.describe()
	return out, errors.Join(errs...)
}

// dialectEnvs are what a text in the configuration may mean.
var dialectEnvs = []sqlfacts.Env{
	{Flavour: sqlfacts.PostgreSQL, ANSIQuotes: true, NoBackslash: true, PipesConcat: true},
	{Flavour: sqlfacts.MySQL},
	{Flavour: sqlfacts.MariaDB},
	{Flavour: sqlfacts.MySQL, ANSIQuotes: true},
	{Flavour: sqlfacts.MariaDB, ANSIQuotes: true},
}

func (a *allowance) compileShapes(fail func(format string, args ...any)) {
	if len(a.Shapes)+len(a.Statements) == 0 {
		return
	}
	a.shapes = map[string]bool{}
	for _, h := range a.Shapes {
		if len(h) != 16 || strings.Trim(h, "0123456789abcdef") != "" {
			fail("shape %q: write the 16 digits of an alert's statement.shape, or the statement itself in statements", h)
		}
		a.shapes[h] = true
	}
	for _, sql := range a.Statements {
		if strings.TrimSpace(sql) == "" {
			fail("an empty statement: write its text")
		}
		for _, env := range dialectEnvs {
			var t sqlfacts.Text
			t.Lex([]byte(sql), env)
			a.shapes[t.Name()] = true
		}
	}
}

// Question is what an allowance is asked about.
type Question struct {
	Client *event.Client // with the application and database as they are now
	// Shape names the statement's shape, "" for none; it is called if an allowance
	// wants to know. nil: there is no statement.
	Shape func() string
	Now   time.Time
}

// Allowed reports whether an allowance covers the rule: held is the one that
// expects something of the run, nil if the cover is unconditional.
func (s *Set) Allowed(rule string, q Question) (ok bool, held *Held) {
	base := ""
	if r := s.byID[rule]; r != nil {
		base = r.Refines
	}
	for i := range s.allow {
		a := &s.allow[i]
		if !a.covers(rule, q) && (base == "" || a.Rule != base || !a.covers(base, q)) {
			continue
		}
		if !a.expects() {
			return true, nil
		}
		ok, held = true, &Held{a}
	}
	return ok, held
}

// Expects reports whether an allowance expects something of runs.
func (s *Set) Expects() bool { return s.expects }

// Expecting returns the allowance that expects something of this run, nil if
// none does.
func (s *Set) Expecting(q Question) *Held {
	for i := range s.allow {
		if a := &s.allow[i]; a.expects() && a.covers("", q) {
			return &Held{a}
		}
	}
	return nil
}

// Regular returns the allowances that expect runs in a window, and have not
// ended by now.
func (s *Set) Regular(now time.Time) []*Held {
	var out []*Held
	for i := range s.allow {
		if a := &s.allow[i]; a.expects() && a.window != nil && !a.over(now) {
			out = append(out, &Held{a})
		}
	}
	return out
}

// Expired names the allowances that no longer apply at now: worth a warning,
// since somebody will be surprised by alerts.
func (s *Set) Expired(now time.Time) []string {
	var out []string
	for i := range s.allow {
		if a := &s.allow[i]; a.over(now) {
			out = append(out, fmt.Sprintf("rules: allow entry %d (%s) ended on %s: remove it or set a later date", i+1, a.name, a.Until))
		}
	}
	return out
}

func (a *allowance) over(now time.Time) bool { return !a.end.IsZero() && !now.Before(a.end) }

func (a *allowance) covers(rule string, q Question) bool {
	c := q.Client
	switch {
	case a.Rule != "" && rule != "" && a.Rule != rule,
		a.Server != "" && a.Server != c.Server,
		a.User != "" && a.User != c.User,
		a.Application != "" && a.Application != c.Application,
		a.Database != "" && a.Database != c.Database,
		a.Certificate != "" && !a.certified(c.TLS),
		a.over(q.Now),
		a.window != nil && !a.window.open(q.Now),
		!a.from(c.Address):
		return false
	}
	return a.shapes == nil || q.Shape != nil && a.shapes[q.Shape()]
}

func (a *allowance) from(host string) bool {
	switch a.Address {
	case "":
		return true
	case "unix":
		return host == "unix"
	}
	ip, err := hostIP(host)
	return err == nil && a.prefix.Contains(ip)
}

func (a *allowance) certified(t *event.TLS) bool {
	if t == nil || t.Subject == "" {
		return false
	}
	if t.Subject == a.Certificate {
		return true
	}
	for part := range strings.SplitSeq(t.Subject, ",") {
		if cn, ok := strings.CutPrefix(strings.TrimSpace(part), "CN="); ok {
			return cn == a.Certificate
		}
	}
	return false
}

func (a *allowance) describe() string {
	var parts []string
	for _, p := range [...][2]string{
		{"rule", a.Rule},
		{"server", a.Server},
		{"user", a.User},
		{"address", a.Address},
		{"application", a.Application},
		{"database", a.Database},
		{"certificate", a.Certificate},
		{"note", a.Note},
	} {
		if p[1] != "" {
			parts = append(parts, p[0]+" "+p[1])
		}
	}
	return strings.Join(parts, ", ")
}

// Held is an allowance that a run has to live up to.
type Held struct{ a *allowance }

// Name describes the allowance; it stays the same over a reload that leaves the
// allowance as it is.
func (h *Held) Name() string { return h.a.name }

// Is reports whether both are the same allowance.
func (h *Held) Is(o *Held) bool {
	return h.a == o.a || h.a.name == o.a.name && slices.Equal(h.a.Shapes, o.a.Shapes) && slices.Equal(h.a.Statements, o.a.Statements)
}

// Key tells allowances apart, also over a reload.
func (h *Held) Key() string {
	return h.a.name + "\x00" + strings.Join(h.a.Shapes, "\x00") + "\x00" + strings.Join(h.a.Statements, "\x00")
}

// Identity is what the allowance says of its client.
func (h *Held) Identity() event.Client {
	c := event.Client{User: h.a.User, Database: h.a.Database, Application: h.a.Application, Address: h.a.Address}
	if h.a.Certificate != "" {
		c.TLS = &event.TLS{Subject: h.a.Certificate}
	}
	return c
}

// Statement is the first text that the allowance names, "" if it names shapes.
func (h *Held) Statement() string {
	if len(h.a.Statements) == 0 {
		return ""
	}
	return h.a.Statements[0]
}

// HoneyRows is how many honey rows a run has to read at least.
func (h *Held) HoneyRows() uint64 { return h.a.Expect.HoneyRows.Min }

// Last returns the latest window that has ended by now.
func (h *Held) Last(now time.Time) (from, to time.Time, ok bool) { return h.a.window.last(now) }

// Place is a table as hits name it.
type Place struct{ Schema, Table string }

// Broken reports whether what a run has read so far is more than is expected.
func (h *Held) Broken(rows, honeyRows uint64, places []Place) bool {
	e := &h.a.Expect
	return e.Rows.Given && rows > e.Rows.Max || e.HoneyRows.Given && honeyRows > e.HoneyRows.Max ||
		len(e.Tables) > 0 && slices.ContainsFunc(places, func(p Place) bool { return !e.names(p) })
}

func (e *Expect) names(p Place) bool {
	return slices.ContainsFunc(e.Tables, func(t string) bool {
		return strings.EqualFold(t, p.Table) || strings.EqualFold(t, p.Schema+"."+p.Table)
	})
}

// Outcome is what became of an expectation.
type Outcome uint8

// The outcomes.
const (
	Met     Outcome = iota
	Other           // more, or something else: an ordinary detection
	Missing         // fewer honey rows than are planted there
)

// End judges a run that has ended.
func (h *Held) End(rows, honeyRows uint64, places []Place) Outcome {
	e := &h.a.Expect
	switch {
	case e.HoneyRows.Given && honeyRows < e.HoneyRows.Min:
		return Missing
	case h.Broken(rows, honeyRows, places), !e.Rows.has(rows) && honeyRows > 0:
		return Other
	case !e.Rows.has(rows):
		return Missing
	}
	return Met
}
