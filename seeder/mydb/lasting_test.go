package mydb_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"honeyrow/event"
	"honeyrow/seeder"
	"honeyrow/seeder/mydb"
	"honeyrow/token"
)

// logs is a table without transactions; a trigger that writes to it leaves
// what no rollback takes back.
const logs = customers + `CREATE TABLE log (what varchar(200)) ENGINE=MyISAM;
`

// logged is a database whose customers have a trigger on event that writes OLD to
// log, with three honey rows among them.
func logged(t *testing.T, on string) (db string, st seeder.Store, s *seeder.Seeder) {
	t.Helper()
	db = database(t, logs+"CREATE TRIGGER note AFTER "+on+" ON customers FOR EACH ROW INSERT INTO log VALUES (OLD.email);\n")
	st = store(t)
	s = open(t, "root", db, st)
	o := options()
	o.Rows = 3
	p := plan(t, s, o)
	if len(p.Tables) != 1 || !p.Probed || !strings.Contains(p.Table(), "its trigger note names table log (MyISAM)") || !strings.Contains(p.Table(), "--lasting") {
		t.Fatalf("the table is not planned, or without a word on what will stay:\n%s", p.Table())
	}
	_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	must(t, err)
	return db, st, s
}

// left checks how much the trigger has left, and how many honey rows are watched.
func left(t *testing.T, db string, st seeder.Store, what string, log, live int) {
	t.Helper()
	if n := query(t, db, "SELECT count(*) FROM log"); n != fmt.Sprint(log) {
		t.Errorf("%s: the trigger has left %s rows that no rollback takes back, want %d", what, n, log)
	}
	ts, err := st.List(t.Context(), token.Filter{States: []token.State{token.Live}})
	must(t, err)
	rows := map[event.ID]bool{}
	for _, tk := range ts {
		rows[tk.Row] = true
	}
	if len(rows) != live {
		t.Errorf("%s: %d honey rows are live, want %d", what, len(rows), live)
	}
}

func TestRemoveFiresNoTriggerThatLeavesSomethingUnlessAsked(t *testing.T) {
	db, st, s := logged(t, "DELETE")
	remove := func(dry, lasting bool, state, why string) {
		t.Helper()
		rem, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm", Lasting: lasting, ApplyOptions: seeder.ApplyOptions{DryRun: dry}})
		must(t, err)
		if len(rem.Rows) != 3 {
			t.Fatalf("%d rows, want 3", len(rem.Rows))
		}
		for _, r := range rem.Rows {
			if r.State != state || !strings.Contains(r.Why, why) {
				t.Errorf("dry run %v, asked %v: %s (%s), want %s (%s)", dry, lasting, r.State, r.Why, state, why)
			}
		}
	}
	const why = "its trigger note names table log (MyISAM): that stays, of a run that fails too; `--lasting` asks"
	remove(true, false, "kept", why)
	remove(false, false, "kept", why)
	remove(true, true, "removed", "not tried: its trigger note names table log (MyISAM)")
	left(t, db, st, "without being asked", 0, 3)
	if server.MySQLFrom(90000) { // refuses such a trigger itself
		remove(false, true, "kept", "enforce_gtid_consistency")
		left(t, db, st, "refused by the server", 0, 3)
		return
	}
	remove(false, true, "removed", "")
	left(t, db, st, "asked", 3, 0)
}

func TestRotateFiresNoTriggerThatLeavesSomethingUnlessAsked(t *testing.T) {
	db, st, s := logged(t, "UPDATE")
	rotate := func(how seeder.How, dry, lasting bool, state, why string) {
		t.Helper()
		got, err := s.Rotate(t.Context(), seeder.RotateOptions{Server: "crm", How: how, Lasting: lasting, Plan: options(), ApplyOptions: seeder.ApplyOptions{DryRun: dry}})
		must(t, err)
		if len(got.Rows) != 3 {
			t.Fatalf("%d rows, want 3", len(got.Rows))
		}
		for _, r := range got.Rows {
			if r.State != state || !strings.Contains(r.Why, why) {
				t.Errorf("%s, dry run %v, asked %v: %s (%s), want %s (%s)", how, dry, lasting, r.State, r.Why, state, why)
			}
		}
	}
	const why = "its trigger note names table log (MyISAM)"
	rotate(seeder.InPlace, true, false, "kept", why)
	rotate(seeder.InPlace, false, false, "kept", why+": that stays, of a run that fails too; `--lasting` asks")
	rotate(seeder.InPlace, true, true, "updated", "not tried: "+why)
	rotate(seeder.Auto, true, false, "replaced", "rolled back")
	left(t, db, st, "without being asked", 0, 3)
	if server.MySQLFrom(90000) { // refuses such a trigger itself
		rotate(seeder.InPlace, false, true, "kept", "enforce_gtid_consistency")
		left(t, db, st, "refused by the server", 0, 3)
	} else {
		rotate(seeder.InPlace, false, true, "updated", "")
		left(t, db, st, "asked", 3, 3)
		must(t, server.Exec(t.Context(), db, "TRUNCATE TABLE log"))
	}
	rotate(seeder.Auto, false, false, "replaced", "")
	left(t, db, st, "replaced by rows that are inserted", 0, 3)
}

func TestRotatePutsNoOtherRowWhereTheOldOneMustStay(t *testing.T) {
	db, st, s := logged(t, "DELETE")
	content := query(t, db, "SELECT count(*), min(id), max(id) FROM customers")
	got, err := s.Rotate(t.Context(), seeder.RotateOptions{Server: "crm", How: seeder.Anew, Plan: options()})
	must(t, err)
	for _, r := range got.Rows {
		if r.State != "kept" || !strings.Contains(r.Why, "another row can't come instead: its trigger note") || !strings.Contains(r.Why, "--lasting") {
			t.Errorf("%s (%s), want kept, for the trigger", r.State, r.Why)
		}
	}
	if len(got.Rows) != 3 || query(t, db, "SELECT count(*), min(id), max(id) FROM customers") != content {
		t.Errorf("%d rows, want 3, and none new", len(got.Rows))
	}
	left(t, db, st, "another row instead", 0, 3)
}

// TestWhatATriggerLeavesIsFoundWhereverItsNamesLead: to other triggers, functions
// and databases.
func TestWhatATriggerLeavesIsFoundWhereverItsNamesLead(t *testing.T) {
	far := database(t, "CREATE TABLE notes (what varchar(200)) ENGINE=MyISAM; CREATE TABLE `two words` (what varchar(200)) ENGINE=InnoDB")
	const audit = "CREATE TABLE audit (what varchar(200)) ENGINE=InnoDB;\n"
	for name, c := range map[string]struct{ ddl, want string }{
		"nothing": {audit + "CREATE TRIGGER note AFTER DELETE ON customers FOR EACH ROW INSERT INTO audit VALUES (OLD.email);\n", ""},
		"another table's trigger": {
			audit + "CREATE TRIGGER on_audit AFTER INSERT ON audit FOR EACH ROW INSERT INTO log VALUES (NEW.what);\n" +
				"CREATE TRIGGER note AFTER DELETE ON customers FOR EACH ROW INSERT INTO audit VALUES (OLD.email);\n",
			"its trigger note names table audit, whose trigger on_audit names table log (MyISAM)",
		},
		"triggers in a circle": {
			audit + "CREATE TABLE tally (n int) ENGINE=InnoDB;\nCREATE TRIGGER on_audit AFTER INSERT ON audit FOR EACH ROW UPDATE tally SET n = n + 1;\n" +
				"CREATE TRIGGER on_tally AFTER DELETE ON tally FOR EACH ROW DELETE FROM audit;\n" +
				"CREATE TRIGGER note AFTER DELETE ON customers FOR EACH ROW INSERT INTO audit VALUES (OLD.email);\n",
			"",
		},
		"a function": {
			"CREATE FUNCTION noted(v varchar(200)) RETURNS int DETERMINISTIC BEGIN INSERT INTO log VALUES (v); RETURN 1; END;\n" +
				"CREATE TRIGGER note AFTER DELETE ON customers FOR EACH ROW SET @noted = noted(OLD.email);\n",
			"its trigger note calls function noted, which names table log (MyISAM)",
		},
		"a function that keeps to itself": {
			"CREATE FUNCTION short(v varchar(200)) RETURNS varchar(200) DETERMINISTIC RETURN left(v, 5);\n" +
				"CREATE TRIGGER note AFTER DELETE ON customers FOR EACH ROW SET @noted = short(OLD.email);\n",
			"",
		},
		"another database": {"CREATE TRIGGER note AFTER DELETE ON customers FOR EACH ROW INSERT INTO " + far + " . `notes` VALUES (OLD.email);\n", "its trigger note names table " + far + ".notes (MyISAM)"},
		"another database, with transactions": {
			"CREATE TRIGGER note AFTER DELETE ON customers FOR EACH ROW INSERT INTO `" + far + "`.`two words` VALUES (OLD.email);\n", "",
		},
		"what is not there": {"CREATE TRIGGER note AFTER DELETE ON customers FOR EACH ROW INSERT INTO nowhere.log2 VALUES (OLD.email);\n", "its trigger note names table nowhere.log2, whose engine is not shown"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := mydb.Open(t.Context(), server.DSN("root", "", database(t, logs+c.ddl)))
			must(t, err)
			defer d.Close()
			cat, err := d.Catalog(t.Context())
			must(t, err)
			tb, err := cat.Table("customers")
			must(t, err)
			if got := tb.LastingDelete; c.want == "" && got != "" || !strings.HasPrefix(got, c.want) || tb.LastingUpdate != "" {
				t.Errorf("of a delete %q stays (of an update %q), want %q and nothing", got, tb.LastingUpdate, c.want)
			}
		})
	}
}

func TestRemoveByARoleThatCantSeeTriggersLeavesTheRows(t *testing.T) {
	db, st, _ := logged(t, "DELETE")
	must(t, server.Exec(t.Context(), db, "CREATE USER unseeing; GRANT SELECT, DELETE ON "+db+".* TO unseeing"))
	t.Cleanup(func() { must(t, server.Exec(context.Background(), "", "DROP USER unseeing")) })
	d, err := mydb.Open(t.Context(), server.DSN("unseeing", "", db))
	must(t, err)
	t.Cleanup(d.Close)
	rem, err := (&seeder.Seeder{Database: d, Store: st}).Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
	must(t, err)
	want := "whether it has triggers is not shown to the role"
	switch {
	case tells(server):
		want = "what its trigger note does is not shown to the role (GRANT TRIGGER shows it)"
	case server.MySQLFrom(90000):
		want = "enforce_gtid_consistency"
	}
	for _, r := range rem.Rows {
		if r.State != "kept" || !strings.Contains(r.Why, want) {
			t.Errorf("%s (%s), want kept (%s)", r.State, r.Why, want)
		}
	}
	if len(rem.Rows) != 3 {
		t.Errorf("%d rows, want 3", len(rem.Rows))
	}
	left(t, db, st, "a role that can't see triggers", 0, 3)
}
