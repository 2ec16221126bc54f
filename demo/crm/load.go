package crm

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/csv"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

//go:embed schema.sql
var schemaSQL string

//go:embed roles.sql
var rolesSQL string

// Roles are the accounts that Load makes.
var Roles = []string{"crm_app", "shop_web", "jhartmann", "support_kim", "backup_svc", "honeyrow_seed"}

// Load makes the schema, the roles with their passwords (by name) and the rows
// in an empty database, as its superuser. It is not for a database with data.
func Load(ctx context.Context, conn *pgx.Conn, d *Data, passwords map[string]string) error {
	if _, err := conn.Exec(ctx, schemaSQL); err != nil {
		return fmt.Errorf("make the schema: %w", err)
	}
	for _, t := range d.Tables {
		if err := copyTable(ctx, conn, t); err != nil {
			return fmt.Errorf("fill %s: %w", t.Name, err)
		}
	}
	if _, err := conn.Exec(ctx, rolesSQL); err != nil {
		return fmt.Errorf("make the roles: %w", err)
	}
	for _, role := range Roles {
		// ALTER ROLE takes no parameters: the password is quoted here.
		_, err := conn.Exec(ctx, "ALTER ROLE "+pgx.Identifier{role}.Sanitize()+
			" PASSWORD '"+strings.ReplaceAll(passwords[role], "'", "''")+"'")
		if err != nil {
			return fmt.Errorf("set the password of %s: %w", role, err)
		}
	}
	_, err := conn.Exec(ctx, "VACUUM ANALYZE")
	return err
}

func copyTable(ctx context.Context, conn *pgx.Conn, t *Table) error {
	var buf bytes.Buffer
	w := csv.NewWriter(&buf)
	if err := w.WriteAll(t.Rows); err != nil {
		return err
	}
	name := pgx.Identifier(strings.Split(t.Name, ".")).Sanitize()
	sql := fmt.Sprintf("COPY %s (%s) FROM STDIN (FORMAT csv)", name, strings.Join(t.Columns, ", "))
	if _, err := conn.PgConn().CopyFrom(ctx, &buf, sql); err != nil {
		return err
	}
	if t.Columns[0] != "id" {
		return nil
	}
	// Rows that came with an id did not move its sequence.
	_, err := conn.Exec(ctx, fmt.Sprintf("SELECT setval(pg_get_serial_sequence('%s', 'id'), max(id)) FROM %s", t.Name, name))
	return err
}
