package seedertest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"honeyrow/seeder"
	"honeyrow/token"
)

// rotateOptions give new values to all honey rows.
func rotateOptions(how seeder.How) seeder.RotateOptions {
	return seeder.RotateOptions{Server: "crm", How: how, Keep: 48 * time.Hour, Plan: Options()}
}

// planted is a table of customers with three honey rows.
func planted(t *testing.T, g Ground) (db string, st seeder.Store, s *seeder.Seeder, before string) {
	t.Helper()
	db = g.Database(t, g.Customers)
	st = g.Store(t)
	s = g.Open(t, db, st)
	before = g.Content(t, db)
	o := Options()
	o.Rows = 3
	_, err := s.Apply(t.Context(), Plan(t, s, o), seeder.ApplyOptions{})
	Must(t, err)
	return db, st, s, before
}

func rotationReplacesValuesInPlace(t *testing.T, g Ground) {
	db, st, s, before := planted(t, g)
	was, content := tokensOf(t, st, token.Live), g.Content(t, db)
	ro := rotateOptions(seeder.InPlace)
	ro.OlderThan = time.Hour
	if got, err := s.Rotate(t.Context(), ro); err != nil || len(got.Rows) != 0 || g.Content(t, db) != content {
		t.Fatalf("rows that are too young: %+v, %v", got, err)
	}
	ro.OlderThan, ro.DryRun = 0, true
	dry, err := s.Rotate(t.Context(), ro)
	Must(t, err)
	if len(dry.Rows) != 3 || dry.Rows[0].State != "updated" || g.Content(t, db) != content || len(tokensOf(t, st, token.Planned)) != 0 {
		t.Fatalf("a dry run: %+v", dry)
	}
	one := ro
	one.Limit = 1
	if got, err := s.Rotate(t.Context(), one); err != nil || len(got.Rows) != 1 {
		t.Fatalf("at most one row: %+v, %v", got, err)
	}
	Must(t, st.Beat(t.Context(), token.Watcher{ID: "w1", Host: "proxy-1", PID: 77, Servers: []string{"crm"}, Seen: time.Now()}))
	ro.DryRun, ro.WatchTimeout = false, 200*time.Millisecond
	if _, err := s.Rotate(t.Context(), ro); err == nil || !strings.Contains(err.Error(), "proxy-1") || g.Content(t, db) != content {
		t.Fatalf("a proxy that does not watch the new values: %v", err)
	}
	Must(t, st.Leave(t.Context(), "w1"))
	ro.WatchTimeout = 0
	got, err := s.Rotate(t.Context(), ro)
	Must(t, err)
	now, old := tokensOf(t, st, token.Live), tokensOf(t, st, token.Retired)
	if len(got.Rows) != 3 || got.Tokens == 0 || got.Tokens != got.Expired || len(old) != got.Expired || len(now) != len(was) {
		t.Fatalf("got %+v; %d live, %d retired", got, len(now), len(old))
	}
	for at, tk := range was {
		fresh := now[at]
		switch tk.Kind {
		case "email", "phone":
			o := old[at]
			if fresh.Value == tk.Value || o.ID != tk.ID || !o.Expired() || !strings.Contains(o.Story(), "expired on ") || !strings.Contains(o.Story(), "the leak is older") {
				t.Errorf("%s: %s, old %s until %s: %s", at, fresh.State, o.State, o.Until, o.Story())
			}
			if n := g.Query(t, db, "SELECT count(*) FROM customers WHERE "+tk.Place.Column+" = '"+fresh.Value+"'"); n != "1" {
				t.Errorf("%s: the new value stands in %s rows", at, n)
			}
			if tk.Kind == "email" && (!strings.HasSuffix(fresh.Value, "@mail.shop-partners.test") || fresh.Strength != token.Strong) {
				t.Errorf("the new address is %s and %s", fresh.Strength, fresh.Value)
			}
		default:
			if fresh.ID != tk.ID {
				t.Errorf("%s (%s) was replaced", at, tk.Kind)
			}
		}
	}
	ends := map[string]bool{} // what tells new addresses from old ones must not be the same
	for _, tk := range now {
		if tk.Kind == "email" {
			local, _, _ := strings.Cut(tk.Value, "@")
			ends[local[len(strings.TrimRight(local, "0123456789")):]] = true
		}
	}
	if len(ends) < 2 {
		t.Errorf("all new addresses end with %v", ends)
	}
	ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	Must(t, err)
	if !ver.OK || len(ver.Rows) != 3 {
		t.Errorf("verify: %+v", ver)
	}
	rem, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
	Must(t, err)
	if len(rem.Rows) != 3 || g.Content(t, db) != before {
		t.Errorf("after removal the tables differ from before: %+v", rem.Rows)
	}
	if left := tokensOf(t, st, token.Retired); len(left) != len(old) {
		t.Errorf("%d replaced values are watched after the removal of their rows, want %d", len(left), len(old))
	}
}

func rotationReplacesRows(t *testing.T, g Ground) {
	db, st, s, before := planted(t, g)
	was := tokensOf(t, st, token.Live)
	ids := g.Query(t, db, "SELECT count(*) FROM customers")
	dry := rotateOptions(seeder.Anew)
	dry.DryRun = true
	content := g.Content(t, db)
	if got, err := s.Rotate(t.Context(), dry); err != nil || len(got.Rows) != 3 || got.Rows[0].State != "replaced" || g.Content(t, db) != content {
		t.Fatalf("a dry run: %+v, %v", got, err)
	}
	got, err := s.Rotate(t.Context(), rotateOptions(seeder.Anew))
	Must(t, err)
	now, old := tokensOf(t, st, token.Live), tokensOf(t, st, token.Retired)
	if len(got.Rows) != 3 || got.Rows[0].By == "" || g.Query(t, db, "SELECT count(*) FROM customers") != ids || len(old) != len(was) {
		t.Fatalf("got %+v; %d live, %d retired of %d", got, len(now), len(old), len(was))
	}
	for at, tk := range old {
		if !tk.Expired() || was[at].ID != tk.ID || now[at].ID != "" {
			t.Errorf("%s is %s until %s", at, tk.State, tk.Until)
		}
	}
	ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	Must(t, err)
	if !ver.OK || len(ver.Rows) != 3 {
		t.Errorf("verify: %+v", ver)
	}
	_, err = s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
	Must(t, err)
	if g.Content(t, db) != before {
		t.Error("after removal the tables differ from before")
	}
}

func aRotationKilledAtAnyStepIsSettled(t *testing.T, g Ground) {
	db, st, s, before := planted(t, g)
	for _, how := range []seeder.How{seeder.InPlace, seeder.Anew} {
		d := Doom{DB: g.DSN(db), Store: st.(interface{ Path() string }).Path(), Rotate: how}
		kills := 0
		for d.Die = 1; doomed(t, d); d.Die += stride(map[seeder.How]int{seeder.InPlace: 19, seeder.Anew: 37}[how]) {
			kills++
			settled(t, s)
			retired := tokensOf(t, st, token.Retired)
			if n := len(tokensOf(t, st, token.Planned)); n != 0 {
				t.Errorf("%s killed at step %d: %d tokens are open", how, d.Die, n)
			}
			for at, tk := range retired {
				if !tk.Expired() {
					t.Errorf("%s killed at step %d: %s is retired and not expired", how, d.Die, at)
				}
			}
			ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
			Must(t, err)
			rows := g.Query(t, db, "SELECT count(*) FROM customers WHERE "+ours)
			for _, r := range ver.Rows { // a new row may have an old one's street
				if r.State != "intact" && r.State != "repeated" {
					t.Errorf("%s killed at step %d: row is %s: %s", how, d.Die, r.State, r.Why)
				}
			}
			if rows != fmt.Sprint(len(ver.Rows)) || len(ver.Rows) != 3 && (how == seeder.InPlace || len(ver.Rows) != 6) {
				t.Errorf("%s killed at step %d: %s rows are there, %d are known", how, d.Die, rows, len(ver.Rows))
			}
		}
		// The last run came to its end.
		if n := g.Query(t, db, "SELECT count(*) FROM customers WHERE "+ours); n != "3" || kills < 3 {
			t.Errorf("%s: %s rows are there in the end, want 3 (killed %d times)", how, n, kills)
		}
		t.Logf("%s: killed %d times", how, kills)
	}
	_, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
	Must(t, err)
	if g.Content(t, db) != before {
		t.Error("after removal the tables differ from before")
	}
}
