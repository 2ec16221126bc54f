package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honeyrow/event"
	"honeyrow/internal/myserver"
	"honeyrow/rules"
	"honeyrow/seeder"
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
	var written uint64
	s.withStore(func(st *Store) (err error) {
		ctx := context.Background()
		defer func() { // whatever of this the proxy has seen already
			if err == nil {
				written, err = st.Version(ctx)
			}
		}()
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
	await(s.t, time.Second+5*time.Second, "the running proxy's registry version", func() bool { return s.app.engine.Version() >= written })
}

func TestADecoyTableInPostgreSQLIsAnAlertThoughNothingComesBack(t *testing.T) {
	s := newSite(t, "")
	if err := pg.Exec(t.Context(), "postgres", "drop table if exists payroll_backup; create table payroll_backup (id int, salary int)"); err != nil {
		t.Fatal(err)
	}
	s.start()
	c := s.connect("crm", true)
	count(t, c, "select * from payroll_backup")
	if err := s.app.analysis.Drain(t.Context()); err != nil { // judged while the table was nobody's decoy
		t.Fatal(err)
	}
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
		"alerts: {sinks: [{name: file, type: file, path: alerts.jsonl}]}\ndrain: {deadline: 2m, flush: 2m}\n", my.Addr()))
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

func TestADecoyTableThatAPlanMadeInMariaDBIsAnAlertThoughNothingComesBack(t *testing.T) {
	my, err := myserver.Start(t.Context(), myserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(my.Stop)
	exec := func(sql string) {
		t.Helper()
		if err := my.Exec(t.Context(), "", sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(`create database shop; create table shop.members (id int auto_increment primary key, full_name varchar(80) not null, email varchar(90) not null unique, joined_at datetime not null);
		insert into shop.members (full_name, email, joined_at) select concat(elt(1+i%5,'Ada','Bo','Cleo','Dan','Eva'),' ',elt(1+i%7,'Stone','Rivers','Hill','Field','Marsh','Brook','Wood')), concat('user',i,'@corp.test'), '2025-01-01' + interval i hour
			from (select 10*a.n+b.n i from (select 0 n union select 1 union select 2 union select 3 union select 4 union select 5) a, (select 0 n union select 1 union select 2 union select 3 union select 4 union select 5 union select 6 union select 7 union select 8 union select 9) b) x;
		create user app@'127.0.0.1' identified by 'pw'; grant all on shop.* to app@'127.0.0.1';
		create user planter@'127.0.0.1' identified by 'pw'; grant select on shop.members to planter@'127.0.0.1'`)
	s := newSite(t, "")
	s.configure(fmt.Sprintf("servers: [{name: shop, protocol: mysql, address: %q}]\nlisteners: [{name: shop, address: 127.0.0.1:0}]\n"+
		"alerts: {sinks: [{name: file, type: file, path: alerts.jsonl}]}\ndrain: {deadline: 2m, flush: 2m}\nseed: {domain: decoy.harborpost.test}\n", my.Addr()))
	s.start()
	s.seedAs("mysql://planter:pw@" + my.Addr() + "/shop")
	with := func(do func(*Seeding, seeder.Options) error) error {
		t.Helper()
		g, err := OpenSeeding(t.Context(), s.config(), "shop", filepath.Join(s.dir, "seed.dsn"))
		if err != nil {
			t.Fatal(err)
		}
		return errors.Join(do(g, seeder.Options{Config: g.Config, Server: g.Server, DecoyName: "members_2019", PlantedBy: "dba@corp"}), g.Close())
	}
	err = with(func(g *Seeding, o seeder.Options) error {
		_, err := g.Plan(t.Context(), o)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "lacks CREATE, SELECT, INSERT, DROP, CREATE TEMPORARY TABLES, LOCK TABLES") || !strings.Contains(err.Error(), "GRANT CREATE, SELECT, INSERT, DROP ON `shop`.`members_2019`") {
		t.Fatalf("without the rights: %v", err)
	}
	exec("grant create, select, insert, drop on shop.members_2019 to planter@'127.0.0.1'; grant create temporary tables, lock tables on shop.* to planter@'127.0.0.1'")
	rows := 0
	err = with(func(g *Seeding, o seeder.Options) error {
		p, err := g.Plan(t.Context(), o)
		if err != nil {
			return err
		}
		rows = p.Rows()
		done, err := g.Apply(t.Context(), p, seeder.ApplyOptions{})
		if err == nil && done.Watchers != 1 {
			t.Errorf("%d proxies watched", done.Watchers)
		}
		return err
	})
	if err != nil || rows < 24 {
		t.Fatalf("%d rows planted: %v", rows, err)
	}
	c := dialMySQL(t, s.app.Addrs()["shop"], "utf8mb4")
	defer c.close()
	if err := c.query("select id from members_2019 where id = ?", -1); err != nil {
		t.Fatal(err)
	}
	d := s.asked("members_2019")
	if h := d.Hits[0]; h.Means != "table" || d.Run.Rows != 0 || !strings.Contains(h.Story, "members_2019 of shop on shop by dba@corp") {
		t.Errorf("%s: %+v", d.Summary, h)
	}
	if err := c.query("select email from shop.members_2019"); err != nil {
		t.Fatal(err)
	}
	await(t, 10*time.Second, "an alert that tells of every row", func() bool {
		for _, d := range s.detections() {
			if d.HoneyRows >= rows {
				return true
			}
		}
		return false
	})
	err = with(func(g *Seeding, o seeder.Options) error {
		v, err := g.Verify(t.Context(), seeder.VerifyOptions{Server: "shop"})
		if err == nil && !v.OK {
			t.Errorf("verify: %+v", v.Rows)
		}
		_, rerr := g.Remove(t.Context(), seeder.RemoveOptions{Server: "shop"})
		return errors.Join(err, rerr)
	})
	if err != nil {
		t.Fatal(err)
	}
	exec("create table shop.members_2019 (id int)") // the name is free again
}
