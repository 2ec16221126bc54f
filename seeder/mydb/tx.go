package mydb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"honeyrow/seeder"
)

// tx is a transaction.
type tx struct {
	db     *DB
	done   bool
	broken error // the server ended the transaction by itself
	staged []*stage
	side   *tx      // writes what is staged, if that must be done apart
	temps  []string // temporary tables that stand for tables to be made
	shut   bool     // a table is locked
}

var (
	_ seeder.Tx     = (*tx)(nil)
	_ seeder.Holder = (*tx)(nil)
)

// Begin implements seeder.Planter. Autocommit is off until the end, so that
// nothing is committed by itself even if the server drops the transaction.
func (db *DB) Begin(ctx context.Context, l seeder.Limits) (seeder.Tx, error) {
	t := &tx{db: db}
	err := db.patience(ctx, l)
	for _, sql := range []string{"SET SESSION autocommit = 0", "SET TRANSACTION ISOLATION LEVEL " + db.level, "START TRANSACTION"} {
		if err == nil {
			err = t.exec(ctx, sql)
		}
	}
	if err != nil {
		_ = t.End(ctx, false)
		return nil, violation(err)
	}
	return t, nil
}

func (t *tx) exec(ctx context.Context, sql string, args ...any) error {
	_, err := t.db.conn.ExecContext(ctx, sql, args...)
	return err
}

// End implements seeder.Tx. A second call does nothing.
func (t *tx) End(ctx context.Context, commit bool) (err error) {
	if t.done {
		return nil
	}
	t.done = true
	var undo func(context.Context) error
	if commit {
		if err = t.broken; err == nil {
			undo, err = t.flush(ctx)
		}
		if err == nil {
			err = violation(t.exec(ctx, "COMMIT"))
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	var no *seeder.Violation
	if undo != nil && errors.As(err, &no) { // the server said no: what was written beside the transaction goes too
		err = errors.Join(err, undo(ctx))
	}
	if !commit || err != nil {
		if back := t.exec(ctx, "ROLLBACK"); back != nil && err == nil {
			err = violation(back)
		}
	}
	for _, g := range t.staged {
		if g.made {
			_ = t.exec(ctx, "DROP TEMPORARY TABLE IF EXISTS "+quote(g.temp))
		}
	}
	for _, temp := range t.temps {
		_ = t.exec(ctx, "DROP TEMPORARY TABLE IF EXISTS "+quote(temp))
	}
	if t.shut {
		_ = t.exec(ctx, "UNLOCK TABLES")
	}
	if t.side != nil {
		_ = t.side.db.conn.Close()
	}
	_ = t.exec(ctx, "SET SESSION autocommit = 1")
	_ = t.db.patience(ctx, seeder.Limits{})
	if err != nil && commit {
		return fmt.Errorf("commit: %w", err)
	}
	return err
}

// within runs a statement. The server undoes one that fails by itself, so that
// no savepoint is needed (a transaction with Aria tables has none); only if it
// ended the whole transaction, that is over.
func (t *tx) within(do func() error) error {
	if t.broken != nil {
		return t.broken
	}
	err := do()
	if t.db.lost(err) {
		t.broken = fmt.Errorf("the server ended the transaction: %s", violation(err))
		return t.broken
	}
	return violation(err)
}

// Insert implements seeder.Tx.
func (t *tx) Insert(ctx context.Context, tb *seeder.Table, row []seeder.Value) (key []seeder.Value, part uint32, err error) {
	err = t.within(func() error {
		if !lasting(tb) {
			key, err = t.insert(ctx, name(tb), tb, row)
			return err
		}
		g, err := t.stage(ctx, tb)
		if err == nil {
			err = g.free(ctx, t.db, row)
		}
		if err == nil {
			key, err = t.insert(ctx, quote(g.temp), tb, row)
		}
		if err == nil {
			g.rows = append(g.rows, slices.Clone(row))
		}
		return err
	})
	var no *seeder.Violation
	if errors.As(err, &no) && no.Code == "23505" {
		no.Again = counts(tb, no.Constraint)
	}
	return key, 0, err
}

// counts reports whether a unique index is over the AUTO_INCREMENT column alone.
func counts(tb *seeder.Table, index string) bool {
	for _, u := range tb.Uniques {
		if u.Name == index && len(u.Columns) == 1 {
			c := tb.Column(u.Columns[0])
			return c != nil && c.Sequence == counter
		}
	}
	return false
}

// insert inserts a row and returns its primary key: as the server tells it
// (MariaDB), else as far as keyOf finds it.
func (t *tx) insert(ctx context.Context, into string, tb *seeder.Table, row []seeder.Value) (key []seeder.Value, err error) {
	var cols, marks []string
	var args []any
	for _, v := range row {
		c := tb.Column(v.Column)
		if c == nil {
			return nil, fmt.Errorf("table %s has no column %s", tb, v.Column)
		}
		cols = append(cols, quote(v.Column))
		if v.Text == nil {
			marks = append(marks, "NULL")
			continue
		}
		marks, args = append(marks, put(c)), append(args, arg(c, *v.Text))
	}
	sql := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", into, strings.Join(cols, ", "), strings.Join(marks, ", "))
	primary := tb.Primary()
	if t.db.maria && readable(tb, primary) {
		rows, err := t.db.query(ctx, sql+" RETURNING "+shows(tb, "", primary), args...)
		if err != nil {
			return nil, err
		}
		if len(rows) != 1 {
			return nil, &seeder.Violation{Code: seeder.Swallowed, Why: "the server swallowed the row"}
		}
		for i, k := range primary {
			key = append(key, seeder.Value{Column: k, Text: read(tb.Column(k), rows[0][i])})
		}
		return key, nil
	}
	res, err := t.db.conn.ExecContext(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return nil, &seeder.Violation{Code: seeder.Swallowed, Why: "the server swallowed the row"}
	}
	return t.keyOf(ctx, into, tb, row, res)
}

// where writes a condition that all values are the same, to the byte.
func where(tb *seeder.Table, vs []seeder.Value) (string, []any) {
	var parts []string
	var args []any
	for _, v := range vs {
		c := tb.Column(v.Column)
		switch {
		case c == nil:
			return "FALSE", nil
		case v.Text == nil:
			parts = append(parts, quote(v.Column)+" IS NULL")
		default:
			cond, n := same(quote(v.Column), c)
			parts = append(parts, cond)
			for range n {
				args = append(args, arg(c, *v.Text))
			}
		}
	}
	if len(parts) == 0 {
		return "FALSE", nil
	}
	return strings.Join(parts, " AND "), args
}

// Read implements seeder.Tx.
func (t *tx) Read(ctx context.Context, tb *seeder.Table, cond []seeder.Value, columns []string) ([]seeder.Record, error) {
	w, args := where(tb, cond)
	exprs := []string{shows(tb, "", columns)}
	exact := map[int]int{} // by column: where its second expression stands
	for i, name := range columns {
		if c := tb.Column(name); c != nil && precise(quote(name), c) != "" {
			exact[i] = len(columns) + len(exact)
			exprs = append(exprs, precise(quote(name), c))
		}
	}
	from := []string{name(tb)}
	for _, g := range t.staged {
		if g.table == tb && g.made {
			from = append(from, quote(g.temp))
		}
	}
	var rows [][]*string
	err := t.within(func() error {
		for _, table := range from {
			got, err := t.db.query(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %s LIMIT 2", strings.Join(exprs, ", "), table, w), args...)
			if err != nil {
				return err
			}
			rows = append(rows, got...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make([]seeder.Record, min(len(rows), 2))
	for i := range out {
		out[i] = seeder.Record{Text: make([]*string, len(columns)), Binary: make([][]byte, len(columns))}
		for k, name := range columns {
			c := tb.Column(name)
			if c == nil {
				continue
			}
			var also *string
			if at, ok := exact[k]; ok {
				also = rows[i][at]
			}
			out[i].Text[k], out[i].Binary[k] = read(c, rows[i][k]), second(c, rows[i][k], also)
		}
	}
	return out, nil
}

// Update implements seeder.Tx. A table without transactions is left alone.
func (t *tx) Update(ctx context.Context, tb *seeder.Table, cond, set []seeder.Value) (n int64, err error) {
	if lasting(tb) {
		return 0, &seeder.Violation{Code: "0A000", Why: "an update of a table without transactions can't be undone"}
	}
	w, conds := where(tb, cond)
	var sets []string
	var args []any
	for _, v := range set {
		c := tb.Column(v.Column)
		switch {
		case c == nil:
			return 0, fmt.Errorf("table %s has no column %s", tb, v.Column)
		case v.Text == nil:
			sets = append(sets, quote(v.Column)+" = NULL")
		default:
			sets, args = append(sets, quote(v.Column)+" = "+put(c)), append(args, arg(c, *v.Text))
		}
	}
	err = t.within(func() error {
		many := &seeder.Violation{Code: "HR002", Why: "the condition fits more than one row"}
		rows, err := t.db.query(ctx, fmt.Sprintf("SELECT COUNT(*) FROM %s WHERE %s", name(tb), w), conds...)
		if err != nil {
			return err
		}
		if *rows[0][0] != "1" {
			if *rows[0][0] != "0" {
				return many
			}
			return nil
		}
		res, err := t.db.conn.ExecContext(ctx, fmt.Sprintf("UPDATE %s SET %s WHERE %s", name(tb), strings.Join(sets, ", "), w), append(args, conds...)...)
		if err != nil {
			return err
		}
		if n, err = res.RowsAffected(); err == nil && n > 1 { // another row came between
			t.broken = many
			return many
		}
		return err
	})
	return n, err
}

// Hold implements seeder.Holder: who inserts a row that points at this one shares
// its lock, and rows of a foreign key with ON DELETE CASCADE go without being asked.
func (t *tx) Hold(ctx context.Context, tb *seeder.Table, cond []seeder.Value) error {
	if lasting(tb) { // has no foreign keys
		return nil
	}
	w, args := where(tb, cond)
	return t.within(func() error {
		_, err := t.db.query(ctx, fmt.Sprintf("SELECT 1 FROM %s WHERE %s LIMIT 2 FOR UPDATE", name(tb), w), args...)
		return err
	})
}

// Delete implements seeder.Tx.
func (t *tx) Delete(ctx context.Context, tb *seeder.Table, cond []seeder.Value) (n int64, err error) {
	w, args := where(tb, cond)
	err = t.within(func() error {
		many := &seeder.Violation{Code: "HR002", Why: "the condition fits more than one row"}
		rows, err := t.db.query(ctx, fmt.Sprintf("SELECT COUNT(*) FROM %s WHERE %s", name(tb), w), args...)
		switch {
		case err != nil:
			return err
		case *rows[0][0] == "0":
			return nil
		case *rows[0][0] != "1":
			return many
		case lasting(tb):
			g := t.staging(tb)
			g.deletes, n = append(g.deletes, doomed{w, args}), 1
			return nil
		}
		res, err := t.db.conn.ExecContext(ctx, fmt.Sprintf("DELETE FROM %s WHERE %s", name(tb), w), args...)
		if err != nil {
			return err
		}
		if n, err = res.RowsAffected(); err == nil && n > 1 { // another row came between
			t.broken = many
			return many
		}
		return err
	})
	return n, err
}
