package mydb_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"honeyrow/internal/myserver"
	"honeyrow/seeder"
	"honeyrow/seeder/mydb"
)

// noted has a trigger that writes to a table without transactions, what no rollback
// takes back; aside has none, and no transactions.
const noted = customers + `CREATE TABLE log (what varchar(200)) ENGINE=MyISAM;
CREATE TABLE members (id int AUTO_INCREMENT PRIMARY KEY, email varchar(90) NOT NULL UNIQUE) ENGINE=MyISAM;
INSERT INTO members (email) SELECT concat('p', seq, '@corp.example') FROM seq_1_to_50;
CREATE TRIGGER note AFTER INSERT ON customers FOR EACH ROW INSERT INTO log VALUES (NEW.email);
`

// watching is a database noted, and a seeder whose role can't see its triggers.
type watching struct {
	t      *testing.T
	server *myserver.Server
	db     string
	store  seeder.Store
}

func watch(t *testing.T, s *myserver.Server) *watching {
	t.Helper()
	w := &watching{t: t, server: s, db: "hidden_" + strings.ToLower(t.Name()[len(t.Name())-8:]), store: store(t)}
	must(t, s.Exec(t.Context(), "", "CREATE DATABASE "+w.db))
	must(t, s.Exec(t.Context(), w.db, statements(noted)))
	must(t, s.Exec(t.Context(), w.db, "CREATE USER unseeing; GRANT SELECT, INSERT, CREATE TEMPORARY TABLES ON "+w.db+".* TO unseeing"))
	t.Cleanup(func() { must(t, s.Exec(context.Background(), "", "DROP USER unseeing")) })
	return w
}

// as returns a seeder that is connected as user.
func (w *watching) as(user string) *seeder.Seeder {
	w.t.Helper()
	d, err := mydb.Open(w.t.Context(), w.server.DSN(user, "", w.db))
	must(w.t, err)
	w.t.Cleanup(d.Close)
	return &seeder.Seeder{Database: d, Store: w.store}
}

// why is the reason for which a plan leaves a table out, "" if it does not.
func (w *watching) why(o seeder.Options, table string) string {
	w.t.Helper()
	p, err := w.as("unseeing").Plan(w.t.Context(), o)
	if err != nil && !errors.Is(err, seeder.ErrNothing) {
		w.t.Fatal(err)
	}
	for _, r := range append(p.Refused, p.Skipped...) {
		if r.Table == table {
			return r.Why
		}
	}
	return ""
}

// quiet makes sure that no trigger has left anything.
func (w *watching) quiet(what string) {
	w.t.Helper()
	out, err := w.server.Query(w.t.Context(), w.db, "SELECT count(*) FROM log")
	must(w.t, err)
	if n := strings.TrimSpace(out); n != "0" {
		w.t.Errorf("%s: the trigger has left %s rows that no rollback takes back", what, n)
	}
}

// tells reports whether the server names triggers to a role without the right to them.
func tells(s *myserver.Server) bool {
	return s.Kind == myserver.MariaDB && (s.Version >= 110806 || s.Version >= 101119 && s.Version < 110000)
}

var showing = regexp.MustCompile("GRANT TRIGGER ON `[^`]+`\\.`[^`]+` TO '[^']+'@'%'")

func TestATriggerThatTheRoleCantSeeIsNotFiredUnlessAsked(t *testing.T) {
	w := watch(t, server)
	all, named := options(), options()
	named.Tables = []string{"customers"}
	switch why := w.why(all, "customers"); {
	case tells(server):
		if !strings.Contains(why, "trigger note does is not shown to the role (GRANT TRIGGER") {
			t.Errorf("the table is refused for %q, want the trigger's name and the right", why)
		}
	case server.MySQLFrom(90000): // refuses such a trigger itself
		if !strings.Contains(why, "enforce_gtid_consistency") {
			t.Errorf("the table is refused for %q, want the server's own reason", why)
		}
		w.quiet("a trial")
		return
	default:
		w.hides(why)
	}
	p := plan(t, w.as("unseeing"), named)
	if p.Probed || !strings.Contains(p.Table(), "not shown to the role") || !strings.Contains(p.Table(), "not tried at plan time") {
		t.Errorf("the plan of a named table is tried, or without a warning:\n%s", p.Table())
	}
	w.quiet("the plan of a named table")
	_, err := w.as("unseeing").Apply(t.Context(), p, seeder.ApplyOptions{})
	must(t, err)
}

// hides is what holds where a server hides triggers, and lets them write anywhere.
func (w *watching) hides(why string) {
	t := w.t
	t.Helper()
	grant := showing.FindString(why)
	if grant == "" || !strings.Contains(why, "whether it has triggers is not shown") || !strings.Contains(why, "name the table to seed it nevertheless") {
		t.Fatalf("the table is refused for %q, want the reason, the GRANT and how to ask for it", why)
	}
	w.quiet("a plan")

	// A plan by somebody who sees all of it, before there was a trigger.
	must(t, w.server.Exec(t.Context(), w.db, "RENAME TABLE log TO other; CREATE TABLE log (what varchar(200)) ENGINE=InnoDB"))
	o := options()
	p := plan(t, w.as("root"), o)
	if len(p.Tables) != 1 || !strings.Contains(strings.Join(p.Grants, "\n"), "GRANT SELECT, INSERT, TRIGGER ON ") {
		t.Fatalf("the plan's rights are %q, want TRIGGER among them", p.Grants)
	}
	must(t, w.server.Exec(t.Context(), w.db, "DROP TABLE log; RENAME TABLE other TO log"))
	for user, want := range map[string]string{"root": "names table log", "unseeing": "changed since"} {
		if _, err := w.as(user).Apply(t.Context(), p, seeder.ApplyOptions{DryRun: true}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s applies a plan that did not know of what stays: %v, want %q", user, err, want)
		}
	}
	must(t, w.server.Exec(t.Context(), w.db, "DROP TRIGGER note"))
	p = plan(t, w.as("root"), o)
	must(t, w.server.Exec(t.Context(), w.db, statements("CREATE TRIGGER note AFTER INSERT ON customers FOR EACH ROW INSERT INTO log VALUES (NEW.email);\n")))
	if _, err := w.as("unseeing").Apply(t.Context(), p, seeder.ApplyOptions{DryRun: true}); err == nil || !strings.Contains(err.Error(), grant) {
		t.Errorf("a role that can't see a later trigger applies the plan: %v, want %q", err, grant)
	}
	w.quiet("applying another one's plan")

	// The statement of the reason shows what there is.
	must(t, w.server.Exec(t.Context(), "", grant))
	if why := w.why(o, "customers"); !strings.Contains(why, "its trigger note names table log (MyISAM)") {
		t.Errorf("after %s the table is refused for %q, want its trigger", grant, why)
	}
	must(t, w.server.Exec(t.Context(), w.db, "DROP TRIGGER note"))
	if p := plan(t, w.as("unseeing"), o); len(p.Tables) != 1 || p.Tables[0].Lasting || !p.Probed {
		t.Errorf("a table that has no trigger is not planned with the right to see that:\n%s", p.Table())
	}
	must(t, w.server.Exec(t.Context(), w.db, statements("CREATE TRIGGER note AFTER INSERT ON customers FOR EACH ROW INSERT INTO log VALUES (NEW.email);\n")+"REVOKE TRIGGER ON customers FROM unseeing"))
}

func TestATableWithoutTransactionsWhoseTriggersAreHiddenIsRefused(t *testing.T) {
	w := watch(t, server)
	o := options()
	o.Tables = []string{"members"}
	if tells(server) {
		if why := w.why(o, "members"); why != "" {
			t.Errorf("a table that has no triggers, as is known, is refused: %s", why)
		}
		return
	}
	why := w.why(o, "members")
	grant := showing.FindString(why)
	if grant == "" || !strings.Contains(why, "MyISAM has no transactions, and whether it has triggers") {
		t.Fatalf("the table is refused for %q, want the reason and the GRANT", why)
	}
	must(t, w.server.Exec(t.Context(), "", grant))
	if p := plan(t, w.as("unseeing"), o); len(p.Tables) != 1 {
		t.Errorf("the table is not planned with the right:\n%s", p.Table())
	}
}

// enforce_gtid_consistency does nothing where no binary log is written.
func TestAServerWithoutABinaryLogIsNotTakenToRefuseWhatStays(t *testing.T) {
	if !server.MySQLFrom(80000) {
		t.Logf("left out with %s: it enforces nothing", server.Release)
		return
	}
	s, err := myserver.Start(t.Context(), myserver.Options{Settings: []string{"skip-log-bin", "gtid_mode = ON", "enforce_gtid_consistency = ON"}})
	must(t, err)
	t.Cleanup(s.Stop)
	w := watch(t, s)
	w.hides(w.why(options(), "customers"))
}
