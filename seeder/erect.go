package seeder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"honeyrow/event"
	"honeyrow/token"
)

// foundations finds out what the plan's decoy tables will look like, and that
// they can still be made as they were reviewed.
func (j *job) foundations(ctx context.Context) error {
	j.stands = map[*TablePlan]bool{}
	if len(j.p.decoys()) == 0 {
		return nil
	}
	db, ok := j.s.Database.(Founder)
	if !ok || len(j.p.decoys()) != len(j.p.Tables) {
		return errors.New("the plan has decoy tables beside others, or they can't be made in this product: make a new plan")
	}
	j.tables = nil
	for _, tp := range j.p.Tables {
		model, err := j.cat.Table(tp.Decoy.Model)
		if err != nil {
			return err
		}
		t := tp.table(model)
		there := j.cat.relation(tp.Schema, tp.Table)
		j.tables = append(j.tables, t)
		switch {
		case there != nil && j.have[tp.Decoy.ID] != nil:
			j.stands[tp], j.tables[len(j.tables)-1] = true, there
			continue
		case there != nil:
			return fmt.Errorf("%w (there is a table %s by now)", ErrChanged, tp)
		}
		f, err := db.Foundation(ctx, model, t)
		if err != nil {
			return fmt.Errorf("decoy table %s: %w", tp, err)
		}
		if f.Lacking != "" {
			return fmt.Errorf("decoy table %s: %s; grant it: %s", tp, f.Lacking, strings.Join(f.Grants, "; "))
		}
		if !slices.Equal(f.SQL, tp.Decoy.SQL) {
			return fmt.Errorf("%w (%s would be made in another way: the columns, the owner or the readers of %s are others)", ErrChanged, tp, tp.Decoy.Model)
		}
	}
	return nil
}

// relation returns the table of that name, nil if there is none.
func (c *Catalog) relation(schema, name string) *Table {
	for _, t := range c.Tables {
		if t.Schema == schema && t.Name == name {
			return t
		}
	}
	return nil
}

// erect makes the decoy tables of the landing's transaction.
func (j *job) erect(ctx context.Context, l *landing) error {
	for i, tp := range j.p.Tables {
		if tp.Decoy == nil || j.stands[tp] {
			continue
		}
		m, ok := l.tx.(Mason)
		if !ok {
			return errors.New("decoy tables can't be made in this product")
		}
		if err := m.Found(ctx, j.tables[i], tp.Decoy.SQL, j.trial); err != nil {
			return fmt.Errorf("make decoy table %s: %w; making it needs: %s", tp, err, strings.Join(j.p.Grants, "; "))
		}
		l.made = append(l.made, tp)
	}
	return nil
}

// token stands for the table as a whole.
func (t *TablePlan) token(j *job) token.Token {
	return token.Token{
		ID: event.NewID(), Row: t.Decoy.ID, Kind: token.DecoyTable, Value: t.Table, Strength: token.Weak, Key: true,
		Place: event.Place{Server: j.p.Server, Database: j.p.Database, Schema: t.Schema, Table: t.Table, Column: "*"},
		Copy:  j.p.Copy, Deployment: j.p.Deployment, PlantedBy: j.p.PlantedBy, PlantedAt: j.now, ChangedAt: j.now, Note: j.p.Note, State: token.Planned,
	}
}

// tableOf returns the table of a place; one that is being made is in no
// catalogue.
func (j *job) tableOf(p event.Place) (*Table, error) {
	for _, t := range j.tables {
		if t.Schema == p.Schema && t.Name == p.Table {
			return t, nil
		}
	}
	return j.cat.Table((&Table{Schema: p.Schema, Name: p.Table}).String())
}

// renumbered registers the numbers that tables have got which were made just
// now, before they can be read: the trial's had others.
func (j *job) renumbered(ctx context.Context, real *landing) error {
	if len(real.made) == 0 || j.cat.Product != "postgres" {
		return nil
	}
	if err := j.locate(ctx, real.tokens()); err != nil {
		return err
	}
	_, _, err := j.s.watched(ctx, j.p.Server, j.o)
	return err
}

// unfound takes back what a failed run has made of decoy tables: where a CREATE
// TABLE can't be rolled back, an empty table is left.
func (j *job) unfound(ctx context.Context, err error) error {
	ctx = context.WithoutCancel(ctx)
	cat, cerr := j.s.Database.Catalog(ctx)
	if cerr == nil {
		_, cerr = j.s.reconcile(ctx, cat, j.p.Server, j.limits())
	}
	if cerr != nil {
		return errors.Join(err, fmt.Errorf("an empty decoy table may be left: run seed reconcile, which drops it: %w", cerr))
	}
	return err
}
