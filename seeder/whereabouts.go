package seeder

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"honeyrow/token"
)

// Discreet is a Database whose catalogue shows a role only the tables on which it
// has some right.
type Discreet interface {
	// Absent tells that there is no table of that name, and not one that is hidden
	// from the role.
	Absent(ctx context.Context, schema, name string) (bool, error)
}

// find looks for a row in the table in which it was planted and, where the server
// numbers its tables, in the one that has this number by now: tables are renamed,
// and others made in their place. Where it does not, and no table has the name any
// more, it is the one that holds all of the row. The row is gone only where the role would have
// seen it. The table is nil if there is none.
func (s *Seeder) find(ctx context.Context, tx Tx, cat *Catalog, r *honeyRow) (*Table, sight, error) {
	var home *Table
	for _, t := range r.homes(cat) {
		seen, err := r.look(ctx, tx, t)
		if err != nil || seen.condition != gone {
			return t, seen, err
		}
		if home == nil {
			home = t
		}
	}
	if r.tokens[0].TableOID == 0 {
		t, seen, err := r.moved(ctx, tx, cat)
		switch {
		case err != nil || seen.condition == unknown:
			return nil, seen, err
		case t != nil && home != nil: // somebody's copy, or the table itself and a new one in its place
			return home, sight{condition: unknown, why: fmt.Sprintf("it is not in %s any more, and %s holds it", home, t)}, nil
		case t != nil:
			return t, seen, nil
		}
	}
	if home == nil {
		why, err := s.unseen(ctx, r.place().Schema, r.place().Table)
		if err != nil || why != "" {
			return nil, sight{condition: unknown, why: why}, err
		}
	}
	return home, sight{condition: gone}, nil
}

// moved looks for a row whose table is there no more in those that have all of its
// columns, and the same primary key: a table was renamed, or copied and dropped.
func (r *honeyRow) moved(ctx context.Context, tx Tx, cat *Catalog) (found *Table, at sight, err error) {
	strong := slices.ContainsFunc(r.tokens, func(tk token.Token) bool { return tk.Strength == token.Strong })
	for _, t := range cat.Tables {
		if t.shows() || t.Piece || !strong || t.Schema != r.place().Schema || t.Name == r.place().Table || slices.ContainsFunc(r.tokens, func(tk token.Token) bool {
			c := t.Column(tk.Place.Column)
			return c == nil || !c.CanSelect || tk.Key && !slices.Contains(t.Primary(), c.Name)
		}) {
			continue
		}
		seen, err := r.look(ctx, tx, t)
		var no *Violation
		switch {
		case errors.As(err, &no), err == nil && seen.condition != intact:
		case err != nil:
			return nil, seen, err
		case found != nil:
			return nil, sight{condition: unknown, why: fmt.Sprintf("its table is there no more, and both %s and %s hold the row", found, t)}, nil
		default:
			found, at = t, seen
		}
	}
	return found, at, nil
}

// unseen says why a table that the catalogue does not show may be there all the
// same, "" if it is not.
func (s *Seeder) unseen(ctx context.Context, schema, name string) (string, error) {
	db, ok := s.Database.(Discreet)
	if !ok {
		return "", nil
	}
	absent, err := db.Absent(ctx, schema, name)
	if err != nil || absent {
		return "", err
	}
	return fmt.Sprintf("the role may not see table %s: use one that may, or grant SELECT on it", &Table{Schema: schema, Name: name}), nil
}

// homes are the tables in which the row may be. A view that has the table's name by
// now comes last.
func (r *honeyRow) homes(cat *Catalog) (out []*Table) {
	p, number := r.place(), r.tokens[0].TableOID
	for _, t := range cat.Tables {
		switch named := t.Schema == p.Schema && t.Name == p.Table; {
		case named && !t.shows():
			out = append([]*Table{t}, out...)
		case named, number != 0 && t.OID == number && !t.Piece:
			out = append(out, t)
		}
	}
	slices.SortStableFunc(out, func(a, b *Table) int {
		switch {
		case a.shows() == b.shows():
			return 0
		case a.shows():
			return 1
		}
		return -1
	})
	return out
}

// shows reports whether what has a table's name shows rows of others.
func (t *Table) shows() bool {
	return t.Kind == "view" || t.Kind == "materialized view" || t.Kind == "foreign table"
}
