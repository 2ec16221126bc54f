package mydb

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"honeyrow/seeder"
)

var _ seeder.Finder = (*DB)(nil)

// Find implements seeder.Finder: columns that lead an index are looked up in
// it, the others share one scan of the whole table.
func (db *DB) Find(ctx context.Context, t *seeder.Table, columns, values []string, limit time.Duration) ([]seeder.Spot, error) {
	if len(columns) == 0 || len(values) == 0 {
		return nil, nil
	}
	if err := db.patience(ctx, seeder.Limits{StatementTimeout: limit, LockTimeout: limit}); err != nil {
		return nil, err
	}
	defer func() { _ = db.patience(context.WithoutCancel(ctx), seeder.Limits{}) }()
	lead, err := db.query(ctx, `SELECT DISTINCT COLUMN_NAME FROM information_schema.STATISTICS
		WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ? AND SEQ_IN_INDEX = 1 AND COLUMN_NAME IS NOT NULL`, orNull(t.Schema), t.Name)
	if err != nil {
		return nil, violation(err)
	}
	indexed := map[string]bool{}
	for _, r := range lead {
		indexed[*r[0]] = true
	}
	l := &look{db: db, t: t, values: values, want: map[string]bool{}, seen: map[seeder.Spot]bool{}}
	for _, v := range values {
		l.want[v] = true
	}
	var scan []string
	for _, c := range columns {
		if !indexed[c] {
			scan = append(scan, c)
		} else if err := l.ask(ctx, []string{c}); err != nil {
			return nil, violation(err)
		}
	}
	return l.spots, violation(l.ask(ctx, scan))
}

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
	values []string
	want   map[string]bool
	seen   map[seeder.Spot]bool
	spots  []seeder.Spot
}

var decimal = regexp.MustCompile(`^-?[0-9]{1,60}(\.[0-9]{1,30})?$`)

// ask asks for rows with a value in one of the columns, in the server's sense
// of equality, and compares to the byte.
func (l *look) ask(ctx context.Context, columns []string) error {
	var exprs, conds []string
	var cols []*seeder.Column
	var args []any
	for _, name := range columns {
		c := l.t.Column(name)
		if c == nil {
			continue
		}
		cond, bound := l.among(c)
		if cond == "" {
			continue
		}
		cols = append(cols, c)
		exprs, conds, args = append(exprs, show(quote(name), c)), append(conds, cond), append(args, bound...)
	}
	if len(cols) == 0 {
		return nil
	}
	rows, err := l.db.conn.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %s", strings.Join(exprs, ", "), name(l.t), strings.Join(conds, " OR ")), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	row, into := make([]*string, len(cols)), make([]any, len(cols))
	for i := range row {
		into[i] = &row[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, c := range cols {
			v := read(c, row[i])
			if v == nil || !l.want[*v] {
				continue
			}
			if s := (seeder.Spot{Column: c.Name, Value: *v}); !l.seen[s] {
				l.seen[s] = true
				l.spots = append(l.spots, s)
			}
		}
	}
	return rows.Err()
}

// among is the condition that a column holds one of the values, "" if it can't.
func (l *look) among(c *seeder.Column) (string, []any) {
	q, mark := quote(c.Name), "?"
	var marks []string
	var args []any
	for _, v := range l.values {
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
