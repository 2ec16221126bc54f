package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honeyrow/alert"
	"honeyrow/event"
	"honeyrow/internal/myserver"
	"honeyrow/token"
)

// fire runs one drill as another process would.
func (s *site) fire(server string, o FireOptions) (*Fired, error) {
	s.t.Helper()
	seeding, err := OpenSeeding(s.t.Context(), s.config(), server, filepath.Join(s.dir, "seed.dsn"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer seeding.Close()
	o.Address = s.app.Addrs()[server]
	f, err := seeding.Fire(s.t.Context(), s.config(), o)
	return f, err
}

// late plays a drill to the end of its time, and again with more of it until it has
// come as far as ok says: a busy machine may not get there in 2 s.
func (s *site) late(ok func(error) bool, play func(FireOptions) error) error {
	for timeout := 2 * time.Second; ; timeout *= 4 {
		if err := play(FireOptions{Timeout: timeout}); ok(err) || timeout > time.Minute {
			return err
		}
	}
}

// seedAs writes the seeding connection's string.
func (s *site) seedAs(dsn string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "seed.dsn"), []byte(dsn), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// quiet checks that a drill left nothing behind that concerns people.
func (s *site) quiet(f *Fired) {
	s.t.Helper()
	s.withStore(func(st *Store) error {
		ctx := context.Background()
		if is, err := st.Incidents(ctx, alert.IncidentQuery{}); err != nil || len(is) != 0 {
			s.t.Errorf("%d incidents are open after drills (%v)", len(is), err)
		}
		es, err := st.Detections(ctx, alert.Query{})
		for _, e := range es {
			if d := &e.Detection; !d.Drill || d.Severity != event.Info || d.Incident == nil || d.Incident.Severity != event.Info {
				s.t.Errorf("beside drills there is %s: %s", d.Rule, d.Summary)
			}
		}
		if err != nil {
			return err
		}
		ts, err := st.List(ctx, token.Filter{})
		if err != nil {
			return err
		}
		for _, tk := range ts {
			if l, err := st.Life(ctx, tk.ID); err != nil || l.Reads+l.Uses != 0 {
				s.t.Errorf("a drill counts as a read: %+v, %v", l, err)
			}
		}
		return nil
	})
	if d, ok := s.detections()[f.Detection]; !ok || !d.Drill || !strings.HasPrefix(d.Summary, "DRILL") {
		s.t.Errorf("the file sink has %+v", d)
	}
}

func TestADrillGoesTheWholeWayInPostgreSQL(t *testing.T) {
	const sinks = "\n    - {name: picky, type: file, path: picky.jsonl, only: {severity: critical}}"
	for _, tc := range []struct{ name, mode, rules, refused string }{
		{name: "detect"},
		{name: "block", rules: "rules: {honey-row-read: {action: block}}", refused: "refused"},
		{name: "protect", mode: "    mode: protect\n", rules: "rules: {honey-row-sought: {action: kill}}", refused: "refused"},
		{name: "shut out", rules: "rules: {honey-row-read: {actions: {verdict: block, quarantine: {by: [user, address], for: 1h}, program: {argv: [/bin/false]}}}}", refused: "refused"},
	} {
		s := newSite(t, "")
		text := strings.Replace(configText(tc.rules), "path: alerts.jsonl}", "path: alerts.jsonl}"+sinks, 1)
		s.configure(strings.Replace(text, "127.0.0.1:0\n", "127.0.0.1:0\n"+tc.mode, 1))
		s.seedAs("postgres://postgres@" + pg.Addr() + "/postgres?sslmode=disable")
		s.plant()
		s.start()
		for range 2 { // nobody was shut out for the first one
			f, err := s.fire("crm", FireOptions{User: "postgres"})
			if err != nil {
				t.Fatalf("%s: %v (%+v)", tc.name, err, f)
			}
			if (f.Refused != "") != (tc.refused != "") || f.Refused == "" && f.Rows != 1 || f.Detection == "" || len(f.Matched) == 0 || f.Matched[0].Severity < event.High {
				t.Errorf("%s: %+v", tc.name, f)
			}
			if f.Answered <= 0 || f.Committed <= 0 || len(f.Sinks) != 2 || f.Sinks[0].Delivered < f.Committed || f.Sinks[1].Delivered < f.Committed {
				t.Errorf("%s: times %+v", tc.name, f)
			}
			s.quiet(f)
		}
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADrillThatRaisesNoAlertIsAFailure(t *testing.T) {
	s := newSite(t, "allow: [{user: postgres}]")
	s.seedAs("postgres://postgres@" + pg.Addr() + "/postgres?sslmode=disable")
	s.plant()
	if err := pg.Exec(t.Context(), "postgres", "drop role if exists nobody_reads; create role nobody_reads login"); err != nil {
		t.Fatal(err)
	}
	s.start()
	err := s.late(func(err error) bool { return errors.Is(err, ErrNoAlert) }, func(o FireOptions) error {
		_, err := s.fire("crm", o)
		return err
	})
	if !errors.Is(err, ErrNoAlert) || !strings.Contains(err.Error(), "allowance") {
		t.Errorf("of a user who is allowed: %v", err)
	}
	if _, err := s.fire("crm", FireOptions{User: "nobody_reads"}); err == nil || errors.Is(err, ErrNoAlert) || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("of a user without rights: %v", err)
	}
	if _, err := s.fire("crm", FireOptions{User: "postgres", Rows: []event.ID{"none"}}); err == nil || !strings.Contains(err.Error(), "no live honey row") {
		t.Errorf("of a row that is not there: %v", err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.fire("crm", FireOptions{}); err == nil || !strings.Contains(err.Error(), "no proxy stands in front of crm") {
		t.Errorf("without a proxy: %v", err)
	}
}

// The proxy refuses in the words that the server has for it. Where the alert is not
// committed, nobody knows which of them it was, and the drill says so.
func TestARefusalWhoseAlertIsNotCommittedIsNotTakenForTheServers(t *testing.T) {
	s := newSite(t, "rules: {honey-row-read: {action: block}}")
	s.seedAs("postgres://postgres@" + pg.Addr() + "/postgres?sslmode=disable")
	s.plant()
	s.start()
	db, err := sql.Open("sqlite", s.config().Registry.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TRIGGER full BEFORE INSERT ON detection BEGIN SELECT raise(ABORT, 'no room'); END"); err != nil {
		t.Fatal(err)
	}
	f, err := s.fire("crm", FireOptions{User: "postgres"})
	if err == nil || errors.Is(err, ErrNoAlert) || !strings.Contains(err.Error(), "if a rule of yours refuses it") || strings.Contains(err.Error(), "was not read") {
		t.Errorf("%v: %+v", err, f)
	}
	if _, err := db.Exec("DROP TRIGGER full"); err != nil {
		t.Fatal(err)
	}
}

func TestADrillThatASinkDoesNotTakeSaysSo(t *testing.T) {
	s := newSite(t, "")
	s.configure(strings.Replace(configText(""), "path: alerts.jsonl}", "path: alerts.jsonl}\n    - {name: broken, type: webhook, url: \"http://127.0.0.1:1/\"}", 1))
	s.seedAs("postgres://postgres@" + pg.Addr() + "/postgres?sslmode=disable")
	s.plant()
	s.start()
	var f *Fired
	err := s.late(func(err error) bool { return errors.Is(err, ErrUndelivered) && !strings.Contains(err.Error(), "file,") }, func(o FireOptions) (err error) {
		f, err = s.fire("crm", o)
		return err
	})
	if !errors.Is(err, ErrUndelivered) || f == nil || f.Detection == "" || !strings.Contains(err.Error(), "broken") || strings.Contains(err.Error(), "file,") {
		t.Errorf("%v: %+v", err, f)
	}
}

func TestADrillGoesTheWholeWayInMariaDB(t *testing.T) {
	my, err := myserver.Start(t.Context(), myserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(my.Stop)
	if err := my.Exec(t.Context(), "", `create database shop; create table shop.customers (id int primary key, name varchar(80), email varchar(80));
		insert into shop.customers values (1, 'A', 'a@corp.example'), (4711, 'Petra ''Pe'' Lindqvist?', '`+honeyMail+`');
		create user app@'127.0.0.1' identified by 'pw'; grant all on shop.* to app@'127.0.0.1';
		create user reader@'127.0.0.1' identified by 'r?w'; grant select on shop.customers to reader@'127.0.0.1'`); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, "")
	text := func(rules string) string {
		return fmt.Sprintf("servers: [{name: shop, protocol: mysql, address: %q}]\nlisteners: [{name: shop, address: 127.0.0.1:0}]\n"+
			"alerts: {sinks: [{name: file, type: file, path: alerts.jsonl}]}\ndrain: {deadline: 2m, flush: 2m}\n%s", my.Addr(), rules)
	}
	s.configure(text(""))
	s.seedAs("mysql://app:pw@" + my.Addr() + "/shop")
	now, row := time.Now().UTC(), event.NewID()
	s.withStore(func(st *Store) error {
		var ts []token.Token
		for column, v := range map[string]string{"id": "4711", "email": honeyMail, "name": "Petra 'Pe' Lindqvist?"} {
			tk := token.Token{
				ID: event.NewID(), Row: row, Kind: column, Value: v, Strength: token.Weak, Key: column == "id",
				Place:      event.Place{Server: "shop", Database: "shop", Table: "customers", Column: column, Key: "4711"},
				Deployment: "test", PlantedBy: "dba@corp", PlantedAt: now, State: token.Live, ChangedAt: now,
			}
			if column == "email" {
				tk.Strength = token.Strong
			}
			ts = append(ts, tk)
		}
		return st.Add(t.Context(), ts)
	})
	s.start()
	f, err := s.fire("shop", FireOptions{User: "reader", Password: "r?w"})
	if err != nil || f.Rows != 1 || f.Refused != "" || f.Row != row {
		t.Fatalf("%v: %+v", err, f)
	}
	s.quiet(f)
	s.configure(text("rules: {honey-row-read: {action: block}}\n"))
	if err := s.app.Reload(t.Context(), s.config()); err != nil {
		t.Fatal(err)
	}
	f, err = s.fire("shop", FireOptions{})
	if err != nil || f.Refused == "" || f.Action != "block" {
		t.Fatalf("%v: %+v", err, f)
	}
	s.quiet(f)
	if _, err := s.fire("shop", FireOptions{User: "reader", Password: "wrong"}); err == nil || strings.Contains(err.Error(), "wrong") {
		t.Errorf("with a wrong password: %v", err)
	}
}
