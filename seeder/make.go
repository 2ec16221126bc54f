package seeder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"

	"honeyrow/event"
	"honeyrow/token"
)

// Plan reads the database and plans honey rows for it. It writes nothing that
// stays: the trial inserts of a probe are rolled back. If no table can be
// seeded, it returns ErrNothing with a Plan that holds the reasons.
func (s *Seeder) Plan(ctx context.Context, o Options) (*Plan, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.Server == "" {
		return nil, errors.New("no server is named: give the name that the server has in the configuration")
	}
	if o.Seed == 0 {
		o.Seed = rand.Uint64() | 1
	}
	if o.Deployment == "" {
		o.Deployment = string(event.NewID())
	}
	if o.PlantedBy == "" {
		o.PlantedBy = Me()
	}
	if err := token.CheckLabel("copy", o.Copy); err != nil {
		return nil, err
	}
	o.asked, o.Seed = o.Seed, seedOf(o.Seed, o.Copy)
	if o.Decoys > 0 || o.DecoyName != "" {
		return s.planDecoys(ctx, &o)
	}
	d, err := s.draft(ctx, &o)
	if err != nil {
		return nil, err
	}
	snap := d.snap
	p := d.blank()
	if len(o.Domain) == 0 {
		p.Warnings = append(p.Warnings, "no decoy mail domain is set: e-mail columns stay empty, and tables that need them are refused (set seed.domain or --domain)")
	}
	if err := d.choose(ctx, p, snap); err != nil {
		return nil, err
	}
	if err := d.family(ctx, p); err != nil {
		return nil, err
	}
	if err := d.drawAll(ctx, p); err != nil {
		return nil, err
	}
	d.unperched(p)
	for _, st := range d.studies {
		if at, ok := d.position[st.table]; ok {
			p.Tables[at].Sums = st.sums(p.Tables[at].Rows)
		}
	}
	if len(p.Tables) == 0 {
		return p, ErrNothing
	}
	if n := p.Rows(); n > WholeUpTo {
		p.Warnings = append(p.Warnings, fmt.Sprintf("%d honey rows: each is planted in a transaction of its own, so that no lock lasts longer than a row's insert; if one fails, those planted are taken out again (seed apply --batch N, --keep)", n))
	}
	if err := d.audience(ctx, p); err != nil {
		return nil, err
	}
	p.Grants = grants(d.cat, p)
	for _, tp := range p.Tables {
		if tp.Fingerprint, err = tp.fingerprint(d.cat); err != nil {
			return nil, err
		}
	}
	if p.Fingerprint, err = fingerprint(d.cat, p.Tables); err != nil || o.SkipMeasure {
		return p, err
	}
	if err := d.judge(ctx, p); err != nil {
		return nil, err
	}
	return p, p.Seen(o.MaxAUC, o.MaxDumpAUC)
}

// draft reads what plans are made of: the registry and the catalogue.
func (s *Seeder) draft(ctx context.Context, o *Options) (*draft, error) {
	d := &draft{s: s, o: o, now: s.now(), taken: map[string]bool{}, searched: map[string]bool{}, elsewhere: map[string]string{}, most: map[*Table]int{}}
	snap, err := s.Store.Snapshot(ctx)
	if err != nil {
		return nil, fmt.Errorf("read registry: %w", err)
	}
	if d.canaries, err = o.canaries(); err != nil {
		return nil, err
	}
	d.snap = snap
	for i := range snap.Tokens {
		if t := &snap.Tokens[i]; t.Strength >= token.Firm {
			d.taken[t.Value] = true
		}
	}
	o.progress("read", "", 0, 0)
	if d.cat, err = s.Database.Catalog(ctx); err != nil {
		return nil, fmt.Errorf("read catalogue: %w", err)
	}
	return d, nil
}

// choose studies the tables and picks those worth seeding, in an order in
// which parents come before their children.
func (d *draft) choose(ctx context.Context, p *Plan, snap *token.Snapshot) error {
	tables, named, err := d.candidates()
	if err != nil {
		return err
	}
	for i, t := range tables {
		d.o.progress("read", t.String(), i, len(tables))
		st, err := d.study(ctx, t, named[t])
		var no *refusal
		switch {
		case errors.As(err, &no):
			p.Refused = append(p.Refused, Reason{t.String(), no.why})
			continue
		case err != nil:
			return fmt.Errorf("study %s: %w", t, err)
		}
		w, with := st.tempting()
		strength, any := st.strongest()
		switch {
		case named[t] && st.cant != nil, st.cant != nil && w >= 8:
			p.Refused = append(p.Refused, Reason{t.String(), strings.ReplaceAll(st.cant.Error(), "\n", "; ")})
			continue
		case named[t]:
		case !any || w < 8:
			p.Skipped = append(p.Skipped, Reason{t.String(), "holds little that tempts a thief"})
			continue
		case strength < token.Strong:
			p.Skipped = append(p.Skipped, Reason{t.String(), "tempting (" + with + "), but no column can hold a value that is recognised anywhere; name it to seed it nevertheless"})
			continue
		}
		st.weight, st.chosen = w, fmt.Sprintf("tempting: %s (%d points)", cmp.Or(with, "nothing much"), w)
		if named[t] {
			st.chosen = "named by you; " + st.chosen
		}
		if n := planted(snap, p, t); n > 0 {
			st.note("%d honey rows of earlier deployments are in the table already", n)
		}
		d.studies = append(d.studies, st)
	}
	sort.SliceStable(d.studies, func(a, b int) bool { return d.studies[a].weight > d.studies[b].weight })
	if len(d.o.Tables) == 0 && len(d.studies) > d.o.MaxTables {
		for _, st := range d.studies[d.o.MaxTables:] {
			p.Skipped = append(p.Skipped, Reason{st.table.String(), fmt.Sprintf("%s, but %d others are more so (max_tables)", st.chosen, d.o.MaxTables)})
		}
		d.studies = d.studies[:d.o.MaxTables]
	}
	d.studies = parentsFirst(d.cat, d.studies)
	return nil
}

// candidates lists the tables to look at; named are those that the user asked
// for.
func (d *draft) candidates() (out []*Table, named map[*Table]bool, err error) {
	named = map[*Table]bool{}
	out = d.cat.Tables
	if len(d.o.Tables) > 0 {
		out = nil
		for _, name := range d.o.Tables {
			t, err := d.cat.Table(name)
			if err != nil {
				return nil, nil, err
			}
			if !named[t] {
				out, named[t] = append(out, t), true
			}
		}
	}
	ex := map[*Table]bool{}
	for _, name := range d.o.Exclude {
		t, err := d.cat.Table(name)
		if err != nil {
			return nil, nil, fmt.Errorf("exclude: %w", err)
		}
		ex[t] = true
	}
	return slices.DeleteFunc(slices.Clone(out), func(t *Table) bool { return ex[t] }), named, nil
}

// study reads a sample of a table and decides about its columns.
func (d *draft) study(ctx context.Context, t *Table, named bool) (*study, error) {
	if t.Refusal != "" {
		return nil, refuse("%s", t.Refusal)
	}
	if d.decoy(t) {
		return nil, refuse("it is a decoy table: it has nothing but honey rows, and all who read it are told of")
	}
	if t.Unsafe != "" && !named {
		return nil, refuse("%s; name the table to seed it nevertheless", t.Unsafe)
	}
	sample, err := d.s.Database.Sample(ctx, t, d.o.SampleRows, d.o.Seed)
	if err != nil {
		var v *Violation
		if errors.As(err, &v) {
			return nil, refuse("its rows can't be read: %s", v.Why)
		}
		return nil, err
	}
	if why := ownCredentials(t, sample); why != "" && !named {
		return nil, refuse("%s; name the table to seed it nevertheless", why)
	}
	if n := withoutHoney(sample, d.snap, d.o.Server, d.cat.Database, t); n > 0 && len(sample.Rows) == 0 {
		return nil, refuse("it holds nothing but honey rows: there is no row that another could look like")
	}
	if len(sample.Rows) == 0 {
		return nil, refuse("it is empty: there is no row that a honey row could look like")
	}
	st, err := d.profile(ctx, t, sample)
	if err != nil {
		return nil, err
	}
	alters, restless := d.cat.alters(t, nil), ""
	if st.restless {
		restless = noneAtRest + ": a honey row there might be acted on, or give somebody a right"
	}
	for _, why := range []string{st.waits(), st.mute(), alters, restless} {
		if why != "" && !named {
			return nil, refuse("%s; name the table to seed it nevertheless", why)
		}
	}
	if alters != "" {
		st.note("%s", alters)
	}
	if err := d.lookOften(ctx, st); err != nil {
		return nil, err
	}
	if err := d.lookNames(ctx, st); err != nil {
		return nil, err
	}
	if err := d.peoples(ctx, st); err != nil {
		return nil, err
	}
	st.named = named // then rows that are noticed by several values together serve too
	st.rank(d.now)
	return st, nil
}

// profile decides about a table's columns from a sample of its rows.
func (d *draft) profile(ctx context.Context, t *Table, sample *Sample) (*study, error) {
	st, err := learn(t, sample, func(c string) string { return d.override(t, c) })
	if err != nil {
		return nil, err
	}
	st.narrow(d.o)
	if err := d.decode(ctx, st); err != nil {
		return nil, err
	}
	for _, why := range []string{ownCredentials(t, sample), st.waits(), st.mute(), t.Unsafe} {
		if why != "" {
			st.note("%s", why)
		}
	}
	if names := st.unrested(); names != "" && st.waits() == "" && st.mute() == "" {
		st.note("column %s: which of its values says that nothing more happens to a row is not known: check that nothing acts on the honey rows", names)
	}
	if t.Lasting != "" {
		st.note("the table is not tried at plan time: a trial would leave something behind")
	}
	for _, tr := range t.Triggers {
		if tr.OnInsert && tr.Enabled != "no" && tr.Enabled != "replica" && !contained(tr.Language) {
			st.note("trigger %s is written in %s and may act outside of the database, in a trial too: the table is not tried at plan time", tr.Name, tr.Language)
		}
	}
	if st.inOrder = st.grows(); st.inOrder != nil {
		st.latest = newest(st.inOrder.seen.Values, d.now)
		v, err := d.s.Database.Highest(ctx, t, st.inOrder.Name) // a sample may miss it
		if err != nil {
			return nil, err
		}
		if at := newest([]string{v}, d.now); at.After(st.latest) {
			st.latest = at
		}
	}
	st.anyAge, st.domains = d.o.gaps() && st.drawn() != nil, d.o.Domain
	st.rank(d.now)
	return st, nil
}

// contained reports whether what a function of this language does is undone
// with its transaction.
func contained(language string) bool {
	switch language {
	case "sql", "plpgsql", "internal", "c":
		return true
	}
	return false
}

func (st *study) contained() bool {
	for _, tr := range st.table.Triggers {
		if tr.OnInsert && tr.Enabled != "no" && tr.Enabled != "replica" && !contained(tr.Language) {
			return false
		}
	}
	return st.table.Lasting == ""
}

func (d *draft) override(t *Table, column string) string {
	if v := d.o.Columns[t.String()+"."+column]; v != "" {
		return v
	}
	return d.o.Columns[t.Name+"."+column]
}

// planted counts the honey rows that a table holds already.
func planted(snap *token.Snapshot, p *Plan, t *Table) int {
	rows := map[event.ID]bool{}
	for i := range snap.Tokens {
		tk := &snap.Tokens[i]
		if tk.State == token.Live && tk.Place.Server == p.Server && tk.Place.Database == p.Database && tk.Place.Schema == t.Schema && tk.Place.Table == t.Name {
			rows[tk.Row] = true
		}
	}
	return len(rows)
}

// drawAll draws and tries all tables. A table that proves impossible is
// refused, and the others are drawn anew without it.
func (d *draft) drawAll(ctx context.Context, p *Plan) error {
again:
	d.perches = slices.Clone(d.canaries)
	d.tables, d.hands, d.position = nil, map[*study][]*hand{}, map[*Table]int{}
	if err := d.pick(ctx); err != nil {
		return err
	}
	for i, st := range d.studies {
		d.o.progress("draw", st.table.String(), i, len(d.studies))
		tp, err := d.table(ctx, st)
		var v *Violation
		if errors.As(err, &v) && v.data() {
			err = refuse("the database refuses its values: %s", v.Why)
		}
		if errors.Is(err, errFewer) || d.drop(p, i, err) {
			goto again
		}
		if err != nil {
			return fmt.Errorf("draw rows for %s: %w", st.table, err)
		}
		d.position[st.table] = len(d.tables)
		d.tables = append(d.tables, tp)
	}
	p.Tables = d.tables
	if len(d.tables) == 0 {
		return nil
	}
	i, err := d.absent(ctx, true)
	if errors.Is(err, errFewer) || d.drop(p, i, err) {
		goto again
	}
	if err != nil {
		return err
	}
	if d.o.SkipProbe {
		if i, err = d.traced(); d.drop(p, i, err) {
			goto again
		}
		return err
	}
	i, err = d.probe(ctx)
	if errors.Is(err, errFewer) || d.drop(p, i, err) {
		goto again
	}
	if err != nil {
		return err
	}
	p.Probed = slices.ContainsFunc(d.studies, (*study).contained)
	if _, err = d.absent(ctx, false); err != nil { // what the trial has drawn again
		return err
	}
	if i, err = d.traced(); d.drop(p, i, err) {
		goto again
	}
	return err
}

// traced leaves out relatives that hold nothing by which they would be found
// again: in a table without a key of one column, a row whose value others hold
// too. Where none is left, or others point at them, it refuses the table.
func (d *draft) traced() (int, error) {
	for i, st := range d.studies {
		if st.kin == nil || st.keyed() {
			continue
		}
		tp := d.tables[i]
		var rows []*RowPlan
		var hands []*hand
		for n, row := range tp.Rows {
			if slices.ContainsFunc(row.Cells, func(c *Cell) bool { return c.Watch && c.Value != nil }) {
				rows, hands = append(rows, row), append(hands, d.hands[st][n])
			}
		}
		switch {
		case len(rows) == len(tp.Rows):
		case len(rows) == 0 || d.pointed(i):
			return i, refuse("some of its rows would hold no value of their own, and it has no key of one column: they would not be found again")
		default:
			tp.Warnings = appendOnce(tp.Warnings, fmt.Sprintf("%d rows fewer than ordinary ones have: without a value of their own they would not be found again", len(tp.Rows)-len(rows)))
			tp.Rows, d.hands[st] = rows, hands
		}
	}
	return 0, nil
}

// pointed reports whether honey rows point at those of the ith table.
func (d *draft) pointed(i int) bool {
	for _, tp := range d.tables {
		for _, row := range tp.Rows {
			if slices.ContainsFunc(row.Cells, func(c *Cell) bool { return c.Source == Honey && c.Ref.Table == i }) {
				return true
			}
		}
	}
	return false
}

// leaveOut removes a study, its relatives and theirs.
func (d *draft) leaveOut(gone *study) {
	d.studies = slices.DeleteFunc(d.studies, func(st *study) bool {
		for of := st; of != nil; of = of.kin.to {
			if of == gone {
				return true
			}
			if of.kin == nil {
				break
			}
		}
		return false
	})
}

// drop removes the ith study if err is a refusal.
func (d *draft) drop(p *Plan, i int, err error) bool {
	var no *refusal
	if !errors.As(err, &no) {
		return false
	}
	p.Refused = append(p.Refused, Reason{d.studies[i].table.String(), no.why})
	d.leaveOut(d.studies[i])
	return true
}
