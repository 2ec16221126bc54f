package pgdb

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"honeyrow/seeder"
)

var (
	_ seeder.Founder = (*DB)(nil)
	_ seeder.Mason   = (*tx)(nil)
)

// Foundation implements seeder.Founder. The table gets the model's owner, if the
// role may give it to him, and may be read by the roles that may read the model.
func (db *DB) Foundation(ctx context.Context, model, t *seeder.Table) (*seeder.Foundation, error) {
	f := &seeder.Foundation{}
	var lines []string
	for _, c := range t.Columns {
		line := quote(c.Name) + " " + c.Type
		if c.NotNull {
			line += " NOT NULL"
		}
		lines = append(lines, line)
	}
	if pk := t.Primary(); len(pk) > 0 {
		lines = append(lines, "PRIMARY KEY ("+list(pk)+")")
	}
	f.SQL = append(f.SQL, fmt.Sprintf("CREATE TABLE %s (%s)", name(t), strings.Join(lines, ", ")))
	var owner, me string
	var may, give, mine bool
	// SET is a right of its own since PostgreSQL 16.
	sql := `SELECT pg_catalog.pg_get_userbyid(c.relowner)::text, current_user::text, c.relowner = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user),
		pg_catalog.has_schema_privilege(n.oid, 'CREATE'),
		pg_catalog.pg_has_role(c.relowner, 'USAGE') AND pg_catalog.has_schema_privilege(c.relowner, n.oid, 'CREATE')
			AND pg_catalog.pg_has_role(c.relowner, CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'USAGE' END)
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1`
	if err := db.conn.QueryRow(ctx, sql, model.OID).Scan(&owner, &me, &mine, &may, &give); err != nil {
		return nil, fmt.Errorf("ask for the owner of %s: %w", model, violation(err))
	}
	readers, err := db.readers(ctx, model)
	if err != nil {
		return nil, err
	}
	for _, r := range readers {
		f.SQL = append(f.SQL, fmt.Sprintf("GRANT SELECT ON %s TO %s", name(t), r))
	}
	switch {
	case mine:
	case give:
		f.SQL = append(f.SQL, fmt.Sprintf("ALTER TABLE %s OWNER TO %s", name(t), quote(owner)))
	default:
		f.Notes = append(f.Notes, fmt.Sprintf("the table will belong to %s, which a thief can see (\\dt): its neighbour belongs to %s. Make the role a member of it (GRANT %s TO %s, and CREATE on the schema to both) and plan again",
			me, owner, quote(owner), quote(me)))
	}
	f.Grants = []string{fmt.Sprintf("GRANT USAGE, CREATE ON SCHEMA %s TO %s", quote(t.Schema), quote(me)), fmt.Sprintf("GRANT SELECT ON %s TO %s", name(model), quote(me))}
	if !may {
		f.Lacking = fmt.Sprintf("role %s has no CREATE on schema %s", me, t.Schema)
	}
	return f, nil
}

// readers lists the roles that were granted SELECT on a table, as SQL writes
// them, but for its owner and the role itself.
func (db *DB) readers(ctx context.Context, t *seeder.Table) (out []string, err error) {
	rows, err := db.conn.Query(ctx, `SELECT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END
		FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a
		WHERE c.oid = $1 AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner AND a.grantee <> (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user) ORDER BY 1`, t.OID)
	if err == nil {
		out, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if err != nil {
		return nil, fmt.Errorf("ask who reads %s: %w", t, violation(err))
	}
	return out, nil
}

// Found implements seeder.Mason. Nobody sees the table before the commit.
func (t *tx) Found(ctx context.Context, tb *seeder.Table, sql []string, _ bool) error {
	return t.within(ctx, func() error {
		for _, s := range sql {
			if err := t.exec(ctx, s); err != nil {
				return err
			}
		}
		relation := name(tb)
		got, err := query(ctx, t.conn, "SELECT a.attrelid::oid, a.attname, a.attnum FROM pg_catalog.pg_attribute a WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped", []*string{&relation}, 0, 0)
		if err != nil {
			return err
		}
		part := seeder.Part{Attrs: map[string]uint16{}}
		for _, r := range got {
			var oid uint32
			var attr uint16
			if _, err := fmt.Sscan(*r[0]+" "+*r[2], &oid, &attr); err != nil {
				return fmt.Errorf("read the table's numbers: %w", err)
			}
			part.OID, part.Attrs[*r[1]] = oid, attr
			if c := tb.Column(*r[1]); c != nil {
				c.Attr = attr
			}
		}
		tb.OID, tb.Parts = part.OID, []seeder.Part{part}
		return nil
	})
}

// Count implements seeder.Mason.
func (t *tx) Count(ctx context.Context, tb *seeder.Table) (n int64, err error) {
	err = t.within(ctx, func() error {
		got, err := query(ctx, t.conn, "SELECT count(*) FROM "+name(tb), nil, 0, 1)
		if err != nil {
			return err
		}
		_, err = fmt.Sscan(*got[0][0], &n)
		return err
	})
	return n, err
}

// Shut implements seeder.Mason.
func (t *tx) Shut(ctx context.Context, tb *seeder.Table) error {
	return t.within(ctx, func() error { return t.exec(ctx, "LOCK TABLE "+name(tb)+" IN ACCESS EXCLUSIVE MODE") })
}

// Raze implements seeder.Mason.
func (t *tx) Raze(ctx context.Context, tb *seeder.Table, _ bool) error {
	return t.within(ctx, func() error {
		err := t.exec(ctx, "DROP TABLE "+name(tb)+" RESTRICT")
		var pe *pgconn.PgError
		switch {
		case !errors.As(err, &pe):
		case pe.Code == "2BP01": // its detail names objects, no values
			return &seeder.Violation{Code: pe.Code, Why: "something depends on the table: " + strings.ReplaceAll(pe.Detail, "\n", "; ") + "; drop that first"}
		case pe.Code == "42501":
			return &seeder.Violation{Code: pe.Code, Why: "only the table's owner may drop it: make the role a member of that role, or drop it by hand (" + pe.Message + ")"}
		}
		return err
	})
}
