package pgdb

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"honeyrow/seeder"
	"honeyrow/seeder/generate"
)

// Values longer than maxValue characters are cut in samples, and a sample ends
// after maxBytes.
const (
	maxValue = 2000
	maxBytes = 8 << 20
)

// Sample implements seeder.Reader. Large tables are sampled by blocks; of all
// others each row has the same chance.
func (db *DB) Sample(ctx context.Context, t *seeder.Table, limit int, seed uint64) (*seeder.Sample, error) {
	s := &seeder.Sample{Cut: map[string]bool{}}
	exprs := sampled(t, s)
	if len(exprs) == 0 {
		return nil, &seeder.Violation{Code: "42501", Why: "the role may not read any of its columns"}
	}
	sql := fmt.Sprintf("SELECT %s FROM %s", strings.Join(exprs, ", "), name(t))
	var err error
	switch big := t.Rows; {
	case big > int64(40*limit) && t.WholeSelect:
		pct := min(100, 200*float64(limit)/float64(big))
		s.Rows, err = db.take(ctx, s, fmt.Sprintf("%s TABLESAMPLE SYSTEM (%g) REPEATABLE (%d)", sql, pct, seed%1000), most*limit, nil)
	case big > int64(limit): // of a table that is larger still, the first rows alone
		if _, err = db.conn.Exec(ctx, fmt.Sprintf("SELECT pg_catalog.setseed(%g)", float64(seed%1000)/1000)); err == nil {
			share := 1.3 * float64(limit) / float64(min(big, int64(100*limit)))
			s.Rows, err = db.take(ctx, s, fmt.Sprintf("%s WHERE pg_catalog.random() < %g", sql, share), most*limit, nil)
		}
	}
	if err == nil && len(s.Rows) < limit/2 { // small, or not as large as the server thinks
		s.Rows, err = db.take(ctx, s, sql, most*limit, nil)
	}
	s.Thin(limit, seed)
	return s, err
}

// most is how many times the rows wanted are read at most, to choose from.
const most = 4

// sampled names in s the columns that the role may read, and returns the
// expressions for them.
func sampled(t *seeder.Table, s *seeder.Sample) (exprs []string) {
	for _, c := range t.Columns {
		if !c.CanSelect {
			continue
		}
		s.Columns = append(s.Columns, c.Name)
		switch q := quote(c.Name); {
		case c.Class == generate.Text && c.MaxLen == 0:
			exprs = append(exprs, fmt.Sprintf("pg_catalog.left(%s::text, %d)", q, maxValue+1))
		case c.Class == generate.Text: // without the padding of character(n)
			exprs = append(exprs, q+"::text")
		case c.Class == generate.Bytes:
			exprs = append(exprs, fmt.Sprintf("pg_catalog.substring(%s, 1, %d)", q, maxValue/2+1))
		case c.Class == generate.JSON, c.Class == generate.Array, c.Class == generate.Other:
			exprs = append(exprs, fmt.Sprintf("pg_catalog.left(%s::text, %d)", q, maxValue+1))
		default:
			exprs = append(exprs, q)
		}
	}
	return exprs
}

// take reads up to limit rows and maxBytes, and marks columns that were cut.
func (db *DB) take(ctx context.Context, s *seeder.Sample, sql string, limit int, args [][]byte) ([][]*string, error) {
	rr := db.conn.PgConn().ExecParams(ctx, sql+" LIMIT "+strconv.Itoa(limit), args, nil, nil, nil)
	var rows [][]*string
	size := 0
	for rr.NextRow() {
		if size > maxBytes {
			continue
		}
		row := make([]*string, len(rr.Values()))
		for i, v := range rr.Values() {
			if v == nil {
				continue
			}
			if len(v) > maxValue {
				s.Cut[s.Columns[i]] = true
			}
			size += len(v)
			text := string(v)
			row[i] = &text
		}
		rows = append(rows, row)
	}
	if _, err := rr.Close(); err != nil {
		return nil, violation(err)
	}
	return rows, nil
}

// Taken implements seeder.Reader.
func (db *DB) Taken(ctx context.Context, t *seeder.Table, columns []string, tuples [][]string) ([]bool, error) {
	out := make([]bool, len(tuples))
	if len(tuples) == 0 {
		return out, nil
	}
	var arrays, names, conds []string
	args := make([]*string, len(columns))
	for i, c := range columns {
		col := t.Column(c)
		if col == nil || !col.CanSelect {
			return out, nil // nothing can be said; a unique constraint still holds
		}
		vs := make([]string, len(tuples))
		for k, tu := range tuples {
			vs[k] = tu[i]
		}
		lit := arrayLiteral(vs)
		args[i] = &lit
		arrays = append(arrays, fmt.Sprintf("$%d::text[]", i+1))
		names = append(names, "v"+strconv.Itoa(i))
		conds = append(conds, fmt.Sprintf("t.%s = v.v%d::%s", quote(c), i, col.Cast))
	}
	sql := fmt.Sprintf("SELECT DISTINCT v.n FROM %s t JOIN unnest(%s) WITH ORDINALITY v(%s, n) ON %s",
		name(t), strings.Join(arrays, ", "), strings.Join(names, ", "), strings.Join(conds, " AND "))
	rows, err := query(ctx, db.conn.PgConn(), sql, args, 0, 0)
	if err != nil {
		return nil, violation(err)
	}
	for _, r := range rows {
		n, err := strconv.Atoi(*r[0])
		if err != nil || n < 1 || n > len(out) {
			return nil, fmt.Errorf("the server numbered a value wrongly")
		}
		out[n-1] = true
	}
	return out, nil
}

// arrayLiteral writes an array of texts in PostgreSQL's input form.
func arrayLiteral(vs []string) string {
	esc := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	var b strings.Builder
	b.WriteByte('{')
	for i, v := range vs {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + esc.Replace(v) + `"`)
	}
	b.WriteByte('}')
	return b.String()
}

// Parents implements seeder.Reader.
func (db *DB) Parents(ctx context.Context, t *seeder.Table, fk *seeder.ForeignKey, free bool, limit int) ([][]string, error) {
	ref := &seeder.Table{Schema: fk.RefSchema, Name: fk.RefTable}
	sql := fmt.Sprintf("SELECT %s FROM %s p WHERE true", prefixed("p", fk.RefColumns), name(ref))
	for _, c := range fk.RefColumns {
		sql += fmt.Sprintf(" AND p.%s IS NOT NULL", quote(c))
	}
	if free {
		var on []string
		for i, c := range fk.Columns {
			on = append(on, fmt.Sprintf("c.%s = p.%s", quote(c), quote(fk.RefColumns[i])))
		}
		sql += fmt.Sprintf(" AND NOT EXISTS (SELECT FROM %s c WHERE %s)", name(t), strings.Join(on, " AND "))
	}
	rows, err := query(ctx, db.conn.PgConn(), sql+" LIMIT "+strconv.Itoa(limit), nil, 0, limit)
	if err != nil {
		return nil, violation(err)
	}
	out := make([][]string, len(rows))
	for i, r := range rows {
		for _, v := range r {
			out[i] = append(out[i], *v)
		}
	}
	return out, nil
}

func prefixed(p string, columns []string) string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = p + "." + quote(c)
	}
	return strings.Join(out, ", ")
}

// Highest implements seeder.Planter.
func (db *DB) Highest(ctx context.Context, t *seeder.Table, column string) (string, error) {
	if c := t.Column(column); c == nil || !c.CanSelect {
		return "", nil
	}
	rows, err := query(ctx, db.conn.PgConn(), fmt.Sprintf("SELECT pg_catalog.max(%s) FROM %s", quote(column), name(t)), nil, 0, 1)
	if err != nil {
		return "", violation(err)
	}
	if len(rows) == 0 || rows[0][0] == nil {
		return "", nil
	}
	return *rows[0][0], nil
}

// Draw implements seeder.Planter.
func (db *DB) Draw(ctx context.Context, t *seeder.Table, column string, n int) ([]string, error) {
	c := t.Column(column)
	if c == nil || c.Sequence == "" {
		return nil, fmt.Errorf("column %s of %s has no sequence", column, t)
	}
	rows, err := query(ctx, db.conn.PgConn(), "SELECT pg_catalog.nextval($1::regclass) FROM pg_catalog.generate_series(1, "+strconv.Itoa(n)+")", []*string{&c.Sequence}, 0, n)
	if err != nil {
		return nil, violation(err)
	}
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = *r[0]
	}
	return out, nil
}

// Spare implements seeder.Planter: inserting a key moves no sequence.
func (db *DB) Spare(context.Context, *seeder.Table, string, int) ([]string, error) {
	return nil, nil
}
