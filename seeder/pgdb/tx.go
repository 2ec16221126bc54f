package pgdb

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"honeyrow/seeder"
)

// tx is a transaction. Each change stands in a savepoint of its own.
type tx struct {
	conn   *pgconn.PgConn
	done   bool
	single bool // inserts stand in no savepoint
}

var (
	_ seeder.Tx     = (*tx)(nil)
	_ seeder.Single = (*tx)(nil)
)

// Single implements seeder.Single.
func (t *tx) Single() { t.single = true }

// Begin implements seeder.Planter. Deferrable constraints are checked at once.
func (db *DB) Begin(ctx context.Context, l seeder.Limits) (seeder.Tx, error) {
	sql := "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET CONSTRAINTS ALL IMMEDIATE"
	if l.LockTimeout > 0 {
		sql += "; SET LOCAL lock_timeout = " + strconv.FormatInt(max(1, l.LockTimeout.Milliseconds()), 10)
	}
	if l.StatementTimeout > 0 {
		sql += "; SET LOCAL statement_timeout = " + strconv.FormatInt(max(1, l.StatementTimeout.Milliseconds()), 10)
	}
	t := &tx{conn: db.conn.PgConn()}
	if err := t.exec(ctx, sql); err != nil {
		_ = t.End(ctx, false)
		return nil, violation(err)
	}
	return t, nil
}

func (t *tx) exec(ctx context.Context, sql string) error {
	return t.conn.Exec(ctx, sql).Close()
}

// End implements seeder.Tx. A second call does nothing.
func (t *tx) End(ctx context.Context, commit bool) error {
	if t.done {
		return nil
	}
	t.done = true
	if commit {
		rs, err := t.conn.Exec(ctx, "COMMIT").ReadAll()
		if err != nil {
			return fmt.Errorf("commit: %w", violation(err))
		}
		if n := len(rs); n == 0 || rs[n-1].CommandTag.String() != "COMMIT" {
			return &seeder.Violation{Code: "25P02", Why: "the server rolled the transaction back"}
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return t.exec(ctx, "ROLLBACK")
}

// within runs do in a savepoint, and goes back to it if do fails because the
// server refuses.
func (t *tx) within(ctx context.Context, do func() error) error {
	if err := t.exec(ctx, "SAVEPOINT honeyrow"); err != nil {
		return violation(err)
	}
	if err := do(); err != nil {
		if back := t.exec(context.WithoutCancel(ctx), "ROLLBACK TO SAVEPOINT honeyrow"); back != nil {
			return errors.Join(violation(err), violation(back))
		}
		return violation(err)
	}
	return violation(t.exec(ctx, "RELEASE SAVEPOINT honeyrow"))
}

// Insert implements seeder.Tx.
func (t *tx) Insert(ctx context.Context, tb *seeder.Table, row []seeder.Value) (key []seeder.Value, part uint32, err error) {
	cols, marks := make([]string, len(row)), make([]string, len(row))
	args := make([]*string, len(row))
	overriding := ""
	for i, v := range row {
		cols[i], marks[i], args[i] = v.Column, "$"+strconv.Itoa(i+1), v.Text
		if c := tb.Column(v.Column); c != nil && c.Identity == "always" {
			overriding = "OVERRIDING SYSTEM VALUE "
		}
	}
	sql := fmt.Sprintf("INSERT INTO %s (%s) %sVALUES (%s)", name(tb), list(cols), overriding, strings.Join(marks, ", "))
	if len(row) == 0 {
		sql = fmt.Sprintf("INSERT INTO %s DEFAULT VALUES", name(tb))
	}
	var back []string
	for _, k := range tb.Primary() {
		if c := tb.Column(k); c != nil && c.CanSelect {
			back = append(back, quote(k))
		}
	}
	if tb.WholeSelect {
		back = append(back, "tableoid::pg_catalog.oid")
	}
	if len(back) > 0 {
		sql += " RETURNING " + strings.Join(back, ", ")
	} else {
		back = nil
	}
	within := t.within
	if t.single {
		within = func(_ context.Context, do func() error) error { return violation(do()) }
	}
	err = within(ctx, func() error {
		rr := t.conn.ExecParams(ctx, sql, params(args), nil, nil, nil)
		var got []*string
		for rr.NextRow() {
			got = nil
			for _, v := range rr.Values() {
				s := string(v)
				got = append(got, &s)
			}
		}
		tag, err := rr.Close()
		if err != nil {
			return err
		}
		if tag.RowsAffected() != 1 {
			return &seeder.Violation{Code: seeder.Swallowed, Why: "a trigger or rule of the table swallowed the row"}
		}
		if tb.WholeSelect && len(got) > 0 {
			oid, err := strconv.ParseUint(*got[len(got)-1], 10, 32)
			if err != nil {
				return fmt.Errorf("read the row's partition: %w", err)
			}
			part, got = uint32(oid), got[:len(got)-1]
		}
		i := 0
		for _, k := range tb.Primary() {
			if c := tb.Column(k); c != nil && c.CanSelect && i < len(got) {
				key = append(key, seeder.Value{Column: k, Text: got[i]})
				i++
			}
		}
		return nil
	})
	return key, part, err
}

// where writes a condition that all values are equal, numbering parameters
// from 1.
func where(vs []seeder.Value) (string, []*string) {
	var parts []string
	var args []*string
	for _, v := range vs {
		if v.Text == nil {
			parts = append(parts, quote(v.Column)+" IS NULL")
			continue
		}
		args = append(args, v.Text)
		parts = append(parts, fmt.Sprintf("%s = $%d", quote(v.Column), len(args)))
	}
	if len(parts) == 0 {
		return "false", nil
	}
	return strings.Join(parts, " AND "), args
}

// Read implements seeder.Tx.
func (t *tx) Read(ctx context.Context, tb *seeder.Table, cond []seeder.Value, columns []string) ([]seeder.Record, error) {
	w, args := where(cond)
	sql := fmt.Sprintf("SELECT %s FROM %s WHERE %s LIMIT 2", list(columns), name(tb), w)
	var text, bin [][]*string
	err := t.within(ctx, func() (err error) {
		text, err = query(ctx, t.conn, sql, args, 0, 2)
		return err
	})
	if err != nil {
		return nil, err
	}
	// A type without binary form makes the whole query fail: then each column
	// is asked for by itself.
	err = t.within(ctx, func() (err error) {
		bin, err = query(ctx, t.conn, sql, args, 1, 2)
		return err
	})
	if err != nil && len(text) == 1 {
		if bin, err = t.oneByOne(ctx, tb, w, args, columns); err != nil {
			return nil, err
		}
	}
	out := make([]seeder.Record, len(text))
	for i := range text {
		out[i] = seeder.Record{Text: text[i], Binary: make([][]byte, len(columns))}
		for k := range columns {
			if i < len(bin) && text[i][k] != nil && bin[i][k] != nil && !bytes.Equal([]byte(*text[i][k]), []byte(*bin[i][k])) {
				out[i].Binary[k] = []byte(*bin[i][k])
			}
		}
	}
	return out, nil
}

// oneByOne reads each column of one row in binary form, nil where it has none.
func (t *tx) oneByOne(ctx context.Context, tb *seeder.Table, w string, args []*string, columns []string) ([][]*string, error) {
	row := make([]*string, len(columns))
	for k, c := range columns {
		err := t.within(ctx, func() error {
			got, err := query(ctx, t.conn, fmt.Sprintf("SELECT %s FROM %s WHERE %s", quote(c), name(tb), w), args, 1, 1)
			if err == nil && len(got) == 1 {
				row[k] = got[0][0]
			}
			return err
		})
		var no *seeder.Violation
		if err != nil && !errors.As(err, &no) {
			return nil, err
		}
	}
	return [][]*string{row}, nil
}

// Update implements seeder.Tx.
func (t *tx) Update(ctx context.Context, tb *seeder.Table, cond, set []seeder.Value) (n int64, err error) {
	w, args := where(cond)
	var sets []string
	for _, v := range set {
		args = append(args, v.Text)
		sets = append(sets, fmt.Sprintf("%s = $%d", quote(v.Column), len(args)))
	}
	err = t.within(ctx, func() error {
		rr := t.conn.ExecParams(ctx, fmt.Sprintf("UPDATE %s SET %s WHERE %s", name(tb), strings.Join(sets, ", "), w), params(args), nil, nil, nil)
		tag, err := rr.Close()
		if err != nil {
			return err
		}
		if n = tag.RowsAffected(); n > 1 {
			return &seeder.Violation{Code: "HR002", Why: "the condition fits more than one row"}
		}
		return nil
	})
	return n, err
}

// Delete implements seeder.Tx.
func (t *tx) Delete(ctx context.Context, tb *seeder.Table, cond []seeder.Value) (n int64, err error) {
	w, args := where(cond)
	err = t.within(ctx, func() error {
		before, err := t.along(ctx, tb)
		if err != nil {
			return err
		}
		rr := t.conn.ExecParams(ctx, fmt.Sprintf("DELETE FROM %s WHERE %s", name(tb), w), params(args), nil, nil, nil)
		tag, err := rr.Close()
		if err != nil {
			return err
		}
		switch n = tag.RowsAffected(); {
		case n > 1:
			return &seeder.Violation{Code: "HR002", Why: "the condition fits more than one row"}
		case n == 0: // what its triggers did is undone too
			return &seeder.Violation{Code: seeder.Swallowed, Why: "a trigger or another transaction kept it"}
		}
		after, err := t.along(ctx, tb)
		if err != nil {
			return err
		}
		before[own]++ // itself
		for child, k := range after {
			if k > before[child] {
				return &seeder.Violation{Code: "23503", Why: "the server would delete or change rows of " + cmp.Or(child, tb.String()) + " with it"}
			}
		}
		return nil
	})
	return n, err
}

// own stands for the table from which a row is deleted among those that point there.
const own = ""

// along counts the rows that this transaction has deleted or changed in tables where
// the server does so by itself when what they point at is deleted (ON DELETE CASCADE,
// SET NULL, SET DEFAULT), by table. That it did is seen only afterwards: the role may
// not be allowed to see such rows, they may point at a partition, and a delete that
// waits for the lock of somebody who is about to point there goes on when he has
// committed. Without track_counts nothing is counted.
func (t *tx) along(ctx context.Context, tb *seeder.Table) (map[string]int64, error) {
	parts := []string{strconv.FormatUint(uint64(tb.OID), 10)}
	for _, p := range tb.Parts {
		parts = append(parts, strconv.FormatUint(uint64(p.OID), 10))
	}
	oids := "{" + strings.Join(parts, ",") + "}"
	rows, err := query(ctx, t.conn, `SELECT CASE WHEN k.child <> ALL ($1::oid[]) THEN k.child::pg_catalog.regclass::text ELSE '' END,
			pg_catalog.pg_stat_get_xact_tuples_updated(k.child) + pg_catalog.pg_stat_get_xact_tuples_deleted(k.child)
		FROM (SELECT DISTINCT conrelid AS child FROM pg_catalog.pg_constraint WHERE contype = 'f' AND confdeltype IN ('c', 'n', 'd') AND confrelid = ANY ($1::oid[])) k`, []*string{&oids}, 0, 0)
	if err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for _, r := range rows {
		n, err := strconv.ParseInt(*r[1], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("count what goes with a row: %w", err)
		}
		out[*r[0]] += n
	}
	return out, nil
}
