package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"honeyrow/internal/myserver"
	"honeyrow/internal/pgserver"
)

// play runs a job as the command line does.
func play(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	is, err := runJob(context.Background(), args, &out)
	if !is {
		t.Fatalf("there is no job %s", args[0])
	}
	return out.String(), err
}

func TestSecretsAreMadeOnceAndTogether(t *testing.T) {
	root := t.TempDir()
	prepare := func() map[string]string {
		t.Helper()
		if _, err := play(t, "prepare", "-root", root, "-chown=false"); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(root, "*/*"))
		if err != nil {
			t.Fatal(err)
		}
		texts := map[string]string{}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if st, err := os.Stat(f); err != nil || st.Mode().Perm() != 0o400 {
				t.Errorf("%s: %v, %v", f, st.Mode(), err)
			}
			rel, _ := filepath.Rel(root, f)
			texts[rel] = string(b)
		}
		return texts
	}
	first := prepare()
	for _, pair := range [][2]string{
		{"db/postgres.password", "load/postgres.password"},
		{"db/server.key", "honeyrow/server.key"},
		{"honeyrow/webhook.secret", "receiver/webhook.secret"},
		{"shop/shop_web.password", "load/shop_web.password"},
		{"db/server.crt", "story/server.crt"},
		{"mysql/root.password", "load/root.password"},
		{"mysql/server.key", "honeyrow/server.key"},
	} {
		if a, b := first[pair[0]], first[pair[1]]; a == "" || a != b {
			t.Errorf("%s and %s differ", pair[0], pair[1])
		}
	}
	if dsn := first["seed/seed.dsn"]; !strings.Contains(dsn, "host=db port=5432") || !strings.Contains(dsn, "password="+strings.TrimSpace(first["load/honeyrow_seed.password"])) {
		t.Error("the planting role's connection string does not lead to the database with its password")
	}
	w, role, err := readSeedDSN(strings.TrimSpace(first["seed/mysql.dsn"]))
	if err != nil || role != "honeyrow_seed" || w.address() != "mysql:3306" || w.certificate != "/secrets/honeyrow/server.crt" ||
		w.passwords[role] != strings.TrimSpace(first["load/honeyrow_seed.password"]) {
		t.Errorf("the planting role's URL does not lead to MySQL with its password: %s, %v", w.address(), err)
	}
	if _, there := first["story/honeyrow_seed.password"]; there {
		t.Error("the actors have the planting role's password")
	}
	if again := prepare(); fmt.Sprint(again) != fmt.Sprint(first) {
		t.Error("a second run makes other secrets")
	}
	if err := os.Remove(filepath.Join(root, "receiver/webhook.secret")); err != nil {
		t.Fatal(err)
	}
	last := prepare()
	if len(last) != len(first) || last["receiver/webhook.secret"] != last["honeyrow/webhook.secret"] || last["db/postgres.password"] == first["db/postgres.password"] {
		t.Error("after a loss not all secrets are new and fit each other")
	}
}

// secrets prepares a folder and returns it with the server's certificate.
func secrets(t *testing.T) (root string, files map[string][]byte) {
	t.Helper()
	root, files = t.TempDir(), map[string][]byte{}
	if _, err := play(t, "prepare", "-root", root, "-chown=false"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"server.crt", "server.key"} {
		b, err := os.ReadFile(filepath.Join(root, "db", name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = b
	}
	return root, files
}

func TestAnInterruptedLoadIsDoneAgainAndAFinishedOneIsNot(t *testing.T) {
	ctx := context.Background()
	root, files := secrets(t)
	pg, err := pgserver.Start(ctx, pgserver.Options{
		HBA: []string{"local all all trust", "hostssl all all 127.0.0.1/32 scram-sha-256"}, Settings: []string{"ssl = on"}, Files: files,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer pg.Stop()
	password, err := readSecret(filepath.Join(root, "load/postgres.password"))
	if err != nil {
		t.Fatal(err)
	}
	// What a run leaves behind that was killed in the middle.
	for db, sql := range map[string]string{
		"postgres": "ALTER ROLE postgres PASSWORD '" + password + "'; CREATE ROLE crm_app; GRANT pg_read_all_data TO crm_app; CREATE DATABASE crm_loading",
	} {
		for _, one := range strings.Split(sql, ";") {
			if err := pg.Exec(ctx, db, one); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := pg.Exec(ctx, "crm_loading", "CREATE TABLE customers (id int); GRANT SELECT ON customers TO crm_app"); err != nil {
		t.Fatal(err)
	}
	load := []string{"load", "-database", pg.Addr(), "-secrets", filepath.Join(root, "load"), "-customers", "300", "-employees", "40"}
	if out, err := play(t, load...); err != nil || !strings.Contains(out, "300 customers") {
		t.Fatalf("%v\n%s", err, out)
	}
	if got, err := pg.Query(ctx, "crm", "SELECT count(*), (SELECT count(*) FROM pg_database WHERE datname = 'crm_loading') FROM customers"); err != nil || got != "300|0\n" {
		t.Errorf("got %q, %v", got, err)
	}
	if out, err := play(t, load...); err != nil || !strings.Contains(out, "there already") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestAnInterruptedLoadIntoMySQLIsDoneAgainAndAFinishedOneIsNot(t *testing.T) {
	ctx := context.Background()
	root, files := secrets(t)
	password, err := readSecret(filepath.Join(root, "load/root.password"))
	if err != nil {
		t.Fatal(err)
	}
	my, err := myserver.Start(ctx, myserver.Options{Settings: []string{"ssl_cert = server.crt", "ssl_key = server.key"}, Files: files})
	if err != nil {
		t.Fatal(err)
	}
	defer my.Stop()
	// The owner as the official image makes it, and what a run leaves behind
	// that was killed in the middle.
	err = my.Exec(ctx, "", "CREATE USER root@'%' IDENTIFIED BY '"+password+"'; GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION; DROP USER IF EXISTS root@'127.0.0.1';"+
		"CREATE DATABASE crm; CREATE TABLE crm.customers (id int); CREATE USER crm_app@'%'; GRANT SELECT ON crm.customers TO crm_app@'%'")
	if err != nil {
		t.Fatal(err)
	}
	load := []string{"load", "-product", "mysql", "-database", my.Addr(), "-secrets", filepath.Join(root, "load"), "-customers", "300", "-employees", "40"}
	if out, err := play(t, load...); err != nil || !strings.Contains(out, "300 customers") {
		t.Fatalf("%v\n%s", err, out)
	}
	if got, err := my.Query(ctx, "crm", "SELECT count(*), (SELECT count(*) FROM demo.origin) FROM customers"); err != nil || got != "300\t1\n" {
		t.Errorf("got %q, %v", got, err)
	}
	if out, err := play(t, load...); err != nil || !strings.Contains(out, "there already") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestJobsSayWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"load", "-secrets", dir}, "run `demo prepare` first"},
		{[]string{"load", "-product", "oracle", "-secrets", dir}, `no product "oracle"`},
		{[]string{"shop", "-secrets", dir}, "run `demo prepare` first"},
		{[]string{"story", "-facts", filepath.Join(dir, "none")}, "run `demo plant` first"},
		{[]string{"receive", "-secret", filepath.Join(dir, "none")}, "no such file"},
		{[]string{"healthy", "-url", closed.URL}, "refused"},
		{[]string{"healthy", "extra"}, `no argument "extra"`},
		{[]string{"plant", "-honeyrow", filepath.Join(dir, "none")}, "no such file"},
	} {
		if _, err := play(t, tc.args...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v: %v, want %q", tc.args, err, tc.want)
		}
	}
	if is, _ := runJob(context.Background(), []string{"-keep"}, io.Discard); is {
		t.Error("a flag is taken for a job")
	}
}

func TestTheStoryNoticesAlertsThatTheReceiverLetGo(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-From", "900") }))
	defer srv.Close()
	if _, err := fetchAlerts(context.Background(), srv.URL)(100); err == nil || !strings.Contains(err.Error(), "from 900 on, wanted from 100") {
		t.Errorf("got %v", err)
	}
	if _, err := fetchAlerts(context.Background(), srv.URL)(0); err != nil {
		t.Errorf("at the beginning everything is welcome: %v", err)
	}
}
