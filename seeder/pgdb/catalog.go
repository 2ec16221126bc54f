package pgdb

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/jackc/pgx/v5"

	"honeyrow/seeder"
)

// user relations: not the system's, not an extension's, not another session's.
const userTables = `n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
	AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
	AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')`

// reader collects a catalogue.
type reader struct {
	db    *DB
	cat   *seeder.Catalog
	byOID map[uint32]*seeder.Table
	attrs map[uint32]map[uint16]*seeder.Column
	types map[uint32]*typ
	kids  map[uint32][]uint32
	dads  map[uint32][]uint32
	all   map[uint32]map[string]uint16 // attribute numbers of all relations read
}

// Catalog implements seeder.Reader.
func (db *DB) Catalog(ctx context.Context) (*seeder.Catalog, error) {
	r := &reader{
		db: db, cat: &seeder.Catalog{Product: "postgres"}, byOID: map[uint32]*seeder.Table{}, attrs: map[uint32]map[uint16]*seeder.Column{},
		types: map[uint32]*typ{}, kids: map[uint32][]uint32{}, dads: map[uint32][]uint32{}, all: map[uint32]map[string]uint16{},
	}
	tx, err := db.conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, violation(err)
	}
	defer tx.Rollback(ctx)
	err = db.conn.QueryRow(ctx, "SELECT current_database(), current_user::text, current_setting('server_version')").
		Scan(&r.cat.Database, &r.cat.User, &r.cat.Version)
	if err != nil {
		return nil, violation(err)
	}
	for _, step := range []struct {
		name string
		read func(context.Context) error
	}{
		{"types", r.readTypes},
		{"tables", r.readTables},
		{"columns", r.readColumns},
		{"inheritance", r.readInheritance},
		{"indexes", r.readUniques},
		{"constraints", r.readConstraints},
		{"triggers", r.readTriggers},
		{"routines", r.readRoutines},
	} {
		if err := step.read(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", step.name, violation(err))
		}
	}
	return r.cat, violation(r.readLogging(ctx))
}

// readLogging looks whether the server's log would hold what is planted.
func (r *reader) readLogging(ctx context.Context) error {
	var statement, slow string
	err := r.db.conn.QueryRow(ctx, "SELECT current_setting('log_statement'), current_setting('log_min_duration_statement')").Scan(&statement, &slow)
	switch {
	case err != nil:
		return err
	case statement == "all" || statement == "mod":
		r.cat.Warnings = append(r.cat.Warnings, "the server logs statements with their values (log_statement = "+statement+
			"): its log will hold the honey values; a superuser can prevent it with ALTER ROLE "+quote(r.cat.User)+" SET log_statement = 'none'")
	case slow == "0":
		r.cat.Warnings = append(r.cat.Warnings, "the server logs all statements with their values (log_min_duration_statement = 0): "+
			"its log will hold the honey values; a superuser can prevent it with ALTER ROLE "+quote(r.cat.User)+" SET log_min_duration_statement = -1")
	}
	return nil
}

// each runs a query and calls fn for each row, which scans it.
func (r *reader) each(ctx context.Context, sql string, fn func(pgx.Rows) error) error {
	rows, err := r.db.conn.Query(ctx, sql)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (r *reader) readTables(ctx context.Context) error {
	sql := `SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, c.relispartition, c.relpersistence::text,
		CASE WHEN c.reltuples < 0 THEN CASE WHEN c.relkind = 'r' THEN pg_catalog.pg_relation_size(c.oid) / 100 ELSE -1 END ELSE c.reltuples END::bigint,
		c.relrowsecurity, c.relrowsecurity AND pg_catalog.row_security_active(c.oid),
		pg_catalog.has_schema_privilege(n.oid, 'USAGE'), pg_catalog.has_table_privilege(c.oid, 'SELECT'),
		pg_catalog.has_table_privilege(c.oid, 'INSERT') OR pg_catalog.has_any_column_privilege(c.oid, 'INSERT'),
		EXISTS (SELECT FROM pg_catalog.pg_rewrite w WHERE w.ev_class = c.oid AND w.ev_type = '3' AND c.relkind IN ('r', 'p'))
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE ` + userTables + ` ORDER BY 2, 3`
	return r.each(ctx, sql, func(rows pgx.Rows) error {
		t := &seeder.Table{}
		var kind, persistence string
		var partition, rls, active, usage, canInsert, rule bool
		if err := rows.Scan(&t.OID, &t.Schema, &t.Name, &kind, &partition, &persistence, &t.Rows, &rls, &active, &usage, &t.WholeSelect, &canInsert, &rule); err != nil {
			return err
		}
		t.Kind = map[string]string{"r": "table", "p": "partitioned table", "v": "view", "m": "materialized view", "f": "foreign table"}[kind]
		switch {
		case kind == "v":
			t.Refusal = "it is a view: rows are planted in the tables beneath it"
		case kind == "m":
			t.Refusal = "it is a materialized view: rows are planted in the tables beneath it"
		case kind == "f":
			t.Refusal = "it is a foreign table: its rows live on another server, seed them there"
		case partition:
			t.Refusal, t.Piece = "it is a partition: rows are planted through its root", true
		case !usage:
			t.Refusal = "the role has no USAGE on its schema"
		case !canInsert:
			t.Refusal = "the role has no INSERT on it"
		case rule:
			t.Refusal = "a rule rewrites inserts into it: what an insert would do can't be told"
		case active:
			t.Refusal = "row security hides rows of it from the role, so that nothing can be said about what is unique: use a role with BYPASSRLS"
		}
		t.Hidden = active
		if persistence == "u" {
			t.Warnings = append(t.Warnings, "it is unlogged: its rows, honey rows too, are lost when the server crashes")
		}
		if rls {
			t.Warnings = append(t.Warnings, "row security is on: clients see honey rows only where its policies let them")
		}
		r.cat.Tables = append(r.cat.Tables, t)
		r.byOID[t.OID] = t
		return nil
	})
}

// plainNext is a default that is nothing but a sequence's next value.
var plainNext = regexp.MustCompile(`^nextval\('.+'::regclass\)$`)

func (r *reader) readColumns(ctx context.Context) error {
	// A sequence belongs to a column by identity (i) or because the default
	// expression depends on it.
	sql := `SELECT a.attrelid, a.attnum, a.attname::text, a.atttypid, a.atttypmod, pg_catalog.format_type(a.atttypid, a.atttypmod), pg_catalog.format_type(a.atttypid, -1),
		a.attnotnull, a.attidentity::text, a.attgenerated::text, coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), ''),
		coalesce(s.name, ''), coalesce(s.may, false), coalesce(s.last, 0),
		pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT'), pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'INSERT'),
		coalesce(pg_catalog.col_description(a.attrelid, a.attnum), '')
		FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
		LEFT JOIN LATERAL (SELECT q.oid, pg_catalog.quote_ident(qn.nspname) || '.' || pg_catalog.quote_ident(q.relname) AS name,
				pg_catalog.has_sequence_privilege(q.oid, 'USAGE') AND pg_catalog.has_schema_privilege(qn.oid, 'USAGE') AS may,
				(SELECT e.seqmax FROM pg_catalog.pg_sequence e WHERE e.seqrelid = q.oid AND e.seqincrement > 0) AS last
			FROM pg_catalog.pg_depend p JOIN pg_catalog.pg_class q ON q.relkind = 'S' AND q.oid IN (p.objid, p.refobjid) JOIN pg_catalog.pg_namespace qn ON qn.oid = q.relnamespace
			WHERE p.classid = 'pg_catalog.pg_class'::regclass AND p.objid = q.oid AND p.refclassid = 'pg_catalog.pg_class'::regclass AND p.refobjid = a.attrelid AND p.refobjsubid = a.attnum AND p.deptype = 'i'
			   OR p.classid = 'pg_catalog.pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_catalog.pg_class'::regclass AND p.refobjid = q.oid
			LIMIT 1) s ON a.attidentity <> '' OR a.atthasdef
		WHERE a.attnum > 0 AND NOT a.attisdropped AND ` + userTables + ` ORDER BY a.attrelid, a.attnum`
	return r.each(ctx, sql, func(rows pgx.Rows) error {
		c := &seeder.Column{}
		var rel, typ uint32
		var mod int32
		var last int64 // that the sequence gives
		var identity, generated string
		if err := rows.Scan(&rel, &c.Attr, &c.Name, &typ, &mod, &c.Type, &c.Cast, &c.NotNull, &identity, &generated, &c.Default,
			&c.Sequence, &c.CanDraw, &last, &c.CanSelect, &c.CanInsert, &c.Comment); err != nil {
			return err
		}
		c.Identity = map[string]string{"a": "always", "d": "by default"}[identity]
		if generated != "" {
			c.Computed, c.Default = true, ""
		}
		if c.Identity == "" && !plainNext.MatchString(c.Default) {
			c.Sequence = ""
		}
		if c.Default != "" && strings.HasPrefix(c.Default, "NULL") {
			c.Default = ""
		}
		if r.classify(c, typ, mod); c.Sequence != "" && last > 0 {
			c.MaxInt = min(c.MaxInt, last)
		}
		if r.attrs[rel] == nil {
			r.attrs[rel], r.all[rel] = map[uint16]*seeder.Column{}, map[string]uint16{}
		}
		r.attrs[rel][c.Attr], r.all[rel][c.Name] = c, c.Attr
		if t := r.byOID[rel]; t != nil {
			t.Columns = append(t.Columns, c)
		}
		return nil
	})
}

// readInheritance finds partitions, children and parents, so that all numbers
// under which a row may be reported are known.
func (r *reader) readInheritance(ctx context.Context) error {
	err := r.each(ctx, "SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits", func(rows pgx.Rows) error {
		var kid, dad uint32
		if err := rows.Scan(&kid, &dad); err != nil {
			return err
		}
		r.kids[dad], r.dads[kid] = append(r.kids[dad], kid), append(r.dads[kid], dad)
		return nil
	})
	if err != nil {
		return err
	}
	for _, t := range r.cat.Tables {
		counted := t.Rows > 0
		t.Parts = append(t.Parts, seeder.Part{OID: t.OID, Attrs: r.all[t.OID]})
		for _, dad := range r.closure(t.OID, r.dads) {
			t.Parts = append(t.Parts, seeder.Part{OID: dad, Attrs: r.all[dad]})
			if p := r.byOID[dad]; p != nil && t.Partition == "" {
				t.Partition = p.String()
			}
		}
		for _, kid := range r.closure(t.OID, r.kids) {
			t.Parts = append(t.Parts, seeder.Part{OID: kid, Attrs: r.all[kid], Leaf: true})
			if k := r.byOID[kid]; k != nil && t.Kind == "partitioned table" && !counted {
				t.Rows = max(0, t.Rows) + max(0, k.Rows)
			}
		}
	}
	return nil
}

func (r *reader) closure(oid uint32, next map[uint32][]uint32) (out []uint32) {
	seen := map[uint32]bool{oid: true}
	queue := []uint32{oid}
	for len(queue) > 0 {
		for _, n := range next[queue[0]] {
			if !seen[n] {
				seen[n] = true
				out, queue = append(out, n), append(queue, n)
			}
		}
		queue = queue[1:]
	}
	sort.Slice(out, func(i, j int) bool { return out[i] < out[j] })
	return out
}

func (r *reader) readUniques(ctx context.Context) error {
	sql := `SELECT i.indrelid, x.relname::text, i.indisprimary, i.indkey::int2[], i.indnkeyatts, i.indpred IS NOT NULL, pg_catalog.pg_get_indexdef(i.indexrelid)
		FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
		JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE i.indisunique AND i.indislive AND ` + userTables + ` ORDER BY i.indrelid, i.indisprimary DESC, x.relname`
	return r.each(ctx, sql, func(rows pgx.Rows) error {
		u := &seeder.Unique{}
		var rel uint32
		var keys []int16
		var n int16
		if err := rows.Scan(&rel, &u.Name, &u.Primary, &keys, &n, &u.Partial, &u.Definition); err != nil {
			return err
		}
		for _, k := range keys[:min(int(n), len(keys))] { // INCLUDEd columns are not keys
			u.Columns = append(u.Columns, r.column(rel, k))
		}
		if t := r.byOID[rel]; t != nil {
			t.Uniques = append(t.Uniques, u)
		}
		return nil
	})
}

// column is the name of an attribute; "" for an expression.
func (r *reader) column(rel uint32, attr int16) string {
	if c := r.attrs[rel][uint16(attr)]; c != nil && attr > 0 {
		return c.Name
	}
	return ""
}

func (r *reader) readConstraints(ctx context.Context) error {
	sql := `SELECT k.conrelid, k.conname::text, k.contype::text, coalesce(k.conkey, '{}'), k.confrelid, coalesce(k.confkey, '{}'), pg_catalog.pg_get_constraintdef(k.oid)
		FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE k.contype IN ('f', 'c', 'x') AND ` + userTables + ` ORDER BY k.conrelid, k.conname`
	return r.each(ctx, sql, func(rows pgx.Rows) error {
		var rel, ref uint32
		var nm, kind, def string
		var keys, refs []int16
		if err := rows.Scan(&rel, &nm, &kind, &keys, &ref, &refs, &def); err != nil {
			return err
		}
		t := r.byOID[rel]
		if t == nil {
			return nil
		}
		if kind != "f" {
			t.Checks = append(t.Checks, seeder.Check{Name: nm, Definition: def})
			return nil
		}
		fk := &seeder.ForeignKey{Name: nm, Definition: def}
		target := r.byOID[ref]
		if target == nil {
			return nil
		}
		fk.RefSchema, fk.RefTable = target.Schema, target.Name
		for i := range keys {
			fk.Columns, fk.RefColumns = append(fk.Columns, r.column(rel, keys[i])), append(fk.RefColumns, r.column(ref, refs[i]))
		}
		// A foreign key to a partitioned table is stored once more per partition.
		for _, other := range t.ForeignKeys {
			if strings.Join(other.Columns, "\x00") == strings.Join(fk.Columns, "\x00") && r.under(ref, other) {
				return nil
			}
		}
		t.ForeignKeys = append(t.ForeignKeys, fk)
		return nil
	})
}

// under reports whether ref is a partition of the table that fk points at.
func (r *reader) under(ref uint32, fk *seeder.ForeignKey) bool {
	for _, dad := range r.closure(ref, r.dads) {
		if t := r.byOID[dad]; t != nil && t.Schema == fk.RefSchema && t.Name == fk.RefTable {
			return true
		}
	}
	return false
}

// readRoutines reads what triggers may call.
func (r *reader) readRoutines(ctx context.Context) error {
	if !slices.ContainsFunc(r.cat.Tables, func(t *seeder.Table) bool { return len(t.Triggers) > 0 }) {
		return nil
	}
	r.cat.Routines = map[string]seeder.Routine{}
	return r.each(ctx, `SELECT f.proname::text, l.lanname::text, f.prosrc, f.prosecdef FROM pg_catalog.pg_proc f JOIN pg_catalog.pg_language l ON l.oid = f.prolang JOIN pg_catalog.pg_namespace n ON n.oid = f.pronamespace
		WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND l.lanname NOT IN ('c', 'internal')
		AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = f.oid AND d.deptype = 'e')`, func(rows pgx.Rows) error {
		var name string
		var f seeder.Routine
		if err := rows.Scan(&name, &f.Language, &f.Body, &f.Definer); err != nil {
			return err
		}
		name = strings.ToLower(name)
		if other := r.cat.Routines[name]; other.Body != "" && other.Language == f.Language {
			f.Body = other.Body + ";\n" + f.Body // of several arguments or schemas: any of them
		}
		r.cat.Routines[name] = f
		return nil
	})
}

func (r *reader) readTriggers(ctx context.Context) error {
	sql := `SELECT g.tgrelid, g.tgname::text, f.oid::regprocedure::text, l.lanname::text, g.tgenabled::text, g.tgtype, f.prosrc, f.prosecdef
		FROM pg_catalog.pg_trigger g JOIN pg_catalog.pg_proc f ON f.oid = g.tgfoid JOIN pg_catalog.pg_language l ON l.oid = f.prolang
		JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE NOT g.tgisinternal AND ` + userTables + ` ORDER BY g.tgrelid, g.tgname`
	return r.each(ctx, sql, func(rows pgx.Rows) error {
		var rel uint32
		var kind int16
		g := seeder.Trigger{}
		var enabled string
		if err := rows.Scan(&rel, &g.Name, &g.Function, &g.Language, &enabled, &kind, &g.Body, &g.Definer); err != nil {
			return err
		}
		g.Enabled = map[string]string{"O": "yes", "D": "no", "A": "always", "R": "replica"}[enabled]
		g.OnInsert, g.OnDelete, g.OnUpdate = kind&4 != 0, kind&8 != 0, kind&16 != 0 // pg_trigger.h: TRIGGER_TYPE_INSERT, _DELETE, _UPDATE
		switch t := r.byOID[rel]; {
		case t == nil:
		case g.OnInsert || g.OnDelete:
			t.Triggers = append(t.Triggers, g)
		case g.OnUpdate:
			t.Updating = append(t.Updating, g)
		}
		return nil
	})
}
