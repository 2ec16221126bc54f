package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"go.yaml.in/yaml/v3"

	"honeyrow/alert"
	"honeyrow/alert/incident"
	"honeyrow/event"
	"honeyrow/rules"
)

// ruleSet compiles the configuration's rules with the registry's allowances.
func (a *App) ruleSet(ctx context.Context, c *Config) (*rules.Set, error) {
	texts, err := allowanceTexts(ctx, a.store)
	if err != nil {
		return nil, err
	}
	more, bad := readAllowances(c, texts)
	for _, err := range bad {
		a.log.Warn().Err(err).Msg("an allowance in the registry is out of force: `honeyrow incidents allowances` lists them")
	}
	set, err := c.ruleSetWith(more)
	if err != nil {
		return nil, err
	}
	a.allowed.Store(&texts)
	for _, i := range set.Idle(c.given()) {
		e := a.log.Warn()
		if i.Rule.Shipped() {
			e = a.log.Info()
		}
		e.Str("rule", i.Rule.ID).Str("setting", i.Setting).Msg(i.String())
	}
	a.ended.watch(set)
	a.ended.tell(&a.log, time.Now())
	return set, nil
}

// ended tells which allowances have reached their last day, once for each set of
// rules: what they covered is an alert from then on.
type ended struct {
	mu   sync.Mutex
	set  *rules.Set
	told map[string]bool
}

func (e *ended) watch(set *rules.Set) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.set, e.told = set, map[string]bool{}
}

func (e *ended) tell(log *zerolog.Logger, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.set == nil {
		return
	}
	for _, text := range e.set.Expired(now) {
		if !e.told[text] {
			e.told[text] = true
			log.Warn().Msg(text)
		}
	}
}

func allowanceTexts(ctx context.Context, st *Store) ([]string, error) {
	as, err := st.Allowances(ctx)
	texts := make([]string, len(as))
	for i := range as {
		texts[i] = as[i].Text
	}
	return texts, err
}

// readAllowances returns those that the configuration's rules take; a rule may
// be gone since.
func readAllowances(c *Config, texts []string) (good []rules.Allowance, bad []error) {
	for _, text := range texts {
		var x rules.Allowance
		err := yaml.Unmarshal([]byte(text), &x)
		if err == nil {
			good = append(good, x)
			continue
		}
		bad = append(bad, err)
	}
	if _, err := c.ruleSetWith(good); err == nil || len(good) == 0 {
		return good, bad
	}
	return slices.DeleteFunc(good, func(x rules.Allowance) bool {
		_, err := c.ruleSetWith([]rules.Allowance{x})
		if err != nil {
			bad = append(bad, err)
		}
		return err != nil
	}), bad
}

// takeAllowances puts the registry's allowances into force if they have changed.
func (a *App) takeAllowances(ctx context.Context) {
	a.mu.Lock()
	defer a.mu.Unlock()
	texts, err := allowanceTexts(ctx, a.store)
	if before := a.allowed.Load(); err == nil && before != nil && slices.Equal(texts, *before) {
		return
	}
	if err == nil {
		var set *rules.Set
		if set, err = a.ruleSet(ctx, a.cfg); err == nil {
			err = a.engine.Configure(a.cfg.Alerts.Config, set)
		}
	}
	if err != nil {
		a.log.Error().Err(err).Msg("allowances of incidents could not be taken over: those known so far stay in force")
		return
	}
	a.log.Info().Int("allowances", len(texts)).Msg("allowances of incidents changed")
}

// Permit says how narrow an incident's allowance is to be.
type Permit struct {
	Window  rules.Window // when it is expected; not given needs AnyTime
	AnyTime bool
	// AnyStatement covers alerts that have no statement to name: by their rule and
	// client alone, so whatever this client asks.
	AnyStatement bool
	Until        time.Time // last day
	// Address replaces the client's own: a network, or one address.
	Address string
	By      string
	Note    string
}

// PlanAllowances makes of an incident what would have kept it silent: for each
// rule, the same client with the same statements. It returns the entries, as
// the configuration writes them, and what they cover.
func PlanAllowances(c *Config, inc *event.Incident, ds []event.Detection, p Permit) (texts, covers []string, err error) {
	if inc.Story != event.StoryClient {
		return nil, nil, fmt.Errorf("incident %d is about honeyrow itself, not about a client: resolve it instead", inc.Number)
	}
	if p.Window.From == "" && p.Window.To == "" && len(p.Window.Days) == 0 && !p.AnyTime {
		return nil, nil, fmt.Errorf("say when it is expected, such as --from 01:00 --to 03:00 (its alerts came between %s and %s UTC), or --any-time",
			inc.Opened.UTC().Format("15:04"), inc.Updated.UTC().Format("15:04"))
	}
	all := map[string]*rules.Allowance{}
	var order []string
	for i := range ds {
		d := &ds[i]
		if d.Statement.Shape == "" && !p.AnyStatement {
			return nil, nil, fmt.Errorf("alert %s (rule %s) has no statement to name: what could be allowed is all that the rule tells of this client in that time, whatever it asks. "+
				"If that is meant, give --any-statement; --dry-run shows what it would cover. Narrower is an entry in the configuration's allow (docs/rules.md)", d.ID, d.Rule)
		}
		for _, rule := range rulesOf(d) {
			mark := incident.Covered(&event.Detection{Rule: rule, Statement: d.Statement})
			if !slices.Contains(covers, mark) {
				covers = append(covers, mark)
			}
			x := allowanceFor(rule, d, inc, p)
			key := fmt.Sprint(x, d.Statement.Shape == "")
			if all[key] == nil {
				all[key] = &x
				order = append(order, key)
			}
			if y := all[key]; d.Statement.Shape != "" && !slices.Contains(y.Shapes, d.Statement.Shape) {
				y.Shapes = append(y.Shapes, d.Statement.Shape)
			}
		}
	}
	var entries []rules.Allowance
	for _, key := range order {
		text, err := allowanceText(all[key])
		if err != nil {
			return nil, nil, err
		}
		texts, entries = append(texts, text), append(entries, *all[key])
	}
	if len(entries) == 0 {
		return nil, nil, fmt.Errorf("incident %d has no alerts any more that an allowance could be made of: they are past alerts.retention", inc.Number)
	}
	_, err = c.ruleSetWith(entries)
	return texts, covers, err
}

// rulesOf are the rules that would tell of the detection: a statement that may
// read a honey row may name it too, which is told only where the reading isn't.
func rulesOf(d *event.Detection) []string {
	ids := []string{d.Rule}
	for _, m := range d.Rules {
		if !slices.Contains(ids, m.ID) {
			ids = append(ids, m.ID)
		}
	}
	if slices.Contains(ids, rules.RowRead) && !slices.Contains(ids, rules.RowSought) {
		ids = append(ids, rules.RowSought)
	}
	return ids
}

// allowanceFor names the detection's client as exactly as a rule can.
func allowanceFor(rule string, d *event.Detection, inc *event.Incident, p Permit) rules.Allowance {
	host := d.Client.Address
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if p.Address != "" {
		host = p.Address
	}
	x := rules.Allowance{
		Rule: rule, Server: d.Client.Server, User: d.Client.User, Address: host, Application: d.Client.Application,
		Database: d.Client.Database, Window: p.Window, Note: fmt.Sprintf("incident %d", inc.Number),
	}
	if d.Client.TLS != nil {
		x.Certificate = d.Client.TLS.Subject
	}
	if !p.Until.IsZero() {
		x.Until = p.Until.UTC().Format(time.DateOnly)
	}
	if p.Note != "" {
		x.Note += ": " + p.Note
	}
	return x
}

// allowanceText writes an entry with what is given alone.
func allowanceText(x *rules.Allowance) (string, error) {
	type field struct {
		key   string
		value any
		given bool
	}
	node := &yaml.Node{Kind: yaml.MappingNode}
	add := func(n *yaml.Node, fs ...field) error {
		for _, f := range fs {
			if !f.given {
				continue
			}
			v, ok := f.value.(*yaml.Node)
			if !ok {
				v = &yaml.Node{}
				if err := v.Encode(f.value); err != nil {
					return err
				}
				if v.Kind == yaml.SequenceNode {
					v.Style = yaml.FlowStyle
				}
			}
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: f.key}, v)
		}
		return nil
	}
	w := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	err := errors.Join(
		add(w, field{"days", x.Window.Days, len(x.Window.Days) > 0}, field{"from", x.Window.From, x.Window.From != ""},
			field{"to", x.Window.To, x.Window.To != ""}, field{"zone", x.Window.Zone, x.Window.Zone != ""}),
		add(node, field{"rule", x.Rule, true}, field{"server", x.Server, x.Server != ""}, field{"user", x.User, x.User != ""},
			field{"address", x.Address, x.Address != ""}, field{"application", x.Application, x.Application != ""},
			field{"database", x.Database, x.Database != ""}, field{"certificate", x.Certificate, x.Certificate != ""},
			field{"shapes", x.Shapes, len(x.Shapes) > 0}, field{"window", w, len(w.Content) > 0}, field{"until", x.Until, x.Until != ""},
			field{"note", x.Note, x.Note != ""}))
	if err != nil {
		return "", err
	}
	b, err := yaml.Marshal(node)
	return strings.TrimRight(string(b), "\n"), err
}

// AllowIncident makes an incident's allowances and marks it so, in one
// transaction. A running proxy takes them over within a second.
func AllowIncident(ctx context.Context, c *Config, st *Store, ref string, p Permit) (event.Incident, []string, error) {
	inc, texts, covers, err := allowancesOf(ctx, c, st, ref, p)
	if err != nil {
		return inc, nil, err
	}
	inc, err = st.Decide(ctx, ref, alert.Decision{To: event.Allowed, By: p.By, Note: p.Note, Allowances: texts, Covers: covers})
	return inc, texts, err
}

// PreviewAllowances is AllowIncident without doing it.
func PreviewAllowances(ctx context.Context, c *Config, st *Store, ref string, p Permit) ([]string, error) {
	_, texts, _, err := allowancesOf(ctx, c, st, ref, p)
	return texts, err
}

func allowancesOf(ctx context.Context, c *Config, st *Store, ref string, p Permit) (inc event.Incident, texts, covers []string, err error) {
	if inc, err = st.FindIncident(ctx, ref); err != nil {
		return inc, nil, nil, err
	}
	es, err := st.Detections(ctx, alert.Query{Incident: inc.Number})
	if err != nil {
		return inc, nil, nil, err
	}
	ds := make([]event.Detection, len(es))
	for i := range es {
		ds[i] = es[i].Detection
	}
	texts, covers, err = PlanAllowances(c, &inc, ds, p)
	return inc, texts, covers, err
}
