package crm

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"strings"
)

//go:embed schema.mysql.sql
var schemaMySQL string

//go:embed roles.mysql.sql
var rolesMySQL string

// Database is the name of the business's database in MySQL and MariaDB, and
// the one that its accounts are granted.
const Database = "crm"

// rowsAtOnce are inserted by one statement.
const rowsAtOnce = 400

// LoadMySQL makes the database crm with the same rows as Load, and the accounts
// with their passwords (by name; they must use TLS), as the server's owner. The
// schema hr has no like in MySQL: its tables lie beside the others. What is
// there of an earlier, interrupted run is dropped: it is not for a server that
// has a database crm of somebody's.
func LoadMySQL(ctx context.Context, db *sql.DB, d *Data, passwords map[string]string) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	first := []string{"SET NAMES utf8mb4", "DROP DATABASE IF EXISTS " + Database, "CREATE DATABASE " + Database + " CHARACTER SET utf8mb4", "USE " + Database}
	if err := all(ctx, conn, append(first, statements(schemaMySQL)...)); err != nil {
		return fmt.Errorf("make the schema: %w", err)
	}
	for _, t := range d.Tables {
		if err := insert(ctx, conn, t); err != nil {
			return fmt.Errorf("fill %s: %w", MySQLName(t.Name), err)
		}
	}
	var accounts []string
	for _, role := range Roles {
		// CREATE USER takes no parameters: the password is quoted here.
		accounts = append(accounts, "DROP USER IF EXISTS '"+role+"'@'%'",
			"CREATE USER '"+role+"'@'%' IDENTIFIED BY '"+quoter.Replace(passwords[role])+"' REQUIRE SSL")
	}
	for i, s := range append(accounts, statements(rolesMySQL)...) {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("make the accounts: statement %d: %w", i+1, err) // it may hold a password
		}
	}
	for _, t := range d.Tables {
		if err := all(ctx, conn, []string{"ANALYZE TABLE " + MySQLName(t.Name)}); err != nil {
			return err
		}
	}
	return nil
}

var quoter = strings.NewReplacer(`\`, `\\`, `'`, `''`)

// MySQLName is the name in MySQL of a table of Data: "hr.payroll" is "payroll".
func MySQLName(table string) string { return strings.TrimPrefix(table, "hr.") }

func all(ctx context.Context, conn *sql.Conn, list []string) error {
	for _, s := range list {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%.60s: %w", s, err)
		}
	}
	return nil
}

// statements splits a file at the semicolons that end a line.
func statements(text string) []string {
	var out []string
	for _, s := range strings.Split(text, ";\n") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// insert writes a table's rows in one transaction.
func insert(ctx context.Context, conn *sql.Conn, t *Table) (err error) {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	head := "INSERT INTO " + MySQLName(t.Name) + " (" + strings.Join(t.Columns, ", ") + ") VALUES "
	one := "(" + strings.Repeat("?, ", len(t.Columns)-1) + "?)"
	args := make([]any, 0, rowsAtOnce*len(t.Columns))
	for from := 0; from < len(t.Rows); from += rowsAtOnce {
		rows := t.Rows[from:min(from+rowsAtOnce, len(t.Rows))]
		args = args[:0]
		for _, r := range rows {
			for i, field := range r {
				args = append(args, mysqlValue(t.Columns[i], field))
			}
		}
		if _, err = tx.ExecContext(ctx, head+strings.Repeat(one+", ", len(rows)-1)+one, args...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// mysqlValue writes a field of Data as MySQL reads it.
func mysqlValue(column, field string) any {
	switch {
	case field == "":
		return nil
	case field == "true":
		return "1"
	case field == "false":
		return "0"
	case strings.HasSuffix(column, "_at"):
		return strings.TrimSuffix(field, "+00") // the server is told no zone: all times are UTC
	case column == "scopes":
		words := strings.Split(strings.Trim(field, "{}"), ",")
		if words[0] == "" {
			return "[]"
		}
		return `["` + strings.Join(words, `", "`) + `"]`
	}
	return field
}
