package pgdb_test

import (
	"fmt"
	"strings"
	"testing"

	"honeyrow/seeder"
)

func TestDenseNumbersGoOnAndTheirTableIsSeeded(t *testing.T) {
	db := database(t, customers+`
		ALTER TABLE customers ADD no text UNIQUE, ADD badge int UNIQUE, ADD ref text UNIQUE, ADD account_no text UNIQUE;
		UPDATE customers SET no = 'C' || lpad(id::text, 6, '0'), badge = 4000 + id, ref = 'KD-' || id + 9000, account_no = lpad(id::text, 8, '0');
		ALTER TABLE customers ALTER no SET NOT NULL, ALTER badge SET NOT NULL, ALTER ref SET NOT NULL, ALTER account_no SET NOT NULL; ANALYZE;`)
	st := store(t)
	s := open(t, "postgres", db, st)
	o := options()
	o.SampleRows = 300 // less than the table holds
	p := plan(t, s, o)
	_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	must(t, err)
	n := p.Rows()
	for column, want := range map[string]string{
		"no": fmt.Sprintf("C%06d", 1000+n), "badge": fmt.Sprint(5000 + n), "account_no": fmt.Sprintf("%08d", 1000+n),
	} {
		if got := query(t, db, "SELECT max("+column+") FROM customers"); got != want {
			t.Errorf("highest %s: %s, want %s", column, got, want)
		}
	}
	if got, want := query(t, db, "SELECT ref FROM customers ORDER BY length(ref) DESC, ref DESC LIMIT 1"), fmt.Sprintf("KD-%d", 10000+n); got != want {
		t.Errorf("highest ref: %s, want %s", got, want)
	}
	if !strings.Contains(p.Table(), "keeps its own counter") {
		t.Error("the plan does not warn of the application's own counter")
	}
}

func TestMoreRowsThanCategoriesAllowBecomeFewerRowsAndThePlanSaysSo(t *testing.T) {
	db := database(t, `CREATE TABLE keys (id serial PRIMARY KEY, vendor text NOT NULL CHECK (vendor IN ('aws', 'gcp', 'azure')), env text NOT NULL CHECK (env IN ('prod', 'test', 'dev')), secret text NOT NULL, UNIQUE (vendor, env));
		INSERT INTO keys (vendor, env, secret) SELECT v, e, 'key_' || left(encode(sha256((v || e)::bytea), 'hex'), 24) FROM unnest('{aws,gcp,azure}'::text[]) v, unnest('{prod,test,dev}'::text[]) e WHERE v || e NOT IN ('awsdev', 'gcptest');`)
	st := store(t)
	s := open(t, "postgres", db, st)
	o := options()
	o.Rows, o.Tables = 6, []string{"keys"}
	o.Columns = map[string]string{"keys.vendor": "copy", "keys.env": "copy"}
	p, err := s.Plan(t.Context(), o)
	must(t, err)
	if p.Rows() < 1 || p.Rows() > 2 || !strings.Contains(p.Table(), "fewer rows than asked for") {
		t.Fatalf("%d rows planned, want 1 or 2 and a word about it\n%s", p.Rows(), p.Table())
	}
	_, err = s.Apply(t.Context(), p, seeder.ApplyOptions{})
	must(t, err)
}

func TestAHoneyRowIsNoTemplateForAnother(t *testing.T) {
	db := database(t, customers+"DELETE FROM customers WHERE id > 12; ANALYZE;")
	st := store(t)
	s := open(t, "postgres", db, st)
	o := options()
	o.Rows = 40
	_, err := s.Apply(t.Context(), plan(t, s, o), seeder.ApplyOptions{})
	must(t, err)
	o.Seed, o.Rows = 8, 5
	p := plan(t, s, o)
	if got := p.Tables[0].Sampled; got != 12 {
		t.Errorf("%d rows were learnt from, want the 12 real ones", got)
	}
	query(t, db, "DELETE FROM customers WHERE email NOT LIKE '%@mail.shop-partners.test' RETURNING 1")
	if p, err := s.Plan(t.Context(), o); err == nil || !strings.Contains(p.Table(), "nothing but honey rows") {
		t.Errorf("a table of honey rows alone is planned: %v", err)
	}
}

func TestThePlanSaysWhenTheServersLogWouldHoldTheValues(t *testing.T) {
	for setting, want := range map[string]bool{"log_statement = 'all'": true, "log_statement = 'mod'": true, "log_min_duration_statement = 0": true, "log_statement = 'ddl'": false} {
		db := database(t, customers)
		must(t, server.Exec(t.Context(), "postgres", "ALTER DATABASE "+db+" SET "+setting))
		p := plan(t, open(t, "postgres", db, store(t)), options())
		if got := strings.Contains(strings.Join(p.Warnings, "\n"), "log will hold the honey values"); got != want {
			t.Errorf("%s: warned %v, want %v", setting, got, want)
		}
	}
}

func TestNoHoneyRowOfAUsersTableHoldsATokenThatTheApplicationAccepts(t *testing.T) {
	db := database(t, `CREATE TABLE users (id serial PRIMARY KEY, login text NOT NULL UNIQUE, email text NOT NULL UNIQUE, normalized_email text NOT NULL UNIQUE, password text NOT NULL, api_token text UNIQUE, remember_token text);
		INSERT INTO users (login, email, normalized_email, password, api_token, remember_token) SELECT 'u' || i || '@corp.example', 'u' || i || '@corp.example', 'U' || i || '@CORP.EXAMPLE', md5(i::text), 'tk_' || md5(i || 'a'), md5(i || 'b') FROM generate_series(1, 60) i;`)
	st := store(t)
	s := open(t, "postgres", db, st)
	_, err := s.Apply(t.Context(), plan(t, s, options()), seeder.ApplyOptions{})
	must(t, err)
	if n := query(t, db, "SELECT count(*) FROM users WHERE id > 60 AND (api_token IS NOT NULL OR remember_token IS NOT NULL)"); n != "0" {
		t.Errorf("%s honey rows hold a token", n)
	}
	if n := query(t, db, "SELECT count(*) FROM users WHERE id > 60 AND (login <> email OR normalized_email <> upper(email))"); n != "0" {
		t.Errorf("in %s honey rows the address differs from column to column", n)
	}
	ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	must(t, err)
	if !ver.OK {
		t.Errorf("verify: %+v", ver.Rows)
	}
}
