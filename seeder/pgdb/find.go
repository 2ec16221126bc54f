package pgdb

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"honeyrow/seeder"
	"honeyrow/seeder/generate"
)

var (
	_ seeder.Finder  = (*DB)(nil)
	_ seeder.Counter = (*DB)(nil)

	_ seeder.Historian = (*DB)(nil)
)

// Find implements seeder.Finder: columns that lead an index are looked up in
// it, the others share one scan of the whole table. It works in a read-only
// transaction of its own.
func (db *DB) Find(ctx context.Context, t *seeder.Table, columns []string, values *seeder.Sought, limit time.Duration) ([]seeder.Spot, error) {
	if len(columns) == 0 || len(values.Values) == 0 {
		return nil, nil
	}
	x := &tx{conn: db.conn.PgConn()}
	ms := strconv.FormatInt(max(1, limit.Milliseconds()), 10)
	if err := x.exec(ctx, "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL statement_timeout = "+ms+"; SET LOCAL lock_timeout = "+ms); err != nil {
		_ = x.End(ctx, false)
		return nil, violation(err)
	}
	defer x.End(ctx, false)
	if values.Sift(t.Rows) {
		out, err := sift(ctx, x, t, columns, values)
		return out, violation(err)
	}
	lead, err := query(ctx, x.conn, `SELECT DISTINCT a.attname::text FROM pg_catalog.pg_index i
		JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_am m ON m.oid = c.relam AND m.amname IN ('btree', 'hash')
		JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
		WHERE i.indrelid = $1::pg_catalog.oid AND i.indisvalid AND i.indpred IS NULL`, []*string{ptr(strconv.FormatUint(uint64(t.OID), 10))}, 0, 0)
	if err != nil {
		return nil, violation(err)
	}
	indexed := map[string]bool{}
	for _, r := range lead {
		indexed[*r[0]] = true
	}
	var out []seeder.Spot
	var scan []string
	for _, c := range columns {
		if !indexed[c] {
			scan = append(scan, c)
			continue
		}
		got, err := look(ctx, x, t, []string{c}, values.Values, false)
		if err != nil {
			return nil, violation(err)
		}
		out = append(out, got...)
	}
	got, err := look(ctx, x, t, scan, values.Values, true)
	return append(out, got...), violation(err)
}

func ptr(s string) *string { return &s }

// sift reads the columns of all rows and keeps what is sought. Texts that are
// longer than every value stay where they are.
func sift(ctx context.Context, x *tx, t *seeder.Table, columns []string, values *seeder.Sought) (out []seeder.Spot, err error) {
	var exprs []string
	for _, name := range columns {
		q := quote(name)
		if c := t.Column(name); c != nil && c.Class == generate.Text && c.MaxLen == 0 {
			q = fmt.Sprintf("CASE WHEN pg_catalog.octet_length(%[1]s::text) <= %[2]d THEN %[1]s::text END", q, values.Longest())
		} else {
			q += "::text"
		}
		exprs = append(exprs, q)
	}
	seen := map[seeder.Spot]bool{}
	rr := x.conn.ExecParams(ctx, fmt.Sprintf("SELECT %s FROM %s", strings.Join(exprs, ", "), name(t)), nil, nil, nil, nil)
	for rr.NextRow() {
		for i, v := range rr.Values() {
			if v == nil || !values.Has(v) {
				continue
			}
			if s := (seeder.Spot{Column: columns[i], Value: string(v)}); !seen[s] {
				seen[s] = true
				out = append(out, s)
			}
		}
	}
	_, err = rr.Close()
	return out, err
}

// look asks for the columns that hold one of the values. guard keeps a scan
// from fetching long texts that can't be equal.
func look(ctx context.Context, x *tx, t *seeder.Table, columns, values []string, guard bool) ([]seeder.Spot, error) {
	longest := 0
	var numbers []string
	for _, v := range values {
		longest = max(longest, len(v))
		if n, err := strconv.ParseInt(v, 10, 64); err == nil && strconv.FormatInt(n, 10) == v {
			numbers = append(numbers, v)
		}
	}
	var forms, conds, asked []string
	for _, name := range columns {
		c := t.Column(name)
		if c == nil {
			continue
		}
		q := "t." + quote(name)
		cond := q + "::text = ANY ($1::text[])"
		switch {
		case c.Class == generate.Integer && len(numbers) == 0:
			continue
		case c.Class == generate.Integer:
			cond = q + " = ANY ('{" + strings.Join(numbers, ",") + "}'::bigint[])" // nothing but digits
		case c.Class == generate.Text && c.MaxLen == 0 && guard:
			cond = fmt.Sprintf("(pg_catalog.octet_length(%s::text) <= %d AND %s)", q, longest, cond)
		}
		forms = append(forms, fmt.Sprintf(`(%d, %s::text COLLATE "C")`, len(forms), q)) // columns may differ in collation
		conds = append(conds, cond)
		asked = append(asked, name)
	}
	if len(forms) == 0 {
		return nil, nil
	}
	lit := arrayLiteral(values)
	sql := fmt.Sprintf("SELECT DISTINCT x.k, x.v FROM %s t CROSS JOIN LATERAL (VALUES %s) x(k, v) WHERE (%s) AND x.v = ANY ($1::text[])",
		name(t), strings.Join(forms, ", "), strings.Join(conds, " OR "))
	rows, err := query(ctx, x.conn, sql, []*string{&lit}, 0, 0)
	if err != nil {
		return nil, err
	}
	out := make([]seeder.Spot, 0, len(rows))
	for _, r := range rows {
		k, err := strconv.Atoi(*r[0])
		if err != nil || k < 0 || k >= len(asked) {
			return nil, fmt.Errorf("the server numbered a column wrongly")
		}
		out = append(out, seeder.Spot{Column: asked[k], Value: *r[1]})
	}
	return out, nil
}

// Last implements seeder.Counter.
func (db *DB) Last(ctx context.Context, t *seeder.Table, column, stem string) (string, error) {
	if c := t.Column(column); c == nil || !c.CanSelect {
		return "", nil
	}
	q := quote(column) + "::text"
	sql := fmt.Sprintf(`SELECT %[1]s FROM %[2]s WHERE pg_catalog.starts_with(%[1]s, $1) AND pg_catalog.substr(%[1]s, pg_catalog.length($1) + 1) ~ '^[0-9]+$'
		ORDER BY pg_catalog.length(%[1]s) DESC, %[1]s COLLATE "C" DESC LIMIT 1`, q, name(t))
	rows, err := query(ctx, db.conn.PgConn(), sql, []*string{&stem}, 0, 1)
	if err != nil || len(rows) == 0 {
		return "", violation(err)
	}
	return *rows[0][0], nil
}

var (
	_ seeder.Kinsman = (*DB)(nil)
	_ seeder.Giver   = (*DB)(nil)
	_ seeder.Idler   = (*DB)(nil)
)

// Kin implements seeder.Kinsman.
func (db *DB) Kin(ctx context.Context, t *seeder.Table, column string, values []string, limit int) (*seeder.Sample, error) {
	s := &seeder.Sample{Cut: map[string]bool{}}
	c := t.Column(column)
	if c == nil || !c.CanSelect || len(values) == 0 {
		return s, nil
	}
	exprs := sampled(t, s)
	sql := fmt.Sprintf("SELECT %s FROM %s WHERE %s IN (SELECT v::%s FROM pg_catalog.unnest($1::text[]) v)", strings.Join(exprs, ", "), name(t), quote(column), c.Cast)
	lit := arrayLiteral(values)
	var err error
	s.Rows, err = db.take(ctx, s, sql, limit, [][]byte{[]byte(lit)})
	return s, err
}

// Updated implements seeder.Historian, from the server's statistics.
func (db *DB) Updated(ctx context.Context, t *seeder.Table) (share float64, known bool, err error) {
	rows, err := query(ctx, db.conn.PgConn(), `SELECT pg_catalog.sum(n_tup_upd)::pg_catalog.float8, pg_catalog.sum(GREATEST(n_live_tup, n_tup_ins))::pg_catalog.float8
		FROM pg_catalog.pg_stat_all_tables WHERE relid = $1::pg_catalog.oid OR relid IN (SELECT inhrelid FROM pg_catalog.pg_inherits WHERE inhparent = $1::pg_catalog.oid)`,
		[]*string{ptr(strconv.FormatUint(uint64(t.OID), 10))}, 0, 1)
	if err != nil || len(rows) != 1 || rows[0][0] == nil || rows[0][1] == nil {
		return 0, false, violation(err)
	}
	updates, err1 := strconv.ParseFloat(*rows[0][0], 64)
	live, err2 := strconv.ParseFloat(*rows[0][1], 64)
	if err1 != nil || err2 != nil || live < 1 {
		return 0, false, nil
	}
	return updates / live, true, nil
}

// Given implements seeder.Giver.
func (db *DB) Given(ctx context.Context, t *seeder.Table, column string) (int64, bool, error) {
	c := t.Column(column)
	if c == nil || c.Sequence == "" {
		return 0, false, nil
	}
	// Where sessions keep numbers ahead or numbers are given in steps, one below
	// the last may still be given. Who may not read the sequence is not told.
	rows, err := query(ctx, db.conn.PgConn(), "SELECT pg_catalog.pg_sequence_last_value(q.seqrelid), pg_catalog.has_sequence_privilege(q.seqrelid, 'SELECT') FROM pg_catalog.pg_sequence q WHERE q.seqrelid = $1::regclass AND q.seqincrement = 1 AND q.seqcache = 1 AND pg_catalog.has_sequence_privilege(q.seqrelid, 'USAGE, SELECT')",
		[]*string{&c.Sequence}, 0, 1)
	if err == nil && len(rows) == 1 && rows[0][0] == nil && *rows[0][1] == "t" { // it has given none since it was set: it says itself with which it begins
		rows, err = query(ctx, db.conn.PgConn(), "SELECT last_value - 1 FROM "+c.Sequence+" WHERE NOT is_called", nil, 0, 1)
	}
	if err != nil || len(rows) != 1 || rows[0][0] == nil {
		return 0, false, violation(err)
	}
	n, err := strconv.ParseInt(*rows[0][0], 10, 64)
	return n, err == nil, err
}

// Idle implements seeder.Idler: nextval and INSERT keep their locks until the
// transaction's end, also of one that is prepared and has no process.
func (db *DB) Idle(ctx context.Context, t *seeder.Table, column string) (bool, error) {
	c := t.Column(column)
	if c == nil || c.Sequence == "" {
		return false, nil
	}
	rows, err := query(ctx, db.conn.PgConn(), `SELECT count(*) FROM pg_catalog.pg_locks l
		WHERE l.locktype = 'relation' AND l.mode NOT IN ('AccessShareLock', 'RowShareLock') AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
		AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
		AND l.relation IN ($1::pg_catalog.regclass, $2::pg_catalog.oid)`,
		[]*string{&c.Sequence, ptr(strconv.FormatUint(uint64(t.OID), 10))}, 0, 1)
	if err != nil || len(rows) != 1 || rows[0][0] == nil {
		return false, violation(err)
	}
	return *rows[0][0] == "0", nil
}
