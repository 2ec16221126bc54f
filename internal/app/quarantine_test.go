package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"

	"honeyrow/event"
	"honeyrow/internal/admin"
	"honeyrow/internal/myserver"
)

const quarantineRule = `
rules:
  - id: shut
    title: A planted value was read
    severity: critical
    condition: any(hits, not .inbound)
    message: ask the desk
    actions: {quarantine: {by: [user], for: 1h}}
`

// ask logs in through the proxy and returns the server's or the proxy's refusal.
func ask(s *site, user string) error {
	c, err := pgconn.Connect(s.t.Context(), "postgres://"+user+"@"+s.app.Addrs()["crm"]+"/postgres?sslmode=disable&connect_timeout=60")
	if err != nil {
		return err
	}
	_, err = c.Exec(s.t.Context(), "select 1").ReadAll()
	return errors.Join(err, c.Close(context.Background()))
}

func refusedLogin(err error) bool {
	var pe *pgconn.PgError
	return errors.As(err, &pe) && pe.Code == "42501" && strings.HasSuffix(pe.Message, "ask the desk")
}

func TestAQuarantineOutlivesTheProxyAndIsLiftedWithinASecond(t *testing.T) {
	s := newSite(t, "")
	s.ownRules(quarantineRule)
	s.configure(configText("rule_files: [own.yaml]"))
	if err := pg.Exec(t.Context(), "postgres", "drop role if exists thief; create role thief login superuser"); err != nil {
		t.Fatal(err)
	}
	s.plant()
	s.start()
	running, err := pgconn.Connect(t.Context(), "postgres://thief@"+s.app.Addrs()["crm"]+"/postgres?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := running.Exec(t.Context(), "select * from customers where id = 4711").ReadAll(); err == nil {
		t.Error("the session that read the row goes on")
	}
	running.Close(context.Background())
	if err := ask(s, "thief"); !refusedLogin(err) {
		t.Fatalf("a new session: %v", err)
	}
	if err := ask(s, "postgres"); err != nil {
		t.Fatalf("another user: %v", err)
	}
	var q event.Quarantined
	await(t, 5*time.Second, "the registry has it", func() bool {
		s.withStore(func(st *Store) error {
			qs, err := st.Quarantines(t.Context(), false)
			if len(qs) == 1 {
				q = qs[0]
			}
			return err
		})
		return q.ID != ""
	})
	if q.By != "user" || q.Subject != "thief" || q.Server != "crm" || q.Rule != "shut" || q.Detection == "" {
		t.Errorf("in the registry: %+v", q)
	}

	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s.start()
	if err := ask(s, "thief"); !refusedLogin(err) {
		t.Fatalf("after a restart: %v", err)
	}
	s.withStore(func(st *Store) error { // as another process, such as the command
		_, err := st.Lift(t.Context(), q.ID, "bob@desk", "our own job")
		return err
	})
	await(t, time.Second, "the user is let in again", func() bool { return ask(s, "thief") == nil })
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s.withStore(func(st *Store) error {
		qs, err := st.Quarantines(t.Context(), true)
		if len(qs) != 1 || qs[0].Refused < 2 || qs[0].LiftedBy != "bob@desk" {
			t.Errorf("afterwards: %+v", qs)
		}
		a, verr := st.Verify(t.Context(), nil)
		if a.Broken != nil {
			t.Errorf("the audit: %+v", a.Broken)
		}
		return errors.Join(err, verr)
	})
}

func TestAPersonShutsOutAndLetsInThroughTheAdminListener(t *testing.T) {
	s, c := adminSite(t)
	k, err := admin.Dial(c)
	if err != nil {
		t.Fatal(err)
	}
	running := s.connect("crm", true)
	order := func(o admin.QuarantineOrder) (q event.Quarantined, err error) {
		return q, k.Order(t.Context(), "POST", "/v1/quarantine", o, &q)
	}
	for _, bad := range []struct {
		o    admin.QuarantineOrder
		says string
	}{
		{admin.QuarantineOrder{By: "address", Subject: "ten", For: time.Hour}, "is no address"},
		{admin.QuarantineOrder{By: "address", Subject: "10.0.0.1", Server: "crm", For: time.Hour}, "leave the server out"},
		{admin.QuarantineOrder{By: "user", Subject: "x", Server: "other", For: time.Hour}, "one of crm"},
		{admin.QuarantineOrder{By: "user", For: time.Hour}, "nobody is named"},
		{admin.QuarantineOrder{By: "everybody", Subject: "x", For: time.Hour}, "unknown subject"},
		{admin.QuarantineOrder{By: "user", Subject: "x", For: 1000 * time.Hour}, "choose 1s to 720h"},
	} {
		if _, err := order(bad.o); err == nil || !strings.Contains(err.Error(), bad.says) {
			t.Errorf("%+v: %v, want %q", bad.o, err, bad.says)
		}
	}
	q, err := order(admin.QuarantineOrder{By: "user", Subject: "postgres", For: time.Hour, Author: "bob@desk", Message: "ask the desk"})
	if err != nil || q.Server != "crm" || q.Author != "bob@desk" {
		t.Fatalf("%+v, %v", q, err)
	}
	if err := ask(s, "postgres"); !refusedLogin(err) {
		t.Errorf("a new session: %v", err)
	}
	await(t, 5*time.Second, "the running session ends", func() bool {
		_, err := running.Exec(t.Context(), "select 1")
		return err != nil
	})
	var qs []event.Quarantined
	if err := k.Get(t.Context(), "/v1/quarantine", &qs); err != nil || len(qs) != 1 || qs[0].ID != q.ID || qs[0].Refused != 1 {
		t.Errorf("listed: %+v, %v", qs, err)
	}
	m, err := k.Metrics(t.Context())
	if err != nil || !strings.Contains(m, "honeyrow_quarantine_subjects 1\n") || !strings.Contains(m, "honeyrow_quarantine_sessions_refused_total 1\n") {
		t.Errorf("metrics: %v", err)
	}
	lift := func() error {
		var q event.Quarantined
		return k.Order(t.Context(), "DELETE", "/v1/quarantine/"+string(qs[0].ID), admin.LiftOrder{Author: "bob@desk"}, &q)
	}
	if err := lift(); err != nil {
		t.Fatal(err)
	}
	if err := ask(s, "postgres"); err != nil {
		t.Errorf("let in again: %v", err)
	}
	if err := lift(); err == nil || !strings.Contains(err.Error(), "not in quarantine") {
		t.Errorf("lifted twice: %v", err)
	}
}

func TestAMariaDBUserInQuarantineReadsAProperErrorUntilItIsLifted(t *testing.T) {
	my, err := myserver.Start(t.Context(), myserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(my.Stop)
	if err := my.Exec(t.Context(), "", "create user app@'127.0.0.1' identified by 'pw'"); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, "")
	s.configure(fmt.Sprintf("servers: [{name: shop, protocol: mysql, address: %q}]\nlisteners: [{name: shop, address: 127.0.0.1:0}]\n"+
		"alerts: {sinks: [{name: file, type: file, path: alerts.jsonl}]}\ndrain: {deadline: 2m, flush: 2m}\n", my.Addr()))
	s.start()
	db, err := sql.Open("mysql", "app:pw@tcp("+s.app.Addrs()["shop"]+")/")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxIdleConns(0)
	if err := db.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	var q event.Quarantined
	s.withStore(func(st *Store) (err error) {
		q, err = ShutOut(t.Context(), st, s.config(), admin.QuarantineOrder{By: "user", Subject: "app", For: time.Hour, Message: "ask the desk"})
		return err
	})
	await(t, time.Second, "the user is refused", func() bool { return db.PingContext(t.Context()) != nil })
	var refusal *mysqldriver.MySQLError
	if err := db.PingContext(t.Context()); !errors.As(err, &refusal) || refusal.Number != 1142 && refusal.Number != 1045 || !strings.HasSuffix(refusal.Message, "ask the desk") {
		t.Errorf("told: %v", err)
	}
	s.withStore(func(st *Store) error {
		_, err := st.Lift(t.Context(), q.ID, "", "")
		return err
	})
	await(t, time.Second, "the user is let in again", func() bool { return db.PingContext(t.Context()) == nil })
}
