package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"honeyrow/event"
	"honeyrow/internal/myserver"
	"honeyrow/rules"
)

func TestADecoyTableIsNamedAsItsServerNamesTables(t *testing.T) {
	text := "registry: {path: r.db, key_file: r.key}\nservers: [{name: a, address: 127.0.0.1:5432}, {name: b, protocol: mysql, address: 127.0.0.1:3306}]\n" +
		"listeners: [{name: a, address: 127.0.0.1:0, server: a}]\nseed: {domain: decoy.corp.example}\n"
	c, err := ParseConfig("honeyrow.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, database, want string }{
		{"a=public.vault", "crm", "{a crm public vault * }"},
		{"b=crm.vault", "", "{b crm  vault * }"},
		{"b=crm.vault", "crm", "{b crm  vault * }"},
		{"b=crm.vault", "shop", "leave --database out"},
		{"a=public.vault", "", "with --database"},
		{"a=vault", "crm", "SCHEMA.TABLE"},
		{"b=vault", "", "DATABASE.TABLE"},
		{"a=x.y.z", "crm", "SCHEMA.TABLE"},
		{"public.vault", "crm", "SERVER=SCHEMA.TABLE"},
		{"c=public.vault", "crm", "no server \"c\""},
	} {
		p, err := DecoyPlace(c, tc.name, tc.database)
		got := fmt.Sprint(p)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, tc.want) {
			t.Errorf("%s, %s: %s, want %s", tc.name, tc.database, got, tc.want)
		}
	}
}

// asked waits for the detection of a decoy table.
func (s *site) asked(table string) event.Detection {
	s.t.Helper()
	var d event.Detection
	await(s.t, 10*time.Second, "the alert on "+table, func() bool {
		for _, x := range s.detections() {
			if x.Rule == rules.RowSought && x.Hits[0].Place.Table == table {
				d = x
			}
		}
		return d.ID != ""
	})
	return d
}

// decoy names a decoy table, or ends its watch, while the proxy runs.
func (s *site) decoy(name, database string, remove bool) {
	s.t.Helper()
	p, err := DecoyPlace(s.config(), name, database)
	if err != nil {
		s.t.Fatal(err)
	}
	before := s.app.engine.Version()
	s.withStore(func(st *Store) error {
		ctx := context.Background()
		if !remove {
			_, err := AddDecoy(ctx, st, p, "dba@corp", "ask Ann")
			if _, again := AddDecoy(ctx, st, p, "dba@corp", ""); again == nil {
				return errors.New("the same table twice")
			}
			return err
		}
		d, err := FindDecoy(ctx, st, p)
		if err != nil || d == nil {
			return fmt.Errorf("%v: the decoy is not listed", err)
		}
		return RemoveDecoy(ctx, st, d)
	})
	await(s.t, time.Second+5*time.Second, "the running proxy's registry version", func() bool { return s.app.engine.Version() > before })
}

func TestADecoyTableInPostgreSQLIsAnAlertThoughNothingComesBack(t *testing.T) {
	s := newSite(t, "")
	if err := pg.Exec(t.Context(), "postgres", "drop table if exists payroll_backup; create table payroll_backup (id int, salary int)"); err != nil {
		t.Fatal(err)
	}
	s.start()
	c := s.connect("crm", true)
	count(t, c, "select * from payroll_backup")
	s.decoy("public.payroll_backup", "postgres", false)
	count(t, c, "select salary from payroll_backup where id = 5")
	d := s.asked("payroll_backup")
	h := d.Hits[0]
	if h.Means != "table" || h.Channel != event.ChannelStatement || h.Note != "ask Ann" || h.PlantedBy != "dba@corp" || d.HoneyRows != 1 || d.Run.Rows != 0 {
		t.Errorf("%s: %+v", d.Summary, d)
	}
	if !strings.Contains(d.Summary, "Decoy table postgres.public.payroll_backup asked for") && !strings.Contains(d.Summary, "Decoy table") {
		t.Errorf("summary %q", d.Summary)
	}
	s.decoy("public.payroll_backup", "postgres", true)
	n := len(s.detections())
	count(t, c, "select salary from payroll_backup where id = 6")
	count(t, c, "select '"+"nothing'")
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if m := len(s.detections()); m != n {
		t.Errorf("%d alerts, %d before the watch ended", m, n)
	}
}

func TestADecoyTableInMariaDBIsAnAlertThoughNothingComesBack(t *testing.T) {
	my, err := myserver.Start(t.Context(), myserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(my.Stop)
	if err := my.Exec(t.Context(), "", `create database shop; create table shop.payroll_backup (id int primary key, salary int);
		create user app@'127.0.0.1' identified by 'pw'; grant all on shop.* to app@'127.0.0.1'`); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, "")
	s.configure(fmt.Sprintf("servers: [{name: shop, protocol: mysql, address: %q}]\nlisteners: [{name: shop, address: 127.0.0.1:0}]\n"+
		"alerts: {sinks: [{name: file, type: file, path: alerts.jsonl}]}\ndrain: {deadline: 5s, flush: 2s}\n", my.Addr()))
	s.start()
	c := dialMySQL(t, s.app.Addrs()["shop"], "utf8mb4")
	defer c.close()
	s.decoy("shop=shop.payroll_backup", "", false)
	for _, q := range []func() error{
		func() error { return c.query("select * from payroll_backup") },
		func() error { return c.query("select salary from shop.payroll_backup where id = ?", 7) },
	} {
		if err := q(); err != nil {
			t.Fatal(err)
		}
	}
	await(t, 10*time.Second, "an alert of each statement", func() bool { return len(s.detections()) == 2 })
	if d := s.asked("payroll_backup"); d.Hits[0].Means != "table" || d.Hits[0].Place.Database != "shop" || d.Run.Rows != 0 {
		t.Errorf("%+v", d)
	}
}
