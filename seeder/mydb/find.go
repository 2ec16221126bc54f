package mydb

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"honeyrow/seeder"
)

var _ seeder.Finder = (*DB)(nil)

// Find implements seeder.Finder: columns that lead an index are looked up in
// it, the others share one scan of the whole table.
func (db *DB) Find(ctx context.Context, t *seeder.Table, columns []string, values *seeder.Sought, limit time.Duration) ([]seeder.Spot, error) {
	if len(columns) == 0 || len(values.Values) == 0 {
		return nil, nil
	}
	if err := db.patience(ctx, seeder.Limits{StatementTimeout: limit, LockTimeout: limit}); err != nil {
		return nil, err
	}
	defer func() { _ = db.patience(context.WithoutCancel(ctx), seeder.Limits{}) }()
	l := &look{db: db, t: t, values: values, seen: map[seeder.Spot]bool{}}
	if values.Sift(t.Rows) {
		err := l.sift(ctx, columns)
		return l.spots, violation(err)
	}
	lead, err := db.query(ctx, `SELECT DISTINCT COLUMN_NAME FROM information_schema.STATISTICS
		WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ? AND SEQ_IN_INDEX = 1 AND COLUMN_NAME IS NOT NULL`, orNull(t.Schema), t.Name)
	if err != nil {
		return nil, violation(err)
	}
	indexed := map[string]bool{}
	for _, r := range lead {
		indexed[*r[0]] = true
	}
	var scan []string
	for _, c := range columns {
		if !indexed[c] {
			scan = append(scan, c)
			continue
		}
		for some := range slices.Chunk(values.Values, atATime) {
			if err := l.ask(ctx, []string{c}, some); err != nil {
				return nil, violation(err)
			}
		}
	}
	if len(values.Values)*len(scan) > mostMarks {
		err = l.sift(ctx, scan)
	} else {
		err = l.ask(ctx, scan, values.Values)
	}
	return l.spots, violation(err)
}

// A statement has no more than 65,535 parameters: atATime bounds the values that
// one asks for, mostMarks those of all columns together.
const (
	atATime   = 10_000
	mostMarks = 50_000
)

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// look collects the columns of a table that hold one of some values.
type look struct {
	db     *DB
	t      *seeder.Table
	values *seeder.Sought
	seen   map[seeder.Spot]bool
	spots  []seeder.Spot
}

var decimal = regexp.MustCompile(`^-?[0-9]{1,60}(\.[0-9]{1,30})?$`)

// ask asks for rows with one of some values in one of the columns, in the
// server's sense of equality.
func (l *look) ask(ctx context.Context, columns, values []string) error {
	var exprs, conds []string
	var cols []*seeder.Column
	var args []any
	for _, name := range columns {
		c := l.t.Column(name)
		if c == nil {
			continue
		}
		cond, bound := l.among(c, values)
		if cond == "" {
			continue
		}
		cols = append(cols, c)
		exprs, conds, args = append(exprs, show(quote(name), c)), append(conds, cond), append(args, bound...)
	}
	if len(cols) == 0 {
		return nil
	}
	return l.keep(ctx, cols, fmt.Sprintf("SELECT %s FROM %s WHERE %s", strings.Join(exprs, ", "), name(l.t), strings.Join(conds, " OR ")), args...)
}

// sift reads the columns of all rows. Texts that are longer than every value
// stay where they are.
func (l *look) sift(ctx context.Context, columns []string) error {
	var exprs []string
	var cols []*seeder.Column
	for _, name := range columns {
		c := l.t.Column(name)
		if c == nil {
			continue
		}
		x := show(quote(name), c)
		if formOf(c) == asText {
			x = fmt.Sprintf("IF(OCTET_LENGTH(%s) <= %d, %s, NULL)", quote(name), l.values.Longest(), x)
		}
		cols, exprs = append(cols, c), append(exprs, x)
	}
	if len(cols) == 0 {
		return nil
	}
	return l.keep(ctx, cols, fmt.Sprintf("SELECT %s FROM %s", strings.Join(exprs, ", "), name(l.t)))
}

// keep compares what a query gives of the columns to the byte.
func (l *look) keep(ctx context.Context, cols []*seeder.Column, query string, args ...any) error {
	rows, err := l.db.conn.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	row, into := make([]sql.RawBytes, len(cols)), make([]any, len(cols))
	for i := range row {
		into[i] = &row[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, c := range cols {
			v := []byte(row[i])
			if v != nil && formOf(c) == asBytes {
				text := string(v)
				v = []byte(*read(c, &text))
			}
			if v == nil || !l.values.Has(v) {
				continue
			}
			if s := (seeder.Spot{Column: c.Name, Value: string(v)}); !l.seen[s] {
				l.seen[s] = true
				l.spots = append(l.spots, s)
			}
		}
	}
	return rows.Err()
}

// among is the condition that a column holds one of the values, "" if it can't.
func (l *look) among(c *seeder.Column, values []string) (string, []any) {
	q, mark := quote(c.Name), "?"
	var marks []string
	var args []any
	for _, v := range values {
		switch formOf(c) {
		case asNumber, asDecimal:
			if decimal.MatchString(v) {
				marks = append(marks, v) // as a number, so that an index serves
			}
			continue
		case asBytes:
			if !strings.HasPrefix(v, `\x`) && len(v) != 36 {
				continue
			}
			mark = put(c)
		case asText:
		default:
			q = show(quote(c.Name), c)
		}
		marks, args = append(marks, mark), append(args, arg(c, v))
	}
	if len(marks) == 0 {
		return "", nil
	}
	return q + " IN (" + strings.Join(marks, ", ") + ")", args
}
