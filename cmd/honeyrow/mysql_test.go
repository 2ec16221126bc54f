package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"

	"honeyrow/event"
	"honeyrow/internal/doctor"
	"honeyrow/internal/myserver"
	"honeyrow/seeder"
	"honeyrow/token"
)

// newHarbour starts a MariaDB with a table of 300 people and a configuration
// with a listener in front of it.
func newHarbour(t *testing.T) (*town, *myserver.Server) {
	t.Helper()
	my, err := myserver.Start(t.Context(), myserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(my.Stop)
	if err := my.Exec(t.Context(), "", `CREATE DATABASE shop; USE shop;
		CREATE TABLE staff (id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, uid binary(16) NOT NULL UNIQUE, full_name varchar(80) NOT NULL, email varchar(90) NOT NULL UNIQUE, salary decimal(10,2), created_at datetime NOT NULL DEFAULT current_timestamp());
		INSERT INTO staff (uid, full_name, email, salary) SELECT unhex(md5(seq)), concat(elt(1 + seq % 5, 'Ada','Bo','Cleo','Dan','Eva'), ' ', elt(1 + seq % 7, 'Stone','Rivers','Hill','Field','Marsh','Brook','Wood')), concat('user', seq, '@corp.test'), 30000 + seq * 13.5 FROM seq_1_to_300;
		CREATE USER app IDENTIFIED BY 'app-secret'; GRANT SELECT ON shop.* TO app;
		CREATE USER planter IDENTIFIED BY 'planter-secret'; GRANT SELECT, INSERT, DELETE, TRIGGER ON shop.staff TO planter`); err != nil {
		t.Fatal(err)
	}
	w := &town{dir: t.TempDir(), listen: freeAddress(t)}
	must(t, w.dir, "init", "--name", "shop", "--protocol", "mysql", "--server-address", my.Addr(), "--listen", w.listen, "--domain", "decoy.harborpost.test")
	w.configure(t, "\nseed:\n", patientSeed)
	if err := os.WriteFile(filepath.Join(w.dir, "seed.dsn"), fmt.Appendf(nil, "mysql://planter:planter-secret@%s/shop\n", my.Addr()), 0o600); err != nil {
		t.Fatal(err)
	}
	return w, my
}

func TestSeedingMariaDBIsSeenByTheProxyBeforeItAndLeavesNothingBehind(t *testing.T) {
	w, my := newHarbour(t)
	everything := func() string {
		t.Helper()
		out, err := my.Query(t.Context(), "shop", "SELECT id, hex(uid), full_name, email, salary, created_at FROM staff ORDER BY id")
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	before := everything()
	for _, f := range lines[doctor.Finding](t, must(t, w.dir, "doctor", "--json")) {
		if f.Level == doctor.Fail {
			t.Errorf("doctor: %+v", f)
		}
	}
	w.proxy(t)
	if out := must(t, w.dir, "doctor"); !strings.Contains(out, string(my.Kind)+" ") || !strings.Contains(out, "may plant in 1 of the 1 tables") || !strings.Contains(out, "0 failing") {
		t.Errorf("doctor:\n%s", out)
	}
	if out := must(t, w.dir, "seed", "plan", "--rows", "3"); !strings.Contains(out, "3 honey rows in 1 table") {
		t.Errorf("plan:\n%s", out)
	}
	// MySQL does not say that there are no triggers, nor do some releases of MariaDB.
	grant := regexp.MustCompile(map[myserver.Kind]string{myserver.MariaDB: "GRANT SELECT, INSERT(, TRIGGER)? ON `shop`.`staff`", myserver.MySQL: "GRANT SELECT, INSERT, TRIGGER ON `shop`.`staff`"}[my.Kind])
	if out := must(t, w.dir, "seed", "plan", "--rows", "3", "--format", "sql"); !strings.Contains(out, "INSERT INTO `staff`") || !grant.MatchString(out) {
		t.Errorf("plan as SQL:\n%s", out)
	}
	plan := filepath.Join(w.dir, "plan.json")
	must(t, w.dir, "seed", "plan", "--rows", "3", "--out", plan)
	must(t, w.dir, "seed", "apply", plan, "--dry-run")
	if everything() != before {
		t.Fatal("planning or a dry run changed the table")
	}
	var done seeder.Applied
	if err := json.Unmarshal([]byte(must(t, w.dir, "--json", "seed", "apply", plan, "--yes")), &done); err != nil {
		t.Fatal(err)
	}
	if len(done.Rows) != 3 || done.Watchers != 1 {
		t.Errorf("applied %+v, want 3 rows watched by the running proxy", done)
	}
	must(t, w.dir, "seed", "verify")

	// One reading for each way to be known: a name of the column (a short
	// value, in text and in binary format), the bytes of a UUID, their digits.
	db, err := sql.Open("mysql", "app:app-secret@tcp("+w.listen+")/shop")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	key := done.Rows[0].Key
	var n int
	for i, read := range []struct {
		sql   string
		args  []any
		kind  string
		means string
	}{
		{"SELECT salary FROM staff WHERE id = " + key, nil, "salary", "column"},
		{"SELECT s.id AS x FROM staff s WHERE s.id = " + key, nil, "key", "column"},
		{"SELECT id FROM staff WHERE id = ?", []any{key}, "key", "column"},
		{"SELECT uid FROM staff WHERE id = ?", []any{key}, "uuid", "column"},
		{"SELECT concat('x', hex(uid)) FROM staff WHERE id = " + key, nil, "uuid", "part"},
		{"SELECT email FROM staff WHERE id = " + key + " UNION SELECT 'x'", nil, "email", "field"},
	} {
		rows, err := db.QueryContext(t.Context(), read.sql, read.args...)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			n++
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
		// The key that was asked for makes the alert, the row that comes is in its
		// next revision.
		within(t, 10*time.Second, fmt.Sprintf("an alert about %s with a %s by %s", read.sql, read.kind, read.means), func() bool {
			ds := lines[event.Detection](t, must(t, w.dir, "--json", "alerts", "list"))
			return len(ds) > i && slices.ContainsFunc(ds[i].Hits, func(h event.Hit) bool {
				// The digits of a UUID are looked for in both cases: which is met first
				// depends on them.
				means := h.Means == read.means || read.means == "part" && h.Disguise == "case"
				return h.Kind == read.kind && means && h.Place.Database == "shop" && h.Place.Table == "staff" && h.Place.Key == key
			})
		})
	}
	for _, tk := range lines[token.Token](t, must(t, w.dir, "--json", "tokens", "list", "--values")) {
		if tk.Place.Schema != "" || tk.Place.Database != "shop" {
			t.Errorf("token %s is placed at %+v", tk.ID, tk.Place)
		}
	}
	// A place in MySQL has no schema: nothing shows where it would be.
	det := lines[event.Detection](t, must(t, w.dir, "--json", "alerts", "list"))[2]
	for _, args := range [][]string{
		{"health"}, {"tokens", "list"}, {"tokens", "show", string(det.Hits[0].Token)}, {"alerts", "list"}, {"alerts", "show", string(det.ID)}, {"seed", "verify"},
	} {
		out := must(t, w.dir, args...)
		for _, bad := range []string{"..", "()", `""`, " ,", "  ,", " ."} {
			if strings.Contains(strings.ReplaceAll(out, " ...", ""), bad) {
				t.Errorf("%v shows %q:\n%s", args, bad, out)
			}
		}
	}
	must(t, w.dir, "seed", "remove", "--table", "staff", "--yes")
	if everything() != before {
		t.Error("after removal the table differs from before")
	}
}

func TestAMySQLServerWithoutARoleThatPlantsSaysWhatToWrite(t *testing.T) {
	dir := t.TempDir()
	conf := filepath.Join(dir, "honeyrow.yaml")
	text := "servers: [{name: shop, protocol: mysql, address: '127.0.0.1:1', seed: {dsn_file: seed.dsn}}]\nlisteners: [{name: shop, address: '127.0.0.1:0'}]\nseed: {domain: decoy.harborpost.test}\n"
	if err := os.WriteFile(conf, []byte(strings.Replace(text, ", seed: {dsn_file: seed.dsn}", "", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, dir, "init", "--registry-only")
	if r := honeyrow(t, dir, "seed", "plan"); r.code == 0 || !strings.Contains(r.stderr, "mysql://role:password@host:port/database") {
		t.Errorf("exit code %d, %s", r.code, r.stderr)
	}
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dsn := range []string{"mysql://planter:hunter2%zz@127.0.0.1:1/shop", "mysql://planter:hunter2@127.0.0.1:1/shop", "planter:hunter2@tcp(127.0.0.1:1/shop", "mysql://planter:hunter2@127.0.0.1:1", "mysql://planter:hunter2@127.0.0.1:1/shop?tls=hunter2"} {
		if err := os.WriteFile(filepath.Join(dir, "seed.dsn"), []byte(dsn), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := honeyrow(t, dir, "seed", "plan"); r.code == 0 || r.stderr == "" || strings.Contains(r.stderr, "hunter2") {
			t.Errorf("exit code %d, %s", r.code, r.stderr)
		}
	}
}

func TestThePersonWhoAnswersAtRandomIsAskedAgain(t *testing.T) {
	for in, want := range map[string]string{"\n": "postgres", "MySQL\n": "mysql", "oracle\nboth\n": "both", "mariadb": "mysql", "": "", "oracle": ""} {
		got, err := askProtocol(io.Discard, strings.NewReader(in))
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestInitSaysWhatToDoNextForEachServer(t *testing.T) {
	dir := t.TempDir()
	out := must(t, dir, "init", "--protocol", "both", "--server-address", "pg.internal:5432", "--mysql-address", "my.internal:3306")
	for _, want := range []string{"seed.dsn", "seed-mysql.dsn", "postgres://honeyrow_seeder:...@pg.internal:5432/mydb", "mysql://honeyrow_seeder:...@my.internal:3306/mydb", "127.0.0.1:6306 instead of my.internal:3306"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing from\n%s", want, out)
		}
	}
	if r := honeyrow(t, dir, "init", "--protocol", "oracle"); r.code != exitUsage {
		t.Errorf("exit code %d, want %d", r.code, exitUsage)
	}
}
