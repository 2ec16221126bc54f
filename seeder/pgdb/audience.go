package pgdb

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"honeyrow/seeder"
)

var _ seeder.Witness = (*DB)(nil)

// Audience implements seeder.Witness, from the views' rules and pg_stat_statements.
func (db *DB) Audience(ctx context.Context, t *seeder.Table) (out []seeder.Onlooker, unknown string, err error) {
	oids := []string{strconv.FormatUint(uint64(t.OID), 10)}
	for _, p := range t.Parts {
		oids = append(oids, strconv.FormatUint(uint64(p.OID), 10))
	}
	own := "{" + strings.Join(oids, ",") + "}"
	views, err := query(ctx, db.conn.PgConn(), `WITH RECURSIVE sees(oid) AS (
			SELECT w.ev_class FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite w ON w.oid = d.objid
			WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = ANY ($1::oid[]) AND w.ev_class <> d.refobjid
			UNION
			SELECT w.ev_class FROM sees s JOIN pg_catalog.pg_depend d ON d.refobjid = s.oid AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
			JOIN pg_catalog.pg_rewrite w ON w.oid = d.objid AND w.ev_class <> s.oid)
		SELECT CASE c.relkind WHEN 'm' THEN 'materialized view ' ELSE 'view ' END, n.nspname || '.' || c.relname, c.relkind
		FROM sees s JOIN pg_catalog.pg_class c ON c.oid = s.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('v', 'm') ORDER BY 2`, []*string{&own}, 0, 0)
	if err != nil {
		return nil, "", violation(err)
	}
	for _, v := range views {
		what := *v[0] + *v[1]
		if *v[2] == "m" {
			what += ": from its next REFRESH on, and until the one after seed remove"
		}
		out = append(out, seeder.Onlooker{What: what})
	}
	statements, unknown, err := db.statements(ctx, t)
	return append(out, statements...), unknown, err
}

const (
	maxStatements = 5  // of a table
	leastRead     = 50 // rows that a statement gives, on average, to be counted as one that reads much
)

// statements are those that gave many rows of a table, most first: one that asks for
// a row by its key never meets a honey row.
func (db *DB) statements(ctx context.Context, t *seeder.Table) (out []seeder.Onlooker, unknown string, err error) {
	at, err := query(ctx, db.conn.PgConn(), `SELECT n.nspname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'`, nil, 0, 1)
	if err != nil {
		return nil, "", violation(err)
	}
	if len(at) == 0 {
		return nil, "pg_stat_statements is not installed in this database", nil
	}
	view := pgx.Identifier{*at[0][0], "pg_stat_statements"}.Sanitize()
	word, least := `(^|[^[:alnum:]_])`+escape(t.Name)+`([^[:alnum:]_]|$)`, strconv.FormatInt(max(leastRead, t.Rows/5), 10)
	rows, err := query(ctx, db.conn.PgConn(), fmt.Sprintf(`SELECT coalesce(r.rolname, ''), s.calls, s.rows / greatest(s.calls, 1), left(pg_catalog.regexp_replace(s.query, '\s+', ' ', 'g'), 200)
		FROM %s s LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.userid
		WHERE s.dbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()) AND r.rolname IS DISTINCT FROM current_user
			AND s.query ~* '^\s*(select|with|copy|table|declare|fetch)' AND s.query ~* $1 AND s.rows >= s.calls * $2::bigint
		ORDER BY s.rows DESC LIMIT %d`, view, maxStatements), []*string{&word, &least}, 0, 0)
	if err != nil {
		return nil, "", violation(err)
	}
	for _, r := range rows {
		out = append(out, seeder.Onlooker{User: *r[0], What: fmt.Sprintf("role %s: %s times, %s rows each: %s", *r[0], *r[1], *r[2], *r[3])})
	}
	hidden, err := query(ctx, db.conn.PgConn(), fmt.Sprintf("SELECT count(*) FROM %s WHERE query = '<insufficient privilege>'", view), nil, 0, 1)
	if err == nil && len(hidden) == 1 && *hidden[0][0] != "0" {
		unknown = "statements of others are hidden from the role: grant pg_read_all_stats while it plans"
	}
	return out, unknown, violation(err)
}

// escape makes a name a regular expression.
func escape(name string) string {
	var b strings.Builder
	for _, r := range name {
		if strings.ContainsRune(`\.+*?()|[]{}^$`, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
