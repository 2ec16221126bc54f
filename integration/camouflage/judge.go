package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"honeyrow/seeder"
	"honeyrow/seeder/camouflage"
)

// scene is one table of one database, and the ways in which honey rows are
// planted there.
type scene struct {
	name  string
	about string
	mysql bool
	load  func() (string, error) // the SQL that makes the database
	crm   bool                   // the demo's database instead
	of    string                 // the published sample that it is loaded from
	then  string                 // SQL that runs behind it
	// prepare is SQL that changes the demo's database before, in PostgreSQL.
	prepare string
	table   string
	// domain is the decoy mail domain; of several, each run takes the next, or as
	// many as the way says.
	domain  string
	domains []string
	ways    []way
	naive   bool
	// few: there are too few gaps for two runs, so that each run's rows are
	// taken out before the next, and runs share their numbers.
	few bool
}

// way is how the seeder is set up.
type way struct {
	name  string
	setup func(*seeder.Config)
	bar   bool // the bars hold for it
	note  string
	mails int // decoy domains of a run, where the scene has several; 0: one
}

// result is one line of the report.
type result struct {
	scene *scene
	way   string
	bar   bool
	rep   *camouflage.Report
	note  string
	// ruled is what the attackers score on content and dump of real rows that honey
	// rows can be like; nil if there are too few.
	ruled *[2]float64
	// rules are what a thief gets, by run, who knows which rows are never imitated.
	rules []float64
	// refused is how many runs the seeder would not plant.
	refused int
}

// judge plays all ways of one scene.
func (l *lab) judge(ctx context.Context, c *scene, o options) (out []*result, err error) {
	b, err := l.stage(ctx, c)
	if err != nil {
		return nil, err
	}
	defer b.end()
	plain, err := b.Exhibit(ctx, seeder.Options{Config: whole(c, nil), Server: "lab", Seed: 1}, c.table, nil)
	if err != nil {
		return nil, err
	}
	if c.naive && o.way == "" {
		for _, n := range naives {
			t := plain
			t.Runs = nil
			for seed := range o.seeds {
				t.Runs = append(t.Runs, n.rows(rand.New(rand.NewPCG(uint64(seed+o.first), 5)), &plain, o.rows))
			}
			out = append(out, &result{scene: c, way: n.name, rep: camouflage.Measure(t)})
		}
	}
	for _, w := range c.ways {
		if !strings.Contains(w.name, o.way) {
			continue
		}
		t := plain
		t.Runs = nil
		note := w.note
		var refused []string
		var rules []float64
		last := "" // the deployment of the run before
		for seed := range o.seeds {
			run, real, known, deployment, err := l.plant(ctx, b, c, w, uint64(seed+o.first), o.rows)
			if errors.Is(err, seeder.ErrNothing) && c.of != "" { // what was sampled may not suffice to learn from
				refused = append(refused, fmt.Sprintf("seed %d: %v", seed+o.first, err))
				fmt.Fprintf(l.errs, "  %s, %s, %s\n", c.name, w.name, refused[len(refused)-1])
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("%s, seed %d: %w", w.name, seed+o.first, err)
			}
			if known > 0 {
				rules = append(rules, known)
			}
			t.Columns, t.Children, t.Traits, t.Pointed = real.Columns, real.Children, real.Traits, real.Pointed
			t.Runs, t.Dumps = append(t.Runs, run), append(t.Dumps, real.Real)
			switch {
			case c.few:
				err = b.clear(ctx, deployment)
			case last != "":
				err = b.clear(ctx, last)
			}
			if err != nil {
				return nil, err
			}
			last = deployment
		}
		if err := b.clear(ctx, ""); err != nil {
			return nil, err
		}
		if len(refused) > 0 {
			note = fmt.Sprintf("%d of %d runs were refused (%s)", len(refused), o.seeds, refused[0])
		}
		if len(t.Runs) == 0 {
			t.Runs = [][]camouflage.Row{nil}
		} else if len(t.Children) == 0 && len(c.domains) == 0 { // all dumps show the same
			t.Real, t.Dumps = t.Dumps[len(t.Dumps)-1], nil
		} else if t.Dumps, err = alike(t.Dumps); err != nil {
			return nil, fmt.Errorf("%s: %w", w.name, err)
		}
		res := &result{scene: c, way: w.name, bar: w.bar, rep: camouflage.Measure(t), note: note, rules: rules, refused: len(refused)}
		if content, dump, ok := camouflage.Ruled(t); ok {
			res.ruled = &[2]float64{content.AUC, dump.AUC}
		}
		out = append(out, res)
	}
	return out, nil
}

// alike keeps those real rows that all dumps show, in the order of the first. Each
// run is judged beside them as its own dump shows them: beside another's, children's
// ranks would be off by what is planted there, and tell one dump from the other.
func alike(dumps [][]camouflage.Row) ([][]camouflage.Row, error) {
	at := make([]map[string]int, len(dumps))
	for k, rows := range dumps {
		at[k] = map[string]int{}
		for i, row := range rows {
			at[k][said(row)] = i
		}
	}
	out := make([][]camouflage.Row, len(dumps))
	for _, row := range dumps[0] {
		key := said(row)
		if slices.ContainsFunc(at, func(rows map[string]int) bool { _, ok := rows[key]; return !ok }) {
			continue
		}
		for k, rows := range dumps {
			out[k] = append(out[k], rows[at[k][key]])
		}
	}
	if 10*len(out[0]) < 8*len(dumps[0]) {
		return nil, fmt.Errorf("only %d of %d real rows are in all dumps", len(out[0]), len(dumps[0]))
	}
	return out, nil
}

// said is what a row says, as one text.
func said(row camouflage.Row) string {
	var b strings.Builder
	for _, v := range row.Values {
		if v != nil {
			b.WriteString("=" + *v)
		}
		b.WriteByte(0)
	}
	return b.String()
}

// wholeRows is how many rows of a dump are looked at: all of the smaller tables.
const wholeRows = 12000

func whole(c *scene, w *way) seeder.Config {
	cfg := seeder.DefaultConfig()
	cfg.Tables, cfg.SampleRows = []string{c.table}, wholeRows
	if c.domain != "" { // the table has addresses
		cfg.Domain = seeder.Domains{c.domain}
	}
	if w != nil && w.setup != nil {
		w.setup(&cfg)
	}
	return cfg
}

// plant plants one run and reads the table as a dump shows it. The rows stay
// until the next run is planted: a thief who plays this program on the dump finds
// the numbers of our rows taken, and plays each run on the dump, not behind his others:
// these would find the better gaps taken once more with each run, as nobody's rows do.
func (l *lab) plant(ctx context.Context, b *bench, c *scene, w way, seed uint64, rows int) (run []camouflage.Row, ex camouflage.Table, rules float64, deployment string, err error) {
	cfg := whole(c, &w)
	cfg.Rows, cfg.SampleRows = rows, 1500
	if len(c.domains) > 0 {
		cfg.Domain = nil
		for i := range max(w.mails, 1) {
			cfg.Domain = append(cfg.Domain, c.domains[(int(seed)*max(w.mails, 1)+i)%len(c.domains)])
		}
	}
	o := seeder.Options{Config: cfg, Server: "lab", Seed: seed, PlantedBy: "lab", SkipMeasure: true}
	p, err := b.Plan(ctx, o)
	if err != nil {
		if p != nil {
			err = fmt.Errorf("%w: %v", err, p.Refused)
		}
		return nil, ex, 0, "", err
	}
	for _, no := range p.Refused {
		fmt.Fprintf(l.errs, "  %s, %s, seed %d: %s refused: %s\n", c.name, w.name, seed, no.Table, no.Why)
	}
	for _, t := range p.Tables {
		if t.String() == c.table && t.Reach > 0 {
			rules = 1 - t.Reach/2
		}
		for _, warn := range t.Warnings {
			fmt.Fprintf(l.errs, "  %s, %s, seed %d: %s: %s\n", c.name, w.name, seed, t, warn)
		}
	}
	done, err := b.Apply(ctx, p, seeder.ApplyOptions{Batch: batch})
	if err != nil {
		return nil, ex, 0, "", err
	}
	var keys []string
	for _, r := range done.Rows {
		if r.Table == c.table {
			keys = append(keys, r.Key)
		}
	}
	o.Config, o.Seed = whole(c, &w), 1 // the same real rows in each run's dump
	o.Config.Domain = cfg.Domain
	ex, err = b.Exhibit(ctx, o, c.table, keys)
	if err != nil {
		return nil, ex, 0, "", err
	}
	if len(ex.Runs[0]) != len(keys) {
		return nil, ex, 0, "", fmt.Errorf("%d of %d honey rows are in the dump", len(ex.Runs[0]), len(keys))
	}
	return ex.Runs[0], ex, rules, done.Deployment, nil
}

// batch is how many rows one transaction takes: more than a run has.
const batch = 5000

// clear takes a deployment's honey rows out again, all if it is empty.
func (b *bench) clear(ctx context.Context, deployment string) error {
	gone, err := b.Remove(ctx, seeder.RemoveOptions{Server: "lab", Deployment: deployment, ApplyOptions: seeder.ApplyOptions{Batch: batch}})
	if err != nil {
		return err
	}
	for _, r := range gone.Rows {
		if r.State != "removed" {
			return fmt.Errorf("row %s of %s was not removed: %s", r.Key, r.Table, r.Why)
		}
	}
	return nil
}
