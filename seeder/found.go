package seeder

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"

	"honeyrow/event"
	"honeyrow/seeder/generate"
	"honeyrow/token"
)

const (
	// fewestInDecoy and more are how many rows a decoy table gets unasked: enough
	// to be worth a thief's time.
	fewestInDecoy = 24
	moreInDecoy   = 37
)

// planDecoys plans tables that hold nothing but honey rows, each a copy of a
// tempting table.
func (s *Seeder) planDecoys(ctx context.Context, o *Options) (*Plan, error) {
	db, ok := s.Database.(Founder)
	if !ok {
		return nil, errors.New("decoy tables can't be made in this product: make one yourself and name it with `honeyrow tokens decoy add`")
	}
	if o.DecoyName != "" {
		o.Decoys = 1
	}
	r := generate.New(o.Seed, "decoy tables")
	if o.Rows == 0 {
		o.Rows = fewestInDecoy + r.IntN(moreInDecoy)
	}
	if n := o.Rows * o.Decoys; n > WholeUpTo {
		return nil, fmt.Errorf("%d rows in decoy tables: one plan makes them in one transaction, of up to %d rows; ask for fewer tables or rows", n, WholeUpTo)
	}
	o.Keys, o.Family, o.SkipProbe, o.SkipRedraw = fromSequence, false, true, true
	d, err := s.draft(ctx, o)
	if err != nil {
		return nil, err
	}
	whole := d.cat
	d.cat = models(whole)
	p := d.blank()
	if err := d.chooseModels(ctx, p); err != nil {
		return nil, err
	}
	if err := d.drawAll(ctx, p); err != nil {
		return nil, err
	}
	d.unperched(p)
	if len(p.Tables) == 0 {
		return p, ErrNothing
	}
	for i, tp := range p.Tables {
		if err := d.found(ctx, db, r, p, tp, d.studies[i], whole); err != nil {
			return p, err
		}
	}
	if p.Fingerprint, err = fingerprint(whole, p.Tables); err != nil {
		return nil, err
	}
	j := &job{s: s, p: p, o: &ApplyOptions{LockTimeout: o.LockTimeout, StatementTimeout: o.StatementTimeout}, cat: whole, now: d.now, done: &Applied{}, stands: map[*TablePlan]bool{}, trial: true}
	if err := j.foundations(ctx); err != nil {
		return p, err
	}
	l, err := j.insert(ctx)
	if err != nil {
		return p, fmt.Errorf("try the plan: %w", err)
	}
	p.Probed = true
	return p, l.tx.End(ctx, false)
}

// blank is a plan without tables.
func (d *draft) blank() *Plan {
	return &Plan{
		Schema: PlanSchema, Deployment: d.o.Deployment, Created: d.now.UTC(), Product: d.cat.Product, ServerVersion: d.cat.Version,
		Server: d.o.Server, Database: d.cat.Database, Copy: d.o.Copy, Role: d.cat.User, PlantedBy: d.o.PlantedBy, Note: d.o.Note, Domain: d.o.Domain, Seed: d.o.asked,
		Warnings: slices.Clone(d.cat.Warnings),
	}
}

// models is the catalogue with tables as their copies will be: bound by nothing
// but their keys, and open to the role.
func models(cat *Catalog) *Catalog {
	out := *cat
	out.Tables = nil
	for _, t := range cat.Tables {
		m := *t
		if (m.Kind == "table" || m.Kind == "partitioned table") && !m.Piece && !m.Hidden {
			m.Refusal, m.Unsafe, m.Lasting, m.LastingUpdate, m.LastingDelete = "", "", "", "", ""
		}
		m.ForeignKeys, m.Checks, m.Triggers, m.Updating, m.Warnings, m.Columns = nil, nil, nil, nil, nil, nil
		for _, c := range t.Columns {
			own := *c
			own.CanInsert, own.CanDraw, own.Default = true, true, ""
			own.NotNull = slices.Contains(t.Primary(), c.Name)
			m.Columns = append(m.Columns, &own)
		}
		out.Tables = append(out.Tables, &m)
	}
	return &out
}

// chooseModels studies the tables and picks the most tempting ones. Those in
// which the application keeps its own logins are welcome: it never looks into a
// copy.
func (d *draft) chooseModels(ctx context.Context, p *Plan) error {
	tables, named, err := d.candidates()
	if err != nil {
		return err
	}
	for i, t := range tables {
		d.o.progress("read", t.String(), i, len(tables))
		st, err := d.study(ctx, t, true)
		var no *refusal
		if errors.As(err, &no) || err == nil && st.cant != nil && errors.As(st.cant, &no) {
			if named[t] {
				p.Refused = append(p.Refused, Reason{t.String(), no.why})
			}
			continue
		} else if err != nil {
			return fmt.Errorf("study %s: %w", t, err)
		}
		st.warn = slices.DeleteFunc(st.warn, func(w string) bool { return w == ownCredentials(t, st.sample) })
		w, with := st.tempting()
		if best, _ := st.strongest(); !named[t] && (w < 8 || best < token.Strong) {
			continue
		}
		st.weight, st.chosen = w, fmt.Sprintf("a decoy table, as a copy of %s, which is tempting: %s (%d points)", t, with, w)
		st.inOrder, st.anyAge = nil, true // a copy has rows of all times
		st.rank(d.now)
		d.studies = append(d.studies, st)
	}
	sort.SliceStable(d.studies, func(a, b int) bool { return d.studies[a].weight > d.studies[b].weight })
	d.studies = d.studies[:min(len(d.studies), d.o.Decoys)]
	if n := len(d.studies); n > 0 && n < d.o.Decoys {
		p.Warnings = append(p.Warnings, fmt.Sprintf("only %d tables are tempting enough to be copied", n))
	}
	return nil
}

// found turns rows drawn for a model into a table of their own.
func (d *draft) found(ctx context.Context, db Founder, r *rand.Rand, p *Plan, tp *TablePlan, st *study, whole *Catalog) error {
	model, err := whole.Table(tp.String())
	if err != nil {
		return err
	}
	if err := d.renumber(ctx, r, tp, st); err != nil {
		return err
	}
	tp.Columns = slices.DeleteFunc(tp.Columns, func(c *ColumnPlan) bool { return c.Source == Computed })
	for _, row := range tp.Rows {
		row.Cells = slices.DeleteFunc(row.Cells, func(c *Cell) bool { return tp.column(c.Column) == nil })
		for _, c := range row.Cells {
			if c.Source == Default { // a copy has no defaults
				c.void()
			}
		}
	}
	for _, c := range tp.Columns {
		if c.Source == Default {
			c.Source = Null
		}
	}
	tp.Decoy = &Decoy{ID: event.NewID(), Model: model.String()}
	if err := d.christen(r, p, tp, whole); err != nil {
		return err
	}
	tp.Estimate = -1
	if tp.Fingerprint, err = tp.fingerprint(whole); err != nil {
		return err
	}
	f, err := db.Foundation(ctx, model, tp.table(model))
	if err != nil {
		return fmt.Errorf("decoy table %s: %w", tp, err)
	}
	tp.Decoy.SQL = f.SQL
	tp.Warnings = append(tp.Warnings, f.Notes...)
	tp.Decoy.Readers, tp.Decoy.Allowance = readers(p)
	for _, g := range f.Grants {
		p.Grants = appendOnce(p.Grants, g)
	}
	if f.Lacking != "" {
		return fmt.Errorf("decoy table %s: %s; grant it: %s", tp, f.Lacking, strings.Join(f.Grants, "; "))
	}
	return nil
}

// renumber gives the rows keys of a range of their own, above all that the model
// has, in the order of their first dates.
func (d *draft) renumber(ctx context.Context, r *rand.Rand, tp *TablePlan, st *study) error {
	hands := slices.Clone(d.hands[st])
	sort.SliceStable(hands, func(a, b int) bool { return hands[a].born.Before(hands[b].born) })
	tp.Rows = rowsOf(hands)
	for _, cp := range tp.Columns {
		if cp.Source != Drawn && cp.Source != Next {
			continue
		}
		col := st.table.Column(cp.Name)
		high, err := d.s.Database.Highest(ctx, st.table, cp.Name)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", tp, cp.Name, err)
		}
		at, _ := strconv.ParseInt(high, 10, 64)
		room := int64(9 * len(hands))
		if at += 1 + r.Int64N(max(at/4, room)); col != nil && col.MaxInt > 0 && at > col.MaxInt-room {
			at = r.Int64N(room) + 1
		}
		for _, row := range tp.Rows {
			v := strconv.FormatInt(at, 10)
			c := row.cell(cp.Name)
			c.Source, c.Value, c.Ref, c.Kind = Next, &v, nil, "key"
			at += 1 + r.Int64N(4)
		}
		cp.Source, cp.Kind, cp.Counter, cp.Why = Next, "key", false, "numbers that no row of the model has"
	}
	return nil
}

// readers lists who reads a whole database without being a thief, and what to
// write for them.
func readers(p *Plan) ([]string, string) {
	dump, monitor := "pg_dump, pg_dumpall and other logical backups of the whole database", "monitoring that counts every table's rows, VACUUM and ANALYZE by hand"
	if p.backticks() {
		dump, monitor = "mariadb-dump, mysqldump and other logical backups of the whole database", "monitoring that counts every table's rows, CHECK and ANALYZE TABLE"
	}
	return []string{dump, monitor, "tools that read every table they find: ORM reflection that samples rows, data catalogues, BI crawlers, copies to staging"},
		fmt.Sprintf("allow: [{server: %s, user: THE_BACKUP_ROLE, address: ITS_HOST, database: %s}]", p.Server, p.Database)
}
