package mydb

import (
	"context"
	"fmt"
	"math/rand/v2"
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
	ranges   = 20 // ranges of keys from which a large table is sampled
)

// Sample implements seeder.Reader. Each row has the same chance; of large tables
// it takes rows from all over the range of the key, or from both ends if that is
// no number.
func (db *DB) Sample(ctx context.Context, t *seeder.Table, limit int, seed uint64) (*seeder.Sample, error) {
	s := &seeder.Sample{Cut: map[string]bool{}}
	exprs := sampled(t, s)
	if len(exprs) == 0 {
		return nil, &seeder.Violation{Code: "42501", Why: "the role may not read any of its columns"}
	}
	f := &fetch{db: db, t: t, s: s, from: fmt.Sprintf("SELECT %s FROM %s", strings.Join(exprs, ", "), name(t))}
	err := f.spread(ctx, limit, seed)
	s.Thin(limit, seed)
	return s, violation(err)
}

// fetch collects a sample's rows.
type fetch struct {
	db   *DB
	t    *seeder.Table
	s    *seeder.Sample
	from string
	size int
}

func (f *fetch) spread(ctx context.Context, limit int, seed uint64) error {
	key := f.t.Primary()
	switch big := f.t.Rows; {
	case big <= int64(limit):
		return f.take(ctx, "", most*limit)
	case big <= int64(20*limit), big <= int64(100*limit) && !f.byNumber(): // each row has the same chance
		share := 1.3 * float64(limit) / float64(big)
		if err := f.take(ctx, fmt.Sprintf(" WHERE RAND(%d) < %g", seed%1000, share), most*limit); err != nil || len(f.s.Rows) >= limit/2 {
			return err
		}
		f.s.Rows, f.size = nil, 0
		return f.take(ctx, "", most*limit) // it is not as large as the server thinks
	case len(key) == 0 || f.t.Column(key[0]) == nil || !f.t.Column(key[0]).CanSelect:
		return f.take(ctx, "", most*limit)
	}
	first := quote(key[0])
	if lo, hi, ok := f.ends(ctx, key); ok {
		r := rand.New(rand.NewPCG(seed, 0x5a3))
		width := (hi-lo)/ranges + 1
		for a := lo; a <= hi; a += width {
			at := a + r.Int64N(max(1, width*9/10))
			if err := f.take(ctx, fmt.Sprintf(" WHERE %s >= %d AND %s < %d ORDER BY %s", first, at, first, a+width, first), limit/ranges+1); err != nil {
				return err
			}
		}
	}
	if len(f.s.Rows) >= min(limit/4, 100) {
		return nil
	}
	f.s.Rows, f.size = nil, 0
	order := make([]string, len(key))
	for i, k := range key {
		order[i] = quote(k) + " DESC"
	}
	if err := f.take(ctx, "", limit/2); err != nil {
		return err
	}
	return f.take(ctx, " ORDER BY "+strings.Join(order, ", "), limit/2)
}

// most is how many times the rows wanted are read at most, to choose from.
const most = 4

// byNumber reports whether the primary key is one integer that may be read.
func (f *fetch) byNumber() bool {
	key := f.t.Primary()
	return len(key) == 1 && f.t.Column(key[0]) != nil && f.t.Column(key[0]).CanSelect && formOf(f.t.Column(key[0])) == asNumber
}

// ends returns the least and the greatest value of a key of one integer.
func (f *fetch) ends(ctx context.Context, key []string) (lo, hi int64, ok bool) {
	if !f.byNumber() {
		return 0, 0, false
	}
	rows, err := f.db.query(ctx, fmt.Sprintf("SELECT CAST(MIN(%[1]s) AS CHAR), CAST(MAX(%[1]s) AS CHAR) FROM %[2]s", quote(key[0]), name(f.t)))
	if err != nil || len(rows) != 1 || rows[0][0] == nil {
		return 0, 0, false
	}
	lo, err1 := strconv.ParseInt(*rows[0][0], 10, 64)
	hi, err2 := strconv.ParseInt(*rows[0][1], 10, 64)
	return lo, hi, err1 == nil && err2 == nil && hi-lo > 0
}

// sampled names in s the columns that the role may read, and returns the
// expressions for them.
func sampled(t *seeder.Table, s *seeder.Sample) (exprs []string) {
	for _, c := range t.Columns {
		if !c.CanSelect {
			continue
		}
		s.Columns = append(s.Columns, c.Name)
		q := quote(c.Name)
		switch f := formOf(c); {
		case f == asText && c.MaxLen == 0 && c.Class != generate.Enum:
			exprs = append(exprs, fmt.Sprintf("LEFT(%s, %d)", q, maxValue+1))
		case f == asBytes && c.Class == generate.Bytes:
			exprs = append(exprs, fmt.Sprintf("HEX(LEFT(%s, %d))", q, maxValue/2+1))
		default:
			exprs = append(exprs, fmt.Sprintf("LEFT(%s, %d)", show(q, c), 2*maxValue+1))
		}
	}
	return exprs
}

// Kin implements seeder.Kinsman.
func (db *DB) Kin(ctx context.Context, t *seeder.Table, column string, values []string, limit int) (*seeder.Sample, error) {
	s := &seeder.Sample{Cut: map[string]bool{}}
	c := t.Column(column)
	exprs := sampled(t, s)
	if c == nil || !c.CanSelect || len(values) == 0 {
		return s, nil
	}
	f := &fetch{db: db, t: t, s: s, from: fmt.Sprintf("SELECT %s FROM %s", strings.Join(exprs, ", "), name(t))}
	for from := 0; from < len(values) && len(s.Rows) < limit; from += chunk {
		part := values[from:min(from+chunk, len(values))]
		args := make([]any, len(part))
		one := equal(quote(column), c)
		for i, v := range part {
			args[i] = arg(c, v)
		}
		where := " WHERE " + strings.TrimSuffix(strings.Repeat("("+one+") OR ", len(part)), " OR ")
		if err := f.take(ctx, where, limit-len(s.Rows), args...); err != nil {
			return nil, violation(err)
		}
	}
	return s, nil
}

// Given implements seeder.Giver.
func (db *DB) Given(ctx context.Context, t *seeder.Table, column string) (int64, bool, error) {
	c := t.Column(column)
	if c == nil || c.Sequence != counter {
		return 0, false, nil
	}
	k, err := db.counter(ctx, t, c)
	if err != nil {
		return 0, false, err
	}
	return int64(min(k.at-1, uint64(c.MaxInt))), true, nil
}

var (
	_ seeder.Kinsman = (*DB)(nil)
	_ seeder.Giver   = (*DB)(nil)
)

// take reads up to limit rows more, and marks columns that were cut.
func (f *fetch) take(ctx context.Context, tail string, limit int, args ...any) error {
	rows, err := f.db.conn.QueryContext(ctx, f.from+tail+" LIMIT "+strconv.Itoa(limit), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	into := make([]any, len(f.s.Columns))
	for rows.Next() {
		row := make([]*string, len(into))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, v := range row {
			if v == nil {
				continue
			}
			if len(*v) > maxValue {
				f.s.Cut[f.s.Columns[i]] = true
			}
			f.size += len(*v)
			row[i] = read(f.t.Column(f.s.Columns[i]), v)
		}
		f.s.Rows = append(f.s.Rows, row)
		if f.size > maxBytes {
			break
		}
	}
	return rows.Err()
}

// chunk is how many tuples one statement asks for.
const chunk = 100

// Taken implements seeder.Reader.
func (db *DB) Taken(ctx context.Context, t *seeder.Table, columns []string, tuples [][]string) ([]bool, error) {
	out := make([]bool, len(tuples))
	var conds []string
	for _, name := range columns {
		c := t.Column(name)
		if c == nil || !c.CanSelect {
			return out, nil // nothing can be said; a unique constraint still holds
		}
		conds = append(conds, equal(quote(name), c))
	}
	one := fmt.Sprintf("EXISTS (SELECT 1 FROM %s WHERE %s)", name(t), strings.Join(conds, " AND "))
	for from := 0; from < len(tuples); from += chunk {
		part := tuples[from:min(from+chunk, len(tuples))]
		var args []any
		for _, tu := range part {
			for i, name := range columns {
				args = append(args, arg(t.Column(name), tu[i]))
			}
		}
		rows, err := db.query(ctx, "SELECT "+strings.TrimSuffix(strings.Repeat(one+", ", len(part)), ", "), args...)
		if err != nil {
			return nil, violation(err)
		}
		for k, v := range rows[0] {
			out[from+k] = v != nil && *v == "1"
		}
	}
	return out, nil
}

// Parents implements seeder.Reader.
func (db *DB) Parents(ctx context.Context, t *seeder.Table, fk *seeder.ForeignKey, free bool, limit int) ([][]string, error) {
	ref := &seeder.Table{Schema: fk.RefSchema, Name: fk.RefTable}
	var exprs, conds, on []string
	for i, name := range fk.RefColumns {
		c := t.Column(fk.Columns[i]) // of the same type
		if c == nil {
			return nil, nil
		}
		q := "p." + quote(name)
		exprs, conds = append(exprs, show(q, c)), append(conds, q+" IS NOT NULL")
		on = append(on, "c."+quote(fk.Columns[i])+" = "+q)
	}
	if free {
		conds = append(conds, fmt.Sprintf("NOT EXISTS (SELECT 1 FROM %s c WHERE %s)", name(t), strings.Join(on, " AND ")))
	}
	rows, err := db.query(ctx, fmt.Sprintf("SELECT %s FROM %s p WHERE %s LIMIT %d", strings.Join(exprs, ", "), name(ref), strings.Join(conds, " AND "), limit))
	if err != nil {
		return nil, violation(err)
	}
	out := make([][]string, len(rows))
	for i, r := range rows {
		for k, v := range r {
			out[i] = append(out[i], *read(t.Column(fk.Columns[k]), v))
		}
	}
	return out, nil
}

// Highest implements seeder.Planter.
func (db *DB) Highest(ctx context.Context, t *seeder.Table, column string) (string, error) {
	c := t.Column(column)
	if c == nil || !c.CanSelect || formOf(c) == asBytes || base(c) == "json" {
		return "", nil
	}
	rows, err := db.query(ctx, fmt.Sprintf("SELECT %s FROM %s", show("MAX("+quote(column)+")", c), name(t)))
	if err != nil {
		return "", violation(err)
	}
	if len(rows) == 0 || rows[0][0] == nil {
		return "", nil
	}
	return *rows[0][0], nil
}
