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

// Neighbour is a Database whose server moves tables from one database into another
// by renaming them.
type Neighbour interface {
	// Abroad returns the tables of that name in other databases, as far as the role
	// sees them: names, columns and primary keys.
	Abroad(ctx context.Context, name string) ([]*Table, error)
}

// find looks for a row in the table in which it was planted and, where the server
// numbers its tables, in the one that has this number by now: tables are renamed,
// and others made in their place. Where it is in neither, the table is made anew under
// another name if one holds all of the row, and the row was put away if one does and
// the table is there. The row is gone only where the role would have seen it. The
// table is nil if there is none.
func (s *Seeder) find(ctx context.Context, tx Tx, cat *Catalog, r *honeyRow) (*Table, sight, error) {
	var home *Table
	homes := r.homes(cat)
	for _, t := range homes {
		seen, err := r.look(ctx, tx, t)
		if err != nil || seen.condition != gone {
			return t, seen, err
		}
		if home == nil {
			home = t
		}
	}
	t, seen, err := r.moved(ctx, tx, cat.Tables, homes)
	switch {
	case err != nil || seen.condition == unknown:
		return nil, seen, err
	case t != nil && home != nil: // somebody's copy, or the table itself and a new one in its place
		return home, sight{condition: unknown, why: fmt.Sprintf("it is not in %s any more, and %s holds it: delete it there by hand, then remove it again", home, t)}, nil
	case t != nil:
		return t, seen, nil
	}
	if home == nil {
		why, err := s.unseen(ctx, r.place().Schema, r.place().Table)
		if err == nil && why == "" {
			why, err = s.abroad(ctx, tx, r)
		}
		if err != nil || why != "" {
			return nil, sight{condition: unknown, why: why}, err
		}
	}
	return home, sight{condition: gone}, nil
}

// moved looks for a row whose table does not hold it in others that have all of its
// columns, and the same primary key: a table was renamed, or copied and dropped.
func (r *honeyRow) moved(ctx context.Context, tx Tx, tables, but []*Table) (found *Table, at sight, err error) {
	strong := slices.ContainsFunc(r.tokens, func(tk token.Token) bool { return tk.Strength == token.Strong })
	for _, t := range tables {
		if t.shows() || t.Piece || !strong || slices.Contains(but, t) || slices.ContainsFunc(r.tokens, func(tk token.Token) bool {
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
			return nil, sight{condition: unknown, why: fmt.Sprintf("it is not in its table any more, and both %s and %s hold it", found, t)}, nil
		default:
			found, at = t, seen
		}
	}
	return found, at, nil
}

// abroad says in which other database the row's table is by now, "" if in none that
// the role sees.
func (s *Seeder) abroad(ctx context.Context, tx Tx, r *honeyRow) (string, error) {
	db, ok := s.Database.(Neighbour)
	if !ok {
		return "", nil
	}
	tables, err := db.Abroad(ctx, r.place().Table)
	if err != nil {
		return "", err
	}
	t, seen, err := r.moved(ctx, tx, tables, nil)
	switch {
	case err != nil || seen.condition == unknown:
		return seen.why, err
	case t == nil:
		return "", nil
	}
	return fmt.Sprintf("its table is there no more, and %s, of another database, holds it: move the table back, or delete the row there by hand, then remove it again", t), nil
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
