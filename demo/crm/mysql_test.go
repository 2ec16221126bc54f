package crm

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"honeyrow/internal/myserver"
)

func TestTheSameBusinessLoadsIntoMariaDB(t *testing.T) {
	ctx := t.Context()
	s, err := myserver.Start(ctx, myserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(myserver.Cleanup)
	t.Cleanup(s.Stop)
	d, err := Generate(Options{Seed: 1, Customers: 1500, Now: today})
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := mysql.ParseDSN(s.DSN("root", "", ""))
	if err != nil {
		t.Fatal(err)
	}
	cfg.InterpolateParams = true
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	passwords := map[string]string{}
	for _, r := range Roles {
		passwords[r] = `it's \ ` + r
	}
	for range 2 { // the second finds what the first left, as after an interruption
		if err := LoadMySQL(ctx, db, d, passwords); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range d.Tables {
		var n int
		if err := db.QueryRowContext(ctx, "SELECT count(*) FROM crm."+MySQLName(table.Name)).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n != len(table.Rows) || n == 0 {
			t.Errorf("%s has %d rows, want %d", table.Name, n, len(table.Rows))
		}
	}
	// Every value is the one that PostgreSQL has, but for its form.
	want := d.Table("customers").Rows[7]
	got := make([]sql.NullString, len(want))
	into := make([]any, len(got))
	for i := range got {
		into[i] = &got[i]
	}
	err = db.QueryRowContext(ctx, "SELECT "+strings.Join(d.Table("customers").Columns, ", ")+" FROM crm.customers WHERE id = ?", want[0]).Scan(into...)
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range got {
		w := want[i]
		switch column := d.Table("customers").Columns[i]; {
		case w == "true":
			w = "1"
		case w == "false":
			w = "0"
		case strings.HasSuffix(column, "_at") && w != "":
			w, g.String = strings.TrimRight(strings.TrimSuffix(w, "+00"), "0."), strings.TrimRight(g.String, "0.")
		}
		if g.String != w || g.Valid != (w != "") {
			t.Errorf("%s is %q, want %q", d.Table("customers").Columns[i], g.String, w)
		}
	}
	var plain int
	err = db.QueryRowContext(ctx, "SELECT count(*) FROM mysql.user WHERE user IN ('crm_app', 'honeyrow_seed', 'backup_svc') AND ssl_type = 'ANY'").Scan(&plain)
	if err != nil || plain != 3 {
		t.Errorf("%d accounts of three must use TLS, %v", plain, err)
	}
}
