package mydb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"honeyrow/seeder"
)

// Draw implements seeder.Planter. Of a counter it tells the next numbers; they
// are taken when a row is inserted with them. Should another session take one
// first, the insert gives a Violation that asks to draw again.
func (db *DB) Draw(ctx context.Context, t *seeder.Table, column string, n int) ([]string, error) {
	c := t.Column(column)
	switch {
	case c == nil || c.Sequence == "":
		return nil, fmt.Errorf("column %s of %s has no sequence", column, t)
	case c.Sequence != counter:
		return db.nextOf(ctx, c, n)
	}
	k, err := db.counter(ctx, t, c)
	if err != nil {
		return nil, err
	}
	return k.next(c, n)
}

func (db *DB) nextOf(ctx context.Context, c *seeder.Column, n int) ([]string, error) {
	var out []string
	for range n {
		rows, err := db.query(ctx, "SELECT CAST(NEXTVAL("+c.Sequence+") AS CHAR)") // its name came quoted from the server
		if err != nil {
			return nil, violation(err)
		}
		out = append(out, *rows[0][0])
	}
	return out, nil
}

// keyOf finds the primary key of a row that has just been inserted on a server
// without RETURNING. A trigger may have changed what was given, and defaults may
// be expressions: of a counter the server tells what the row has; any other key is
// looked up through a unique index whose values were given, if no row has
// the key that was given. What is not found is left out.
func (t *tx) keyOf(ctx context.Context, into string, tb *seeder.Table, row []seeder.Value, res sql.Result) (key []seeder.Value, err error) {
	primary := tb.Primary()
	counted := false
	for _, k := range primary {
		c := tb.Column(k)
		if c != nil && c.Sequence == counter {
			if n, err := res.LastInsertId(); err == nil && n > 0 {
				v := strconv.FormatInt(n, 10)
				key, counted = append(key, seeder.Value{Column: k, Text: &v}), true
				continue
			}
		}
		if i := slices.IndexFunc(row, func(v seeder.Value) bool { return v.Column == k }); i >= 0 {
			key = append(key, row[i])
		}
	}
	if len(primary) == 0 || counted && len(primary) == 1 || !readable(tb, primary) {
		return key, nil
	}
	if len(key) == len(primary) {
		w, args := where(tb, key)
		if found, err := t.db.query(ctx, "SELECT 1 FROM "+into+" WHERE "+w+" LIMIT 1", args...); err != nil || len(found) == 1 {
			return key, err
		}
	}
	for _, u := range tb.Uniques {
		w, args := given(tb, u, row)
		if w == "" {
			continue
		}
		found, err := t.db.query(ctx, "SELECT "+shows(tb, "", primary)+" FROM "+into+" WHERE "+w+" LIMIT 2", args...)
		if err != nil {
			return nil, err
		}
		if len(found) == 1 {
			key = key[:0]
			for i, k := range primary {
				key = append(key, seeder.Value{Column: k, Text: read(tb.Column(k), found[0][i])})
			}
			return key, nil
		}
	}
	return key, nil
}

// given is the condition that a row has the values of a unique index that row
// gives, in the server's sense of equality; "" if row does not give them all.
func given(tb *seeder.Table, u *seeder.Unique, row []seeder.Value) (cond string, args []any) {
	if u.Primary || u.Partial || !readable(tb, u.Columns) {
		return "", nil
	}
	var parts []string
	for _, name := range u.Columns {
		i := slices.IndexFunc(row, func(v seeder.Value) bool { return v.Column == name })
		if i < 0 || row[i].Text == nil {
			return "", nil
		}
		c := tb.Column(name)
		parts, args = append(parts, equal(quote(name), c)), append(args, arg(c, *row[i].Text))
	}
	return strings.Join(parts, " AND "), args
}

// readable reports whether the role may read all of the columns.
func readable(tb *seeder.Table, columns []string) bool {
	for _, name := range columns {
		if c := tb.Column(name); c == nil || !c.CanSelect {
			return false
		}
	}
	return len(columns) > 0
}

// count is the state of an AUTO_INCREMENT counter.
type count struct {
	at           uint64 // the next number it gives
	high         uint64 // the highest in use
	step, offset uint64 // auto_increment_increment and _offset: several primaries share a table
}

func (db *DB) counter(ctx context.Context, t *seeder.Table, c *seeder.Column) (*count, error) {
	rows, err := db.query(ctx, `SELECT CAST(AUTO_INCREMENT AS CHAR), CAST(@@auto_increment_increment AS CHAR), CAST(@@auto_increment_offset AS CHAR)
		FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?`, t.Name)
	if err != nil {
		return nil, violation(err)
	}
	if len(rows) != 1 {
		return nil, fmt.Errorf("table %s is not there any more", t)
	}
	k := &count{}
	for i, into := range []*uint64{&k.at, &k.step, &k.offset} {
		if v := rows[0][i]; v != nil {
			*into, _ = strconv.ParseUint(*v, 10, 64)
		}
	}
	high, err := db.Highest(ctx, t, c.Name)
	if err != nil {
		return nil, err
	}
	k.high, _ = strconv.ParseUint(high, 10, 64) // nothing, or a negative one: 0
	k.at = max(k.at, k.high+1, 1)
	if k.step = max(k.step, 1); k.offset > k.step { // then the server ignores it
		k.offset = 1
	}
	return k, nil
}

// spent is what a counter without numbers gives.
func spent(c *seeder.Column) error {
	return &seeder.Violation{Code: "2200H", Column: c.Name, Why: fmt.Sprintf("column %s (%s) has used up its numbers: its AUTO_INCREMENT has none left", c.Name, c.Type)}
}

// next tells the n numbers that the counter would give.
func (k *count) next(c *seeder.Column, n int) ([]string, error) {
	off := max(k.offset, 1)
	v := k.at
	if v <= off {
		v = off
	} else if rest := (v - off) % k.step; rest != 0 {
		v += k.step - rest
	}
	out := make([]string, n)
	for i := range out {
		if v > uint64(c.MaxInt) || v == 0 {
			return nil, spent(c)
		}
		out[i] = strconv.FormatUint(v, 10)
		v += k.step
	}
	return out, nil
}

// Keys for a trial: some more than rows, since rows are tried again, from among
// the newest keys.
const (
	spares = 4
	newest = 5000
)

// Spare implements seeder.Planter: numbers that move no counter, if there are any.
func (db *DB) Spare(ctx context.Context, t *seeder.Table, column string, n int) ([]string, error) {
	c := t.Column(column)
	if c == nil || c.Sequence != counter {
		return nil, nil
	}
	k, err := db.counter(ctx, t, c)
	if err != nil {
		return nil, err
	}
	given, err := k.next(c, n)
	if err != nil {
		return nil, err
	}
	var out []string
	for v := k.high + 1; v < k.at && len(out) < spares*n; v++ {
		out = append(out, strconv.FormatUint(v, 10))
	}
	if len(out) >= n || !c.CanSelect {
		return enough(out, given, n), nil
	}
	rows, err := db.query(ctx, fmt.Sprintf("SELECT CAST(%[1]s AS CHAR) FROM %[2]s WHERE %[1]s > 0 ORDER BY %[1]s DESC LIMIT %[3]d", quote(column), name(t), newest))
	if err != nil {
		return nil, violation(err)
	}
	out = append(out, gaps(rows, spares*n-len(out))...)
	if len(out) >= n {
		return out, nil
	}
	below, err := db.below(ctx, t, c, spares*n)
	if err != nil {
		return nil, err
	}
	return enough(append(out, below...), given, n), nil
}

// enough adds the counter's own numbers where others are too few.
func enough(out, given []string, n int) []string {
	if len(out) < n {
		return given
	}
	return out
}

// gaps returns up to n unused numbers between keys that come in falling order.
func gaps(rows [][]*string, n int) (out []string) {
	var last uint64
	for _, r := range rows {
		v, err := strconv.ParseUint(*r[0], 10, 64)
		if err != nil {
			break
		}
		for u := v + 1; u < last && len(out) < n; u++ {
			out = append(out, strconv.FormatUint(u, 10))
		}
		last = v
	}
	return out
}

// below returns n unused negative numbers, which no counter heeds, unless the
// column is unsigned or something might object to them. No CHECK may name the
// column.
func (db *DB) below(ctx context.Context, t *seeder.Table, c *seeder.Column, n int) ([]string, error) {
	if unsigned(c) || t.Kind != "table" || len(t.Triggers) > 0 {
		return nil, nil
	}
	for _, g := range t.Columns {
		if g.Computed { // from what, is not known
			return nil, nil
		}
	}
	rows, err := db.query(ctx, fmt.Sprintf("SELECT CAST(MIN(%s) AS CHAR) FROM %s", quote(c.Name), name(t)))
	if err != nil {
		return nil, violation(err)
	}
	low := int64(0)
	if v := rows[0][0]; v != nil {
		if low, err = strconv.ParseInt(*v, 10, 64); err != nil {
			return nil, errors.New("its lowest key is no number")
		}
	}
	low = min(low, 0)
	var out []string
	for i := int64(1); len(out) < n && low-i >= -c.MaxInt; i++ {
		out = append(out, strconv.FormatInt(low-i, 10))
	}
	return out, nil
}
