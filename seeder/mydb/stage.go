package mydb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"honeyrow/seeder"
)

// stage stands for a table without transactions while one is open: a temporary
// table of the same form takes the rows, so that they can be tried and read
// back; the table itself is written when the transaction is committed.
type stage struct {
	table   *seeder.Table
	temp    string
	made    bool // the temporary table exists
	rows    [][]seeder.Value
	deletes []doomed
}

// doomed is the condition of a row to delete.
type doomed struct {
	where string
	args  []any
}

// lasting reports whether a change of the table can't be rolled back.
func lasting(tb *seeder.Table) bool { return tb.Unsafe != "" && tb.Lasting == "" }

// stage returns the table's stage, made at its first use.
func (t *tx) stage(ctx context.Context, tb *seeder.Table) (*stage, error) {
	g := t.staging(tb)
	if g.made {
		return g, nil
	}
	if err := t.exec(ctx, fmt.Sprintf("CREATE TEMPORARY TABLE %s LIKE %s", quote(g.temp), name(tb))); err != nil {
		var no *seeder.Violation
		if errors.As(violation(err), &no) {
			return nil, &seeder.Violation{Code: no.Code, Why: "rows of a table without transactions are tried in a temporary one: grant CREATE TEMPORARY TABLES on the database (" + no.Why + ")"}
		}
		return nil, err
	}
	g.made = true
	return g, nil
}

func (t *tx) staging(tb *seeder.Table) *stage {
	for _, g := range t.staged {
		if g.table == tb {
			return g
		}
	}
	t.db.stages++
	g := &stage{table: tb, temp: "honeyrow_stage_" + strconv.Itoa(t.db.stages)}
	t.staged = append(t.staged, g)
	return g
}

// free checks a row against the table's own rows: those are not in the stage.
func (g *stage) free(ctx context.Context, db *DB, row []seeder.Value) error {
	for _, u := range g.table.Uniques {
		var tuple []string
		for _, name := range u.Columns {
			if i := slices.IndexFunc(row, func(v seeder.Value) bool { return v.Column == name }); i >= 0 && row[i].Text != nil {
				tuple = append(tuple, *row[i].Text)
			}
		}
		if len(tuple) != len(u.Columns) {
			continue // NULL, an expression or a default
		}
		taken, err := db.Taken(ctx, g.table, u.Columns, [][]string{tuple})
		if err != nil {
			return err
		}
		if taken[0] {
			return &seeder.Violation{Code: "23505", Constraint: u.Name, Why: "the values are taken (unique " + u.Name + ")"}
		}
	}
	return nil
}

// flush writes what is staged. undo deletes the inserted rows again; flush has
// done so itself if it fails.
func (t *tx) flush(ctx context.Context) (undo func(context.Context) error, err error) {
	var written []func(context.Context) error
	undo = func(ctx context.Context) (err error) {
		for _, f := range slices.Backward(written) {
			if e := f(ctx); e != nil {
				err = fmt.Errorf("a row could not be deleted again: run seed verify: %w", violation(e))
			}
		}
		return err
	}
	w, err := t.writer(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range t.staged {
		for _, row := range g.rows {
			if _, err := w.insert(ctx, name(g.table), g.table, row); err != nil {
				return nil, errors.Join(violation(err), undo(context.WithoutCancel(ctx)))
			}
			cond, args := where(g.table, row)
			sql := fmt.Sprintf("DELETE FROM %s WHERE %s LIMIT 1", name(g.table), cond)
			written = append(written, func(ctx context.Context) error { return w.exec(ctx, sql, args...) })
		}
	}
	for _, g := range t.staged {
		for _, d := range g.deletes {
			if err := w.exec(ctx, fmt.Sprintf("DELETE FROM %s WHERE %s", name(g.table), d.where), d.args...); err != nil {
				return nil, errors.Join(violation(err), undo(context.WithoutCancel(ctx)))
			}
		}
	}
	return undo, nil
}

// writer returns what writes the staged rows: t, or a session beside it.
func (t *tx) writer(ctx context.Context) (*tx, error) {
	if !t.db.apart || len(t.staged) == 0 {
		return t, nil
	}
	side, err := t.db.aside(ctx)
	if err != nil {
		return nil, err
	}
	t.side = &tx{db: side}
	return t.side, nil
}
