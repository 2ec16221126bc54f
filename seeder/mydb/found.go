package mydb

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"

	"honeyrow/seeder"
)

var (
	_ seeder.Founder = (*DB)(nil)
	_ seeder.Mason   = (*tx)(nil)
)

// Foundation implements seeder.Founder. Tables have no owner here, and are read
// by whoever may read the database; rights on single tables are the DBA's to give.
func (db *DB) Foundation(ctx context.Context, model, t *seeder.Table) (*seeder.Foundation, error) {
	forms, charset, err := db.collations(ctx, model)
	if err != nil {
		return nil, fmt.Errorf("ask how %s is made: %w", model, violation(err))
	}
	var lines, key []string
	for _, c := range t.Columns {
		line := quote(c.Name) + " " + c.Type + forms[c.Name]
		if c.NotNull {
			line += " NOT NULL"
		} else {
			line += " NULL" // a timestamp would change by itself
		}
		lines = append(lines, line)
	}
	for _, k := range t.Primary() {
		key = append(key, quote(k))
	}
	if len(key) > 0 {
		lines = append(lines, "PRIMARY KEY ("+strings.Join(key, ", ")+")")
	}
	f := &seeder.Foundation{SQL: []string{fmt.Sprintf("CREATE TABLE %s (%s) ENGINE=InnoDB%s", name(t), strings.Join(lines, ", "), charset)}}
	return f, db.rights(ctx, model, t, f)
}

// collations returns what is to be written behind the columns' types and behind
// the table, so that the copy is in the model's character sets.
func (db *DB) collations(ctx context.Context, model *seeder.Table) (columns map[string]string, table string, err error) {
	rows, err := db.query(ctx, "SELECT TABLE_COLLATION FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?", model.Name)
	if err != nil {
		return nil, "", err
	}
	usual := ""
	if len(rows) == 1 && rows[0][0] != nil {
		usual = *rows[0][0]
		set, _, _ := strings.Cut(usual, "_")
		table = " DEFAULT CHARSET=" + set + " COLLATE=" + usual
	}
	rows, err = db.query(ctx, "SELECT COLUMN_NAME, CHARACTER_SET_NAME, COLLATION_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND COLLATION_NAME IS NOT NULL", model.Name)
	columns = map[string]string{}
	for _, r := range rows {
		if *r[2] != usual {
			columns[*r[0]] = " CHARACTER SET " + *r[1] + " COLLATE " + *r[2]
		}
	}
	return columns, table, err
}

// rights says what the role needs and lacks. Rights may be granted on a table
// that does not exist yet, if CREATE is among them.
func (db *DB) rights(ctx context.Context, model, t *seeder.Table, f *seeder.Foundation) error {
	rows, err := db.query(ctx, "SHOW GRANTS")
	if err != nil {
		return fmt.Errorf("ask for the role's rights: %w", violation(err))
	}
	var lines []string
	for _, r := range rows {
		lines = append(lines, *r[0])
	}
	have := ParseGrants(lines)
	who := "honeyrow_seeder"
	if rows, err := db.query(ctx, "SELECT CURRENT_USER()"); err == nil && len(rows) == 1 {
		user, host, _ := strings.Cut(*rows[0][0], "@")
		who = quote(user) + "@" + quote(host)
	}
	table := quote(db.name) + "." + quote(t.Name)
	f.Grants = []string{
		fmt.Sprintf("GRANT CREATE, SELECT, INSERT, DROP ON %s TO %s", table, who),
		fmt.Sprintf("GRANT CREATE TEMPORARY TABLES, LOCK TABLES ON %s.* TO %s", quote(db.name), who),
		fmt.Sprintf("GRANT SELECT ON %s.%s TO %s", quote(db.name), quote(model.Name), who),
	}
	var lacks []string
	for _, w := range []string{"CREATE", "SELECT", "INSERT", "DROP"} { // DROP: an interrupted run leaves an empty table
		if !have.Has(w, db.name, t.Name) {
			lacks = append(lacks, w)
		}
	}
	for _, w := range []string{"CREATE TEMPORARY TABLES", "LOCK TABLES"} {
		if !have.Has(w, db.name, "") {
			lacks = append(lacks, w)
		}
	}
	if len(lacks) > 0 {
		f.Lacking = fmt.Sprintf("role %s lacks %s (the table's name is part of the right: plan with --decoy-name %s)", who, strings.Join(lacks, ", "), t.Name)
	}
	f.Notes = append(f.Notes, fmt.Sprintf("it is read by whoever may read the whole database; accounts with rights on single tables get none: grant SELECT on it to those who read %s, so that a thief who has their rights can read it", model.Name))
	return nil
}

// Found implements seeder.Mason. A CREATE TABLE commits and is committed by
// itself, so that the table is visible, and empty, from here on; on trial it is
// a temporary table of the same name, which nobody else sees.
func (t *tx) Found(ctx context.Context, tb *seeder.Table, sql []string, trial bool) error {
	return t.within(func() error {
		steps := []string{"ROLLBACK", "SET SESSION autocommit = 1"} // within a transaction, GTIDs forbid temporary tables
		for _, s := range sql {
			if trial {
				s = strings.Replace(s, "CREATE TABLE ", "CREATE TEMPORARY TABLE ", 1)
			}
			steps = append(steps, s)
		}
		steps = append(steps, "SET SESSION autocommit = 0", "SET TRANSACTION ISOLATION LEVEL "+t.db.level, "START TRANSACTION")
		if trial {
			t.temps = append(t.temps, tb.Name)
		}
		for _, s := range steps {
			if err := t.exec(ctx, s); err != nil {
				return err
			}
		}
		return nil
	})
}

// Count implements seeder.Mason.
func (t *tx) Count(ctx context.Context, tb *seeder.Table) (n int64, err error) {
	err = t.within(func() error {
		rows, err := t.db.query(ctx, "SELECT COUNT(*) FROM "+name(tb))
		if err != nil {
			return err
		}
		_, err = fmt.Sscan(*rows[0][0], &n)
		return err
	})
	return n, err
}

// Shut implements seeder.Mason. Views don't keep the server from dropping a
// table: those that the role may see are looked for.
func (t *tx) Shut(ctx context.Context, tb *seeder.Table) error {
	return t.within(func() error {
		rows, err := t.db.query(ctx, "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.VIEWS WHERE INSTR(VIEW_DEFINITION, ?) > 0 LIMIT 1", quote(t.db.name)+"."+quote(tb.Name))
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			return &seeder.Violation{Code: "2BP01", Why: fmt.Sprintf("view %s.%s reads the table: drop that first", *rows[0][0], *rows[0][1])}
		}
		t.shut = true
		return granted(t.exec(ctx, "LOCK TABLES "+name(tb)+" WRITE"), "LOCK TABLES on the database, and SELECT on the table")
	})
}

// Raze implements seeder.Mason: a DROP TABLE can't be taken back, so that a trial
// does nothing.
func (t *tx) Raze(ctx context.Context, tb *seeder.Table, trial bool) error {
	if trial {
		return nil
	}
	return t.within(func() error {
		err := t.exec(ctx, "DROP TABLE "+name(tb))
		var me *mysql.MySQLError
		if errors.As(err, &me) && (me.Number == 1451 || me.Number == 3730 || me.Number == 1217) {
			return &seeder.Violation{Code: "2BP01", Why: "a foreign key of another table points at the table: drop that first"}
		}
		return granted(err, "DROP on the table")
	})
}

// granted says which right is missing, if that is what is wrong.
func granted(err error, right string) error {
	var no *seeder.Violation
	if errors.As(violation(err), &no) && no.Code == "42501" {
		no.Why = "dropping a decoy table needs GRANT " + right
		return no
	}
	return err
}
